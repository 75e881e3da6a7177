package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
)

func TestStore(t *testing.T) { storetest.Run(t, storetest.Stores(fresh)) }

func TestPosix(t *testing.T) { storetest.RunPosix(t, fresh) }

func fresh(t *testing.T) func(*testing.T) posix.FS {
	dir := t.TempDir()
	return func(t *testing.T) posix.FS { return open(t, dir) }
}

func open(t *testing.T, dir string) *local.FS {
	t.Helper()
	f, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// session is open with a Close at the end of the test.
func session(t *testing.T, dir string) *local.FS {
	t.Helper()
	f := open(t, dir)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantRefused checks that the target refused, and that the message names all of these.
func wantRefused(t *testing.T, what string, err error, names ...string) {
	t.Helper()
	var r *store.RefusedError
	if !errors.As(err, &r) {
		t.Errorf("%s: got error %v, want a *store.RefusedError", what, err)
		return
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the message %q does not say %q", what, err, name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, err := local.Open("typo", local.Options{})
	wantRefused(t, "a folder that does not exist", err, filepath.Join(dir, "typo")+": no such file or directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not match fs.ErrNotExist", err)
	}
	if _, err := os.Lstat("typo"); err == nil {
		t.Error("the folder was made")
	}
	must(t, os.WriteFile("file", nil, 0o600))
	_, err = local.Open("file", local.Options{})
	wantRefused(t, "a file", err, filepath.Join(dir, "file")+": not a directory")
}

func TestWritten(t *testing.T) {
	var n atomic.Int64
	f, err := local.Open(t.TempDir(), local.Options{Written: func(m int64) { n.Add(m) }})
	must(t, err)
	must(t, f.Write(t.Context(), "a", 0o644, make([]byte, 1000)))
	must(t, f.Write(t.Context(), "b", 0o644, make([]byte, 24)))
	if err := f.Write(t.Context(), "a", 0o644, make([]byte, 5)); err == nil {
		t.Error("a file was written twice")
	}
	must(t, f.Close())
	if n.Load() != 1024 {
		t.Errorf("%d bytes were reported, want 1024", n.Load())
	}
}

// TestLinks has links where the project, a folder in it and files should be.
func TestLinks(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "version"), []byte("secret"), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "real/demo"), 0o755))
	up, err := filepath.Rel(dir, outside)
	must(t, err)
	for name, target := range map[string]string{
		"absolute": outside, "relative": up, "real/file": filepath.Join(outside, "version"), "real/dangling": "../../absent",
		"real/up": "..", "inside": "real", "real/loop": "loop",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	f := session(t, dir)
	ctx := t.Context()
	for _, project := range []string{"absolute", "relative"} {
		_, err := f.Read(ctx, project+"/version", 100)
		wantRefused(t, "read", err, dir, `"`+project+`/version"`, "leads out of the server root")
		_, err = f.ReadDir(ctx, project)
		wantRefused(t, "list", err)
		_, err = f.Stat(ctx, project+"/version")
		wantRefused(t, "stat", err)
		wantRefused(t, "write", f.Write(ctx, project+"/new", 0o644, []byte("x")))
		wantRefused(t, "mkdir", f.Mkdir(ctx, project+"/new", 0o755))
		wantRefused(t, "chmod", f.Chmod(ctx, project, 0o777))
		wantRefused(t, "remove", f.Remove(ctx, project+"/version"))
		wantRefused(t, "sync", f.Sync(ctx, project))
		must(t, f.Write(ctx, "mine", 0o644, []byte("mine")))
		wantRefused(t, "place", f.Place(ctx, "mine", project+"/new"))
		wantRefused(t, "replace", f.Replace(ctx, "mine", project+"/version"))
		must(t, f.Remove(ctx, "mine"))

		s := posix.New(f)
		wantRefused(t, "create", s.Create(ctx, []store.Object{{Name: project + "/new"}}))
		wantRefused(t, "commit", s.Commit(ctx, store.Commit{Project: project, Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")}))
		_, err = s.List(ctx, project)
		wantRefused(t, "list", err)
	}
	_, err = f.Read(ctx, "real/file", 100)
	wantRefused(t, "read a link to a file", err)
	for _, name := range []string{"real/dangling", "real/loop"} {
		if _, err := f.Read(ctx, name, 100); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if err := f.Write(ctx, "real/dangling", 0o644, []byte("x")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("write through a dangling link: %v", err)
	}
	for _, name := range []string{"../version", "real/../../version", "/etc/passwd", "real/up/../../version"} {
		_, err := f.Read(ctx, name, 1<<20)
		wantRefused(t, name, err)
	}

	must(t, f.Write(ctx, "inside/demo/a", 0o644, []byte("a")))
	if data, err := f.Read(ctx, "real/demo/a", 1); err != nil || string(data) != "a" {
		t.Errorf("through a link inside: %q, %v", data, err)
	}
	entries, err := os.ReadDir(outside)
	if secret, _ := os.ReadFile(filepath.Join(outside, "version")); err != nil || len(entries) != 1 || string(secret) != "secret" {
		t.Errorf("the folder outside was changed: %v, %v", entries, err)
	}
}

// TestRemoveLink checks that a link goes, and not what it points to.
func TestRemoveLink(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(dir, "link")))
	must(t, session(t, dir).Remove(t.Context(), "link"))
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}
