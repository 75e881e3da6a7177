package power

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/otactl/otactl/internal/proofdoc"
)

// measured is what came of runs.
type measured struct {
	mu sync.Mutex
	of map[run]result
}

func (m *measured) put(r run, c result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.oneIn = 0
	m.of[r] = c
}

func TestPower(t *testing.T) {
	dir := client(t)
	m := &measured{of: map[run]result{}}
	t.Run("cuts", func(t *testing.T) {
		for _, r := range runs() {
			t.Run(strings.Join([]string{r.scene, r.flash, r.mode, r.tear}, "/"), func(t *testing.T) {
				t.Parallel()
				c := r.do(t, dir)
				m.put(r, c)
				if c.cuts == 0 {
					t.Error("nothing was cut")
				}
				if c.bad+c.badNested > 0 && !r.harmless() {
					t.Errorf("%d of %d cuts are bad, %d of %d during recoveries; the first: %s", c.bad, c.cuts, c.badNested, c.nested, c.first)
				}
			})
		}
	})
	if len(m.of) == len(runs()) {
		lfs := m.table("Power cuts", "lfs")
		if all() {
			t.Logf("%s\n%s", lfs.Title, lfs) // another table than that of the gate, which is kept
		} else {
			lfs.Keep(t)
		}
		m.table("Power cuts on FAT", "fat").Keep(t)
	}
}

// table is for docs/DEVICE-PROOFS.md: what was bad is compared, how much there was to cut differs from one MicroPython to the next.
func (m *measured) table(title, flash string) proofdoc.Table {
	a := proofdoc.Table{
		Title:   title,
		Columns: []string{"scene", "mode", "flash", "operations cut", "bad: clean", "half", "bits", "noise", "cut again while recovering", "images", "bad again"},
		Loose:   []string{"operations cut", "cut again while recovering", "images"},
	}
	if flash == "fat" {
		a.Loose = append(a.Loose, "bits", "noise", "bad again")
	}
	for _, r := range runs() {
		if r.tear == "clean" && strings.HasPrefix(r.flash, flash) {
			a.Rows = append(a.Rows, m.row(r))
		}
	}
	return a
}

func (m *measured) row(r run) []string {
	row := []string{says(r.scene), r.mode, r.flash, ""}
	var sum result
	for _, tear := range tears {
		c, ok := m.of[run{r.scene, r.flash, r.mode, tear, 0}]
		if !ok {
			row = append(row, "")
			continue
		}
		row = append(row, strconv.Itoa(c.bad))
		sum.cuts += c.cuts
		sum.nested += c.nested
		sum.allNested += c.allNested
		sum.badNested += c.badNested
		sum.images += c.images
	}
	row[3] = strconv.Itoa(sum.cuts)
	return append(row, fmt.Sprintf("%d of %d", sum.nested, sum.allNested), strconv.Itoa(sum.images), strconv.Itoa(sum.badNested))
}

// What the tests measure against: the same harness must find many bad cuts in a client that does without a journal.
func TestPowerNaive(t *testing.T) {
	t.Parallel()
	a := proofdoc.Table{
		Title:   "A client without a journal",
		Columns: []string{"client", "flash", "operations cut", "bad"},
		Loose:   []string{"operations cut", "bad"},
	}
	for _, flash := range []string{"lfs-32", "lfs-256", "fat"} {
		c := run{"Named", flash, "plain", "clean", 0}.do(t, "naive")
		if 3*c.bad < c.cuts {
			t.Errorf("%s: %d of %d cuts are bad, want a third", flash, c.bad, c.cuts)
		}
		a.Rows = append(a.Rows, []string{"like the original", flash, strconv.Itoa(c.cuts), strconv.Itoa(c.bad)})
	}
	a.Keep(t)
}

// Most of the flash is in use, and each update begins in another state of the folder .ota: what littlefs gives away by mistake
// while it moves a file is missed then.
func TestPowerShift(t *testing.T) {
	dir := client(t)
	for _, flash := range []string{"lfs-32", "lfs-256"} {
		t.Run(flash, func(t *testing.T) {
			t.Parallel()
			out := micropython(t, "power_shift.py", dir, "Wide", flash, "trial", "100", "9")
			if out != "states 100 bad 0\n" {
				t.Error(out)
			}
		})
	}
}

var walks = []struct{ flash, mode, seed, steps string }{
	{"lfs-32", "trial", "1", "800"},
	{"lfs-256", "trial", "2", "800"},
	{"lfs-32", "plain", "3", "400"},
	{"lfs-256", "plain", "4", "400"},
	{"lfs-32", "trial", "101", "400"},
	{"lfs-256", "trial", "109", "400"},
}

func TestPowerWalk(t *testing.T) {
	dir := client(t)
	for _, w := range walks {
		t.Run(strings.Join([]string{w.flash, w.mode, w.seed}, "/"), func(t *testing.T) {
			t.Parallel()
			out := micropython(t, "power_walk.py", dir, w.flash, w.mode, w.seed, w.steps)
			t.Log(strings.TrimSpace(out))
			if !strings.HasPrefix(out, "steps "+w.steps+" ") {
				t.Error(out)
			}
		})
	}
}
