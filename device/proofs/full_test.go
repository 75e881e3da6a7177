package proofs

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/proofdoc"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// TestFullFlash fills the flash of a board at every point: before an update, at each of its operations, and at each of those
// of the starts after it. The board always runs a whole version, and the right one when there is room again: the new one, or the old
// one if the new one was never confirmed.
func TestFullFlash(t *testing.T) {
	cases := []struct{ mode, when, says string }{
		{"plain", "before", "so many blocks are free when a plain update begins"},
		{"plain", "at", "at each operation of a plain update"},
		{"trial", "before", "so many blocks are free when an update on trial begins"},
		{"trial", "at", "at each operation of an update on trial"},
		{"trial", "after", "at each operation of the starts after it, until it is confirmed"},
		{"bad", "at", "at each operation of an update that is not confirmed"},
		{"bad", "after", "at each operation of the starts after it, until it is reverted"},
	}
	table := proofdoc.Table{
		Title:   "A full flash",
		Columns: []string{"the flash becomes full", "points", "a mixture", "resets for ever", "not the right version later"},
		Loose:   []string{"points"},
	}
	table.Rows = make([][]string, len(cases))
	t.Run("when", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.mode+"/"+c.when, func(t *testing.T) {
				t.Parallel()
				table.Rows[i] = append([]string{c.says}, testFull(t, c.mode, c.when)...)
			})
		}
	})
	if !slices.ContainsFunc(table.Rows, func(row []string) bool { return row == nil }) {
		table.Keep(t)
	}
}

// testFull returns how many points there were, and how many of them were bad in each way.
func testFull(t *testing.T, mode, when string) (counts []string) {
	t.Helper()
	isOld, isNew := digest(running("v1.0.0", oldFiles)), digest(running("v1.0.1", newFiles))
	want := isNew
	if mode == "bad" {
		want = isOld
	}
	oldSite := newSite(t, release(t, layout.Prefix, "v1.0.0", oldFiles), pointer("v1.0.0"))
	newSite := newSite(t, release(t, layout.Prefix, "v1.0.1", newFiles), pointer("v1.0.1"))
	b := newBoard(t, client(t), tree{"boot.py": bootPy})
	program := abs(t, "../tests/full.py")
	out, err := python(t, b.dir, 2000, program, oldSite.URL, newSite.URL, b.dir, mode, when)
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(out))
	}
	points, mixtures, loops, wrong := 0, 0, 0, 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) != 6 || words[0] != "#point" {
			continue
		}
		points++
		if words[2] != isOld && words[2] != isNew {
			mixtures++
			t.Errorf("point %s: a mixture while the flash is full", words[1])
		}
		if words[3] != want {
			wrong++
			t.Errorf("point %s: not the right version when there is room again", words[1])
		}
		if words[4] == "4" {
			loops++
			t.Errorf("point %s: resets for ever", words[1])
		}
	}
	if points < 5 {
		t.Errorf("%d points\n%s", points, tail(out))
	}
	return []string{fmt.Sprint(points), fmt.Sprint(mixtures), fmt.Sprint(loops), fmt.Sprint(wrong)}
}

// digest is that of tests/full.py.
func digest(files tree) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\n%s%d", path, files[path], len(files[path]))
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// TestNoRoom asks a board for more than fits: it does not begin.
func TestNoRoom(t *testing.T) {
	s := newSite(t, release(t, layout.Prefix, "v1.0.1", tree{"a.bin": large(60), "b.bin": large(60)}), pointer("v1.0.1"))
	s.spoil(nil)
	b := &board{dir: testserver.SmallDisk(t, 160<<10), heap: 64}
	flash := client(t).with(conf(s.URL)).with(tree{"boot.py": bootPy, "version": "v1.0.0"})
	b.write(t, flash)
	b.start(t, 3)
	if diff := differ(b.files(t), conf(s.URL).with(tree{"boot.py": bootPy, "version": "v1.0.0"})); diff != "" {
		t.Error(diff)
	}
	log, _, _ := s.seen()
	for _, r := range log {
		if strings.HasSuffix(r.path, ".bin") {
			t.Errorf("asked for %s", r.path)
		}
	}
	if len(log) < 2 {
		t.Errorf("%d requests", len(log))
	}
}
