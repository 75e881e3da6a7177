//go:build power

package power

import (
	"os"
	"strings"
)

var tears = []string{"clean", "half", "bits", "noise"}

// scenes are the classes of device/tests/power_scenes.py. Those that are torn are also cut in the middle of operations. In those
// that are full an application fills the flash, which takes a hundred times as many operations as the client's own.
var scenes = []struct {
	class, modes, says string
	torn, full         bool
}{
	{"Update", "plain trial", "update", true, false},
	{"UpdateFull", "plain trial", "update; the application fills the flash after the cut", false, true},
	{"Crowded", "plain trial", "update; 40 more files in `.ota`, free slots before them", false, false},
	{"Named", "plain trial", "update of the files that boot.py names", false, false},
	{"Conflict", "plain trial", "update that a file of the user is in the way of", false, false},
	{"Refused", "trial", "update without room for copies of the old files: refused", false, false},
	{"RunsOut", "trial", "update, boot, trial runs out", true, false},
	{"RunsOutFull", "trial", "the same; the application fills the flash after the cut", false, true},
	{"RunsOutCrowded", "trial", "the same; 40 more files in `.ota`, free slots before them", false, false},
	{"Resume", "trial", "a download that broke off goes on, trial runs out", true, false},
	{"Revert", "trial", "revert", true, false},
	{"Confirm", "trial", "confirm; after the cut the application is sick", true, false},
}

// oneIn says which part of the operations of recoveries is cut: one in so many, 0 for none. An image of lfs-32 has ten times as
// many operations as one of lfs-256; a torn one is like no other, so that nothing is known of it from another.
func oneIn(flash, tear string, full bool) int {
	switch {
	case full:
		return 200
	case tear == "bits" || tear == "noise" || tear == "half" && flash != "fat":
		return 100
	case os.Getenv("DEVICE_CUTS") == "all" || flash != "lfs-32":
		return 1
	}
	return 50
}

func runs() (all []run) {
	for _, s := range scenes {
		for _, flash := range []string{"lfs-32", "lfs-256"} {
			for mode := range strings.SplitSeq(s.modes, " ") {
				for _, tear := range tears {
					if s.torn || tear == "clean" {
						all = append(all, run{s.class, flash, mode, tear, oneIn(flash, tear, s.full)})
					}
				}
			}
		}
	}
	for _, tear := range tears {
		all = append(all, run{"Update", "fat", "plain", tear, oneIn("fat", tear, false)})
	}
	return all
}

// harmless reports whether the cuts of a run may leave what must not be: on FAT a torn sector of a folder takes files along
// that nobody touched, and no client can save them.
func (r run) harmless() bool { return r.flash == "fat" && (r.tear == "bits" || r.tear == "noise") }

func says(class string) string {
	for _, s := range scenes {
		if s.class == class {
			return s.says
		}
	}
	return class
}
