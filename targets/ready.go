package targets

import (
	"context"
	"errors"
	"io/fs"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/verify"
)

// errOff ends a verb whose turn never comes, because of another target.
var errOff = errors.New("another target is not ready")

// first runs the verb for the first time; it waits in check for its turn.
func (r *run) first(ctx context.Context, s *seat) {
	r.attempt(ctx, s)
	close(s.ended)
	s.once.Do(func() { close(s.came) })
}

// check is what a verb asks before it changes the pointer of a target. It may ask again, if somebody else changed the project
// in between: then its turn has come already.
func (r *run) check(ctx context.Context, s *seat, rel release.Release) error {
	if err := r.verify(ctx, s, rel); err != nil {
		return err
	}
	s.once.Do(func() {
		s.waits = &rel
		close(s.came)
		if r.Waits != nil {
			r.Waits(s.index)
		}
	})
	select {
	case <-s.turn:
	case <-r.off:
		return errOff
	case <-ctx.Done():
		return ctx.Err()
	}
	if rel.Tag.String() != r.tag.String() { // the release before the live one is another one than it was
		return &DisagreeError{Tags: []string{r.tag.String(), rel.Tag.String()}, Targets: []string{"the targets before", s.Name}}
	}
	return nil
}

// verify reads back what is on a target.
func (r *run) verify(ctx context.Context, s *seat, rel release.Release) error {
	request := r.Verify
	request.Tag, request.All = rel.Tag, false
	return verify.Tag(ctx, s.store, request)
}

// ready waits until the release is on all targets, and sees whether it is the same one. Those that fail do not stop the others:
// what they upload need not be uploaded again, and whoever looks at the errors sees all of them at once.
func (r *run) ready(ctx context.Context) error {
	var errs []error
	var waiting []*seat
	for _, s := range r.seats {
		<-s.came
		switch {
		case s.waits != nil:
			waiting = append(waiting, s)
		case s.err != nil:
			errs = append(errs, &FailedError{s.Name, s.err})
		}
	}
	switch err := errors.Join(errs...); {
	case err != nil || ctx.Err() != nil:
		return errors.Join(err, ctx.Err())
	case len(waiting) == 0:
		return r.planned()
	}
	if err := agree(waiting); err != nil {
		return err
	}
	if err := r.standing(ctx, waiting[0]); err != nil {
		return err
	}
	r.tag = waiting[0].waits.Tag
	if r.Ready == nil {
		return nil
	}
	return r.Ready(ctx, *waiting[0].waits)
}

// planned is ready if no pointer is to change, as in a dry run.
func (r *run) planned() error {
	r.tag = r.Tag
	first := r.seats[0]
	for _, s := range r.seats {
		if s.plan.From != s.plan.To { // would change; the others have to agree with it
			first = s
			break
		}
	}
	for _, s := range r.seats {
		if (r.Tag.IsZero() || first.plan.From != first.plan.To) && s.plan.To != first.plan.To {
			return &DisagreeError{Tags: []string{first.plan.To, s.plan.To}, Targets: []string{first.Name, s.Name}}
		}
	}
	return nil
}

// agree refuses what would make different releases live. Of a hand-made one only its tag is known.
func agree(waiting []*seat) error {
	first := waiting[0]
	for _, s := range waiting[1:] {
		a, b := first.waits, s.waits
		if a.Tag.String() == b.Tag.String() && (a.Raw == nil || b.Raw == nil || layout.SameRelease(a.Raw, b.Raw)) {
			continue
		}
		return &DisagreeError{Tags: []string{a.Tag.String(), b.Tag.String()}, Targets: []string{first.Name, s.Name}}
	}
	return nil
}

// standing refuses to make a release live beside another one on a target that stays as it is: there the release was superseded,
// or what is live under its tag has other content.
func (r *run) standing(ctx context.Context, first *seat) error {
	for _, s := range r.seats {
		if s.waits != nil {
			continue
		}
		same := s.plan.To == first.waits.Tag.String()
		if same {
			raw, err := s.store.Read(ctx, r.Verify.Project.Manifest(first.waits.Tag), layout.MaxManifest)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return &FailedError{s.Name, err}
			}
			same = err != nil || first.waits.Raw == nil || layout.SameRelease(first.waits.Raw, raw)
		}
		if !same {
			return &DisagreeError{Tags: []string{first.waits.Tag.String(), s.plan.To}, Targets: []string{first.Name, s.Name}}
		}
	}
	return nil
}
