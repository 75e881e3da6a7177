package proofs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/store"
)

// A version without an end is an error, and not read to the end of the memory.
func TestEndlessVersion(t *testing.T) {
	for name, make := range map[string]func(version string) error{
		"/dev/zero": func(version string) error { return os.Symlink("/dev/zero", version) },
		"huge": func(version string) error {
			return errors.Join(os.WriteFile(version, nil, 0o644), os.Truncate(version, 1<<40))
		},
		"a pipe": func(version string) error { return syscall.Mkfifo(version, 0o644) },
		"a few lines": func(version string) error {
			return os.WriteFile(version, []byte(strings.Repeat("v1.0.0\n", 1000)), 0o644)
		},
	} {
		for kind, b := range backends() {
			if name == "a pipe" && kind != "local" {
				continue // the server itself waits for ever when it opens one
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				dir := t.TempDir()
				version := filepath.Join(dir, project.Pointer())
				if err := errors.Join(os.Mkdir(filepath.Dir(version), 0o755), make(version)); err != nil {
					t.Fatal(err)
				}
				s := open(t, b(t, dir))
				used := allocated(func() {
					_, err := publish.Run(t.Context(), s, request(t, layout.Prefix, "v1.1.0", 9))
					var large *store.TooLargeError
					var refused *store.RefusedError
					if !errors.As(err, &large) && !errors.As(err, &refused) {
						t.Errorf("publish: %v", err)
					}
					t.Log(err)
				})
				if used > 64<<20 {
					t.Errorf("%d MiB of memory", used>>20)
				}
			})
		}
	}
}

// allocated returns how many bytes a function takes, whether it gives them back or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A hostile server lists names that lead elsewhere, or that a terminal would take for commands. Nothing comes of them.
func TestHostileListing(t *testing.T) {
	handlers := pkgsftp.InMemHandler()
	handlers.FileList = &hostileList{handlers.FileList}
	handlers.FileCmd = modeless{handlers.FileCmd}
	handlers.FileGet = forgetful{handlers.FileGet}
	server := testserver.GoSSH(t, testserver.GoSSHOptions{Handlers: &handlers})
	target := strings.TrimSuffix(server.URL(), server.Root) + "/"
	run := func(args ...string) (int, string) {
		exit, stdout, stderr := otactl(t, nil, append(args, "--to", target, "--project", string(project),
			"--known-hosts", server.KnownHosts, "--identity", server.ClientKey)...)
		if text := stdout + stderr; strings.ContainsAny(text, "\x1b\a\r\x00") {
			t.Errorf("%q prints %q", args, text)
		}
		return exit, stdout + stderr
	}
	for _, text := range []string{"v1.0.0", "v1.1.0"} {
		sources := t.TempDir()
		writeSource(t, filepath.Join(sources, "main.py"), "print('"+text+"')\n")
		if exit, out := run("publish", text, sources); exit != 0 {
			t.Fatalf("exit %d: %s", exit, out)
		}
	}
	for _, args := range [][]string{{"list"}, {"status"}, {"log"}, {"rollback", "v1.0.0"}, {"activate", "v1.1.0"}, {"prune", "--keep", "1"}, {"rollback", "v9.9.9"}, {"status", "--json"}} {
		exit, out := run(args...)
		t.Logf("%q: exit %d: %s", args, exit, out)
		if exit != 0 && args[len(args)-1] != "v9.9.9" {
			t.Errorf("%q: exit %d: %s", args, exit, out)
		}
		if strings.Contains(out, "evil") {
			t.Errorf("%q prints %s", args, out)
		}
	}
}

// modeless is a server without modes: that of pkg/sftp in memory has none for folders.
type modeless struct{ pkgsftp.FileCmder }

func (c modeless) Filecmd(r *pkgsftp.Request) error {
	if r.Method == "Setstat" {
		return nil
	}
	return c.FileCmder.Filecmd(r)
}

func (c modeless) PosixRename(r *pkgsftp.Request) error {
	return c.FileCmder.(pkgsftp.PosixRenameFileCmder).PosixRename(r)
}

// forgetful keeps a file as it was when a client goes with a handle open. That of pkg/sftp in memory would be broken for ever.
type forgetful struct{ pkgsftp.FileReader }

func (f forgetful) Fileread(r *pkgsftp.Request) (io.ReaderAt, error) {
	file, err := f.FileReader.Fileread(r)
	return struct{ io.ReaderAt }{file}, err
}

// hostileList adds to every listing.
type hostileList struct{ pkgsftp.FileLister }

