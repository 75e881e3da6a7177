// Package prune removes old releases: for room, or because one of them holds a secret.
//
// It is the only verb that removes what devices may fetch. So it never touches a release that a device could be on its
// way to, tells everybody by a claimed log entry and a tombstone before it removes the first file, and removes exactly
// what it saw before the claim.
package prune

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A Request says what is to be removed: these tags, or all but the newest.
type Request struct {
	Project layout.Project
	Tags    []layout.Tag // nil: all releases that are not protected
	Keep    int          // how many of the newest releases are protected too, hand-made ones included
	Who     release.Who
	DryRun  bool
}

// A Result says what was removed, or would be.
type Result struct {
	Plan   release.Plan // Seq is 0 if there was nothing to remove
	Pruned []layout.Tag
	Kept   []Kept // releases that are there and stay, in ascending order
}

// Kept is a release that stays, and why.
type Kept struct {
	Tag    layout.Tag
	Reason string
}

// Run removes releases. Its refusals are *[release.ProtectedError], *[release.AbsentError] and *[release.NoProjectError].
// The pointer is never changed. After an error some of what was to be removed may be gone; the same prune again completes it.
func Run(ctx context.Context, st store.Store, r Request) (Result, error) {
	var result Result
	err := release.Attempt(ctx, st, r.Project, func(s *release.State) (err error) {
		result, err = attempt(ctx, st, s, r)
		return err
	})
	return result, err
}

func attempt(ctx context.Context, st store.Store, s *release.State, r Request) (Result, error) {
	if !s.Exists() {
		return Result{}, s.NoProject(ctx)
	}
	found, err := s.Inventory(ctx)
	if err != nil {
		return Result{}, err
	}
	v, err := look(ctx, s, found, r)
	if err != nil {
		return Result{}, err
	}
	chosen, err := v.choose(r.Tags)
	if err != nil {
		return Result{}, err
	}
	result := v.describe(chosen)
	if len(chosen) == 0 || r.DryRun {
		return result, nil
	}
	if err := s.Adopt(ctx, r.Who); err != nil {
		return result, err
	}
	entry, err := entryOf(ctx, s, chosen)
	if err != nil {
		return result, err
	}
	if err := s.Commit(ctx, entry, layout.Tag{}, r.Who); err != nil {
		return result, err
	}
	return result, remove(ctx, st, s, chosen)
}

func entryOf(ctx context.Context, s *release.State, chosen []release.Found) (layout.Entry, error) {
	entry := layout.Entry{Action: layout.Prune, Tags: make([]string, len(chosen)), Sums: make([]string, len(chosen))}
	g, gctx := errgroup.WithContext(ctx)
	for i, f := range chosen {
		entry.Tags[i] = f.Tag.String()
		g.Go(func() (err error) { entry.Sums[i], err = s.ManifestSum(gctx, f.Tag); return err })
	}
	return entry, g.Wait()
}

