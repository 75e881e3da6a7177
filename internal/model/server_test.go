package model

import (
	"fmt"
	"strings"
)

// A tag names a release; a greater one is a higher version. none is an absent pointer.
type tag uint8

const (
	none   tag = 0
	maxTag     = 4
	fresh  tag = maxTag // published by nobody but the check that nothing needs unlocking
)

func (t tag) bit() uint8 { return 1 << t }

func (t tag) String() string {
	if t == none {
		return "-"
	}
	return fmt.Sprintf("v%d", uint8(t))
}

// A content is the bytes of a file, or of the manifest of a release with these files. 0 is a file that is not there. Sizes
// tell nothing: all contents have the same. Releases of 1 and 2 have both files, one of onlyA or onlyB has one.
type content uint8

const (
	onlyA content = 3
	onlyB content = 4
)

// files are the names of a release of this content, as bits.
func (c content) files() uint8 {
	switch c {
	case 0:
		return 0
	case onlyA:
		return 1 << fileA
	case onlyB:
		return 1 << fileB
	}
	return bothFiles
}

// Names of a release, as bits. The last one is its manifest; a tombstone is a thing that is no name of it.
const (
	fileA = iota
	fileB
	manifest
	names
	tombstone = names
	things    = names + 1

	bothFiles = 1<<fileA | 1<<fileB
	allNames  = bothFiles | 1<<manifest
)

var nameText = [things]string{"a", "b", "manifest", "tombstone"}

type release struct {
	has  [names]content
	tomb bool
}

// there are the names that exist, as bits.
func (r release) there() (bits uint8) {
	for i, c := range r.has {
		if c != 0 {
			bits |= 1 << i
		}
	}
	return bits
}

type action uint8

const (
	adopt action = iota + 1
	publish
	activate
	rollback
	prune
)

var actionText = [...]string{adopt: "adopt", publish: "publish", activate: "activate", rollback: "rollback", prune: "prune"}

func (a action) String() string { return actionText[a] }

// A mark is what became of a claim. Only pending, the file log/<n>/version, can be seen by processes.
type mark uint8

const (
	pending  mark = 1 << iota
	flipped       // it changed the pointer
	disowned      // its process said that it never will
)

// An entry is one claimed number.
type entry struct {
	act      action
	from, to tag
	tags     uint8 // bits: published, pruned, or found by adopt
	mark     mark
}

const maxLog = 12

type server struct {
	rel     [maxTag + 1]release
	log     [maxLog + 1]entry // from 1
	n       uint8
	pointer tag
}

// add claims the next number.
func (s *server) add(e entry) {
	s.n++
	s.log[s.n] = e
}

// wasLive reports whether entries up to n show that t was live: what takes effect is the from of the entry that follows.
func (s *server) wasLive(t tag, n uint8) bool {
	for _, e := range s.log[1 : n+1] {
		if e.from == t {
			return true
		}
	}
	return false
}

// pruned reports whether the log has a prune of t.
func (s *server) pruned(t tag) bool {
	for _, e := range s.log[1 : s.n+1] {
		if e.act == prune && e.tags&t.bit() != 0 {
			return true
		}
	}
	return false
}

// buried reports whether each prune but the last has its tombstones.
func (s *server) buried() bool {
	for k := uint8(1); k < s.n; k++ {
		for t := range s.rel {
			if s.log[k].act == prune && s.log[k].tags&tag(t).bit() != 0 && !s.rel[t].tomb {
				return false
			}
		}
	}
	return true
}

// effective is the rule by which every reader of the log tells whether change k, of n that it knows, took effect.
func (s *server) effective(k, n uint8, pointer tag) bool {
	if k < n {
		return s.log[k+1].from == s.log[k].to
	}
	return pointer == s.log[k].to
}

func (s *server) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "live %v", s.pointer)
	for t, r := range s.rel {
		if r.there() == 0 && !r.tomb {
			continue
		}
		fmt.Fprintf(&b, " | %v:", tag(t))
		for i, c := range r.has {
			if c != 0 {
				fmt.Fprintf(&b, " %s=%d", nameText[i], c)
			}
		}
		if r.tomb {
			b.WriteString(" tombstone")
		}
	}
	for k := uint8(1); k <= s.n; k++ {
		e := s.log[k]
		fmt.Fprintf(&b, " | %d %v %v>%v", k, e.act, e.from, e.to)
		for t := tag(1); t <= maxTag; t++ {
			if e.tags&t.bit() != 0 {
				fmt.Fprintf(&b, " (%v)", t)
			}
		}
		if e.mark&pending != 0 {
			b.WriteString(" pending")
		}
	}
	return b.String()
}

// A proc is one process: where it is in its program, and what it remembers. What it needs no longer is cleared, so that
// states that differ in nothing that matters are one.
type proc struct {
	pc, plan uint8

	did      uint8   // names that the step under way has done
	n        uint8   // the highest number when it looked
	live     tag     // the pointer when it looked
	to       tag     // what a rollback without a tag chose
	seen     uint8   // names of its release that were there; a prune: that it removes
	content  content // of the manifest that was there
	tomb     bool    // there was a tombstone
	hand     uint8   // releases that were there before the log
	walked   uint8   // names of its release that were
	conflict bool    // a file was there with other bytes
	looked   bool    // the pointer was compared after the fence, ahead of the plan
	refusal  verdict // what it comes to, unless the pointer has changed
	flight   uint8   // the claim whose flip was sent and not answered
}

const maxProcs = 4

// A state is everything. It is comparable and has no padding: the explorer hashes it.
type state struct {
	server
	procs [maxProcs]proc
}
