package local_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
)

// TestUmask makes everything under the umasks that hide it.
func TestUmask(t *testing.T) {
	for _, mask := range []int{0o077, 0o027, 0} {
		t.Run(fmt.Sprintf("%03o", mask), func(t *testing.T) {
			old := syscall.Umask(mask)
			defer syscall.Umask(old)
			storetest.Modes(t, fresh)
		})
	}
}

// TestEndless has something where the pointer should be that has no end, or never begins.
func TestEndless(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "sparse"), 1<<40))
	f := session(t, dir)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for _, name := range []string{"zero", "pipe", "."} {
		_, err := f.Read(t.Context(), name, 100)
		wantRefused(t, name, err, dir)
	}
	for _, max := range []int64{0, 100, 1 << 20} {
		var large *store.TooLargeError
		if _, err := f.Read(t.Context(), "sparse", max); !errors.As(err, &large) {
			t.Errorf("a file of 1 TB: got error %v, want a *store.TooLargeError", err)
		}
	}
	if _, err := f.ReadDir(t.Context(), "pipe"); err == nil {
		t.Error("a pipe was listed")
	}
	_ = f.Sync(t.Context(), "pipe") // returns
	runtime.ReadMemStats(&after)
	if took, used := time.Since(start), after.TotalAlloc-before.TotalAlloc; took > 10*time.Second || used > 1<<20 {
		t.Errorf("took %v and %d bytes", took, used)
	}
	wantPointerKept(t, f)
}

// wantPointerKept checks that a commit does not touch a pointer that is not a file.
func wantPointerKept(t *testing.T, f posix.FS) {
	t.Helper()
	s := posix.New(f)
	must(t, f.Mkdir(t.Context(), "demo", 0o755))
	must(t, f.Place(t.Context(), "pipe", "demo/version"))
	err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")})
	wantRefused(t, "commit", err, "not a regular file")
	if info, err := f.Lstat(t.Context(), "demo/version"); err != nil || info.Mode.Type() != fs.ModeNamedPipe {
		t.Errorf("the pointer is %v, %v", info.Mode, err)
	}
}

// TestEndlessDevice has a device where a file should be.
func TestEndlessDevice(t *testing.T) {
	testserver.NeedRoot(t)
	dir := t.TempDir()
	if err := syscall.Mknod(filepath.Join(dir, "zero"), syscall.S_IFCHR|0o666, 1<<8|5); err != nil {
		testserver.Skip(t, "make a device: %v", err)
	}
	_, err := session(t, dir).Read(t.Context(), "zero", 100)
	wantRefused(t, "a device", err, "not a regular file")
}