// remove writes the tombstones and then removes the files, of each release the manifest last.
func remove(ctx context.Context, st store.Store, s *release.State, chosen []release.Found) error {
	if err := s.Bury(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, f := range chosen {
		g.Go(func() error { return st.Remove(gctx, names(s, f)) })
	}
	return g.Wait()
}

// names returns what is to be removed of a release, the manifest last.
func names(s *release.State, f release.Found) (names []string) {
	for _, file := range f.Files {
		names = append(names, file.Path)
	}
	if f.HasManifest {
		names = append(names, s.Project.Manifest(f.Tag))
	}
	return names
}

// day is how long a device may take from its poll to the end of its download.
const day = 24 * time.Hour

// A view is what a prune knows of a project.
type view struct {
	state     *release.State
	found     []release.Found
	tombs     map[string]bool   // tags that were pruned before; what is found of them is left over
	logged    map[string]bool   // tags that any change was about
	protected map[string]string // tags that must stay, and why
}

func look(ctx context.Context, s *release.State, found []release.Found, r Request) (*view, error) {
	v := &view{state: s, found: found, logged: map[string]bool{}, protected: map[string]string{}}
	var err error
	if v.tombs, err = s.Tombstones(ctx); err != nil {
		return nil, err
	}
	since := r.Who.Time.Add(-day)
	err = s.History(ctx, func(c release.Change) bool {
		tags := []string{c.From, c.To}
		if c.Action != layout.Prune {
			tags = append(tags, c.Tags...)
		}
		for _, t := range tags {
			v.logged[t] = true
			if !c.Time.Before(since) { // clocks of publishers differ: an older entry may bear a younger time
				v.protected[t] = "was published or live in the last 24 hours: devices may be downloading it"
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return v, v.protect(ctx, r.Keep)
}

// finished reports whether a release was ever put there as a whole: it was made by hand, or its publish came to its log
// entry. Any other one may be in the middle of its publish at this moment, even if it has its manifest.
func (v *view) finished(f release.Found) bool {
	_, handMade := v.state.Adoption(f.Tag)
	return handMade || f.HasManifest && (v.logged[f.Tag.String()] || v.state.Seq == 0)
}

// protect adds the releases that must stay whatever their age is.
func (v *view) protect(ctx context.Context, keep int) error {
	kept := 0
	for _, f := range slices.Backward(v.found) {
		if tag := f.Tag.String(); v.finished(f) && !v.tombs[tag] && kept < keep {
			kept++
			v.protected[tag] = cmp.Or(v.protected[tag], "is among the newest that are kept")
		}
	}
	before, err := v.state.Before(ctx)
	var unknown *release.UnknownBeforeError
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	if err == nil {
		v.protected[before.String()] = "was live before the live one: rollback goes there"
	}
	v.protected[v.state.Live] = "is live"
	return nil
}

// choose returns what is to be removed: these tags, or if there are none all that was finished and need not stay, and what
// is left over. It refuses a tag that must stay or is not there.
func (v *view) choose(tags []layout.Tag) (chosen []release.Found, err error) {
	if tags == nil {
		return slices.DeleteFunc(slices.Clone(v.found), func(f release.Found) bool {
			return !v.finished(f) && !v.tombs[f.Tag.String()] || v.protected[f.Tag.String()] != ""
		}), nil
	}
	for _, t := range tags {
		if reason := v.protected[t.String()]; reason != "" {
			return nil, &release.ProtectedError{Tag: t, Reason: reason}
		}
		i := slices.IndexFunc(v.found, func(f release.Found) bool { return f.Tag.String() == t.String() })
		switch {
		case i >= 0:
			chosen = append(chosen, v.found[i])
		case !v.tombs[t.String()]:
			return nil, release.Absent(v.state, t, v.found)
		}
	}
	return chosen, nil
}

// describe says what is planned, and what stays.
func (v *view) describe(chosen []release.Found) Result {
	s := v.state
	result := Result{Plan: release.Plan{Action: layout.Prune, From: s.Live, To: s.Live}}
	if len(chosen) > 0 {
		result.Plan = s.Plan(layout.Prune, layout.Tag{})
	}
	goes := map[string]bool{}
	for _, f := range chosen {
		goes[f.Tag.String()] = true
		result.Pruned = append(result.Pruned, f.Tag)
		if !v.tombs[f.Tag.String()] {
			tombstone := release.Item{Name: s.Project.Tombstone(f.Tag), Size: release.TombstoneSize(f.HasManifest)}
			result.Plan.Create = append(result.Plan.Create, tombstone)
		}
		for _, file := range f.Files {
			result.Plan.Remove = append(result.Plan.Remove, release.Item{Name: file.Path, Size: file.Size})
		}
		if f.HasManifest {
			result.Plan.Remove = append(result.Plan.Remove, release.Item{Name: s.Project.Manifest(f.Tag), Size: f.Manifest})
		}
	}
	for _, f := range v.found {
		if reason := cmp.Or(v.protected[f.Tag.String()], "is unfinished"); !goes[f.Tag.String()] {
			result.Kept = append(result.Kept, Kept{f.Tag, reason})
		}
	}
	return result
}
