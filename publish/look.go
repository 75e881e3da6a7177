package publish

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// found is what the server has that a publish must know of.
type found struct {
	release  release.Release // under the same tag
	sizes    []int64         // of each file to be there, in bytes; -1 for one that is not
	toCreate []release.Item
	other    *layout.Tag           // another spelling of the same version
	live     release.Release       // zero if no release is live
	damaged  *release.DamagedError // why nothing is known of the live release
}

// something reports whether anything of the release was there.
func (f found) something() bool {
	return f.release.Raw != nil || f.release.HandMade != nil || slices.ContainsFunc(f.sizes, func(n int64) bool { return n >= 0 })
}

// look reads what the plan needs, all at once, and refuses a tag that was pruned or that is there with other bytes.
func (p *publisher) look(ctx context.Context, s *release.State) (found, error) {
	var f found
	var pruned bool
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { f.release, err = s.Describe(gctx, p.Tag); return err })
	g.Go(func() (err error) { f.sizes, err = p.sizes(gctx); return err })
	g.Go(func() (err error) { pruned, err = s.Pruned(gctx, p.Tag); return err })
	g.Go(func() (err error) { f.other, err = p.otherSpelling(gctx, s); return err })
	g.Go(func() (err error) {
		if live, ok := s.LiveTag(); ok {
			f.live, err = s.Describe(gctx, live)
		}
		if errors.As(err, &f.damaged) && s.Live != p.Tag.String() { // the more reason to publish another one
			err = nil
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return f, err
	}
	if pruned {
		return f, &release.PrunedError{Tag: p.Tag}
	}
	for i, file := range p.files() {
		if f.sizes[i] < 0 {
			f.toCreate = append(f.toCreate, release.Item{Name: p.file(file.Name), Size: int64(len(file.Data))})
		}
	}
	if f.release.Raw == nil {
		f.toCreate = append(f.toCreate, release.Item{Name: p.Project.Manifest(p.Tag), Size: int64(len(p.raw))})
	}
	return f, p.refuseBytes(ctx, f)
}

func (p *publisher) sizes(ctx context.Context) ([]int64, error) {
	sizes := make([]int64, len(p.files()))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(128)
	for i, file := range p.files() {
		g.Go(func() (err error) {
			sizes[i], err = p.store.Size(gctx, p.file(file.Name))
			if errors.Is(err, fs.ErrNotExist) {
				sizes[i], err = -1, nil
			}
			return err
		})
	}
	return sizes, g.Wait()
}

// otherSpelling finds a release of the same version whose tag is spelled otherwise. With and without "v" there is one name
// to look for; only a pre-release part can also differ in case, and only for it the project is listed.
func (p *publisher) otherSpelling(ctx context.Context, s *release.State) (*layout.Tag, error) {
	for _, text := range append(adopted(s), s.Live) {
		if t, err := layout.ParseTag(text); err == nil && p.collides(t) {
			return &t, nil
		}
	}
	other := p.Tag.Other()
	_, err := p.store.Size(ctx, p.Project.Manifest(other))
	if err == nil {
		return &other, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || !p.Tag.Prerelease() {
		return nil, ignoreAbsent(err)
	}
	entries, err := p.store.List(ctx, string(p.Project))
	for _, e := range entries {
		if place, ok := layout.ParsePlace(e.Name); ok && place.IsManifest() && p.collides(place.Tag) {
			return &place.Tag, nil
		}
	}
	return nil, err
}

func (p *publisher) collides(t layout.Tag) bool {
	return t.Key() == p.Tag.Key() && t.String() != p.Tag.String()
}

func adopted(s *release.State) (tags []string) {
	for _, h := range s.Adopted {
		tags = append(tags, h.Tag)
	}
	return tags
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// refuseBytes refuses to publish other bytes, or another set of files, under a tag that is there.
func (p *publisher) refuseBytes(ctx context.Context, f found) error {
	var differ []string
	switch {
	case f.release.Raw != nil && !layout.SameRelease(f.release.Raw, p.raw):
		differ = p.differ(f.release.Manifest)
	case f.release.Raw == nil && f.release.HandMade != nil:
		differ = p.differNames(f.release.HandMade)
	}
	for i, file := range p.files() {
		name := p.file(file.Name)
		listed := f.release.Raw != nil && i < len(p.Set.Files) // the manifest has told already
		if f.sizes[i] >= 0 && f.sizes[i] != int64(len(file.Data)) {
			differ = append(differ, name)
			continue
		}
		if f.sizes[i] < 0 || listed {
			continue
		}
		same, err := p.sameContent(ctx, name, file.Data)
		if err != nil {
			return err
		}
		if !same {
			differ = append(differ, name)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	slices.Sort(differ)
	return &release.BytesError{Tag: p.Tag, Names: slices.Compact(differ)}
}

func (p *publisher) sameContent(ctx context.Context, name string, data []byte) (bool, error) {
	there, err := p.store.Read(ctx, name, int64(len(data)))
	var large *store.TooLargeError
	if errors.As(err, &large) {
		return false, nil
	}
	if errors.Is(err, fs.ErrNotExist) { // it was there just now: somebody prunes it
		return false, store.ErrChanged
	}
	return err == nil && bytes.Equal(there, data), err
}

// differ returns the paths of the files in which a manifest and the request differ; the manifest's own if it is none.
func (p *publisher) differ(there layout.Manifest) (names []string) {
	before := map[string]layout.File{}
	for _, f := range there.Files {
		before[f.Name] = f
	}
	for _, f := range p.manifest.Files {
		if before[f.Name] != f {
			names = append(names, p.file(f.Name))
		}
		delete(before, f.Name)
	}
	for name := range before {
		names = append(names, p.Project.File(there.Kind, p.Tag, name))
	}
	if len(names) == 0 {
		names = append(names, p.Project.Manifest(p.Tag))
	}
	return names
}

func (p *publisher) differNames(h *layout.HandMade) (names []string) {
	for _, name := range h.Names {
		if !slices.ContainsFunc(p.manifest.Files, func(f layout.File) bool { return f.Name == name }) {
			names = append(names, p.Project.File(h.Kind, p.Tag, name))
		}
	}
	for _, f := range p.manifest.Files {
		if h.Kind == p.Kind && !slices.Contains(h.Names, f.Name) {
			names = append(names, p.file(f.Name))
		}
	}
	return names
}
