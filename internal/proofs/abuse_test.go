package proofs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

const nobody = 65534

// A disk that is full at any point of a publish is a clear error, and devices keep what they have. When there is room again,
// the same publish completes.
func TestFullDisk(t *testing.T) {
	const pages = 256
	for name, b := range map[string]backend{"local": localTree, "openssh": over(openssh())} {
		t.Run(name, func(t *testing.T) {
			dir := testserver.SmallDisk(t, pages*4096)
			mustPublish(t, open(t, localTree(t, dir)), layout.Prefix, "v1.0.0", 1)
			full, last := 0, "v1.0.0"
			for free := range 26 {
				fillDisk(t, dir, free)
				text := fmt.Sprintf("v1.%d.0", free+1)
				s := posix.New(b(t, dir))
				_, err := publish.Run(t.Context(), s, request(t, layout.Prefix, text, 9))
				_ = s.Close()
				var refused *store.RefusedError
				if err != nil && (!errors.As(err, &refused) || !strings.Contains(err.Error(), "no space left on device")) {
					t.Errorf("%d pages free: %v", free, err)
				}
				fillDisk(t, dir, pages) // there is room again
				s = open(t, b(t, dir))
				if err != nil {
					full++
					wantLive(t, s, layout.Prefix, last)
				} else {
					wantLive(t, s, layout.Prefix, text)
				}
				mustPublish(t, s, layout.Prefix, text, 9)
				wantLive(t, s, layout.Prefix, text)
				last = text
				if _, err := prune.Run(t.Context(), s, prune.Request{Project: project, Keep: 1, Who: on(20)}); err != nil {
					t.Fatal(err)
				}
				if t.Failed() {
					t.Fatalf("... %d pages free", free)
				}
			}
			t.Logf("the disk was full %d times", full)
			if full < 5 || full > 25 {
				t.Error("that is not what this test is about")
			}
		})
	}
}

// fillDisk leaves so many pages of a small disk free.
func fillDisk(t *testing.T, dir string, free int) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	if err := os.Remove(ballast); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	if n := int(disk.Bavail) - free; n > 0 {
		if err := os.WriteFile(ballast, make([]byte, n*4096), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A root that cannot be written to, or belongs to somebody else, is refused with the reason.
func TestForbidden(t *testing.T) {
	testserver.NeedRoot(t)
	readOnly := func(t *testing.T) string {
		dir := testserver.SmallDisk(t, 1<<20)
		mustPublish(t, open(t, localTree(t, dir)), layout.Prefix, "v1.0.0", 1)
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			testserver.Skip(t, "mount read-only: %v", err)
		}
		return dir
	}
	foreign := func(t *testing.T) string {
		dir := passable(t)
		mustPublish(t, open(t, localTree(t, dir)), layout.Prefix, "v1.0.0", 1)
		return dir
	}
	for name, test := range map[string]struct {
		dir  func(t *testing.T) string
		user uint32
		say  string
	}{
		"read-only":        {readOnly, 0, "read-only file system"},
		"of somebody else": {foreign, nobody, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			want := snapshot(t, dir)
			sources := passable(t)
			for name, data := range content("v1.1.0") {
				writeSource(t, filepath.Join(sources, name), data)
			}
			for _, args := range [][]string{{"publish", "v1.1.0", sources}, {"publish", "v1.1.0", sources, "--no-activate"}, {"prune", "--keep", "1"}} {
				cmd := exec.Command(binary(t), append(args, "--to", dir, "--project", string(project))...)
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: test.user, Gid: test.user}}
				cmd.Dir = "/"
				cmd.Env = []string{"HOME=/nonexistent"}
				out, err := cmd.CombinedOutput()
				if exit := cmd.ProcessState.ExitCode(); args[0] == "publish" && (exit != 7 || !strings.Contains(string(out), test.say)) {
					t.Errorf("%q: %v\n%s", args, err, out)
				}
			}
			s := posix.New(over(as(test.user))(t, dir))
			_, err := publish.Run(t.Context(), s, request(t, layout.Prefix, "v1.1.0", 9))
			_ = s.Close()
			var refused *store.RefusedError
			if !errors.As(err, &refused) {
				t.Errorf("over SFTP: %v", err)
			}
			t.Log(err)
			if got := snapshot(t, dir); got != want {
				t.Errorf("there is now\n%s\nand there was\n%s", got, want)
			}
		})
	}
}

