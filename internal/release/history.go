package release

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
)

// batch is how many log entries are read in one flight. Most questions are about the newest; each further flight brings four
// times as many.
const batch = 32

// A Change is one entry of the log, and what became of it.
type Change struct {
	layout.Entry
	Seq    int
	Effect bool // the pointer became To; true for changes that left it alone
}

// History calls f for every change, newest first, until f returns false. Only what is needed is read.
func (s *State) History(ctx context.Context, f func(Change) (more bool)) error {
	next := s.Live // what the pointer was just after the change that is looked at
	for top, n := s.Seq, batch; top > 0; top, n = top-n, 4*n {
		if err := s.readEntries(ctx, max(1, top-n+1), top); err != nil {
			return err
		}
		for seq := top; seq > 0 && seq > top-n; seq-- {
			e := s.entries[seq]
			if !f(Change{e, seq, e.To == next || e.To == e.From}) {
				return nil
			}
			next = e.From
		}
	}
	return nil
}

// readEntries reads the entries from lo to hi that were not read yet.
func (s *State) readEntries(ctx context.Context, lo, hi int) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8 * batch)
	for seq := lo; seq <= hi; seq++ {
		g.Go(func() error { _, err := s.entry(gctx, seq); return err })
	}
	return g.Wait()
}

// entry returns an entry of the log up to the last one, which is read once.
func (s *State) entry(ctx context.Context, seq int) (layout.Entry, error) {
	s.mu.Lock()
	e, ok := s.entries[seq]
	s.mu.Unlock()
	if ok {
		return e, nil
	}
	e, err := s.readEntry(ctx, seq)
	if errors.Is(err, fs.ErrNotExist) { // a later one is there, and nothing removes entries
		return e, &DamagedError{Name: s.Project.Entry(seq), Err: errors.New("it is not there")}
	}
	if err == nil {
		s.setEntry(seq, e)
	}
	return e, err
}

func (s *State) setEntry(seq int, e layout.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[seq] = e
}

func (s *State) readEntry(ctx context.Context, seq int) (layout.Entry, error) {
	name := s.Project.Entry(seq)
	data, err := s.store.Read(ctx, name, layout.MaxEntry)
	if err != nil {
		return layout.Entry{}, err
	}
	e, err := layout.ParseEntry(data)
	if err != nil {
		return layout.Entry{}, &DamagedError{Name: name, Err: err}
	}
	return e, nil
}

// Recall reads ahead what most questions about the past need: the newest entries of the log, and the manifest of the live
// release. What goes wrong shows when it is asked for.
func (s *State) Recall(ctx context.Context) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { _ = s.readEntries(gctx, max(1, s.Seq-batch+1), s.Seq); return nil })
	if live, ok := s.LiveTag(); ok {
		g.Go(func() error { _, _ = s.Describe(gctx, live); return nil })
	}
	_ = g.Wait() // never fails
}

// WasLive reports whether the tag was ever live since otactl first wrote to the project: whatever was live at some time is
// what a later change found, or is live still.
func (s *State) WasLive(ctx context.Context, t layout.Tag) (was bool, err error) {
	if s.Live == t.String() {
		return true, nil
	}
	err = s.History(ctx, func(c Change) bool {
		was = c.From == t.String()
		return !was
	})
	return was, err
}

// Before returns the release that was live before the live one, as an undo would see it: after a rollback, the one before
// the release that was rolled back to. Pruned releases are passed over. The error is an *[UnknownBeforeError] if there is
// none, or if it was live before otactl first wrote to the project.
func (s *State) Before(ctx context.Context) (layout.Tag, error) {
	target, pruned := s.Live, map[string]bool{}
	var before layout.Tag
	err := s.History(ctx, func(c Change) bool {
		if c.Action == layout.Prune {
			for _, t := range c.Tags {
				pruned[t] = true
			}
		}
		brought := c.Action == layout.Publish || c.Action == layout.Activate
		if !brought || !c.Effect || c.From == c.To || c.To != target {
			return true
		}
		target = c.From
		if pruned[target] {
			return true
		}
		tag, err := layout.ParseTag(target)
		if err == nil {
			before = tag
		}
		return false
	})
	if err != nil {
		return before, err
	}
	if before.IsZero() {
		return before, &UnknownBeforeError{Live: s.Live}
	}
	return before, nil
}
