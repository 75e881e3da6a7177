package posix

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// Commit implements store.Store: the one place where a pointer changes. Why each step is safe is told in docs/FORMAT.md,
// The change log, and checked on every order of every step in internal/model.
func (s *Store) Commit(ctx context.Context, c store.Commit) error {
	var tmp string
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { tmp, err = s.prepare(gctx, c); return err })
	g.Go(func() error { return s.fence(gctx, c) })
	if err := g.Wait(); err != nil {
		err = s.orSwept(ctx, tmp, err)
		s.discard(ctx, tmp, "entry", "version")
		return err
	}
	// The claim. Of all who planned on the same last change, one gets this name; from here on the earlier ones are fenced,
	// and the pointer is what it was found to be: only we can change it, until somebody claims the next number.
	claim := c.Claim(c.Seq)
	if err := s.fs.Place(ctx, tmp, claim); err != nil {
		err = s.orSwept(ctx, tmp, err)
		s.discard(ctx, tmp, "entry", "version")
		if errors.Is(err, fs.ErrExist) {
			return store.ErrChanged
		}
		return err
	}
	if c.Next == nil {
		return s.fs.Sync(ctx, path.Dir(claim))
	}
	// The flip. Its source is gone if somebody has claimed the next number, or is about to.
	err := s.fs.Replace(ctx, path.Join(claim, "version"), c.Pointer())
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrFenced
	}
	if err != nil {
		if err := s.settle(ctx, c, err); err != nil {
			return err
		}
	}
	return s.seal(context.WithoutCancel(ctx), c)
}

// seal makes a change durable that is live. If the connection is lost at this moment, it does so on another one.
func (s *Store) seal(ctx context.Context, c store.Commit) error {
	dirs := []string{c.Project, path.Dir(c.Claim(c.Seq))}
	err := s.fs.Sync(ctx, dirs...)
	var lost *store.ConnError
	if errors.As(err, &lost) {
		err = s.fs.Sync(ctx, dirs...)
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

// prepare writes what the claim will consist of, in a folder that nobody knows.
func (s *Store) prepare(ctx context.Context, c store.Commit) (string, error) {
	tmp, err := s.temp(ctx, c.Project)
	if err != nil {
		return "", err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.fs.Write(gctx, path.Join(tmp, "entry"), privateFile, c.Entry) })
	if c.Next != nil {
		g.Go(func() error { return s.fs.Write(gctx, path.Join(tmp, "version"), publicFile, c.Next) })
	}
	if c.Seq == 1 {
		g.Go(func() error { return s.openDirs(gctx, []string{path.Dir(c.Claim(1))}) })
	}
	if err := g.Wait(); err != nil {
		return tmp, err
	}
	return tmp, s.fs.Sync(ctx, tmp)
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
