package s3

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// A proof is that of one project, made before the first write to it.
type proof struct {
	mu   sync.Mutex
	done bool
}

// probe is an object of each project that is there to be written to in vain. Its content is always the same, so a store that
// ignores conditions changes nothing when it overwrites it.
func probe(project string) store.Object {
	return store.Object{Name: path.Join(project, ".otactl/probe"), Data: []byte("otactl writes to this object, to see that it cannot\n")}
}

// prove makes sure, once for each project, that the store honours the conditions on which everything stands: a write that asks
// for an absent object must be refused if it is there, and one that asks for a certain object if it is another one. Else
// nothing is written. The object is left for the next time, so that mostly this is one trip.
func (s *Store) prove(ctx context.Context, project string) error {
	s.mu.Lock()
	p := s.proven[project]
	if p == nil {
		p = &proof{}
		s.proven[project] = p
	}
	s.mu.Unlock()

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	err := s.provable(ctx, probe(project))
	p.done = err == nil
	return err
}

// provable looks whether each condition is refused that does not hold.
func (s *Store) provable(ctx context.Context, o store.Object) error {
	made := false
	var g errgroup.Group
	g.Go(func() (err error) { made, err = s.writes(ctx, o, absent); return err })
	g.Go(func() error { return s.refuses(ctx, o, unchanged(noETag)) })
	err := g.Wait()
	if err == nil && made { // it was not there, so the two answers said little
		err = errors.Join(s.refuses(ctx, o, absent), s.refuses(ctx, o, unchanged(noETag)))
	}
	if err != nil && !lost(err) && (made || errors.Is(err, errIgnores)) {
		_ = s.removeOne(context.WithoutCancel(ctx), o.Name) // of no use to anybody
	}
	if errors.Is(err, errIgnores) {
		return &store.RefusedError{Target: s.target.String(), Err: &ConditionError{o.Name}}
	}
	return s.explain(ctx, "put", o.Name, err)
}

// noETag is the entity tag of no object.
const noETag = "00000000000000000000000000000000"

// refuses tries a write whose condition does not hold.
func (s *Store) refuses(ctx context.Context, o store.Object, when condition) error {
	made, err := s.writes(ctx, o, when)
	if made {
		return errIgnores
	}
	return err
}

// writes tries a write, and reports whether it took place although its condition should not hold.
func (s *Store) writes(ctx context.Context, o store.Object, when condition) (made bool, err error) {
	for n := range attempts {
		err = s.put(ctx, o, when, nil)
		if !lost(err) || hopeless(err) || ctx.Err() != nil {
			break
		}
		s.pause(ctx, n)
	}
	if errors.Is(err, errUnmet) {
		return false, nil
	}
	return err == nil, err
}

var errIgnores = errors.New("a condition was ignored")

// A ConditionError says that a store writes although the condition of the write does not hold.
type ConditionError struct{ Name string }

func (e *ConditionError) Error() string {
	return fmt.Sprintf("the store ignores conditions (If-None-Match, If-Match): it overwrote %q", e.Name)
}
