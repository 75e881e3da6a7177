package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
)

// abused opens a store on a folder that has something wrong with it.
func abused(t *testing.T, dir string, server io.ReadWriteCloser) *posix.Store {
	t.Helper()
	return abusedBy(t, dir, 15*time.Second, func() io.ReadWriteCloser { return server })
}

// abusedBy is abused with a server for each connection, which has this time for each answer.
func abusedBy(t *testing.T, dir string, timeout time.Duration, server func() io.ReadWriteCloser) *posix.Store {
	t.Helper()
	opener := func(context.Context) (io.ReadWriteCloser, error) { return server(), nil }
	f, err := sftp.New(t.Context(), opener, sftp.Options{Target: "the server", Root: dir, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return posix.New(f)
}

// live makes v1.0.0 live in a folder, which is then abused.
func live(t *testing.T, dir string) (next store.Commit) {
	t.Helper()
	s := abused(t, dir, testserver.SFTPServer(t, dir))
	create(t, s, release("v1.0.0", 2, "data")...)
	c := mustCommit(t, s, "v1.0.0\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return store.Commit{Project: "demo", Seq: c.Seq + 1, Entry: []byte("entry"), Old: c.Next, Next: []byte("v1.0.1\n")}
}

// wantNothing checks that devices still see v1.0.0 and that nothing of v1.0.1 is there, nor what was prepared for it.
func wantNothing(t *testing.T, dir string) {
	t.Helper()
	tag, err := Device(FetchFS(os.DirFS(dir)), "demo", Releases{"v1.0.0": release("v1.0.0", 2, "data")})
	if err != nil || tag != "v1.0.0" {
		t.Errorf("devices see %q, %v", tag, err)
	}
	for _, pattern := range []string{"demo/v1.0.1*", "demo/.otactl/tmp.*"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); found != nil {
			t.Errorf("left behind: %q", found)
		}
	}
}

// wantSays checks that there is an error, that it is not one that a second try could help against, and what it says.
func wantSays(t *testing.T, what string, err error, text string) {
	t.Helper()
	var lost *store.ConnError
	if err == nil || errors.As(err, &lost) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got error %v, want one that says %q", what, err, text)
	}
}

func TestSFTPFullDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	next := live(t, dir)
	s := abused(t, dir, testserver.SFTPServer(t, dir))
	var objects []store.Object
	for i := range 10 {
		objects = append(objects, object(fmt.Sprintf("demo/v1.0.1_%d", i), strings.Repeat("x", 100<<10)))
	}
	// The protocol has no word for it: a server says no more than that it failed.
	wantSays(t, "create", s.Create(t.Context(), objects), "the server: ")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantNothing(t, dir)

	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	s = abused(t, dir, testserver.SFTPServer(t, dir))
	wantSays(t, "commit", s.Commit(t.Context(), next), "the server: ")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantNothing(t, dir)
}

func TestSFTPReadOnly(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	next := live(t, dir)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refuseAll(t, dir, testserver.SFTPServer(t, dir), next, "the server: ")
}

// TestSFTPOtherUser publishes into a project of somebody else.
func TestSFTPOtherUser(t *testing.T) {
	testserver.NeedRoot(t)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	next := live(t, dir)
	refuseAll(t, dir, serverOf(t, 65534), next, "permission denied")
}

func refuseAll(t *testing.T, dir string, server io.ReadWriteCloser, next store.Commit, says string) {
	t.Helper()
	s := abused(t, dir, server)
	wantSays(t, "create", s.Create(t.Context(), release("v1.0.1", 2, "data")), says)
	wantSays(t, "commit", s.Commit(t.Context(), next), says)
	wantSays(t, "remove", s.Remove(t.Context(), []string{"demo/v1.0.0_000.py"}), says)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantNothing(t, dir)
}

// serverOf runs sftp-server as another user. Closing it waits for nothing: the server may hang.
func serverOf(t *testing.T, uid uint32) io.ReadWriteCloser {
	t.Helper()
	cmd := exec.Command(testserver.SFTPServerPath(t))
	cmd.Dir = "/"
	if int(uid) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &hanging{out, in}
}

type hanging struct {
	io.ReadCloser
	in io.WriteCloser
}

func (h *hanging) Write(data []byte) (int, error) { return h.in.Write(data) }
func (h *hanging) Close() error                   { return errors.Join(h.in.Close(), h.ReadCloser.Close()) }

// TestSFTPEndless has something where the pointer should be that has no end, or never begins.
func TestSFTPEndless(t *testing.T) {
	for name, make := range map[string]func(name string) error{
		"zero":   func(name string) error { return os.Symlink("/dev/zero", name) },
		"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o644) },
		"folder": func(name string) error { return os.Mkdir(name, 0o755) },
		"sparse": func(name string) error {
			return errors.Join(os.WriteFile(name, nil, 0o644), os.Truncate(name, 1<<40))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pointer := filepath.Join(dir, "demo/version")
			if err := errors.Join(os.Mkdir(filepath.Dir(pointer), 0o755), make(pointer)); err != nil {
				t.Fatal(err)
			}
			s := abusedBy(t, dir, 2*time.Second, func() io.ReadWriteCloser { return serverOf(t, uint32(os.Geteuid())) })
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if data, err := s.Read(t.Context(), "demo/version", 100); err == nil {
				t.Errorf("%d bytes were read", len(data))
			}
			err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it was replaced")
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
				t.Errorf("%d bytes were used", used)
			}
			t.Log(err)
			_ = s.Close()
			if info, err := os.Lstat(pointer); err != nil || info.Mode().IsRegular() && info.Size() != 1<<40 {
				t.Errorf("it was replaced: %v, %v", info, err)
			}
		})
	}
}
