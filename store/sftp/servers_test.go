package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/pkg/sftp"
)

// openssh starts a fresh sftp-server in dir for each connection.
func openssh(t *testing.T, dir string, args ...string) Opener {
	t.Helper()
	return func(context.Context) (io.ReadWriteCloser, error) { return testserver.SFTPServer(t, dir, args...), nil }
}

// pure serves dir by pkg/sftp's own server, which has no fsync and whose plain RENAME overwrites.
func pure(t *testing.T, dir string) Opener {
	t.Helper()
	return func(context.Context) (io.ReadWriteCloser, error) {
		client, server := net.Pipe()
		s, err := sftp.NewServer(server, sftp.WithServerWorkingDirectory(dir))
		if err != nil {
			return nil, err
		}
		go func() {
			_ = s.Serve()
			_ = server.Close()
		}()
		return client, nil
	}
}

func connect(t *testing.T, open Opener, o Options) *FS {
	t.Helper()
	if o.Target == "" {
		o.Target = "test"
	}
	f, err := New(t.Context(), open, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if s, err := f.live(t.Context()); err == nil {
		_ = s.ready(t.Context()) // tests that want to be earlier call New
	}
	return f
}

// onEach runs a test on servers that differ in all that matters.
func onEach(t *testing.T, test func(t *testing.T, f *FS, dir string)) {
	for name, open := range map[string]func(t *testing.T, dir string) Opener{
		"openssh":          func(t *testing.T, dir string) Opener { return openssh(t, dir) },
		"openssh -u 077":   func(t *testing.T, dir string) Opener { return openssh(t, dir, "-u", "077") },
		"without fsync":    func(t *testing.T, dir string) Opener { return openssh(t, dir, "-P", "fsync") },
		"without hardlink": func(t *testing.T, dir string) Opener { return openssh(t, dir, "-P", "hardlink") },
		"pkg/sftp":         pure,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := connect(t, open(t, dir), Options{Root: "."})
			probe := filepath.Join(dir, "probe")
			if err := os.Mkdir(probe, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := f.Check(t.Context(), "probe"); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(probe); err != nil {
				t.Errorf("something was left behind: %v", err)
			}
			test(t, f, dir)
		})
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	try(t, os.WriteFile(name, []byte(text), 0o600))
}

func wantFile(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(name)
	try(t, err)
	info, err := os.Stat(name)
	try(t, err)
	if string(got) != text || info.Mode() != mode {
		t.Errorf("%s: %q, %v; want %q, %v", name, got, info.Mode(), text, mode)
	}
}

func wantAbsent(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there (%v)", name, err)
	}
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// asNobody starts sftp-server for an account that owns nothing.
func asNobody(t *testing.T, dir string) Opener {
	t.Helper()
	return func(context.Context) (io.ReadWriteCloser, error) {
		cmd := exec.Command(testserver.SFTPServerPath(t))
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = cmd.Wait() })
		return struct {
			io.Reader
			io.WriteCloser
		}{out, in}, nil
	}
}
