package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const configName = "otactl.toml"

// A config is what otactl.toml may say. The names of its keys are those of the flags.
type config struct {
	Project     *string  `toml:"project"`
	To          any      `toml:"to"` // a text, or a list of texts: targets
	Files       []string `toml:"files"`
	Dir         *string  `toml:"dir"`
	Flat        *bool    `toml:"flat"`
	Layout      *string  `toml:"layout"`
	Strict      *bool    `toml:"strict"`
	MPY         *bool    `toml:"mpy"`
	AllowSecret []string `toml:"allow-secret"`
	Timeout     *string  `toml:"timeout"`
	Identity    *string  `toml:"identity"`
	KnownHosts  *string  `toml:"known-hosts"`
	HostKey     *string  `toml:"host-key"`
	Keep        *int     `toml:"keep"`
	URL         *string  `toml:"url"`
	HTTPUser    *string  `toml:"http-user"`
	CA          *string  `toml:"ca"`
	NoOriginal  *bool    `toml:"no-original"`
	Settle      *string  `toml:"settle"`
	PublicKeys  []string `toml:"public-keys"`

	targets []string // what To says

	path string // as it is printed; "" if there is none
	dir  string // what the paths in it are relative to
}

// A ConfigError reports an otactl.toml that cannot be used.
type ConfigError struct {
	Path      string
	Line, Col int // from 1
	Reason    string
	Excerpt   string // the place, drawn; several lines
	Key       string // the key that is not known, or ""
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Col, e.Reason)
}

// findConfig returns the path of the configuration in this folder or the nearest parent that has one, or "".
func findConfig(dir string) string {
	for {
		path := filepath.Join(dir, configName)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// readConfig reads a configuration. The path is shown relative to the current folder if that is shorter.
func readConfig(path, cwd string) (*config, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(cwd, path)
	}
	shown := path
	if rel, err := filepath.Rel(cwd, path); err == nil && len(rel) < len(path) {
		shown = rel
	}
	data, err := readSmall(path)
	var perr *fs.PathError
	switch {
	case errors.As(err, &perr):
		return nil, usageError("", "config %s: %v", shown, perr.Err)
	case err != nil:
		return nil, err
	}
	if isPrivateKey(string(data)) { // also because an error would draw the lines around it
		return nil, usageError(keyHint, "config %s: holds a private key, and whoever can read the file can use it", shown)
	}
	c := &config{path: shown, dir: filepath.Dir(path)}
	dec := toml.NewDecoder(strings.NewReader(string(data))).DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		c.targets, _ = targetsOf(c.To, data) // this error is told first
		return c.ifDecoded(err), configError(shown, err)
	}
	if c.targets, err = targetsOf(c.To, data); err != nil {
		return nil, configError(shown, err)
	}
	if c.To != nil && len(c.targets) == 0 {
		return nil, usageError("remove the line if --to or OTACTL_TO says it", "%s: to: holds no target", shown)
	}
	return c, nil
}

// targetsOf are the targets that a configuration names. The error for what is neither a text nor a list of texts is that of
// the library, which draws the place.
func targetsOf(to any, data []byte) ([]string, error) {
	if to, ok := to.(string); ok {
		return []string{to}, nil
	}
	type targets struct{ To []string }
	var list targets
	err := toml.Unmarshal(data, &list)
	return list.To, err
}

// ifDecoded is the configuration if only keys in it are unknown, or nil.
func (c *config) ifDecoded(err error) *config {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		return c
	}
	return nil
}

// maxConfig is the largest configuration, in bytes.
const maxConfig = 1 << 20

func readSmall(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err = io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MiB", maxConfig>>20)}
	}
	return data, err
}

// configError keeps of a decoding error the place and its drawing.
func configError(path string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		first := strict.Errors[0]
		row, col := first.Position()
		key := strings.Join(first.Key(), ".")
		return &ConfigError{path, row, col, fmt.Sprintf("unknown key %q", key), relabel(first.String()), key}
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, col := decode.Position()
		return &ConfigError{path, row, col, relabel(strings.TrimPrefix(decode.Error(), "toml: ")), relabel(decode.String()), ""}
	}
	return usageError("", "config %s: %v", path, err)
}

var wrongType = regexp.MustCompile(`cannot decode TOML (\w+) into struct field \S+ of type \S+`)

// relabel puts our words into what the library says.
func relabel(text string) string {
	text = strings.NewReplacer("missing field", "unknown key", "missing table", "unknown table").Replace(text)
	return wrongType.ReplaceAllString(text, "a value of another type is needed, not $1")
}

// lookup returns what the file says of a flag.
func (c *config) lookup(name string) []string {
	if c == nil {
		return nil
	}
	switch name {
	case "allow-secret":
		return c.AllowSecret
	case "public-keys":
		return c.PublicKeys
	case "to":
		return c.targets
	case "flat":
		return text(c.Flat)
	case "strict":
		return text(c.Strict)
	case "mpy":
		return text(c.MPY)
	case "no-original":
		return text(c.NoOriginal)
	case "keep":
		return text(c.Keep)
	}
	return text(map[string]*string{
		"project": c.Project, "dir": c.Dir, "layout": c.Layout, "timeout": c.Timeout,
		"identity": c.Identity, "known-hosts": c.KnownHosts, "host-key": c.HostKey,
		"url": c.URL, "http-user": c.HTTPUser, "ca": c.CA, "settle": c.Settle,
	}[name])
}

func text[T any](value *T) []string {
	if value == nil {
		return nil
	}
	return []string{fmt.Sprint(*value)}
}

// configKeys are the keys that an otactl.toml may have.
func configKeys() []string {
	return []string{
		"project", "to", "files", "dir", "flat", "layout", "strict", "mpy", "allow-secret", "timeout", "identity", "known-hosts",
		"host-key", "keep", "public-keys", "url", "http-user", "ca", "no-original", "settle",
	}
}