func (l *hostileList) Filelist(r *pkgsftp.Request) (pkgsftp.ListerAt, error) {
	real, err := l.FileLister.Filelist(r)
	if err != nil || r.Method != "List" {
		return real, err
	}
	return hostileAt{real}, nil
}

type hostileAt struct{ pkgsftp.ListerAt }

// hostileNames are followed by the real names, and each comes as a file and as a folder.
var hostileNames = []string{
	"../evil", "..", ".", "/etc/evil", "a/evil", "", "evil\x1b[2J", "evil\nv6.6.6.manifest", "\x00evil", "v6.6.6_../../evil.manifest",
	"v6.6.6_\x1b[31mevil.py", "v6.6.6_evil.py\x00", "tmp.evil/../..", "99999999999999999999", "\xff\xfeevil", strings.Repeat("evil", 5000),
}

func (l hostileAt) ListAt(infos []fs.FileInfo, offset int64) (n int, err error) {
	total := int64(2 * len(hostileNames))
	for ; n < len(infos) && offset+int64(n) < total; n++ {
		i := int(offset) + n
		infos[n] = hostileInfo{hostileNames[i/2], i%2 == 0}
	}
	if n == len(infos) {
		return n, nil
	}
	more, err := l.ListerAt.ListAt(infos[n:], offset+int64(n)-total)
	return n + more, err
}

type hostileInfo struct {
	name string
	dir  bool
}

func (i hostileInfo) Name() string       { return i.name }
func (i hostileInfo) Size() int64        { return 1 << 40 }
func (i hostileInfo) ModTime() time.Time { return time.Unix(0, 0) }
func (i hostileInfo) IsDir() bool        { return i.dir }
func (i hostileInfo) Sys() any           { return nil }
func (i hostileInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// A server whose listings or files never end is left, before the memory is full.
func TestEndlessServer(t *testing.T) {
	for name, spoil := range map[string]func(h *pkgsftp.Handlers){
		"listing": func(h *pkgsftp.Handlers) { h.FileList = &endlessList{h.FileList} },
		"version": func(h *pkgsftp.Handlers) { h.FileGet, h.FileList = endlessFile{}, &smallFile{h.FileList} },
	} {
		t.Run(name, func(t *testing.T) {
			handlers := pkgsftp.InMemHandler()
			spoil(&handlers)
			server := testserver.GoSSH(t, testserver.GoSSHOptions{Handlers: &handlers})
			sources := t.TempDir()
			writeSource(t, filepath.Join(sources, "main.py"), "print('v1.1.0')\n")
			cmd := exec.Command(binary(t), "publish", "v1.1.0", sources, "--to", "sftp://"+server.User+"@"+server.Addr+"/",
				"--project", string(project), "--known-hosts", server.KnownHosts, "--identity", server.ClientKey)
			cmd.Env = []string{"HOME=" + t.TempDir()}
			peak, out, err := peakOf(t, cmd)
			t.Logf("at most %d MiB: %s", peak>>20, out)
			if exit := cmd.ProcessState.ExitCode(); exit != 7 || peak > maxMemory {
				t.Errorf("%v, %d MiB: %s", err, peak>>20, out)
			}
		})
	}
}

type endlessList struct{ pkgsftp.FileLister }

func (l *endlessList) Filelist(r *pkgsftp.Request) (pkgsftp.ListerAt, error) {
	if r.Method != "List" {
		return l.FileLister.Filelist(r)
	}
	return endlessAt{}, nil
}

type endlessAt struct{}

func (endlessAt) ListAt(infos []fs.FileInfo, offset int64) (int, error) {
	for i := range infos {
		infos[i] = hostileInfo{fmt.Sprintf("%08d", offset+int64(i)), false}
	}
	return len(infos), nil
}

// endlessFile has more bytes than smallFile says.
type endlessFile struct{}

func (endlessFile) Fileread(*pkgsftp.Request) (io.ReaderAt, error) { return endlessFile{}, nil }
func (endlessFile) ReadAt(p []byte, _ int64) (int, error)          { return len(p), nil }

type smallFile struct{ pkgsftp.FileLister }

func (l *smallFile) Filelist(r *pkgsftp.Request) (pkgsftp.ListerAt, error) {
	if r.Method == "Stat" && strings.HasSuffix(r.Filepath, "/version") {
		return oneInfo{}, nil
	}
	return l.FileLister.Filelist(r)
}

type oneInfo struct{}

func (oneInfo) ListAt(infos []fs.FileInfo, _ int64) (int, error) {
	infos[0] = smallInfo{hostileInfo{"version", false}}
	return 1, nil
}

type smallInfo struct{ hostileInfo }

func (smallInfo) Size() int64 { return 7 }
