package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"
)

// settings are the values of all flags after flags, variables and otactl.toml were put together. Those that a command
// does not have are zero.
type settings struct {
	json, quiet, verbose bool

	project  setting
	to       setting
	layout   string
	timeout  time.Duration
	identity setting
	known    setting
	hostKey  setting

	noSyntaxCheck, noMPYCross bool
	mpyCross                  setting
	mpy                       bool

	dir         setting
	flat        bool
	strict      bool
	allowSecret []string
	files       setting // the files of otactl.toml

	keys       setting // files of private keys
	publicKeys setting // public keys, or files with some
	bits       int

	dryRun, noActivate, allowDowngrade, allowLayoutChange bool
	note                                                  string
	keep                                                  int
	config                                                *config // nil if there is none

	all, verify     bool
	updateClient    bool
	force           bool
	s3              bool // of init
	url             setting
	httpUser        string
	ca              setting
	noOriginal      bool
	settle          time.Duration
	addr, user      string
	tlsCert, tlsKey setting
}

// A setting is a value and where it came from.
type setting struct {
	text   string
	many   []string
	origin string // "--to", "OTACTL_TO", or "otactl.toml"
	base   string // the folder that a relative path in it is relative to; "" for the current one
}

func (s setting) isSet() bool { return s.origin != "" }

// inFile reports whether otactl.toml said it: whoever wrote that file may be a stranger.
func (s setting) inFile() bool { return s.base != "" }

// path makes the setting a path that works from the current folder.
func (s setting) path(home string) string {
	switch rest, ok := strings.CutPrefix(s.text, "~/"); {
	case s.text == "":
		return ""
	case ok && home != "":
		return filepath.Join(home, rest)
	case s.base == "" || filepath.IsAbs(s.text):
		return s.text
	}
	return filepath.Join(s.base, s.text)
}

// variable is the name of a flag's variable.
func variable(flag string) string {
	return "OTACTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func isOn(env Env, name string) bool {
	text, _ := env.LookupEnv(name)
	on, err := strconv.ParseBool(text)
	return err == nil && on
}

func newSettings(env Env, c *ucli.Context) (settings, error) {
	v := &values{env: env, c: c}
	v.fail(v.readConfig())
	s := settings{
		json: v.bool("json"), quiet: v.bool("quiet"), verbose: v.bool("verbose"),
		project: v.get("project"), to: v.get("to"), layout: v.get("layout").text, timeout: v.duration("timeout", defaultTimeout),
		identity: v.get("identity"), known: v.get("known-hosts"), hostKey: v.get("host-key"),
		noSyntaxCheck: v.bool("no-syntax-check"), noMPYCross: v.bool("no-mpy-cross"), mpyCross: v.get("mpy-cross"), mpy: v.bool("mpy"),
		dir: v.get("dir"), flat: v.bool("flat"), strict: v.bool("strict"), allowSecret: v.get("allow-secret").many,
		dryRun: v.bool("dry-run"), noActivate: v.bool("no-activate"), allowDowngrade: v.bool("allow-downgrade"),
		allowLayoutChange: v.bool("allow-layout-change"), note: v.get("note").text, keep: v.int("keep"),
		config: v.file, keys: v.get("key"), publicKeys: v.get("public-keys"), bits: v.int("bits"),
		force: v.bool("force"), s3: v.bool("s3"), updateClient: v.bool("update-client"), all: v.bool("all"), verify: v.bool("verify"), url: v.get("url"),
		httpUser: v.get("http-user").text, ca: v.get("ca"), noOriginal: v.bool("no-original"),
		settle: v.duration("settle", defaultSettle),
		addr:   v.get("addr").text, user: v.get("user").text, tlsCert: v.get("tls-cert"), tlsKey: v.get("tls-key"),
	}
	if v.file != nil && len(v.file.Files) > 0 {
		s.files = setting{many: v.file.Files, origin: v.file.path + ": files", base: v.file.dir}
	}
	if v.file != nil && v.has("public-keys") && v.file.PublicKeys != nil && len(v.file.PublicKeys) == 0 {
		v.fail(usageError("remove the line if releases need no signature", "%s: public-keys: holds no key", v.file.path))
	}
	return s, v.err
}

// values looks settings up. The first error stays in err.
type values struct {
	env  Env
	c    *ucli.Context
	file *config
	err  error
}

func (v *values) fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

func (v *values) has(flag string) bool {
	return slices.ContainsFunc(v.c.Command.Flags, func(f ucli.Flag) bool { return f.Names()[0] == flag })
}

func (v *values) readConfig() (err error) {
	if !v.has("config") {
		return nil
	}
	path := v.get("config").text
	if path == "" {
		path = findConfig(v.env.Dir)
	}
	if path != "" {
		v.file, err = readConfig(path, v.env.Dir)
	}
	return err
}

// get returns a setting: the flag, else the variable, else what otactl.toml says.
func (v *values) get(flag string) setting {
	if !v.has(flag) {
		return setting{}
	}
	if v.c.IsSet(flag) {
		many := v.c.StringSlice(flag)
		if many == nil {
			many = []string{fmt.Sprint(v.c.Value(flag))}
		}
		return setting{text: many[0], many: many, origin: "--" + flag}
	}
	if text, _ := v.env.LookupEnv(variable(flag)); text != "" && flag != "key" { // OTACTL_KEY is the text of one
		s := setting{text: text, many: v.split(flag, text), origin: variable(flag)}
		if flag == "to" {
			s.text = s.many[0]
		}
		return s
	}
	if many := v.file.lookup(flag); len(many) > 0 {
		return setting{text: many[0], many: many, origin: v.file.path + ": " + flag, base: v.file.dir}
	}
	return setting{}
}

// split takes the value of a variable apart if its flag may be repeated. What is repeated has no blanks in it, but for
// targets: they are one to a line.
func (v *values) split(flag, text string) []string {
	switch {
	case flag == "allow-secret" || flag == "public-keys":
		return strings.Fields(text)
	case flag == "to" && strings.TrimSpace(text) != "":
		return lines(text)
	}
	return []string{text}
}

// lines are those of a text that are not blank, without the white space around them.
func lines(text string) (some []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			some = append(some, line)
		}
	}
	return some
}

func (v *values) bool(flag string) bool {
	s := v.get(flag)
	if !s.isSet() {
		return false
	}
	on, err := strconv.ParseBool(s.text)
	if err != nil {
		v.fail(usageError("", "%s %q: neither true nor false", s.origin, s.text))
	}
	return on
}

func (v *values) int(flag string) int {
	s := v.get(flag)
	if !s.isSet() {
		return 0
	}
	n, err := strconv.Atoi(s.text)
	if err != nil || n < 1 {
		v.fail(usageError("", "%s %q: not a whole number above 0", s.origin, s.text))
	}
	return n
}

const defaultTimeout = 15 * time.Second

func (v *values) duration(flag string, otherwise time.Duration) time.Duration {
	s := v.get(flag)
	if !s.isSet() {
		return otherwise
	}
	d, err := time.ParseDuration(s.text)
	if err != nil || d <= 0 {
		v.fail(usageError("write it like 15s or 2m", "%s %q: not a time", s.origin, s.text))
	}
	return d
}
