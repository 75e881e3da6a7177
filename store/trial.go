package store

import (
	"context"
	"io/fs"
	"time"
)

// A Trier can try out whether a release would get to its place, before there is one.
type Trier interface {
	// Try takes, with files of its own, each kind of step that a change of a project takes, and removes the files again,
	// also when ctx has ended. Nothing else is changed: what a project has is neither written to nor replaced, and a publish
	// at the same moment is not disturbed. What it cannot remove, a later publish to the project sweeps. The error is that of
	// the first step, without which no other makes sense; all others are in the trial. now is the clock of this machine.
	Try(ctx context.Context, project string, now func() time.Time) (Trial, error)
}

// A Trial is what came of [Trier.Try].
type Trial struct {
	Root    Detail // the server root
	Project Detail // its folder; its Name is "" if it is not there
	Steps   []Step // that were taken, in the order of their names below

	File   Detail        // a file as devices would find it
	Folder Detail        // a folder, likewise
	Skew   time.Duration // how far the server's clock is ahead of ours, as far as its times tell; 0 if that is next to nothing

	Flat   bool     // there are no folders, and no modes: an object store
	Synced bool     // the server makes durable what it is asked to
	Space  *Space   // nil if it is not known
	Left   []string // what could not be removed
}

// A Step is one kind of step and what came of it.
type Step struct {
	Name StepName
	Err  error // nil if it went as it must
}

// A StepName says what is tried.
type StepName int

const (
	StepWrite   StepName = iota // make a folder and a file in it
	StepPlace                   // give a file its name, but none that is taken
	StepReplace                 // replace a file, as version is
	StepClaim                   // rename a folder, but not onto one with something in it
	StepSync                    // make it durable
)

// Space is the room that is left for us where the server root is.
type Space struct {
	Bytes int64
	Files int64 // how many more can be made; -1 if that is not known
}

// Readable reports whether everybody on the server, such as its web server, can read a file or pass through a folder.
func (d Detail) Readable() bool {
	want := fs.FileMode(0o004)
	if d.Mode.IsDir() {
		want = 0o001
	}
	return d.NoPerm || d.Mode.Perm()&want == want
}
