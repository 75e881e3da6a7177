package s3

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/otactl/otactl/store"
)

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, objects []store.Object) error {
	if len(objects) == 0 {
		return ctx.Err()
	}
	if err := s.prove(ctx, project(objects[0].Name)); err != nil {
		return err
	}
	return s.create(ctx, objects)
}

func (s *Store) create(ctx context.Context, objects []store.Object) error {
	var mu sync.Mutex
	var others store.ConflictError
	last := len(objects) - 1
	err := lastLast(ctx, indexes(objects), func(ctx context.Context, i int) error {
		if i == last && len(others.Names) > 0 {
			return &others // beside a conflict it is never added
		}
		same, err := s.createOne(ctx, objects[i])
		if err != nil || same {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		others.Names = append(others.Names, objects[i].Name)
		return nil
	})
	if err == nil && len(others.Names) > 0 {
		err = &others
	}
	slices.Sort(others.Names)
	return err
}

func indexes[T any](all []T) []int {
	n := make([]int, len(all))
	for i := range n {
		n[i] = i
	}
	return n
}

// createOne adds an object, and reports whether it is there with this content. A write that is refused because of its
// condition may have been one of our own, whose answer was lost, or that of somebody else: only the content counts.
func (s *Store) createOne(ctx context.Context, o store.Object) (same bool, err error) {
	for n := range attempts {
		switch err = s.put(ctx, o, absent, nil); {
		case err == nil:
			s.written(o)
			return true, nil
		case ctx.Err() != nil || !lost(err) && !errors.Is(err, errUnmet):
			return false, s.explain(ctx, "put", o.Name, err)
		}
		same, lookErr := s.holds(ctx, o)
		if lookErr == nil && same {
			s.written(o)
		}
		if !errors.Is(lookErr, fs.ErrNotExist) {
			return same, s.explain(ctx, "read back", o.Name, lookErr)
		}
		s.pause(ctx, n)
	}
	if errors.Is(err, errUnmet) { // it comes and goes
		return false, store.ErrChanged
	}
	return false, s.explain(ctx, "put", o.Name, err)
}

func (s *Store) written(o store.Object) {
	if s.o.Written != nil {
		s.o.Written(int64(len(o.Data)))
	}
}

// holds reports whether an object has this content.
func (s *Store) holds(ctx context.Context, o store.Object) (bool, error) {
	data, _, err := s.get(ctx, o.Name, int64(len(o.Data)))
	if is[*store.TooLargeError](err) {
		return false, nil
	}
	return bytes.Equal(data, o.Data), err
}
