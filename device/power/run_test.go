//go:build power

package power

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

const (
	tools    = "../../.cache/micropython" // where scripts/install-micropython puts them
	patience = 15 * time.Minute
)

// A run cuts the power in one scene, in one way.
type run struct {
	scene, flash, mode, tear string
	nested                   int // how many cuts to make during recoveries
}

// A result is how many cuts there were and how many left what must not be.
type result struct {
	cuts, bad, nested, allNested, badNested int
	first                                   string // how the first bad one came about
}

func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(tools, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		testserver.Skip(t, "no %s here: scripts/install-micropython", name)
	}
	return path
}

// micropython runs one of the programs in device/tests and returns what it printed.
func micropython(t testing.TB, args ...string) string {
	t.Helper()
	limit := patience
	if os.Getenv("DEVICE_CUTS") == "all" {
		limit = 12 * time.Hour
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "micropython"), append([]string{"-X", "heapsize=24M"}, args...)...)
	cmd.Dir = "../tests"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// do runs r with the client in a folder. Without MicroPython the test ends as by [testserver.Skip].
func (r run) do(t testing.TB, client string) result {
	t.Helper()
	if r.nested > 0 && os.Getenv("DEVICE_CUTS") == "all" {
		r.nested = 1 << 30
	}
	out := micropython(t, "power.py", client, r.scene, r.flash, r.mode, r.tear, fmt.Sprint(r.nested))
	var c result
	counts, first, _ := strings.Cut(out, "\nfirst ")
	_, err := fmt.Sscanf(counts, "cuts %d bad %d nested %d of %d bad %d", &c.cuts, &c.bad, &c.nested, &c.allNested, &c.badNested)
	if err != nil {
		t.Fatalf("%v: %v in %q", r, err, out)
	}
	c.first = first
	return c
}

// ours is the folder of the client, compiled, as it is imported at each of a hundred thousand starts.
var ours = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "otactl-power") })

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := ours(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// source returns the source of a part of the client.
func source(t testing.TB, part string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", part+".py"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compile puts a client of these sources into a folder, by the names of its parts.
func compile(t testing.TB, dir string, sources map[string]string) string {
	t.Helper()
	for part, text := range sources {
		py := filepath.Join(t.TempDir(), part+".py")
		if err := os.WriteFile(py, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool(t, "mpy-cross"), py, "-o", filepath.Join(dir, part+".mpy")).CombinedOutput()
		if err != nil {
			t.Fatalf("mpy-cross %s: %v\n%s", part, err, out)
		}
	}
	return dir
}

const (
	bootPart = "micropython_ota"
	netPart  = "micropython_ota_net"
)

func client(t testing.TB) string {
	t.Helper()
	dir, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, dir, map[string]string{bootPart: source(t, bootPart), netPart: source(t, netPart)})
}