// passable makes a folder that other users can read.
func passable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for up := dir; up != os.TempDir(); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeSource(t *testing.T, name, data string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(data), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// snapshot lists everything in a folder with mode and content.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var data []byte
		if info.Mode().IsRegular() {
			data, err = os.ReadFile(name)
		}
		fmt.Fprintf(&all, "%v %s %q\n", info.Mode(), name, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// as is OpenSSH's sftp-server run by another user.
func as(user uint32) serve {
	return func(t testing.TB, _ string) (io.ReadWriteCloser, error) {
		cmd := exec.Command(testserver.SFTPServerPath(t))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = cmd.Wait() }) // it ends at the end of its input
		return struct {
			io.Reader
			io.WriteCloser
		}{out, in}, cmd.Start()
	}
}

// Servers that lack something do the same by other means.
func TestPoorServers(t *testing.T) {
	sshd := func(args string, handles int) func(t *testing.T) store.Store {
		return func(t *testing.T) store.Store {
			server := testserver.Sshd(t, testserver.SshdOptions{Subsystem: testserver.SFTPServerPath(t) + " " + args, OpenFiles: handles})
			return dial(t, server, server.Addr, server.Root)
		}
	}
	for name, connect := range map[string]func(t *testing.T) store.Store{
		"no fsync":               sshd("-P fsync", 0),
		"no hardlink":            sshd("-P hardlink", 0),
		"no statvfs":             sshd("-P statvfs", 0),
		"20 handles":             sshd("", 25),
		"no fsync, no hardlinks": sshd("-P fsync,hardlink,statvfs", 25),
		"pkg sftp":               func(t *testing.T) store.Store { return posix.New(over(pkgSFTP)(t, t.TempDir())) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := connect(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			mustPublish(t, s, layout.Prefix, "v1.0.0", 1)
			r := request(t, layout.Prefix, "v1.1.0", 2)
			r.Set = set(files(100, "v1.1.0"))
			if _, err := publish.Run(t.Context(), s, r); err != nil {
				t.Fatal(err)
			}
			wantContent(t, s, "v1.1.0", files(100, "v1.1.0"))
			var other *store.ConflictError
			mine := []store.Object{{Name: string(project) + "/v1.0.0_main.py", Data: []byte("print('v9.9.9')\n")}}
			if err := s.Create(t.Context(), mine); !errors.As(err, &other) {
				t.Errorf("other bytes: %v", err)
			}
			if _, err := rollback.Run(t.Context(), s, rollback.Request{Project: project, Who: on(3)}); err != nil {
				t.Fatal(err)
			}
			wantLive(t, s, layout.Prefix, "v1.0.0")
		})
	}
}

// A server that cannot replace a file in one step is refused before a release file is sent.
func TestNoReplace(t *testing.T) {
	server := testserver.Sshd(t, testserver.SshdOptions{Subsystem: testserver.SFTPServerPath(t) + " -P posix-rename"})
	for _, before := range []string{"", "v1.0.0"} {
		if before != "" {
			mustPublish(t, open(t, localTree(t, server.Root)), layout.Prefix, before, 1)
		}
		want := snapshot(t, server.Root)
		sources := t.TempDir()
		writeSource(t, filepath.Join(sources, "main.py"), "print('v1.1.0')\n")
		exit, _, stderr := otactl(t, nil, "publish", "v1.1.0", sources, "--to", server.URL(), "--project", string(project),
			"--known-hosts", server.KnownHosts, "--identity", server.ClientKey)
		if exit != 7 || !strings.Contains(stderr, "the server cannot replace a file in one step") {
			t.Errorf("exit %d: %s", exit, stderr)
		}
		got := snapshot(t, server.Root)
		if before == "" && strings.Contains(got, "v1.1.0") || before != "" && got != want {
			t.Errorf("there is now\n%s\nand there was\n%s", got, want)
		}
	}
}
