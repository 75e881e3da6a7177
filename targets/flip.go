package targets

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// Pauses between two tries grow from the first of these to the second.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// flip lets the pointers change, one target after the other, and again those where it failed but may yet work.
func (r *run) flip(ctx context.Context) {
	var left []*seat
	for _, s := range r.seats {
		if s.waits != nil {
			left = append(left, s)
		}
	}
	left = r.round(ctx, left)
	until, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	for pause := firstPause; len(left) > 0 && sleep(until, pause); pause = min(2*pause, maxPause) {
		left = r.round(ctx, left)
	}
}

// round gives each target its turn, and returns those that should get another one. Targets that can be reached are not kept
// waiting for one that cannot, unless none has changed yet: then waiting costs nothing, and a failure changes nothing.
func (r *run) round(ctx context.Context, seats []*seat) (again []*seat) {
	for i, s := range seats {
		if ctx.Err() != nil {
			return nil
		}
		r.take(ctx, s)
		switch {
		case s.err == nil:
		case mayYetWork(s.err) && !r.begun():
			return append(again, seats[i:]...)
		case mayYetWork(s.err):
			again = append(again, s)
		case !r.begun():
			return nil
		}
	}
	return again
}

// take is the turn of one target.
func (r *run) take(ctx context.Context, s *seat) {
	if isClosed(s.turn) {
		r.attempt(ctx, s)
		return
	}
	close(s.turn)
	<-s.ended
}

// begun reports whether a pointer was changed, or may have been.
func (r *run) begun() bool {
	for _, s := range r.seats {
		if s.waits != nil && isClosed(s.turn) && isClosed(s.ended) && (s.err == nil || s.unknown) {
			return true
		}
	}
	return false
}

// mayYetWork reports whether an error is of the connection.
func mayYetWork(err error) bool {
	_, lost := errors.AsType[*store.ConnError](err)
	_, unknown := errors.AsType[*store.UnknownError](err)
	return lost || unknown
}

// sleep reports whether a pause was over before ctx was.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// report says what became of each target, when all has ended.
func (r *run) report(ctx context.Context) ([]Outcome, error) {
	var failed []error
	outcomes := make([]Outcome, len(r.seats))
	begun, done := r.begun(), true
	for i, s := range r.seats {
		outcomes[i] = r.outcome(ctx, s, begun)
		if s.err != nil && !errors.Is(s.err, errOff) {
			failed = append(failed, &FailedError{s.Name, s.err})
		}
		done = done && outcomes[i].Err == nil
	}
	if done {
		return outcomes, nil
	}
	if !begun {
		return nil, errors.Join(failed...)
	}
	return outcomes, &PartialError{Outcomes: outcomes}
}

func (r *run) outcome(ctx context.Context, s *seat, begun bool) Outcome {
	o := Outcome{Target: s.Name, State: Unchanged, Live: s.plan.From, Err: s.err}
	switch {
	case s.unknown:
		o.State, o.Live = Unknown, ""
		return o
	case s.err != nil:
		return o
	}
	o.Live = s.plan.To
	if begun {
		r.lookAgain(ctx, s, &o)
	}
	if o.Err == nil && o.Live == r.tag.String() {
		o.State = Live
	}
	return o
}

// maxPointer bounds what is read of a pointer, in bytes.
const maxPointer = 1 << 10

// lookAgain finds out whether somebody else has changed a pointer while we were busy with other targets. Of several who change
// several targets at the same time, the last one sees by it whether they have come to the same.
func (r *run) lookAgain(ctx context.Context, s *seat, o *Outcome) {
	pointer, err := s.store.Read(ctx, r.Verify.Project.Pointer(), maxPointer)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // what is done was confirmed
		return
	}
	if live := layout.PointerText(pointer); live != s.plan.To {
		o.State, o.Live, o.Err = Overtaken, live, store.ErrChanged
	}
}
