package sftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"golang.org/x/crypto/ssh"
)

// usable fills in what a test does not care about: the right known_hosts, the right key, an empty home.
func usable(t *testing.T, s *testserver.SSH, cfg Config) Config {
	t.Helper()
	if cfg.Home == "" {
		cfg.Home = t.TempDir()
	}
	if cfg.KnownHosts == "" && cfg.HostKey == "" {
		cfg.KnownHosts = s.KnownHosts
	}
	if cfg.Identity == "" && cfg.Key == nil {
		cfg.Identity = s.ClientKey
	}
	return cfg
}

func target(t *testing.T, s *testserver.SSH) Target {
	t.Helper()
	u, err := ParseURL(s.URL())
	try(t, err)
	return u
}

func dial(t *testing.T, s *testserver.SSH, cfg Config) *FS {
	t.Helper()
	f, err := Dial(t.Context(), target(t, s), usable(t, s, cfg))
	try(t, err)
	t.Cleanup(func() { try(t, f.Close()) })
	return f
}

// home makes a home folder with these files in .ssh.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	try(t, os.Mkdir(filepath.Join(dir, ".ssh"), 0o700))
	for name, text := range files {
		write(t, filepath.Join(dir, ".ssh", name), text)
	}
	return dir
}

func slurp(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	try(t, err)
	return string(text)
}

func works(t *testing.T, f *FS) {
	t.Helper()
	try(t, f.Write(t.Context(), "works", 0o644, []byte("text")))
	try(t, f.Remove(t.Context(), "works"))
}

// greet dials and asks something.
func greet(ctx context.Context, to Target, cfg Config) error {
	f, err := Dial(ctx, to, cfg)
	if err != nil {
		return err
	}
	_, err = f.Stat(ctx, ".")
	return errors.Join(err, f.Close())
}

// fails dials, asks something, and wants an error of type E.
func fails[E error](t *testing.T, to Target, cfg Config) E {
	t.Helper()
	var want E
	err := greet(t.Context(), to, cfg)
	if !errors.As(err, &want) {
		t.Fatalf("got %T: %v, want %T", err, err, want)
	}
	return want
}

func wantRefused(t *testing.T, to Target, cfg Config) *store.RefusedError {
	t.Helper()
	return fails[*store.RefusedError](t, to, cfg)
}

func wantConn(t *testing.T, to Target, cfg Config) *store.ConnError {
	t.Helper()
	return fails[*store.ConnError](t, to, cfg)
}

func TestDial(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	works(t, dial(t, s, Config{}))
	works(t, dial(t, s, Config{Key: []byte(slurp(t, s.ClientKey))}))
	works(t, dial(t, s, Config{Key: []byte("\r\n" + strings.TrimSpace(strings.ReplaceAll(slurp(t, s.ClientKey), "\n", "\r\n")))}))
	works(t, dial(t, s, Config{HostKey: s.Fingerprint()}))
	works(t, dial(t, s, Config{HostKey: string(ssh.MarshalAuthorizedKey(s.HostKeys[0]))}))
	works(t, dial(t, s, Config{HostKey: strings.TrimSpace(slurp(t, s.KnownHosts))}))
}

func TestHomeFolder(t *testing.T) {
	s := testserver.GoSSH(t, testserver.GoSSHOptions{}) // relative names start at its Root
	try(t, os.Mkdir(filepath.Join(s.Root, "ota"), 0o700))
	to := target(t, s.SSH)
	to.Path = "ota"
	f, err := Dial(t.Context(), to, usable(t, s.SSH, Config{}))
	try(t, err)
	try(t, f.Write(t.Context(), "a", 0o644, nil))
	try(t, f.Close())
	wantFile(t, filepath.Join(s.Root, "ota/a"), "", 0o644)
}

func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	port, _ := strconv.Atoi(l.Addr().String()[len("127.0.0.1:"):])
	try(t, l.Close())
	got := wantConn(t, Target{"a", "127.0.0.1", port, "/"}, Config{Home: t.TempDir()})
	if want := fmt.Sprintf("127.0.0.1:%d: connect: connection refused", port); got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoAnswerToTCP(t *testing.T) {
	deaf := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	to := Target{Host: "box", Path: "/"}
	err := wantConn(t, to, Config{Home: t.TempDir(), Dial: deaf, Timeout: 50 * time.Millisecond})
	if want := "box:22: no answer for 50ms"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err2 := Dial(ctx, to, Config{Home: t.TempDir(), Dial: deaf})
	wantIs(t, err2, context.DeadlineExceeded)
}

