package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

var _ posix.Pipeliner = (*FS)(nil)

// Expect opens the folders beside whatever is under way. No trip.
func (f *FS) Expect(ctx context.Context, dirs ...string) {
	s, err := f.live(ctx)
	if err != nil || s.ready(ctx) != nil {
		return // somebody else will say so
	}
	for _, dir := range dirs {
		f.changes.expect(ctx, f, s, dir, false)
	}
}

// Fill makes a folder and files in it. Two trips: MKDIR, and OPENs that find the folder there; then the content of each file
// as Write sends it. It returns when nothing is under way any more, so that what is there can be removed, whatever becomes of
// ctx; but it sends no more then.
func (f *FS) Fill(ctx context.Context, dir string, files []posix.File) error {
	err := f.do(context.WithoutCancel(ctx), "mkdir", dir, func(s *session) error {
		made := s.send(reqMkdir, f.abs(dir), uint32(0))
		var g errgroup.Group
		for _, file := range files {
			g.Go(func() error {
				name := path.Join(dir, file.Name)
				return f.explain(s, "write", name, f.write(ctx, s, name, file.Mode, file.Content))
			})
		}
		err := made.done()
		if err == nil {
			f.folders.add(dir)
			return g.Wait()
		}
		_ = g.Wait() // without the folder there are no files
		return f.full(s, dir, 1, f.taken(s, dir, err))
	})
	return f.rootMissing(dir, err)
}

// rootMissing says that the root is not there, if that is why a folder in it could not be made: it may be a typing error.
func (f *FS) rootMissing(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) && path.Dir(dir) == "." {
		return &store.RefusedError{Target: f.Target, Err: fmt.Errorf("folder %q: %w", f.Root, syscall.ENOENT)}
	}
	return err
}

// InOrder does steps in this order. One trip, where each of them takes one. A server that must be asked in between is asked.
func (f *FS) InOrder(ctx context.Context, steps ...posix.Step) []error {
	errs, err := run(ctx, f, "begin", steps[0].Name, func(s *session) ([]error, error) {
		if s.has("hardlink@openssh.com") && s.has("posix-rename@openssh.com") {
			return f.atOnce(ctx, s, steps), nil
		}
		return f.oneByOne(ctx, s, steps), nil
	})
	for len(errs) < len(steps) {
		errs = append(errs, err)
	}
	return errs
}

func (f *FS) atOnce(ctx context.Context, s *session, steps []posix.Step) []error {
	waits := make([]func() error, len(steps))
	for i, step := range steps {
		waits[i] = f.step(ctx, s, step)
	}
	errs := make([]error, len(steps))
	for i, step := range steps {
		errs[i] = f.explain(s, string(step.Do), step.Name, waits[i]())
		f.trace(string(step.Do), step.Name, errs[i])
	}
	return errs
}

// oneByOne is for servers on which some steps begin with a question.
func (f *FS) oneByOne(ctx context.Context, s *session, steps []posix.Step) (errs []error) {
	for _, step := range steps {
		if len(errs) > 0 && errs[len(errs)-1] != nil {
			errs = append(errs, posix.ErrSkipped)
			continue
		}
		errs = append(errs, f.explain(s, string(step.Do), step.Name, f.step(ctx, s, step)()))
	}
	return errs
}

// step sends a step and returns what waits for the answer.
func (f *FS) step(ctx context.Context, s *session, step posix.Step) (wait func() error) {
	switch step.Do {
	case posix.Place:
		return f.place(ctx, s, step.Old, step.Name)
	case posix.Replace:
		return f.replace(ctx, s, step.Old, step.Name)
	case posix.Sync:
		return f.syncDir(ctx, s, step.Name)
	}
	if f.folders.has(step.Name) {
		return s.send(reqRmdir, f.abs(step.Name)).done
	}
	return s.send(reqRemove, f.abs(step.Name)).done
}
