package proofs

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
	"github.com/otactl/otactl/store/storetest"
)

const project = layout.Project("demo")

func tag(t testing.TB, text string) layout.Tag {
	t.Helper()
	tag, err := layout.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// on is somebody who works on a day.
func on(day int) release.Who {
	return release.Who{Time: time.Date(2026, 1, day, 12, 0, 0, 0, time.UTC), By: fmt.Sprintf("test@day%d", day)}
}

// content is what the files of a release hold: each release has its own bytes.
func content(tag string) map[string]string {
	return map[string]string{"boot.py": "# boot " + tag + "\n", "main.py": "print('" + tag + "')\n", "lib/util.py": "U = '" + tag + "'\n"}
}

func set(files map[string]string) (s source.Set) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		s.Files = append(s.Files, source.File{Name: name, Path: name, Data: []byte(files[name])})
	}
	return s
}

func request(t testing.TB, kind layout.Kind, text string, day int) publish.Request {
	return publish.Request{Project: project, Tag: tag(t, text), Kind: kind, Set: set(content(text)), Who: on(day)}
}

func mustPublish(t *testing.T, s store.Store, kind layout.Kind, text string, day int) {
	t.Helper()
	if _, err := publish.Run(t.Context(), s, request(t, kind, text, day)); err != nil {
		t.Fatalf("publish %s: %v", text, err)
	}
}

// releases are what devices may see of these tags.
func releases(kind layout.Kind, tags ...string) storetest.Releases {
	all := storetest.Releases{}
	for _, text := range tags {
		parsed, err := layout.ParseTag(text)
		if err != nil { // "": nothing is live
			continue
		}
		for name, data := range content(text) {
			all[text] = append(all[text], store.Object{Name: project.File(kind, parsed, name), Data: []byte(data)})
		}
	}
	return all
}

// wantLive checks that a device gets one of these releases, whole. "" stands for none.
func wantLive(t *testing.T, s store.Store, kind layout.Kind, tags ...string) {
	t.Helper()
	got, err := storetest.Device(storetest.FetchStore(context.Background(), s), string(project), releases(kind, tags...))
	if err != nil || !slices.Contains(tags, got) {
		t.Errorf("a device gets %q, %v; want one of %q", got, err, tags)
	}
}

// A backend opens a session on a folder.
type backend func(t *testing.T, dir string) posix.FS

// backends are the folder trees on which verbs are proved.
func backends() map[string]backend {
	return map[string]backend{
		"local":          localTree,
		"openssh":        over(openssh()),
		"openssh -u 077": over(openssh("-u", "077")),
		"pkg sftp":       over(pkgSFTP),
	}
}

// on makes roots for the suites of storetest. Each is a copy of a folder, or empty if there is none.
func (b backend) on(template string) storetest.Fresh[posix.FS] {
	return func(t *testing.T) func(*testing.T) posix.FS {
		dir := t.TempDir()
		if template != "" {
			if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
				t.Fatal(err)
			}
		}
		return func(t *testing.T) posix.FS { return b(t, dir) }
	}
}

func localTree(t *testing.T, dir string) posix.FS {
	t.Helper()
	tree, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// A serve starts an SFTP server, without SSH.
type serve func(t testing.TB, dir string) (io.ReadWriteCloser, error)

// over talks to an SFTP server of its own in each session.
func over(start serve) backend {
	return func(t *testing.T, dir string) posix.FS {
		t.Helper()
		open := func(context.Context) (io.ReadWriteCloser, error) { return start(t, dir) }
		tree, err := sftp.New(context.Background(), open, sftp.Options{Target: "the server", Root: dir})
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
}

// openssh is OpenSSH's sftp-server with these arguments: a process for each session.
func openssh(args ...string) serve {
	return func(t testing.TB, dir string) (io.ReadWriteCloser, error) {
		return testserver.SFTPServer(t, dir, args...), nil
	}
}

// pkgSFTP is the server of pkg/sftp, which has no fsync and whose plain RENAME overwrites.
func pkgSFTP(testing.TB, string) (io.ReadWriteCloser, error) {
	client, server := net.Pipe()
	s, err := pkgsftp.NewServer(server)
	if err != nil {
		return nil, err
	}
	go func() {
		_ = s.Serve() // ends when the client goes
		_ = server.Close()
	}()
	return client, nil
}

// open makes a store of a folder tree, for as long as the test runs.
func open(t testing.TB, tree posix.FS) *posix.Store {
	t.Helper()
	s := posix.New(tree)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// until waits for a condition, and reports whether it came true in time.
func until(holds func() bool) bool {
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
