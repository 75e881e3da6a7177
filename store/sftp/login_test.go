package sftp

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"golang.org/x/crypto/ssh"
)

func TestWrongUserAndKey(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	to := target(t, s)
	to.User = "nosuchuser"
	err := wantRefused(t, to, usable(t, s, Config{}))
	var auth *AuthError
	if !errors.As(err, &auth) || auth.User != "nosuchuser" || auth.Keys != 1 {
		t.Fatalf("got %v", err)
	}
	if want := s.Addr + `: refuses user "nosuchuser" (tried publickey)`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	key := filepath.Join(t.TempDir(), "k")
	testserver.NewKey(t, "ed25519", key)
	if err := wantRefused(t, target(t, s), usable(t, s, Config{Identity: key})); !errors.As(err, &auth) {
		t.Errorf("got %v", err)
	}
	cfg := usable(t, s, Config{})
	cfg.Identity = ""
	if err := wantRefused(t, target(t, s), cfg); !errors.As(err, &auth) || auth.Keys != 0 {
		t.Errorf("got %v", err)
	}
}

// encrypt writes a copy of a private key that needs a passphrase.
func encrypt(t *testing.T, key, passphrase string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "locked")
	write(t, file, slurp(t, key))
	out, err := exec.Command(testserver.Need(t, "ssh-keygen"), "-q", "-p", "-a", "1", "-N", passphrase, "-f", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func TestPassphrase(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	locked := encrypt(t, s.ClientKey, "open sesame")
	works(t, dial(t, s, Config{Identity: locked, Passphrase: "open sesame"}))

	asked := 0
	f := dial(t, s, Config{Identity: locked, Prompt: func(_ context.Context, question string) (string, error) {
		if asked++; question != "Passphrase of "+locked+": " {
			t.Errorf("asked %q", question)
		}
		return []string{"", "wrong", "open sesame"}[min(asked, 2)], nil
	}})
	works(t, f)
	s.KillSessions()
	until(t, "lost", func() bool { s, _ := f.current(); return s == nil })
	works(t, f)
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}

	wantIs(t, fails[*KeyFileError](t, target(t, s), usable(t, s, Config{Identity: locked, Passphrase: "wrong"})), ErrPassphrase)
	wantIs(t, fails[*KeyFileError](t, target(t, s), usable(t, s, Config{Identity: locked})), ErrEncrypted)
	wrong := func(context.Context, string) (string, error) { return "wrong", nil }
	wantIs(t, fails[*KeyFileError](t, target(t, s), usable(t, s, Config{Identity: locked, Prompt: wrong})), ErrPassphrase)
}

// One of the usual files is unlocked only when the server wants it, and thinking about the passphrase takes its time.
func TestUsualKeyWithPassphrase(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	h := home(t, map[string]string{"id_ed25519": slurp(t, encrypt(t, s.ClientKey, "open sesame"))})
	timeout := 500 * time.Millisecond
	cfg := usable(t, s, Config{Home: h, Timeout: timeout, Prompt: func(_ context.Context, _ string) (string, error) {
		<-time.After(3 * timeout / 2)
		return "open sesame", nil
	}})
	cfg.Identity = ""
	f, err := Dial(t.Context(), target(t, s), cfg)
	try(t, err)
	works(t, f)
	try(t, f.Close())
	cfg.Prompt = nil
	wantIs(t, fails[*KeyFileError](t, target(t, s), cfg), ErrEncrypted)
}

func TestKeyFiles(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	garbage := filepath.Join(t.TempDir(), "garbage")
	write(t, garbage, "-----BEGIN NONSENSE-----\n")
	absent := filepath.Join(t.TempDir(), "absent")
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Identity: absent}, "private key " + absent + ": no such file or directory"},
		{Config{Identity: garbage}, "private key " + garbage + ": is not a private key"},
		{Config{Identity: t.TempDir()}, ": is a directory"},
		{Config{Key: []byte("c2VjcmV0")}, "private key from OTACTL_SSH_KEY: is not a private key"},
		{Config{Identity: s.ClientKey + ".pub"}, "is a public key, and the agent does not have the private one"},
	} {
		err := fails[*KeyFileError](t, target(t, s), usable(t, s, c.cfg))
		if !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("got %q, want %q", err, c.want)
		}
	}
}

// sshAgent starts an agent that has a key.
func sshAgent(t *testing.T, key string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command(testserver.Need(t, "ssh-agent"), "-D", "-a", socket)
	try(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, "the agent listens", func() bool { _, err := os.Stat(socket); return err == nil })
	add := exec.Command(testserver.Need(t, "ssh-add"), "-q", key)
	add.Env = []string{"SSH_AUTH_SOCK=" + socket}
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return socket
}

func TestAgent(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	socket := sshAgent(t, s.ClientKey)
	cfg := usable(t, s, Config{AgentSocket: socket})
	cfg.Identity = ""
	f, err := Dial(t.Context(), target(t, s), cfg)
	try(t, err)
	works(t, f)
	try(t, f.Close())
	works(t, dial(t, s, Config{AgentSocket: socket, Identity: s.ClientKey + ".pub"}))
	works(t, dial(t, s, Config{AgentSocket: socket, Identity: encrypt(t, s.ClientKey, "nobody knows")}))

	h := home(t, map[string]string{"config": "Host *\n IdentitiesOnly yes\n IdentityFile ~/.ssh/absent\n"})
	cfg.Home = h
	var auth *AuthError
	if err := wantRefused(t, target(t, s), cfg); !errors.As(err, &auth) || auth.Keys != 0 {
		t.Errorf("got %v", err)
	}
	var warned string
	cfg = usable(t, s, Config{AgentSocket: "/nowhere", Warn: func(text string) { warned = text }})
	cfg.Identity = ""
	wantRefused(t, target(t, s), cfg)
	if !strings.HasPrefix(warned, "the SSH agent cannot be reached") {
		t.Errorf("warned %q", warned)
	}
}

// A password goes only to a host that the person who runs this has pinned.
func TestPassword(t *testing.T) {
	for _, opts := range []testserver.GoSSHOptions{{Password: "secret"}, {Answer: "secret"}} {
		s := testserver.GoSSH(t, opts)
		cfg := usable(t, s.SSH, Config{Password: "secret"})
		cfg.Identity = ""
		err := wantRefused(t, target(t, s.SSH), cfg)
		var auth *AuthError
		if !errors.As(err, &auth) || !auth.Withheld || len(s.Passwords()) > 0 {
			t.Errorf("%v; it got %q", err, s.Passwords())
		}
		cfg.PasswordAllowed = true
		f, err2 := Dial(t.Context(), target(t, s.SSH), cfg)
		try(t, err2)
		works(t, f)
		try(t, f.Close())

		cfg.Password = "wrong"
		err = wantRefused(t, target(t, s.SSH), cfg)
		if !errors.As(err, &auth) || auth.Withheld || strings.Contains(err.Error(), "wrong") {
			t.Errorf("got %v", err)
		}
		n := len(s.Passwords())
		cfg.Password = "secret"
		cfg.HostKey = ssh.FingerprintSHA256(testserver.NewKey(t, "ed25519", filepath.Join(t.TempDir(), "k")))
		wantRefused(t, target(t, s.SSH), cfg)
		if len(s.Passwords()) > n {
			t.Error("the password was sent before the host key was checked")
		}
	}
}
