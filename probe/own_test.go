package probe

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

// boot is what a device runs that has otactl's client.
const boot = `import sys
class Reset(BaseException): pass
class Machine:
    def reset(self=None): raise Reset
    soft_reset = reset
sys.modules['machine'] = Machine
import micropython_ota
try:
    micropython_ota.ota_update(sys.argv[1], 'sample', ['boot.py', 'main.py'], timeout=1)
except Reset:
    pass
`

// TestOwn lets the real client of this repository, on the real MicroPython, see the servers of TestVerdicts: the emulation
// comes to the same.
func TestOwn(t *testing.T) {
	python, err := filepath.Abs(micropython)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		testserver.Skip(t, "no %s here: scripts/install-micropython", micropython)
	}
	for _, row := range behaviours {
		t.Run(row.name, func(t *testing.T) {
			files, _ := tagFiles(someFiles)
			if got, told := ownVerdict(t, python, rawServer(t, files, row.b)); got != row.own {
				t.Errorf("%s, want %s\n%s", got, row.own, told)
			}
		})
	}
}

func ownVerdict(t *testing.T, python, base string) (v Verdict, told string) {
	t.Helper()
	dir := t.TempDir()
	sources, err := filepath.Glob("../device/micropython_ota*.py")
	if err != nil || len(sources) == 0 {
		t.Fatal("no client", err)
	}
	for _, name := range sources {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, filepath.Base(name), string(data))
	}
	put(t, dir, "version", "v1.0.0")
	put(t, dir, "device.py", boot)
	for name := range someFiles {
		put(t, dir, name, "old")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "device.py", base)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	old, fresh := 0, 0
	for name, text := range someFiles {
		switch data, err := os.ReadFile(filepath.Join(dir, name)); {
		case err != nil:
			t.Fatal(err)
		case string(data) == "old":
			old++
		case string(data) == text:
			fresh++
		}
	}
	switch len(someFiles) {
	case old:
		return Stays, string(out)
	case fresh:
		return Updates, string(out)
	}
	return Rubbish, string(out)
}
