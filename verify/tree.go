package verify

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A tree is what is in the project's folder, by the path relative to it: folders too, and what is in those that were
// looked into. The folder itself is ".".
type tree map[string]store.Detail

// look lists the project's folder, the folders of the releases with these tags (all of them if All is asked for), and what
// is being prepared.
func (v *verifier) look(ctx context.Context, tags []layout.Tag) error {
	v.tree = tree{}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		detail, err := v.examiner.Look(gctx, string(v.Project))
		v.found(".", detail)
		return err
	})
	g.Go(func() error { return v.walk(gctx, []string{"", ".otactl"}, tags) })
	g.Go(func() (err error) { v.tombs, err = v.state.Tombstones(gctx); return err })
	g.Go(func() (err error) { v.last, err = v.lastChange(gctx); return err })
	if err := g.Wait(); err != nil || v.last == nil || v.last.Action != layout.Prune {
		return err
	}
	for _, t := range v.last.Tags { // its tombstones may not be there yet
		v.tombs[t] = true
	}
	return nil
}

// walk lists folders, and then those in them that belong to a release, level by level.
func (v *verifier) walk(ctx context.Context, dirs []string, tags []layout.Tag) error {
	for len(dirs) > 0 {
		below := make([][]string, len(dirs))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i, dir := range dirs {
			g.Go(func() (err error) { below[i], err = v.lookInto(gctx, dir, tags); return err })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		dirs = slices.Concat(below...)
	}
	return nil
}

// lookInto lists a folder, and returns which of the folders in it are to be listed too.
func (v *verifier) lookInto(ctx context.Context, rel string, tags []layout.Tag) (below []string, err error) {
	details, err := v.examiner.LookInto(ctx, path.Join(string(v.Project), rel))
	if errors.Is(err, fs.ErrPermission) && rel != "" {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.closed[rel] = true
		return nil, nil
	}
	for _, d := range details {
		if !store.ValidSegment(d.Name) { // nobody can ask for it
			v.note(v.name(rel)+"/"+d.Name, "belongs to no release")
			continue
		}
		name := path.Join(rel, d.Name)
		v.found(name, d)
		// A folder belongs to a release if a file in it would.
		place, ok := layout.ParsePlace(name + "/x")
		if ok && d.Mode.IsDir() && (v.All || slices.ContainsFunc(tags, is(place.Tag))) {
			below = append(below, name)
		}
	}
	return below, err
}

func (v *verifier) found(rel string, d store.Detail) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tree[rel] = d
}

// name is the path of what is in the project's folder relative to the server root.
func (v *verifier) name(rel string) string { return path.Join(string(v.Project), rel) }

// rel is the reverse of name.
func (v *verifier) rel(name string) string { return strings.TrimPrefix(name, string(v.Project)+"/") }

func is(t layout.Tag) func(layout.Tag) bool {
	return func(other layout.Tag) bool { return other.String() == t.String() }
}

// tags returns those tags of which something is there that are wanted, in ascending order.
func (t tree) tags(want func(layout.Tag) bool) (tags []layout.Tag) {
	found := map[string]layout.Tag{}
	for rel := range t {
		if tag, ok := tagOf(rel); ok {
			found[tag.String()] = tag
		}
	}
	tags = slices.DeleteFunc(slices.Collect(maps.Values(found)), func(tag layout.Tag) bool { return !want(tag) })
	release.Sort(tags)
	return tags
}

// tagOf returns the release that a path belongs to: a file, or a folder of it.
func tagOf(rel string) (layout.Tag, bool) {
	place, ok := layout.ParsePlace(rel)
	if !ok {
		place, ok = layout.ParsePlace(rel + "/x")
	}
	return place.Tag, ok
}

// parents returns the folders that lead from the project's folder to a path, which is relative to it; "." is the first.
func parents(rel string) (dirs []string) {
	for dir := path.Dir(rel); ; dir = path.Dir(dir) {
		dirs = append([]string{dir}, dirs...)
		if dir == "." {
			return dirs
		}
	}
}
