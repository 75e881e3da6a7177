package posix

import (
	"context"
	"path"

	"golang.org/x/sync/errgroup"
)

// inOrder does steps one after the other, or in one flight.
func (s *Store) inOrder(ctx context.Context, steps ...Step) []error {
	if p, ok := s.fs.(Pipeliner); ok {
		return p.InOrder(ctx, steps...)
	}
	errs := make([]error, len(steps))
	for i, step := range steps {
		if errs[i] = s.step(ctx, step); errs[i] != nil {
			for j := range errs[i+1:] {
				errs[i+1+j] = ErrSkipped
			}
			break
		}
	}
	return errs
}

func (s *Store) step(ctx context.Context, step Step) error {
	switch step.Do {
	case Place:
		return s.fs.Place(ctx, step.Old, step.Name)
	case Replace:
		return s.fs.Replace(ctx, step.Old, step.Name)
	case Remove:
		return s.fs.Remove(ctx, step.Name)
	}
	return s.fs.Sync(ctx, step.Name)
}

// fill makes a temporary folder of a project with files in it, and what it stands in if that is not there yet. Content is
// asked for once it is certain that the server can do what will be asked of it.
func (s *Store) fill(ctx context.Context, project, dir string, files []File) error {
	checked := s.checked(ctx, dir)
	for i := range files {
		content := files[i].Content
		files[i].Content = func(ctx context.Context) ([]byte, error) {
			if err := checked(); err != nil {
				return nil, err
			}
			return content(ctx)
		}
	}
	if p, ok := s.fs.(Pipeliner); ok {
		return s.inHome(ctx, project, func() error { return p.Fill(ctx, dir, files) })
	}
	if err := s.inHome(ctx, project, func() error { return s.fs.Mkdir(ctx, dir, 0) }); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.fs.Parallel())
	for _, file := range files {
		g.Go(func() error {
			data, err := file.Content(gctx)
			if err != nil {
				return err
			}
			return s.fs.Write(gctx, path.Join(dir, file.Name), file.Mode, data)
		})
	}
	return g.Wait()
}
