package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// Commit implements store.Store: the one place where a pointer changes.
//
// Where a folder tree has renames, a bucket has one step for each object: a write with a condition, which the store checks
// together with the write. Change m is made so (n = m-1):
//
//	look   at entry n and at the pointer. Unless change n has taken effect, cannot, or is older than the window: wait
//	claim  PUT entry m, If-None-Match: *
//	flip   PUT version, If-Match: the entity tag that look saw; once, and no later than the window after it
//
// Why the pointer is safe. Of many claims the store lets one through, so numbers are claimed by one publisher each, in order.
// Of many flips that start from one content, the store lets one through: whoever comes later has an entity tag that is
// not there any more. So no update is lost, whatever is paused, killed or cut off, and whatever any clock says.
//
// Why the log tells the truth. Entry m says from which pointer change m started, and readers of the log take from it whether
// change n took effect. So n must not flip after m has looked. It cannot be fenced, as a folder tree can: nothing that m
// could do to a second object stops a PUT of the first. Hence the window, which bounds every flip by the look before it:
// n looked before it claimed, m sees the claim, and a window after that n has flipped or never will. Publishers
// that are not interrupted flip some milliseconds after their claim, and m waits for that only.
//
// What remains: a flip that was sent within the window and that the network or the store holds back for longer than m waits.
// If m has not changed the pointer yet, it takes effect and the log says that it did not; if the pointer is by then back at
// the content that it started from (A, B, A: a publish and a rollback), it takes effect again, because the entity tag of
// equal bytes is equal on most stores. Devices get a whole release that somebody wanted to be live, later than he
// wanted, and the next change notices, as it notices a change by hand. In any other case its condition stops it. The bound is
// that of signatures, which a store takes for 15 minutes: a flip is signed within the window, and not sent if it is too late by
// then. internal/model/bucket has both in all orders of steps.
//
// Answers that are lost. Entry and pointer carry a random word of the write that made them. Reading it back tells our own
// write from another one with equal bytes. A claim that is not there is sent once more. A flip is not: two of them could be
// under way, and the second one undo a rollback that came after the first. The pointer is looked at until the flip has come or
// cannot come any more, and then the verb plans again.
func (s *Store) Commit(ctx context.Context, c store.Commit) error {
	if err := s.prepare(ctx, &c); err != nil {
		return err
	}
	if len(c.Objects) > 0 {
		if err := s.create(ctx, c.Objects); err != nil {
			return err
		}
	}
	live, err := s.look(ctx, c)
	if err != nil {
		return err
	}
	writer := rand.Text()
	if err := s.claim(ctx, c, writer); err != nil || c.Next == nil {
		return err
	}
	return s.flip(ctx, c, live, writer)
}

// prepare plans while the store is proved: nothing is written yet.
func (s *Store) prepare(ctx context.Context, c *store.Commit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return s.prove(ctx, c.Project) })
	if c.Plan != nil {
		g.Go(func() error { return c.Plan(ctx, c) })
	}
	return g.Wait()
}

// A sight is what a look at the pointer has seen.
type sight struct {
	etag string // "" if it is absent
	by   string // the word of its writer
	at   time.Time
}

// since is how long ago it was, also if this machine slept meanwhile: its monotonic clock may have stood still.
func (p sight) since() time.Duration {
	return max(time.Since(p.at), time.Now().Round(0).Sub(p.at.Round(0)))
}

// look returns the pointer if it is the one that was planned on, when the change before has taken effect or never will.
func (s *Store) look(ctx context.Context, c store.Commit) (p sight, err error) {
	var settled bool
	var g errgroup.Group
	start := time.Now()
	g.Go(func() (err error) { settled, err = s.settled(ctx, c, start); return err })
	g.Go(func() (err error) { p, err = s.pointer(ctx, c); return err })
	err = g.Wait()
	for end := time.Now().Add(s.o.Wait); err == nil && !settled; {
		settled = time.Now().After(end) // and one look after that
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-time.After(s.o.Wait / 100):
		}
		if err = s.vacant(ctx, c); err == nil {
			p, err = s.pointer(ctx, c)
		}
	}
	return p, err
}

// vacant returns ErrChanged if the number is taken.
func (s *Store) vacant(ctx context.Context, c store.Commit) error {
	_, err := s.head(ctx, entry(c, c.Seq))
	if err == nil {
		return store.ErrChanged
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.explain(ctx, "look at", entry(c, c.Seq), err)
}

// pointer looks whether the pointer is the one that was planned on.
func (s *Store) pointer(ctx context.Context, c store.Commit) (sight, error) {
	p := sight{at: time.Now()} // before it is asked for
	data, info, err := s.get(ctx, c.Pointer(), int64(len(c.Old)))
	p.etag, p.by = info.ETag, info.UserMetadata[metaWriter]
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Old == nil:
		return sight{at: p.at}, nil
	case errors.Is(err, fs.ErrNotExist), is[*store.TooLargeError](err):
		return p, store.ErrChanged
	case err != nil:
		return p, s.explain(ctx, "read", c.Pointer(), err)
	case c.Old == nil || !bytes.Equal(data, c.Old):
		return p, store.ErrChanged
	}
	return p, nil
}

