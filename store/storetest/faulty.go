package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// When says at which moment of a step it stops.
type When string

const (
	Before When = "before" // nothing happens
	After  When = "after"  // it takes effect, and the answer is lost
	Torn   When = "torn"   // of a Write, half of the data arrives; other steps are not stopped
)

// Kind says what follows.
type Kind string

const (
	// Dies: every later call fails too, as after a crash or with a connection that cannot be made again.
	Dies Kind = "dies"
	// FailsOnce: later calls work, so that whoever cleans up can. Before and Torn are a full disk, After is a connection
	// that was lost and made again.
	FailsOnce Kind = "fails once"
)

var errFault = errors.New("stopped by the test")

// A fault is one step of many at which something stops.
type fault struct {
	n    int
	when When
	kind Kind

	mu    sync.Mutex
	count int
	dead  bool
	fault string
}

// A FaultyFS stops at one step. It implements [posix.FS].
type FaultyFS struct {
	tapped
	fault
}

// Faulty makes a folder tree that stops at the n-th call that writes, counted from 1. Steps that are under way at the same
// time end as they would.
func Faulty(tree posix.FS, n int, when When, kind Kind) *FaultyFS {
	f := &FaultyFS{fault: fault{n: n, when: when, kind: kind}}
	f.tapped = tapped{FS: tree, write: f.step, look: f.fault.look}
	return f
}

// Count is the number of calls so far that write. If it stays below n, there was no such step.
func (f *fault) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Fault says where it stopped, and is empty if it did not.
func (f *fault) Fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// past reports whether there was no n-th step.
func (f *fault) past() bool { return f.Count() < f.n }

func (f *fault) look() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return lost()
	}
	return nil
}

func (f *FaultyFS) step(ctx context.Context, s step) error {
	stop, err := f.next(s.String(), s.half != nil)
	if err != nil {
		return err
	}
	if !stop {
		return s.run(ctx)
	}
	switch f.when {
	case After:
		// The step happens although nobody waits for it. One that would not have worked gives its own answer.
		if err := s.run(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		return lost()
	case Torn:
		_ = s.half(context.WithoutCancel(ctx))
	}
	if f.kind == Dies {
		return lost()
	}
	return &store.RefusedError{Target: "the test", Err: fmt.Errorf("%s: %w", s, syscall.ENOSPC)}
}

// next counts a step, of which half may be possible, and reports whether it is the one to stop at.
func (f *fault) next(step string, half bool) (stop bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false, lost()
	}
	f.count++
	if f.count != f.n || f.when == Torn && !half {
		return false, nil
	}
	f.fault = fmt.Sprintf("step %d: %s %s, %s", f.n, f.when, step, f.kind)
	f.dead = f.kind == Dies
	return true, nil
}

func lost() error { return &store.ConnError{Target: "the test", Err: errFault} }
