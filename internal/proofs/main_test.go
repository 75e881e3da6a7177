package proofs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
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

// run makes the folder for the binary and lets other users pass through it: those to whom nothing belongs.
func run(m *testing.M) int {
	flag.Parse()
	var err error
	if buildDir, err = os.MkdirTemp("", "otactl-proofs."); err == nil {
		defer os.RemoveAll(buildDir)
		err = os.Chmod(buildDir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return testserver.InMemory(m)
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
