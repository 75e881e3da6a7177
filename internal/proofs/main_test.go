package proofs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// torture asks for everything, where else a part has to do: make torture.
var torture = flag.Bool("torture", false, "cut connections at every byte")

// program is the otactl binary as make build makes it, built once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "otactl")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/otactl/otactl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// buildDir is on disk: a file system in memory often refuses to run programs.
var buildDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run keeps the folders of the tests in memory if it can: thousands of publishes would else wait for the disk most of
// the time. What a power cut does is proved in store/local.
func run(m *testing.M) int {
	flag.Parse()
	dirs, err := folders()
	for _, dir := range dirs {
		defer os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// folders makes the folders of this run. Other users pass through them: web servers, and those to whom nothing belongs.
func folders() (dirs []string, err error) {
	if buildDir, err = os.MkdirTemp("", "otactl-proofs."); err != nil {
		return nil, err
	}
	dirs = []string{buildDir}
	if dir, ok := memory(); ok {
		dirs = append(dirs, dir)
		if err := os.Setenv("TMPDIR", dir); err != nil {
			return dirs, err
		}
	}
	for _, dir := range dirs {
		if err := os.Chmod(dir, 0o755); err != nil {
			return dirs, err
		}
	}
	return dirs, nil
}

// memory makes a folder in memory, if there is enough of it.
func memory() (dir string, ok bool) {
	const shm = "/dev/shm"
	var disk syscall.Statfs_t
	if err := syscall.Statfs(shm, &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < 1<<30 {
		return "", false
	}
	dir, err := os.MkdirTemp(shm, "otactl-proofs.")
	return dir, err == nil
}

// binary returns the path of the otactl binary.
func binary(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