// settled reports whether the change before could not flip any more at that time, if the pointer is the one planned on.
func (s *Store) settled(ctx context.Context, c store.Commit, at time.Time) (bool, error) {
	if c.Seq <= 1 {
		return true, nil
	}
	name := entry(c, c.Seq-1)
	info, err := s.head(ctx, name)
	if errors.Is(err, fs.ErrNotExist) { // somebody else than otactl has made this log
		return true, nil
	}
	if err != nil {
		return false, s.explain(ctx, "look at", name, err)
	}
	next, flips := info.UserMetadata[metaNext]
	age := at.Sub(info.LastModified) + time.Duration(s.skew.Load()) // by the server's clock, of which we know the seconds
	if !flips || next == sum(c.Old) || age > s.o.Wait+2*time.Second {
		return true, nil
	}
	return false, s.vacant(ctx, c) // else it is waited for
}

func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// entry is the name of the entry of a change.
func entry(c store.Commit, seq int) string { return path.Join(c.Claim(seq), "entry") }

// claim takes the number. An entry that is there is ours if we were its writer: two publishers may have equal bytes.
func (s *Store) claim(ctx context.Context, c store.Commit, writer string) error {
	o := store.Object{Name: entry(c, c.Seq), Data: c.Entry}
	meta := map[string]string{metaWriter: writer}
	if c.Next != nil {
		meta[metaNext] = sum(c.Next)
	}
	var err error
	for n := range attempts {
		err = s.put(ctx, o, absent, meta)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !lost(err) && !errors.Is(err, errUnmet) {
			break
		}
		found, lookErr := s.head(ctx, o.Name)
		switch {
		case lookErr == nil && found.UserMetadata[metaWriter] == writer:
			return nil
		case lookErr == nil:
			return store.ErrChanged
		case !errors.Is(lookErr, fs.ErrNotExist):
			return s.explain(ctx, "look at", o.Name, lookErr)
		}
		s.pause(ctx, n)
	}
	if errors.Is(err, errUnmet) { // it comes and goes
		return store.ErrChanged
	}
	return s.explain(ctx, "put", o.Name, err)
}

// errLate is why a change of the pointer is given up.
var errLate = errors.New("it took too long to change version safely, so it was left alone")

// flip changes the pointer that was seen, within the window. Nobody can call it back, so it is under way once at most.
func (s *Store) flip(ctx context.Context, c store.Commit, live sight, writer string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx = context.WithoutCancel(ctx)
	o := store.Object{Name: c.Pointer(), Data: c.Next}
	when := absent
	if live.etag != "" {
		when = unchanged(live.etag)
	}
	var err error = &lostError{errLate}
	for n := 0; n < attempts && live.since() < s.o.Window; n++ {
		timed, cancel := context.WithTimeoutCause(ctx, s.o.Window-live.since(), errLate)
		err = s.put(timed, o, when, map[string]string{metaWriter: writer})
		cancel()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errUnmet), lost(err) && !declined(err):
			return s.settle(ctx, c, live, writer, err)
		case !lost(err):
			return s.explain(ctx, "put", o.Name, err)
		}
		s.pause(ctx, n)
	}
	return s.explain(ctx, "put", o.Name, err)
}

// settle finds out whether the pointer is ours, after an answer that was lost or that said that it is not what was seen. If it is
// still what was seen, our request may be on its way: until it cannot be any more, that is looked at again.
func (s *Store) settle(ctx context.Context, c store.Commit, live sight, writer string, cause error) error {
	for {
		end := live.since() > s.o.Wait
		found, err := s.head(ctx, c.Pointer())
		if errors.Is(err, fs.ErrNotExist) {
			found.ETag, err = "", nil
		}
		switch {
		case err == nil && found.UserMetadata[metaWriter] == writer:
			return nil
		case err == nil && errors.Is(cause, errUnmet) && found.ETag == live.etag && found.UserMetadata[metaWriter] == live.by:
			return s.explain(ctx, "put", c.Pointer(), &TagError{found.ETag}) // to plan again would end in the same
		case err == nil && errors.Is(cause, errUnmet):
			return store.ErrFenced
		case err == nil && end && found.ETag == live.etag && s.flipsLost.Add(1) < attempts:
			return store.ErrFenced
		case err == nil && end && found.ETag == live.etag: // each time takes a number, and as long as we wait
			return s.explain(ctx, "put", c.Pointer(), cause)
		case end, err == nil && found.ETag != live.etag: // in the second case ours may have come before
			return &store.UnknownError{Err: s.explain(ctx, "put", c.Pointer(), cause)}
		}
		time.Sleep(s.o.Wait / 100)
	}
}
