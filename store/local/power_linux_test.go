package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
)

// A disk is an ext4 file system in a file. What the kernel has not yet written to the disk is not in the file, so that a
// copy of it is what a power cut would leave.
type disk struct {
	image string
	dir   string // where it is mounted
}

func newDisk(t *testing.T) disk {
	t.Helper()
	testserver.NeedRoot(t)
	d := disk{filepath.Join(t.TempDir(), "image"), ""}
	must(t, os.WriteFile(d.image, nil, 0o600))
	must(t, os.Truncate(d.image, 16<<20))
	run(t, testserver.Need(t, "mkfs.ext4"), "-q", d.image)
	// Nothing is to reach the disk because time goes by, nor because ext4 guesses what a rename is for.
	d.dir = mount(t, d.image, "loop,commit=300,noauto_da_alloc")
	return d
}

// afterPowerCut returns what is on the disk when it is mounted again.
func (d disk) afterPowerCut(t *testing.T) fs.FS {
	t.Helper()
	image, err := os.ReadFile(d.image)
	must(t, err)
	dead := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(dead, image, 0o600))
	return os.DirFS(mount(t, dead, "loop"))
}

func mount(t *testing.T, image, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-o", options, image, dir).CombinedOutput(); err != nil {
		testserver.Skip(t, "mount %s: %v: %s", image, err, out)
	}
	t.Cleanup(func() { run(t, "umount", dir) })
	return dir
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// TestPowerCut cuts the power after each call of a store has returned.
func TestPowerCut(t *testing.T) {
	d := newDisk(t)
	s := posix.New(session(t, d.dir))
	releases := storetest.Releases{}
	old := ""
	for i, tag := range []string{"v1.0.0", "v1.0.1"} {
		files := []store.Object{
			{Name: "demo/" + tag + "_main.py", Data: []byte("print('" + tag + "')\n")},
			{Name: "demo/" + tag + "/lib/util.py", Data: make([]byte, 100_000)},
			{Name: "demo/" + tag + ".manifest", Data: []byte("manifest of " + tag)},
		}
		releases[tag] = files
		must(t, s.Create(t.Context(), files))
		wantDevice(t, d, releases, old)
		wantFiles(t, d, files)
		next := commit(i+1, "", tag+"\n")
		if old != "" {
			next.Old = []byte(old + "\n")
		}
		must(t, s.Commit(t.Context(), next))
		wantDevice(t, d, releases, tag)
		old = tag
	}
}

// An unlucky folder tree is on a disk that is written at the worst moment and loses its power then: after each new name,
// the names reach the disk and the content does not, unless it was made durable before.
type unlucky struct {
	posix.FS
	mu    sync.Mutex
	dir   string
	check func()
}

func (u *unlucky) Place(ctx context.Context, old, name string) error {
	return u.cut(name, u.FS.Place(ctx, old, name))
}

func (u *unlucky) Replace(ctx context.Context, old, name string) error {
	return u.cut(name, u.FS.Replace(ctx, old, name))
}

func (u *unlucky) cut(name string, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	dir, openErr := os.Open(filepath.Join(u.dir, filepath.Dir(name)))
	if openErr != nil {
		return openErr
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Sync(); err != nil {
		return err
	}
	u.check()
	return err
}

// TestPowerCutWithin cuts the power after each new name: what has a final name has all of its content.
func TestPowerCutWithin(t *testing.T) {
	d := newDisk(t)
	files := objects("v1.0.0", 3, 10_000)
	u := &unlucky{FS: session(t, d.dir), dir: d.dir}
	u.check = func() {
		root := d.afterPowerCut(t)
		for _, o := range append(files, store.Object{Name: "demo/version", Data: []byte("v1.0.0\n")}) {
			data, err := fs.ReadFile(root, o.Name)
			if !errors.Is(err, fs.ErrNotExist) && (err != nil || string(data) != string(o.Data)) {
				t.Errorf("after a power cut: %s has %d bytes, %v", o.Name, len(data), err)
			}
		}
	}
	s := posix.New(u)
	must(t, s.Create(t.Context(), files))
	must(t, s.Commit(t.Context(), commit(1, "", "v1.0.0\n")))
}

func wantDevice(t *testing.T, d disk, releases storetest.Releases, tag string) {
	t.Helper()
	if live, err := storetest.Device(storetest.FetchFS(d.afterPowerCut(t)), "demo", releases); err != nil || live != tag {
		t.Errorf("after a power cut: devices see %q, %v; want %q", live, err, tag)
	}
}

func wantFiles(t *testing.T, d disk, files []store.Object) {
	t.Helper()
	root := d.afterPowerCut(t)
	for _, o := range files {
		if data, err := fs.ReadFile(root, o.Name); err != nil || string(data) != string(o.Data) {
			t.Errorf("after a power cut: %s has %d bytes, %v", o.Name, len(data), err)
		}
	}
}

// BenchmarkThousandFiles compares a release of 1,000 small files with the fastest way to copy them durably.
func BenchmarkThousandFiles(b *testing.B) {
	var objects []store.Object
	for i := range 1000 {
		objects = append(objects, store.Object{Name: fmt.Sprintf("demo/v1.0.0_%04d.py", i), Data: make([]byte, 2000)})
	}
	source := b.TempDir()
	for _, o := range objects {
		if err := os.WriteFile(filepath.Join(source, filepath.Base(o.Name)), o.Data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Create", func(b *testing.B) {
		for b.Loop() {
			f, err := local.Open(b.TempDir(), local.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s := posix.New(f)
			if err := s.Create(context.Background(), objects); err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cp and sync", func(b *testing.B) {
		for b.Loop() {
			target := b.TempDir()
			if out, err := exec.Command("sh", "-c", `cp -r "$1" "$2"/demo && sync`, "sh", source, target).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	})
}
