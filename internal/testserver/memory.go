package testserver

import (
	"os"
	"syscall"
	"testing"
)

// InMemory runs the tests of a package and returns its exit code. Their temporary folders are in memory if there is enough of
// it: thousands of changes would else wait for the disk most of the time. What a power cut does to a server is proved in
// store/local, on a disk.
func InMemory(m *testing.M) (code int) {
	dir, ok := memory()
	if !ok || os.Setenv("TMPDIR", dir) != nil {
		return m.Run()
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in memory
	return m.Run()
}

// memory makes a folder through which other users pass: web servers, and those to whom nothing belongs.
func memory() (dir string, ok bool) {
	const shm = "/dev/shm"
	var disk syscall.Statfs_t
	if err := syscall.Statfs(shm, &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < 1<<30 {
		return "", false
	}
	dir, err := os.MkdirTemp(shm, "otactl-test.")
	if err != nil {
		return "", false
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		_ = os.Remove(dir) // it is empty, and of no use
		return "", false
	}
	return dir, true
}