func TestNoAnswer(t *testing.T) {
	for _, silent := range []testserver.Silence{testserver.SilentTCP, testserver.SilentLogin, testserver.SilentSFTP} {
		s := testserver.GoSSH(t, testserver.GoSSHOptions{Silent: silent})
		begin := time.Now()
		err := wantConn(t, target(t, s.SSH), usable(t, s.SSH, Config{Timeout: 300 * time.Millisecond}))
		if want := s.Addr + ": no answer for 300ms"; err.Error() != want || time.Since(begin) > 3*time.Second {
			t.Errorf("%d: got %q, want %q after %v", silent, err, want, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		wantIs(t, greet(ctx, target(t, s.SSH), usable(t, s.SSH, Config{})), context.Canceled)
	}
}

func TestNoSFTP(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{Subsystem: "/bin/echo hello"})
	err := wantRefused(t, target(t, s), usable(t, s, Config{}))
	if !strings.Contains(err.Error(), "what answers is not an SFTP server") {
		t.Errorf("got %v", err)
	}
	s = testserver.Sshd(t, testserver.SshdOptions{Subsystem: "/bin/false"})
	err = wantRefused(t, target(t, s), usable(t, s, Config{}))
	if !strings.HasSuffix(err.Error(), "not an SFTP server: the SFTP server ended: exit status 1") {
		t.Errorf("got %v", err)
	}
}

func TestSSHConfigRefused(t *testing.T) {
	for text, want := range map[string]string{
		"ProxyCommand nc %h %p":     "ProxyCommand for box: is not supported, only ProxyJump is",
		"ProxyJump box":             "ProxyJump for box: more than 8 hosts in a row",
		"ProxyJump a:x":             `ProxyJump for box: port "x" is not between 1 and 65535`,
		"Port 0":                    `Port for box: port "0" is not between 1 and 65535`,
		"IdentityFile ~/%C":         `IdentityFile for box: "~/%C" has a token that is not one of %% %d %h %n %p %r %u`,
		"UserKnownHostsFile ~/100%": `UserKnownHostsFile for box: "~/100%" has a token that is not one of %% %d %h %n %p %r %u`,
	} {
		h := home(t, map[string]string{"config": "Host box\n " + text + "\n"})
		err := fails[*ConfigError](t, Target{Host: "box", Path: "/"}, Config{Home: h})
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestSSHConfigWarns(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	for text, want := range map[string]string{
		"Match exec true\n User nobody\n":   "Match Exec is not supported; it was left out",
		"Host *\n StrictHostKeyChecking no": "StrictHostKeyChecking no for 127.0.0.1 in ssh_config is ignored: host keys are always checked",
	} {
		var warned []string
		h := home(t, map[string]string{"config": text})
		works(t, dial(t, s, Config{Home: h, Warn: func(text string) { warned = append(warned, text) }}))
		if len(warned) != 1 || !strings.HasSuffix(warned[0], want) {
			t.Errorf("warned %q, want %q", warned, want)
		}
		other := filepath.Join(home(t, map[string]string{"k": ""}), ".ssh/k")
		wantRefused(t, target(t, s), usable(t, s, Config{Home: h, KnownHosts: other}))
	}
}

func TestProxyJump(t *testing.T) {
	a, b, c := testserver.Sshd(t, testserver.SshdOptions{}), testserver.Sshd(t, testserver.SshdOptions{}), testserver.Sshd(t, testserver.SshdOptions{})
	known := slurp(t, a.KnownHosts) + slurp(t, b.KnownHosts) + slurp(t, c.KnownHosts)
	entry := func(name string, s *testserver.SSH, more string) string {
		host, port, err := net.SplitHostPort(s.Addr)
		try(t, err)
		return fmt.Sprintf("Host %s\n HostName %s\n Port %s\n User %s\n IdentityFile %s\n %s\n", name, host, port, s.User, s.ClientKey, more)
	}
	config := entry("a", a, "") + entry("b", b, "") + entry("c", c, "ProxyJump a,ssh://b")
	var steps []string
	cfg := Config{Home: home(t, map[string]string{"config": config, "known_hosts": known}), Trace: func(s string) { steps = append(steps, s) }}
	f, err := Dial(t.Context(), Target{Host: "c", Path: c.Root}, cfg)
	try(t, err)
	works(t, f)
	c.KillSessions()
	until(t, "lost", func() bool { s, _ := f.current(); return s == nil })
	works(t, f)
	try(t, f.Close())
	trace := strings.Join(steps, "\n")
	for _, s := range []*testserver.SSH{a, b, c} {
		if !strings.Contains(trace, "connect to "+s.Addr) {
			t.Errorf("not through %s:\n%s", s.Addr, trace)
		}
	}

	// Each of them is checked, and it is said which one is wrong.
	cfg.Home = home(t, map[string]string{"config": config, "known_hosts": slurp(t, a.KnownHosts) + slurp(t, c.KnownHosts)})
	wrong := wantRefused(t, Target{Host: "c", Path: c.Root}, cfg)
	var key *HostKeyError
	if !errors.As(wrong, &key) || wrong.Target != b.Addr {
		t.Errorf("got %v", wrong)
	}
	// One that cannot go on.
	cfg.Home = home(t, map[string]string{"config": config + "Host d\n HostName 127.0.0.1\n Port 1\n ProxyJump a\n", "known_hosts": known})
	if err := wantConn(t, Target{Host: "d", Path: "/"}, cfg); err.Target != "127.0.0.1:1" {
		t.Errorf("got %v", err)
	}
}
