// Package targets makes one change on several targets: everything is there and verified on all of them first, and only then
// the pointers change, one target after the other.
//
// A verb such as publish.Run asks its Check when everything that devices will fetch is on its target, and before the
// pointer is set to it. Here it runs on all targets at the same time, with a Check that reads back what is there (package
// verify) and then waits until every other target has come as far. So what is wrong with one target keeps all pointers where
// they are.
//
// No step can change two servers at once, so between the first pointer and the last something may break. Until one pointer
// has changed, a failure changes nothing anywhere. From then on as many follow as can: what failed is tried again for a while,
// and nothing is changed back, which would send devices to and fro. What is left is in the [Outcome] of each target, and the
// same change again completes it.
//
//	targets.go  what is asked for, and what comes of it
//	ready.go    until all targets have everything
//	flip.go     the pointers, one after the other
package targets

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

// A Target is a server root.
type Target struct {
	Name string                                     // how it is called in errors
	Open func(context.Context) (store.Store, error) // connects to it; called again after a lost connection
}

// A Change is what is to be done on every target.
type Change struct {
	Targets []Target // their pointers change in this order
	// Verb does it on one target: it returns what was planned, after an error too as far as it came.
	Verb func(context.Context, Turn) (release.Plan, error)
	Tag  layout.Tag // becomes live; zero if each target says so itself, and they must agree
	// Verify says by what a release is verified. Its tag is the one that becomes live.
	Verify verify.Request
	// Waits, if there is one, is told that a target has everything and waits for the others.
	Waits func(target int)
	// Ready, if there is one, is asked once, when all targets have the release, and before the first pointer changes.
	Ready func(context.Context, release.Release) error
	// Patience is how long a pointer that could not be changed is tried again.
	Patience time.Duration
}

// A Turn is one run of the verb.
type Turn struct {
	Target int // index
	Store  store.Store
	Tag    layout.Tag                                   // what becomes live, after a first run; before, it is that of the change
	Check  func(context.Context, release.Release) error // for the verb to ask before it changes the pointer
}

// A State says what devices of a target get after a change that was begun.
type State string

const (
	Live      State = "live"      // the release that was asked for
	Unchanged State = "unchanged" // what they got before
	Unknown   State = "unknown"   // the one or the other: the connection was lost at that moment
	Overtaken State = "overtaken" // what somebody else has made live since
)

// An Outcome says what became of one target.
type Outcome struct {
	Target string
	State  State
	Live   string // text of the pointer, as far as it is known
	Err    error  // why the change is not done there; nil if it is
}

// Run makes a change. After nil it is done on all targets. After a *[PartialError] some pointers have changed, or may have,
// and others have not. After any other error no pointer was changed by us; it joins a *[FailedError] for each target that
// something is wrong with, or is a *[DisagreeError], or that of Ready.
func Run(ctx context.Context, c Change) ([]Outcome, error) {
	r := &run{Change: c, off: make(chan struct{})}
	for i, t := range c.Targets {
		r.seats = append(r.seats, newSeat(i, t))
	}
	var running sync.WaitGroup
	for _, s := range r.seats {
		running.Go(func() { r.first(ctx, s) })
	}
	err := r.ready(ctx)
	if err == nil {
		r.flip(ctx)
	}
	close(r.off)
	running.Wait()
	defer r.close()
	if err != nil {
		return nil, err
	}
	return r.report(ctx)
}

// A run is one call of Run.
type run struct {
	Change
	seats []*seat
	off   chan struct{} // closed when no further pointer is to change
	tag   layout.Tag    // what becomes live; set before the first turn
}

// A seat is a target during a run. What is not a channel belongs to whoever runs the verb, and to others when ended is closed.
type seat struct {
	Target
	index int
	came  chan struct{} // closed when the release is there and verified, or the verb has ended
	turn  chan struct{} // closed when the pointer may change
	ended chan struct{} // closed when the first run of the verb has ended
	once  sync.Once     // closes came
	// waits is the release that waits for its turn; nil if the verb ended without asking. It belongs to others when came is closed.
	waits *release.Release

	store   store.Store // nil if it is not open
	plan    release.Plan
	err     error // of the last run of the verb
	unknown bool  // the pointer may have been changed by us, and nobody could look since
}

func newSeat(i int, t Target) *seat {
	return &seat{Target: t, index: i, came: make(chan struct{}), turn: make(chan struct{}), ended: make(chan struct{})}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// attempt runs the verb, on a new connection.
func (r *run) attempt(ctx context.Context, s *seat) {
	s.shut()
	var plan release.Plan
	var st store.Store
	st, s.err = s.Open(ctx)
	if s.err == nil {
		s.store = st
		check := func(ctx context.Context, rel release.Release) error { return r.check(ctx, s, rel) }
		plan, s.err = r.Verb(ctx, Turn{Target: s.index, Store: st, Tag: r.tag, Check: check})
	}
	_, unknown := errors.AsType[*store.UnknownError](s.err)
	s.unknown = s.err != nil && (s.unknown || unknown)
	if plan.Seq > 0 || s.plan.Seq == 0 { // that nothing was left to be done says less than what was done before
		s.plan = plan
	}
}

func (s *seat) shut() {
	if s.store != nil {
		_ = s.store.Close() // what was done is confirmed, and what was not is done again
		s.store = nil
	}
}

func (r *run) close() {
	for _, s := range r.seats {
		s.shut()
	}
}
