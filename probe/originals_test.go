package probe

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the emulations are compared with is the work of others, and no part of this repository:
//
//	requests-N.py   urequests or requests of micropython-lib as in the firmware of row N of generations, from 0
//	client-N.py     micropython_ota.py as in row N of clients, from 0: the last version of those that the row names
var originalsDir = flag.String("originals", "", "compare the emulations with the clients in this folder, on MicroPython")

const micropython = "../.cache/micropython/micropython"

// driver polls, updates, and polls again, as boot.py and main.py of the original's README do.
const driver = `import sys
class Reset(BaseException): pass
class Machine:
    def reset(self=None): raise Reset
    soft_reset = reset
sys.modules['machine'] = Machine
import micropython_ota as m
host, k = sys.argv[1], eval(sys.argv[2])
for f in (m.check_for_ota_update, (host, 'sample')), (m.ota_update, (host, 'sample', ['boot.py', 'main.py'])), (m.check_for_ota_update, (host, 'sample')):
    try:
        f[0](*f[1], **k)
        print('#quiet')
    except Reset:
        print('#reset')
`

// TestOriginals lets the real clients, on the real MicroPython, see the servers of TestVerdicts.
func TestOriginals(t *testing.T) {
	if *originalsDir == "" {
		return // it is asked for by the flag
	}
	python, err := filepath.Abs(micropython)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range behaviours {
		t.Run(row.name, func(t *testing.T) {
			files, _ := tagFiles(someFiles)
			base := rawServer(t, files, row.b)
			for i, g := range generations {
				for j, c := range clients {
					if !g.timeouts && c.timeout || row.name == keptOpenRow && !c.timeout {
						continue // does not run; waits for ever
					}
					want := map[bool]string{false: row.old, true: row.new}[c.staged][i : i+1]
					got, told := realVerdict(t, python, base, i, j)
					if got != want {
						t.Errorf("%s: %s, want %s\n%s", original{c, g}.name(), got, want, told)
					}
				}
			}
		})
	}
}

func realVerdict(t *testing.T, python, base string, i, j int) (verdict, told string) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range [][2]string{
		{"urequests.py", "requests-" + string(rune('0'+i)) + ".py"}, {"micropython_ota.py", "client-" + string(rune('0'+j)) + ".py"},
	} {
		data, err := os.ReadFile(filepath.Join(*originalsDir, f[1]))
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, f[0], string(data))
	}
	put(t, dir, "version", "v1.0.0")
	for name := range someFiles {
		put(t, dir, name, "old")
	}
	put(t, dir, "driver.py", driver)
	options := "{}"
	if clients[j].timeout {
		options = "{'timeout': 1}"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "driver.py", base, options)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	told = string(out)
	if err != nil {
		return err.Error(), told
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
	var polls []string
	for line := range strings.Lines(told) {
		if strings.HasPrefix(line, "#") {
			polls = append(polls, strings.TrimSpace(line))
		}
	}
	switch resets := polls[len(polls)-1] == "#reset"; {
	case old == len(someFiles) && resets || fresh == len(someFiles) && resets:
		return "L", told
	case old == len(someFiles):
		return "S", told
	case fresh == len(someFiles):
		return "U", told
	}
	return "R", told
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
