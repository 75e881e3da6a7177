// Package inspect answers questions about a project, and changes nothing: what is live ([Run]), what is there
// ([List]), what happened ([Log]) and how two releases differ ([Diff]).
package inspect

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A Status says what devices see at this moment.
type Status struct {
	Project  layout.Project
	Live     string          // text of the pointer; "" if there is none
	Release  release.Release // what is live, if the text is a tag
	Bytes    int64           // size of the live release; 0 if that is not known
	Previous string          // what a bare rollback would go to; "" if it would be refused
	Last     *release.Change // nil if otactl never wrote to the project
	Problems []string        // why devices may not get a whole release
}

// Run reads the status of a project. It returns a *[release.NoProjectError] for one of which nothing is there.
func Run(ctx context.Context, st store.Store, p layout.Project) (Status, error) {
	s, err := load(ctx, st, p)
	if err != nil {
		return Status{}, err
	}
	s.Recall(ctx)
	status := Status{Project: p, Live: s.Live}
	var live release.Release
	tag, isTag := s.LiveTag()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return status.readLog(gctx, s) })
	var liveErr error // comes after one of the log
	if isTag {
		g.Go(func() error { live, liveErr = s.Release(ctx, tag); return nil })
	}
	if err := g.Wait(); err != nil {
		return status, err
	}
	if !isTag {
		if s.Live != "" {
			status.Problems = append(status.Problems, (&release.PointerError{Text: s.Live}).Error())
		}
		return status, nil
	}
	status.Release, status.Bytes = live, live.Manifest.Size()
	switch r := status.Release; {
	case liveErr != nil:
		return status, liveErr
	case r.Raw == nil && r.HandMade == nil:
		status.Problems = append(status.Problems, fmt.Sprintf("release %s has no manifest", tag))
	case len(r.Missing) > 0:
		status.Problems = append(status.Problems, (&release.UnfinishedError{Tag: tag, Missing: r.Missing}).Error())
	}
	return status, nil
}

// readLog adds what the log tells. That it is damaged is no reason not to say what is live.
func (status *Status) readLog(ctx context.Context, s *release.State) error {
	err := s.History(ctx, func(c release.Change) bool { status.Last = &c; return false })
	if err == nil {
		status.Previous, err = previous(ctx, s)
	}
	var damaged *release.DamagedError
	if errors.As(err, &damaged) {
		status.Problems = append(status.Problems, damaged.Error())
		return nil
	}
	return err
}

// previous returns what a bare rollback would go to, or "" if it would be refused.
func previous(ctx context.Context, s *release.State) (string, error) {
	before, err := s.Before(ctx)
	var unknown *release.UnknownBeforeError
	if errors.As(err, &unknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	r, err := s.Release(ctx, before)
	var damaged *release.DamagedError
	if errors.As(err, &damaged) {
		return "", nil
	}
	if err != nil || len(r.Missing) > 0 || r.Raw == nil && r.HandMade == nil {
		return "", err
	}
	return before.String(), nil
}

// load reads the state of a project that is there.
func load(ctx context.Context, st store.Store, p layout.Project) (*release.State, error) {
	s, err := release.Load(ctx, st, p)
	if err == nil && !s.Exists() {
		err = s.NoProject(ctx)
	}
	return s, err
}

// A Condition is what a release is good for.
type Condition string

const (
	Complete   Condition = "complete"   // can be made live
	HandMade   Condition = "hand-made"  // can be made live, but nothing proves that it is complete
	Unfinished Condition = "unfinished" // its publish was interrupted
	Pruned     Condition = "pruned"     // removed; what is listed of it is left over
	Damaged    Condition = "damaged"    // its manifest is not one
)

// A Row is one release of a list.
type Row struct {
	Tag       layout.Tag
	Live      bool
	Condition Condition
	Kind      layout.Kind
	Files     int
	Bytes     int64 // size of the files that are there
}

// List returns what is there under each tag, in ascending order. Its error is that of [Run].
func List(ctx context.Context, st store.Store, p layout.Project) ([]Row, error) {
	s, err := load(ctx, st, p)
	if err != nil {
		return nil, err
	}
	found, err := s.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	tombs, err := s.Tombstones(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(found))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for i, f := range found {
		g.Go(func() (err error) { rows[i], err = row(gctx, s, f, tombs[f.Tag.String()]); return err })
	}
	return rows, g.Wait()
}

func row(ctx context.Context, s *release.State, f release.Found, pruned bool) (Row, error) {
	r := Row{Tag: f.Tag, Live: f.Tag.String() == s.Live, Condition: Unfinished, Files: len(f.Files)}
	there := map[string]int64{}
	for _, file := range f.Files {
		r.Bytes += file.Size
		r.Kind = file.Kind
		there[file.Path] = file.Size
	}
	_, adopted := s.Adoption(f.Tag)
	switch {
	case pruned:
		r.Condition = Pruned
	case f.HasManifest:
		described, err := s.Describe(ctx, f.Tag)
		var damaged *release.DamagedError
		if errors.As(err, &damaged) {
			r.Condition = Damaged
			return r, nil
		}
		if err != nil {
			return r, err
		}
		r.Kind = described.Kind
		if complete(s.Project, described, there) {
			r.Condition = Complete
		}
	case adopted:
		r.Condition = HandMade
	}
	return r, nil
}

func complete(p layout.Project, r release.Release, there map[string]int64) bool {
	for _, f := range r.Manifest.Files {
		if size, ok := there[p.File(r.Kind, r.Tag, f.Name)]; !ok || size != f.Size {
			return false
		}
	}
	return true
}

// Log returns the newest changes of a project, newest first, at most n of them (all if n is 0). Its error is that of [Run].
func Log(ctx context.Context, st store.Store, p layout.Project, n int) ([]release.Change, error) {
	s, err := load(ctx, st, p)
	if err != nil {
		return nil, err
	}
	var changes []release.Change
	err = s.History(ctx, func(c release.Change) bool {
		changes = append(changes, c)
		return n == 0 || len(changes) < n
	})
	return changes, err
}

// A Difference is a file in which two releases differ.
type Difference struct {
	Name string
	A, B *layout.File // nil in the release that does not have it
}

// Diff returns the files in which two releases differ, in ascending order of names. Its errors are those of [Run],
// *[release.AbsentError] and *[release.UnfinishedError].
func Diff(ctx context.Context, st store.Store, p layout.Project, a, b layout.Tag) ([]Difference, error) {
	s, err := load(ctx, st, p)
	if err != nil {
		return nil, err
	}
	var sides [2][]layout.File
	for i, tag := range []layout.Tag{a, b} {
		r, err := s.Target(ctx, tag, true)
		if err != nil {
			return nil, err
		}
		if sides[i], err = s.Files(ctx, r); err != nil {
			return nil, err
		}
	}
	return diff(sides[0], sides[1]), nil
}

// diff merges two ascending lists.
func diff(a, b []layout.File) (differences []Difference) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name:
			differences = append(differences, Difference{Name: a[0].Name, A: &a[0]})
			a = a[1:]
		case len(a) == 0 || b[0].Name < a[0].Name:
			differences = append(differences, Difference{Name: b[0].Name, B: &b[0]})
			b = b[1:]
		default:
			if a[0] != b[0] {
				differences = append(differences, Difference{a[0].Name, &a[0], &b[0]})
			}
			a, b = a[1:], b[1:]
		}
	}
	return differences
}
