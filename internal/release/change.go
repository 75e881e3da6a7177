package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// Who says who makes a change, and when, for the log.
type Who struct {
	Time   time.Time
	By     string // user@host, or the CI job
	Note   string
	Commit string
	URL    string
}

// A Plan is what a verb changes on the server, or would change.
type Plan struct {
	Action layout.Action
	Seq    int               // number of the log entry; 0 if nothing is to be changed
	Adopts bool              // the project is adopted first, by entry 1
	Adopt  []layout.HandMade // the releases that it had before
	Create []Item
	Remove []Item
	From   string // text of the pointer before
	To     string // text of the pointer after
}

// Item is an object that a plan creates or removes.
type Item struct {
	Name string // relative to the server root
	Size int64  // bytes
}

// Plan begins the plan of a change that makes a tag live, or leaves the pointer alone if the tag is zero.
func (s *State) Plan(a layout.Action, to layout.Tag) Plan {
	p := Plan{Action: a, Seq: s.Seq + 1, Adopts: s.Seq == 0, From: s.Live, To: s.Live}
	if p.Adopts {
		p.Seq, p.Adopt = 2, s.Adopted
	}
	if !to.IsZero() {
		p.To = to.String()
	}
	return p
}

// Adopt takes over what the project had before otactl first wrote to it. It must come before the first object is created:
// else a first publish that is interrupted would leave files that look hand-made.
func (s *State) Adopt(ctx context.Context, who Who) error {
	if s.Seq > 0 {
		return nil
	}
	who.Note = ""
	return s.Commit(ctx, layout.Entry{Action: layout.Adopt, Tags: s.proven, Releases: s.Adopted}, layout.Tag{}, who)
}

// Commit makes one change: it claims the next number for the entry, and makes the tag live unless it is zero. Before it,
// the tombstones of the change before are completed. Its errors are those of [store.Store.Commit].
func (s *State) Commit(ctx context.Context, e layout.Entry, to layout.Tag, who Who) error {
	c := s.change()
	e, err := s.complete(ctx, &c, e, to, who)
	if err != nil {
		return err
	}
	return s.commit(ctx, c, &e)
}

// A Decision is what a change comes to.
type Decision struct {
	Entry layout.Entry
	To    layout.Tag // becomes live, and is not live yet
}

// Decide is Commit for a change that is decided while it is being prepared, with the objects that it needs if none of them is
// there. If decide fails, nothing is changed, and its error is returned.
func (s *State) Decide(ctx context.Context, objects []store.Object, who Who, decide func(context.Context) (Decision, error)) error {
	c := s.change()
	c.Objects = objects
	var entry layout.Entry
	c.Plan = func(ctx context.Context, c *store.Commit) error {
		d, err := decide(ctx)
		if err == nil {
			entry, err = s.complete(ctx, c, d.Entry, d.To, who)
		}
		return err
	}
	return s.commit(ctx, c, &entry)
}

func (s *State) change() store.Commit {
	return store.Commit{Project: string(s.Project), Seq: s.Seq + 1, Old: s.Pointer}
}

// complete says in c what is to be changed.
func (s *State) complete(ctx context.Context, c *store.Commit, e layout.Entry, to layout.Tag, who Who) (layout.Entry, error) {
	e.Time = who.Time.UTC().Truncate(time.Second)
	e.By, e.Note, e.Commit, e.URL = who.By, who.Note, who.Commit, who.URL
	e.From, e.To = s.Live, s.Live
	if !to.IsZero() && to.String() != s.Live {
		e.To, c.Next = to.String(), layout.PointerContent(to)
	}
	if c.Entry = e.Bytes(); len(c.Entry) > layout.MaxEntry { // nobody could read it, and so nobody could change the project again
		return e, fmt.Errorf("log entry of %s: %d bytes, and %d are the limit", e.Action, len(c.Entry), layout.MaxEntry)
	}
	return e, s.Bury(ctx)
}

func (s *State) commit(ctx context.Context, c store.Commit, e *layout.Entry) error {
	if err := s.store.Commit(ctx, c); err != nil {
		return err
	}
	s.Seq++
	s.setEntry(s.Seq, *e)
	if e.To != s.Live {
		s.Live, s.Pointer = e.To, []byte(e.To+"\n")
	}
	return nil
}

// attempts bounds how often a change is planned. Each time that it comes to nothing, somebody else has made a change.
const attempts = 50

// Attempt plans and makes a change, and does it again from the start whenever somebody else changed the project in
// between: also if the plan came to a refusal, which may be about what was. The last such error is returned as a
// *[BusyError].
func Attempt(ctx context.Context, st store.Store, p layout.Project, change func(*State) error) error {
	var err error
	for range attempts {
		s, loadErr := Load(ctx, st, p)
		if loadErr != nil {
			return loadErr
		}
		err = change(s)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrFenced) && !s.outdated(ctx, err) {
			return err
		}
	}
	return &BusyError{Project: p, By: lastBy(ctx, st, p), Err: err}
}

// outdated reports whether a refusal was planned on a pointer that has changed since. The pointer is read beside the
// log, not after it, which costs nothing where it matters: a commit compares it again.
func (s *State) outdated(ctx context.Context, err error) bool {
	var unfinished *UnfinishedError
	if errors.As(err, &unfinished) { // as a release is while somebody prunes it, which leaves the pointer alone
		seq, readErr := s.lastSeq(ctx)
		return readErr == nil && seq != s.Seq
	}
	if !refusal(err) {
		return false
	}
	pointer, readErr := s.store.Read(ctx, s.Project.Pointer(), maxPointer)
	return absentIsNil(readErr) == nil && !bytes.Equal(pointer, s.Pointer)
}

func lastBy(ctx context.Context, st store.Store, p layout.Project) (by string) {
	s, err := Load(ctx, st, p)
	if err != nil {
		return ""
	}
	_ = s.History(ctx, func(c Change) bool { by = c.By; return false }) // it is only a courtesy
	return by
}
