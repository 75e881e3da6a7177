package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/s3"
	"github.com/otactl/otactl/store/sftp"
)

// A TargetError reports a --to that names no server root.
type TargetError struct {
	Target string
	Reason string
	Hint   string
}

func (e *TargetError) Error() string { return fmt.Sprintf("target %q: %s", e.Target, e.Reason) }

const targetHint = "a target is a folder, sftp://user@host:port/path (sftp://host/~/path is below the home folder) or s3://bucket/prefix"

// A target is where releases go: a folder of this machine, one on a server, or a bucket.
type target struct {
	folder string // "" for a server or a bucket
	server sftp.Target
	bucket *s3.Target // nil if it is none
}

func (t target) String() string {
	switch {
	case t.folder != "":
		return t.folder
	case t.bucket != nil:
		return t.bucket.String()
	}
	return t.server.String()
}

// parseTarget tells folders from URLs, and both from what people may mean by something else.
func parseTarget(s setting, env Env) (target, error) {
	switch scheme, _, isURL := strings.Cut(s.text, "://"); {
	case s.text == "":
		return target{}, &TargetError{s.text, "is empty", targetHint}
	case isURL && scheme == "sftp":
		server, err := sftp.ParseURL(s.text)
		return target{server: server}, err
	case isURL && scheme == "s3":
		bucket, err := s3.ParseURL(s.text)
		return target{bucket: &bucket}, err
	case isURL:
		return target{}, &TargetError{scheme + "://...", "not a folder, sftp:// or s3://", targetHint}
	}
	// user@host:path is what scp takes. A folder of that name would be a typing error.
	host, path, isSCP := strings.Cut(s.text, ":")
	if isSCP && filepath.VolumeName(s.text) == "" && !strings.ContainsAny(host, `/\`) {
		meant := host + "/" + strings.TrimLeft(path, "/")
		if host == "sftp" {
			meant = strings.TrimLeft(path, "/")
		}
		return target{}, &TargetError{s.text, "not a folder, sftp:// or s3://", fmt.Sprintf("did you mean sftp://%s?", meant)}
	}
	return target{folder: s.path(home(env))}, nil
}

func home(env Env) string {
	text, _ := env.LookupEnv("HOME")
	return text
}

// open connects to the target of a call. What it returns must be closed.
func (c *call) open(ctx context.Context) (store.Store, error) {
	if !c.to.isSet() {
		return nil, &UsageError{"no target", []string{"--to URL, OTACTL_TO, or to = \"URL\" in " + configName, targetHint}}
	}
	if err := c.oneTarget(); err != nil {
		return nil, err
	}
	t, err := parseTarget(c.to, c.env)
	if err != nil {
		return nil, err
	}
	w := c.watch(t.String())
	if w.Store, err = c.connect(ctx, t); err != nil {
		c.ui.progress(nil)
		return nil, err
	}
	w.now("reading what is on %s", t)
	return w, nil
}

func (c *call) connect(ctx context.Context, t target) (store.Store, error) {
	if t.bucket != nil {
		return c.openBucket(ctx, *t.bucket)
	}
	fs, err := c.tree(ctx, t)
	if err != nil {
		return nil, err
	}
	return posix.New(fs), nil
}

func (c *call) tree(ctx context.Context, t target) (posix.FS, error) {
	if t.folder != "" {
		return local.Open(t.folder, local.Options{Written: c.written})
	}
	config := c.sshConfig()
	if c.dialled != nil {
		config.Dial = c.dialled
	}
	return sftp.Dial(ctx, t.server, config)
}

// dialAhead opens a connection to the target of the call while something else is done, and sends nothing. What is wrong with
// the target is told when it is opened. drop must be called when it is certain that nobody opens it any more.
func (c *call) dialAhead(ctx context.Context) (drop func()) {
	t, err := parseTarget(c.to, c.env)
	if err != nil || t.folder != "" || t.bucket != nil {
		return func() {}
	}
	agent, _ := c.env.LookupEnv("SSH_AUTH_SOCK")
	config, drop := sftp.Ahead(ctx, t.server, sftp.Config{
		KnownHosts: c.known.path(home(c.env)), AgentSocket: agent, Home: home(c.env), User: c.env.User, Timeout: c.timeout,
	})
	c.dialled = config.Dial
	return drop
}

func (c *call) sshConfig() sftp.Config {
	agent, _ := c.env.LookupEnv("SSH_AUTH_SOCK")
	config := sftp.Config{
		KnownHosts: c.known.path(home(c.env)), HostKey: c.hostKey.text, Identity: c.identity.path(home(c.env)),
		Key: []byte(c.secrets.key), Passphrase: c.secrets.passphrase, Password: c.secrets.password,
		PasswordAllowed: !c.pin().inFile(), AgentSocket: agent, Home: home(c.env), User: c.env.User, Timeout: c.timeout,
		Warn:    c.ui.warn,
		Trace:   func(text string) { c.ui.trace("%s", text) },
		Written: c.written,
	}
	if tty, err := c.env.OpenTerminal(); err == nil {
		_ = tty.Close() // it was opened to see whether there is one
		config.Prompt = c.ask
	}
	return config
}

// pin is the setting that says which host key is right; not set if that is the business of the user's own known_hosts.
func (c *call) pin() setting {
	if c.hostKey.isSet() {
		return c.hostKey
	}
	return c.known
}
