package power

import (
	"os"
	"slices"
	"strings"
)

var tears = []string{"clean", "half", "bits", "noise"}

// A scene is a class of device/tests/power_scenes.py.
type scene struct {
	class, modes, says string
	torn               bool // it is also cut in the middle of operations
	again              int  // of the operations of recoveries on lfs-256, one in so many is cut
}

var scenes = []scene{
	{"Update", "plain trial", "update", true, 1},
	{"Crowded", "plain trial", "update; 40 more files in `.ota`, free slots before them", false, 1},
	{"Named", "plain trial", "update of the files that boot.py names", false, 1},
	{"Conflict", "plain trial", "update that a file of the user is in the way of", false, 1},
	{"Refused", "trial", "update without room for copies of the old files: refused", false, 1},
	{"RunsOut", "trial", "update, boot, trial runs out", true, 1},
	{"RunsOutCrowded", "trial", "the same; 40 more files in `.ota`, free slots before them", false, 5},
	{"Resume", "trial", "a download that broke off goes on, trial runs out", false, 5},
	{"Revert", "trial", "revert", true, 1},
	{"Confirm", "trial", "confirm; after the cut the application is sick", true, 1},
}

// full are scenes in which an application fills the flash. That takes a hundred times as many operations as the client's own, which
// are cut like those of a recovery on lfs-32.
var full = []scene{
	{"UpdateFull", "plain trial", "update; the application fills the flash after the cut", false, sample},
	{"RunsOutFull", "trial", "update, boot, trial runs out; the application fills the flash after the cut", false, sample},
}

// sample is the part of the operations of recoveries that is cut where there are too many for all of them: one in so many. An image
// of lfs-32 takes ten times as many operations as one of lfs-256; torn ones are never the same, so that each is a recovery of its own.
const sample = 50

// all reports whether there is time for everything.
func all() bool { return os.Getenv("DEVICE_CUTS") == "all" }

func (s scene) run(flash, mode, tear string) run {
	r := run{s.class, flash, mode, tear, s.again}
	switch {
	case tear == "bits" || tear == "noise" || tear == "half" && flash != "fat":
		r.oneIn = 2 * sample
	case all() && s.again < sample:
		r.oneIn = 1
	case flash == "lfs-32":
		r.oneIn = sample
	}
	return r
}

func runs() (found []run) {
	list := scenes
	if all() {
		list = slices.Concat(scenes, full)
	}
	for _, s := range list {
		for _, flash := range []string{"lfs-32", "lfs-256"} {
			for mode := range strings.SplitSeq(s.modes, " ") {
				for _, tear := range tears {
					if s.torn || tear == "clean" || all() {
						found = append(found, s.run(flash, mode, tear))
					}
				}
			}
		}
	}
	for _, tear := range tears {
		found = append(found, scenes[0].run("fat", "plain", tear))
	}
	return found
}

// harmless reports whether the cuts of a run may leave what must not be: on FAT a torn sector of a folder takes files along
// that nobody touched, and no client can save them.
func (r run) harmless() bool { return r.flash == "fat" && (r.tear == "bits" || r.tear == "noise") }

func says(class string) string {
	for _, s := range slices.Concat(scenes, full) {
		if s.class == class {
			return s.says
		}
	}
	return class
}
