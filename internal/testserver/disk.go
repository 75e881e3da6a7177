package testserver

import (
	"fmt"
	"syscall"
	"testing"
)

// SmallDisk returns an empty folder on a file system of its own that has room for size bytes, in pages of 4096. Without
// root the test ends as by [Skip].
func SmallDisk(t testing.TB, size int64) string {
	t.Helper()
	NeedRoot(t)
	dir := tempDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", size)); err != nil {
		Skip(t, "mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}
