package proofs

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// TestFullFlash fills the flash of a board at every point: before an update, at each of its operations, and at each of those
// of the starts after it. The board always runs a whole version, and the right one when there is room again: the new one, or the old
// one if the new one was never confirmed.
func TestFullFlash(t *testing.T) {
	for _, c := range []struct{ mode, when string }{
		{"plain", "before"},
		{"plain", "at"},
		{"trial", "before"},
		{"trial", "at"},
		{"trial", "after"},
		{"bad", "at"},
		{"bad", "after"},
	} {
		t.Run(c.mode+"/"+c.when, func(t *testing.T) { testFull(t, c.mode, c.when) })
	}
}

func testFull(t *testing.T, mode, when string) {
	t.Parallel()
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
	points := 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) != 6 || words[0] != "#point" {
			continue
		}
		points++
		if words[2] != isOld && words[2] != isNew {
			t.Errorf("point %s: a mixture while the flash is full", words[1])
		}
		if words[3] != want {
			t.Errorf("point %s: not the right version when there is room again", words[1])
		}
		if words[4] == "4" {
			t.Errorf("point %s: resets for ever", words[1])
		}
	}
	t.Logf("%d points", points)
	if points < 5 {
		t.Errorf("%d points\n%s", points, tail(out))
	}
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
