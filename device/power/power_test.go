//go:build power

package power

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var write = flag.Bool("write-proofs", false, "write what was measured to docs/DEVICE-PROOFS.md")

const sample = 60 // cuts during the recoveries of a scene

var (
	tears  = []string{"clean", "half", "bits", "noise"}
	scenes = []struct {
		class, modes, says string
		torn               bool
	}{
		{"Update", "plain trial", "update", true},
		{"UpdateFull", "plain trial", "update; the application fills the flash after the cut", false},
		{"Crowded", "plain trial", "update; 40 more files in `.ota`, free slots before them", false},
		{"Named", "plain trial", "update of the files that boot.py names", false},
		{"Conflict", "plain trial", "update that a file of the user is in the way of", false},
		{"RunsOut", "trial", "update, boot, trial runs out", true},
		{"RunsOutFull", "trial", "the same; the application fills the flash after the cut", false},
		{"RunsOutCrowded", "trial", "the same; 40 more files in `.ota`, free slots before them", false},
		{"Resume", "trial", "a download that broke off goes on, trial runs out", true},
		{"Revert", "trial", "revert", true},
		{"Confirm", "trial", "confirm; after the cut the application is sick", true},
	}
)

// A table is what was measured, by run.
type table struct {
	mu sync.Mutex
	of map[run]result
}

func (a *table) put(r run, c result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.nested = 0
	a.of[r] = c
}

func runs() (all []run) {
	for _, s := range scenes {
		for _, flash := range []string{"lfs-32", "lfs-256"} {
			for mode := range strings.SplitSeq(s.modes, " ") {
				all = append(all, run{s.class, flash, mode, "clean", sample})
				for _, tear := range tears[1:] {
					if s.torn {
						all = append(all, run{s.class, flash, mode, tear, 0})
					}
				}
			}
		}
	}
	for _, tear := range tears {
		all = append(all, run{"Update", "fat", "plain", tear, 0})
	}
	return all
}

// harmless reports whether the cuts of a run may leave what must not be: on FAT a torn sector of a folder takes files along
// that nobody touched, and no client can save them.
func (r run) harmless() bool { return r.flash == "fat" && (r.tear == "bits" || r.tear == "noise") }

func TestPower(t *testing.T) {
	dir := client(t)
	measured := &table{of: map[run]result{}}
	t.Run("cuts", func(t *testing.T) {
		for _, r := range runs() {
			t.Run(strings.Join([]string{r.scene, r.flash, r.mode, r.tear}, "/"), func(t *testing.T) {
				t.Parallel()
				c := r.do(t, dir)
				measured.put(r, c)
				if c.cuts == 0 {
					t.Error("nothing was cut")
				}
				if c.bad+c.badNested > 0 && !r.harmless() {
					t.Errorf("%d of %d cuts are bad, %d of %d during recoveries; the first: %s", c.bad, c.cuts, c.badNested, c.nested, c.first)
				}
			})
		}
	})
	if !t.Failed() && len(measured.of) == len(runs()) {
		keep(t, "Power cuts", measured.text())
	}
}

// text is the table for docs/DEVICE-PROOFS.md.
func (a *table) text() string {
	var b strings.Builder
	b.WriteString("| scene | mode | flash | operations cut | bad: clean | half | bits | noise | cut again while recovering | bad |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range runs() {
		if r.tear != "clean" {
			continue
		}
		c := a.of[run{r.scene, r.flash, r.mode, "clean", 0}]
		fmt.Fprintf(&b, "| %s | %s | %s | %d |", says(r.scene), r.mode, r.flash, c.cuts)
		for _, tear := range tears {
			if torn, ok := a.of[run{r.scene, r.flash, r.mode, tear, 0}]; ok {
				fmt.Fprintf(&b, " %d |", torn.bad)
				continue
			}
			b.WriteString(" |")
		}
		if c.allNested == 0 {
			b.WriteString(" | |\n")
			continue
		}
		fmt.Fprintf(&b, " %d of %d | %d |\n", c.nested, c.allNested, c.badNested)
	}
	return b.String()
}

func says(class string) string {
	for _, s := range scenes {
		if s.class == class {
			return s.says
		}
	}
	return class
}

// What the tests measure against: the same harness must find many bad cuts in a client that does without a journal.
func TestPowerNaive(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| client | flash | operations cut | bad |\n|---|---|---|---|\n")
	for _, flash := range []string{"lfs-32", "lfs-256", "fat"} {
		c := run{"Named", flash, "plain", "clean", 0}.do(t, "naive")
		if 3*c.bad < c.cuts {
			t.Errorf("%s: %d of %d cuts are bad, want a third", flash, c.bad, c.cuts)
		}
		fmt.Fprintf(&b, "| like the original | %s | %d | %d |\n", flash, c.cuts, c.bad)
	}
	keep(t, "A client without a journal", b.String())
}

var walks = []struct{ flash, mode, seed, steps string }{
	{"lfs-32", "trial", "1", "800"},
	{"lfs-256", "trial", "2", "800"},
	{"lfs-32", "plain", "3", "400"},
	{"lfs-256", "plain", "4", "400"},
}

func TestPowerWalk(t *testing.T) {
	dir := client(t)
	for _, w := range walks {
		t.Run(w.flash+"/"+w.mode, func(t *testing.T) {
			t.Parallel()
			out := micropython(t, "power_walk.py", dir, w.flash, w.mode, w.seed, w.steps)
			t.Log(strings.TrimSpace(out))
			if !strings.HasPrefix(out, "steps "+w.steps+" ") {
				t.Error(out)
			}
		})
	}
}

const proofs = "../../docs/DEVICE-PROOFS.md"

var writing sync.Mutex

// keep compares what was measured with what is written, or writes it. How many operations there are differs a little from one
// MicroPython to the next, so that only the rows and what was bad are compared.
func keep(t testing.TB, title, text string) {
	t.Helper()
	writing.Lock()
	defer writing.Unlock()
	doc, err := os.ReadFile(proofs)
	if err != nil {
		t.Fatal(err)
	}
	from, to := "<!-- "+title+" -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(string(doc), from)
	kept, tail, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q", proofs, from)
	}
	if *write {
		if err := os.WriteFile(proofs, []byte(head+from+text+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !slices.Equal(verdicts(kept), verdicts(text)) {
		t.Errorf("%s is not what was measured: go test ./device/power -write-proofs\n%s", proofs, text)
	}
}

// verdicts are the rows of a table without the numbers that only say how much was tried.
func verdicts(text string) (rows []string) {
	for row := range strings.Lines(text) {
		cells := strings.Split(row, "|")
		for i, cell := range cells {
			if strings.Contains(cell, " of ") && strings.Trim(cell, " 0123456789of") == "" || i == 4 && len(cells) > 6 || i == 3 && len(cells) <= 6 {
				cells[i] = ""
			}
			if strings.Contains(row, "| fat |") && (i == 7 || i == 8) || len(cells) <= 6 && i == 4 {
				cells[i] = ""
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return rows
}
