package posix

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/otactl/otactl/store"
)

// Commit implements store.Store: the one place where a pointer changes. Why each step is safe is told in docs/FORMAT.md,
// The change log, and checked on every order of every step in internal/model.
func (s *Store) Commit(ctx context.Context, c store.Commit) error {
	d, err := s.prepare(ctx, &c)
	if err != nil {
		return err
	}
	if err := s.claim(ctx, c, d); err != nil {
		err = s.orSwept(ctx, d, err)
		s.discardDraft(ctx, d)
		return err
	}
	s.discard(ctx, d.staged, d.names...)
	if c.Next == nil {
		return nil
	}
	// The flip. Its source is gone if somebody has claimed the next number, or is about to.
	flip := Step{Replace, path.Join(c.Claim(c.Seq), "version"), c.Pointer()}
	errs := s.inOrder(ctx, flip, Step{Do: Sync, Name: c.Project})
	if errors.Is(errs[0], fs.ErrNotExist) {
		return store.ErrFenced
	}
	if errs[0] != nil {
		if err := s.settle(ctx, c, errs[0]); err != nil {
			return err
		}
	}
	return s.seal(context.WithoutCancel(ctx), c, errs[1])
}

// claim adds the last object, and the number to the log. Of all who planned on the same last change, one gets this number; from
// here on the earlier ones are fenced, and the pointer is what it was found to be: only we can change it, until somebody
// claims the next number.
//
// The last object and the claim may be in one flight, so that the number can be ours although that object is not there: then
// the pointer stays as it is.
func (s *Store) claim(ctx context.Context, c store.Commit, d draft) error {
	dirs := parents(c.Objects)
	last := len(c.Objects) - 1
	claim := c.Claim(c.Seq)
	after := []Step{{Place, d.claim, claim}, {Do: Sync, Name: path.Dir(claim)}}
	if last < 0 {
		return changed(s.inOrder(ctx, after...))
	}
	steps := []Step{{Place, path.Join(d.staged, stagedName(last)), c.Objects[last].Name}}
	for _, dir := range dirs {
		steps = append(steps, Step{Do: Sync, Name: dir})
	}
	after = append(steps[1:len(steps):len(steps)], after...)
	errs := s.inOrder(ctx, append(steps[:1:1], after...)...)
	if errors.Is(errs[0], fs.ErrExist) {
		if err := s.agree(ctx, c.Objects[last]); err != nil {
			return err
		}
		errs = errs[1:]
		if errors.Is(errs[0], ErrSkipped) {
			errs = s.inOrder(ctx, after...)
		}
	}
	return changed(errs)
}

// changed is the first error of steps that end with the claim and its Sync.
func changed(errs []error) error {
	if errors.Is(errs[len(errs)-2], fs.ErrExist) {
		return store.ErrChanged
	}
	return cmp.Or(errs...)
}

// seal makes a change durable that is live. err is what became of it so far: if the connection was lost at that moment, it is
// done on another one.
func (s *Store) seal(ctx context.Context, c store.Commit, err error) error {
	var lost *store.ConnError
	if errors.As(err, &lost) || errors.Is(err, ErrSkipped) {
		err = s.fs.Sync(ctx, c.Project, path.Dir(c.Claim(c.Seq)))
	}
	if errors.As(err, &lost) {
		err = s.fs.Sync(ctx, c.Project, path.Dir(c.Claim(c.Seq)))
	}
	if err != nil {
		return &store.UnknownError{Err: err} // it may not survive a power cut of the server
	}
	return nil
}

// fence makes sure that the last change has taken effect or never will, and only then looks at the pointer.
func (s *Store) fence(ctx context.Context, c store.Commit) error {
	if c.Seq > 1 {
		if err := s.fs.Remove(ctx, path.Join(c.Claim(c.Seq-1), "version")); ignoreAbsent(err) != nil {
			return err
		}
	}
	return s.look(ctx, c)
}

// look compares the pointer with the one that was planned on.
func (s *Store) look(ctx context.Context, c store.Commit) error {
	pointer, err := s.fs.Read(ctx, c.Pointer(), int64(len(c.Old)))
	var large *store.TooLargeError
	switch {
	case errors.As(err, &large), errors.Is(err, fs.ErrNotExist) && c.Old != nil:
		return store.ErrChanged
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case c.Old == nil || !bytes.Equal(pointer, c.Old):
		return store.ErrChanged
	}
	return nil
}

// settleTime bounds the attempt to find out what became of a flip. The context of the commit may be over by then.
const settleTime = 20 * time.Second

// settle finds out whether a flip took effect whose answer was lost: it fences itself, so that the flip has taken effect
// or never will, and looks. It returns nil if the new pointer was seen, and cause if it is certain that it never was.
func (s *Store) settle(ctx context.Context, c store.Commit, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	err := s.fs.Remove(ctx, path.Join(c.Claim(c.Seq), "version"))
	if err == nil {
		return cause
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return &store.UnknownError{Err: cause}
	}
	// It is gone: by our flip, or by somebody who fenced us.
	max := int64(max(len(c.Old), len(c.Next)))
	pointer, err := s.fs.Read(ctx, c.Pointer(), max)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &store.UnknownError{Err: cause}
	}
	if bytes.Equal(pointer, c.Next) {
		return nil
	}
	if _, err := s.fs.Lstat(ctx, c.Claim(c.Seq+1)); errors.Is(err, fs.ErrNotExist) && bytes.Equal(pointer, c.Old) {
		return cause
	}
	return &store.UnknownError{Err: cause}
}
