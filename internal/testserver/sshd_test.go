package testserver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// dialSFTP logs in at addr with what s says and starts the sftp subsystem.
func dialSFTP(t *testing.T, addr string, config *ssh.ClientConfig) *sftp.Client {
	t.Helper()
	conn, err := ssh.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := sftp.NewClient(conn)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func put(t *testing.T, client *sftp.Client, name, text string) {
	t.Helper()
	f, err := client.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSshd(t *testing.T) {
	for name, opts := range map[string]SshdOptions{
		"internal-sftp": {},
		"sftp-server":   {Subsystem: SFTPServerPath(t)},
		"umask":         {Subsystem: SFTPServerPath(t) + " -u 077"},
		"host keys":     {HostKeys: []string{"rsa", "ecdsa", "ed25519"}},
		"config":        {Config: []string{"MaxSessions 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Sshd(t, opts)
			put(t, dialSFTP(t, s.Addr, s.Config(t)), s.Root+"/a", "text")
			info, err := os.Stat(filepath.Join(s.Root, "a"))
			if err != nil {
				t.Fatal(err)
			}
			want := fs.FileMode(0o644)
			if name == "umask" {
				want = 0o600
			}
			if info.Mode() != want || info.Size() != 4 {
				t.Errorf("mode %v, %d bytes", info.Mode(), info.Size())
			}
		})
	}
}

func TestSshdWithoutPosixRename(t *testing.T) {
	s := Sshd(t, SshdOptions{Subsystem: SFTPServerPath(t) + " -P posix-rename"})
	if _, ok := dialSFTP(t, s.Addr, s.Config(t)).HasExtension("posix-rename@openssh.com"); ok {
		t.Error("has posix-rename")
	}
}

func TestSshdOpenFiles(t *testing.T) {
	s := Sshd(t, SshdOptions{Subsystem: SFTPServerPath(t), OpenFiles: 20})
	client := dialSFTP(t, s.Addr, s.Config(t))
	put(t, client, s.Root+"/a", "text")
	n := 0
	for ; n < 30; n++ {
		if _, err := client.Open(s.Root + "/a"); err != nil {
			break
		}
	}
	if n < 10 || n > 20 {
		t.Errorf("%d files could be open", n)
	}
}

func TestKillSessions(t *testing.T) {
	s := Sshd(t, SshdOptions{Subsystem: SFTPServerPath(t)})
	client := dialSFTP(t, s.Addr, s.Config(t))
	s.KillSessions()
	if _, err := client.Getwd(); err == nil {
		t.Error("the session is alive")
	}
	if _, err := dialSFTP(t, s.Addr, s.Config(t)).Getwd(); err != nil {
		t.Errorf("a new session: %v", err)
	}
}

func TestSFTPServer(t *testing.T) {
	dir := t.TempDir()
	pipe := SFTPServer(t, dir)
	client, err := sftp.NewClientPipe(pipe, pipe)
	if err != nil {
		t.Fatal(err)
	}
	put(t, client, "a", "text")
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a")); string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestGoSSH(t *testing.T) {
	interactive := func(_, _ string, questions []string, _ []bool) ([]string, error) {
		return []string{"1234"}[:len(questions)], nil
	}
	for name, c := range map[string]struct {
		opts GoSSHOptions
		auth ssh.AuthMethod
	}{
		"key":         {},
		"password":    {GoSSHOptions{Password: "secret"}, ssh.Password("secret")},
		"interactive": {GoSSHOptions{Answer: "1234"}, ssh.KeyboardInteractive(interactive)},
	} {
		t.Run(name, func(t *testing.T) {
			s := GoSSH(t, c.opts)
			config := s.Config(t)
			if c.auth != nil {
				config.Auth = []ssh.AuthMethod{c.auth}
			}
			put(t, dialSFTP(t, s.Addr, config), "a", "text")
			if _, err := os.Stat(filepath.Join(s.Root, "a")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestGoSSHRefuses(t *testing.T) {
	s := GoSSH(t, GoSSHOptions{Password: "secret"})
	config := s.Config(t)
	config.Auth = []ssh.AuthMethod{ssh.Password("guess")}
	if _, err := ssh.Dial("tcp", s.Addr, config); err == nil {
		t.Error("let in")
	}
	if got := s.Passwords(); len(got) != 1 || got[0] != "guess" {
		t.Errorf("passwords %q", got)
	}
}

func TestGoSSHSilent(t *testing.T) {
	for _, silent := range []Silence{SilentTCP, SilentLogin, SilentSFTP} {
		s := GoSSH(t, GoSSHOptions{Silent: silent})
		config := s.Config(t)
		done := make(chan error, 1)
		go func() {
			conn, err := ssh.Dial("tcp", s.Addr, config)
			if err == nil {
				_, err = sftp.NewClient(conn)
			}
			done <- err
		}()
		if !poll(func() bool { return s.Open() == 1 }) {
			t.Fatal("no connection")
		}
		s.KillSessions()
		if err := <-done; err == nil {
			t.Errorf("%d: answered", silent)
		}
	}
}

func TestHostileHandlers(t *testing.T) {
	s := GoSSH(t, GoSSHOptions{Handlers: &sftp.Handlers{FileList: refusing{}}})
	if _, err := dialSFTP(t, s.Addr, s.Config(t)).ReadDir("/"); err == nil || !strings.Contains(err.Error(), "refused here") {
		t.Errorf("got %v", err)
	}
}

type refusing struct{}

func (refusing) Filelist(*sftp.Request) (sftp.ListerAt, error) {
	return nil, errors.New("refused here")
}
