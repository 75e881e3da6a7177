package verify

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/store"
)

// parallel is how much is asked for at once. Backends have bounds of their own.
const parallel = 128

// A verifier looks once at a project.
type verifier struct {
	Request
	store    store.Store
	examiner store.Examiner

	state    *release.State
	tree     tree
	closed   map[string]bool // folders that could not be listed
	tombs    map[string]bool // tags that were pruned
	last     *release.Change // nil if the log is empty, or damaged
	releases []*looked

	mu          sync.Mutex
	differences []Difference
	notes       []Note
}

// looked is a release that is verified.
type looked struct {
	release.Release
	files     int
	bytes     int64
	signed    bool
	different bool // guarded by verifier.mu
}

func (v *verifier) run(ctx context.Context) error {
	ok, err := v.load(ctx)
	if !ok || err != nil {
		return err
	}
	tags := v.choose()
	if err := v.look(ctx, tags); err != nil {
		return err
	}
	if tags, err = v.tags(tags); err != nil {
		return err
	}
	if err := v.describe(ctx, tags); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return v.checkFiles(gctx) })
	g.Go(func() error { // one after the other: they read the same log
		if err := v.checkPointer(gctx); err != nil {
			return err
		}
		return v.checkLog(gctx)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	v.findNotes()
	return nil
}

// load reads the state of the project. ok is false if that cannot be done because of what is reported as a difference.
func (v *verifier) load(ctx context.Context) (ok bool, err error) {
	v.state, err = release.Load(ctx, v.store, v.Project)
	var damaged *release.DamagedError
	switch {
	case errors.As(err, &damaged):
		v.state = nil
		v.differ(nil, Difference{Name: damaged.Name, Kind: Damaged, What: "is damaged: " + damaged.Err.Error()})
		return false, nil
	case err != nil:
		v.state = nil
		return false, v.unreadablePointer(ctx, err)
	case !v.state.Exists():
		return false, v.state.NoProject(ctx)
	}
	return true, nil
}

// choose returns the tags that were asked for as far as they can be told without a look at what is there.
func (v *verifier) choose() []layout.Tag {
	if !v.Tag.IsZero() && !v.All {
		return []layout.Tag{v.Tag}
	}
	if live, ok := v.state.LiveTag(); ok && !v.All {
		return []layout.Tag{live}
	}
	return nil
}

// tags adds to the tags that were asked for those that "all" and "live" stand for, and refuses one that is not there.
func (v *verifier) tags(tags []layout.Tag) ([]layout.Tag, error) {
	switch {
	case v.All:
		return v.all(), nil
	case v.Tag.IsZero() && v.state.Pointer == nil:
		if v.last != nil && v.last.To != "" {
			return nil, nil // checkPointer says so
		}
		return nil, &NothingLiveError{Project: v.Project}
	case v.Tag.IsZero() && len(tags) == 1 && !v.present(tags[0]):
		return nil, nil // checkPointer says so
	case v.Tag.IsZero():
		return tags, nil
	case v.tombs[v.Tag.String()]:
		return nil, &release.PrunedError{Tag: v.Tag}
	case !v.present(v.Tag):
		return nil, v.absent()
	}
	return tags, nil
}

// all returns the tags of all releases that are there, or of which the change log says so.
func (v *verifier) all() []layout.Tag {
	tags := v.tree.tags(v.isRelease)
	for _, h := range v.state.Adopted {
		if t := parsed(h.Tag); !t.IsZero() && !slices.ContainsFunc(tags, is(t)) {
			tags = append(tags, t)
		}
	}
	release.Sort(tags)
	return slices.DeleteFunc(tags, func(t layout.Tag) bool { return v.tombs[t.String()] })
}

// present reports whether anything is there of a release.
func (v *verifier) present(t layout.Tag) bool { return v.isRelease(t) || len(v.tree.tags(is(t))) > 0 }

// isRelease reports whether a tag has a manifest, or was made by hand.
func (v *verifier) isRelease(t layout.Tag) bool {
	_, handMade := v.state.Adoption(t)
	_, manifest := v.tree[v.rel(v.Project.Manifest(t))]
	return manifest || handMade
}

// absent tells what is there instead of the tag.
func (v *verifier) absent() error {
	e := &release.AbsentError{Tag: v.Tag, Live: v.state.Live}
	for _, t := range v.tree.tags(v.isRelease) {
		e.Present = append(e.Present, t.String())
	}
	return e
}

// describe reads the manifests.
func (v *verifier) describe(ctx context.Context, tags []layout.Tag) error {
	v.releases = make([]*looked, len(tags))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, t := range tags {
		v.releases[i] = &looked{Release: release.Release{Tag: t}}
		g.Go(func() error { return v.readManifest(gctx, v.releases[i]) })
	}
	return g.Wait()
}

func (v *verifier) readManifest(ctx context.Context, l *looked) error {
	name := v.Project.Manifest(l.Tag)
	detail, there := v.tree[v.rel(name)]
	if there && !v.fits(l, name, detail) {
		return nil
	}
	described, err := v.state.Describe(ctx, l.Tag)
	l.Release = described
	var damaged *release.DamagedError
	var large *store.TooLargeError
	switch {
	case errors.As(err, &damaged):
		v.differ(l, Difference{Name: name, Kind: Damaged, What: "is damaged: " + damaged.Err.Error()})
	case errors.As(err, &large):
		v.differ(l, Difference{Name: name, Kind: Damaged, What: "is no manifest: " + large.Error()})
	case errors.Is(err, fs.ErrPermission):
		if !hidden(detail) { // said already
			v.differ(l, Difference{Name: name, Kind: Unreadable, What: forbidden})
		}
	case err != nil:
		return err
	case l.Raw != nil:
		v.checkSigned(l)
	case l.HandMade == nil:
		v.differ(l, Difference{Name: name, Kind: Missing, What: "is missing: the release is unfinished"})
	}
	return nil
}

func (v *verifier) checkSigned(l *looked) {
	if len(v.Signers) == 0 {
		return
	}
	if err := sign.Verify(l.Raw, v.Signers); err != nil {
		v.differ(l, Difference{Name: v.Project.Manifest(l.Tag), Kind: Unsigned, What: "is not signed as it must be: " + err.Error()})
		return
	}
	l.signed = true
}

// differ adds a difference, of a release or of none.
func (v *verifier) differ(l *looked, d Difference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l != nil {
		d.Tag, l.different = l.Tag, true
	}
	if !slices.Contains(v.differences, d) {
		v.differences = append(v.differences, d)
	}
}

// note adds a note.
func (v *verifier) note(name, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes = append(v.notes, Note{name, what})
}

func (v *verifier) report() Report {
	r := Report{Project: v.Project, Differences: v.differences, Notes: v.notes}
	if v.state != nil {
		r.Live = v.state.Live
	}
	for _, l := range v.releases {
		one := Release{Tag: l.Tag, Condition: Whole, Files: l.files, Bytes: l.bytes, Signed: l.signed}
		switch {
		case l.different:
			one.Condition = Different
		case l.Raw == nil:
			one.Condition = HandMade
		}
		r.Releases = append(r.Releases, one)
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return strings.Compare(a.Name+"\x00"+a.What, b.Name+"\x00"+b.What)
	})
	slices.SortFunc(r.Notes, func(a, b Note) int { return strings.Compare(a.Name+"\x00"+a.What, b.Name+"\x00"+b.What) })
	return r
}
