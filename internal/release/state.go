// Package release is what all verbs share: what a project consists of at one moment, what happened to it, and how a
// change is planned and committed.
//
// Everything is read through a [store.Store], by exact names where that is possible, so that the cost of a question does
// not grow with the number of releases that came before.
package release

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// maxPointer bounds what is read of a pointer: a tag, with room for what people write by hand. In bytes.
const maxPointer = 1 << 10

// A State is what a project was when a plan was made. A change that is planned on it is committed only if nobody else
// changed the project in between.
type State struct {
	Project layout.Project
	Seq     int               // number of the last change; 0 if otactl never wrote to the project
	Pointer []byte            // content of the pointer; nil if there is none
	Live    string            // its text, as devices take it
	Adopted []layout.HandMade // the releases that the project had before otactl first wrote to it

	proven []string // tags that have a manifest in a project without a log: somebody copied it without its dot folder

	store   store.Store
	mu      sync.Mutex
	entries map[int]layout.Entry // what was read of the log

	releases map[string]Release // what was read of releases, by tag
	known    map[string]int64   // sizes of files, by path; -1: not there
}

// Load reads the state of a project. What it reads of releases must be read after it: then every change that the log did
// not show yet makes the commit fail.
func Load(ctx context.Context, st store.Store, p layout.Project) (*State, error) {
	s := &State{
		Project: p, store: st, entries: map[int]layout.Entry{}, releases: map[string]Release{}, known: map[string]int64{},
	}
	var first layout.Entry
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { s.Seq, err = s.lastSeq(gctx); return err })
	g.Go(func() (err error) {
		s.Pointer, err = st.Read(gctx, p.Pointer(), maxPointer)
		return absentIsNil(err)
	})
	g.Go(func() (err error) { first, err = s.readEntry(gctx, 1); return absentIsNil(err) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	s.Live = layout.PointerText(s.Pointer)
	if s.Seq == 0 {
		return s.loadUnlogged(ctx)
	}
	var err error
	if first.Action == "" { // it was claimed after we looked for it, and before we listed the log
		first, err = s.entry(ctx, 1)
	}
	s.setEntry(1, first)
	s.Adopted = first.Releases
	return s, err
}

// loadUnlogged finds what a project without a log has. If it has one after that, what was found may be half of a release
// that is being published, not hand-made, and the state is another one.
func (s *State) loadUnlogged(ctx context.Context) (*State, error) {
	made, err := s.handMade(ctx)
	if err != nil {
		return nil, err
	}
	seq, err := s.lastSeq(ctx)
	if err != nil {
		return nil, err
	}
	if seq > 0 {
		return Load(ctx, s.store, s.Project)
	}
	s.Adopted = made
	return s, nil
}

// lastSeq returns the highest number in the log.
func (s *State) lastSeq(ctx context.Context) (seq int, err error) {
	entries, err := s.store.List(ctx, s.Project.Log())
	for _, e := range entries {
		if n, ok := layout.ParseSeq(e.Name); ok && e.Dir {
			seq = max(seq, n)
		}
	}
	return seq, err
}

// LiveTag returns the live tag. ok is false if there is none, or if the pointer was made by hand and holds something else.
func (s *State) LiveTag() (tag layout.Tag, ok bool) {
	tag, err := layout.ParseTag(s.Live)
	return tag, err == nil
}

// Exists reports whether the project has anything at all.
func (s *State) Exists() bool { return s.Seq > 0 || s.Pointer != nil || len(s.Adopted) > 0 }

// Adoption returns the hand-made release with this tag.
func (s *State) Adoption(t layout.Tag) (h layout.HandMade, ok bool) {
	i := slices.IndexFunc(s.Adopted, func(h layout.HandMade) bool { return h.Tag == t.String() })
	if i < 0 {
		return h, false
	}
	return s.Adopted[i], true
}

// handMade finds the releases of a project that otactl never wrote to. A release with a manifest is not among them: it
// came from otactl, and proves itself.
func (s *State) handMade(ctx context.Context) ([]layout.HandMade, error) {
	found, err := s.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	var made []layout.HandMade
	for _, f := range found {
		if f.HasManifest {
			s.proven = append(s.proven, f.Tag.String())
			continue
		}
		for _, kind := range []layout.Kind{layout.Prefix, layout.Directory} {
			if names := f.names(kind); len(names) > 0 {
				made = append(made, layout.HandMade{Tag: f.Tag.String(), Kind: kind, Names: names})
			}
		}
	}
	return made, nil
}

// Found is what lies on the server under one tag.
type Found struct {
	Tag         layout.Tag
	HasManifest bool
	Manifest    int64       // size of the manifest, in bytes
	Files       []FoundFile // ascending by path
}

// FoundFile is a file that belongs to a release by its name.
type FoundFile struct {
	Path string // relative to the server root
	Kind layout.Kind
	Name string
	Size int64 // bytes
}

func (f Found) names(kind layout.Kind) (names []string) {
	for _, file := range f.Files {
		if file.Kind == kind {
			names = append(names, file.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Inventory walks the whole project and returns what lies there, in ascending order of the tags.
func (s *State) Inventory(ctx context.Context) ([]Found, error) {
	files, err := s.walk(ctx, "")
	if err != nil {
		return nil, err
	}
	byTag := map[string]*Found{}
	for _, f := range files {
		place, ok := layout.ParsePlace(f.Name)
		if !ok {
			continue
		}
		found := byTag[place.Tag.String()]
		if found == nil {
			found = &Found{Tag: place.Tag}
			byTag[place.Tag.String()] = found
		}
		if place.IsManifest() {
			found.HasManifest, found.Manifest = true, f.Size
			continue
		}
		found.Files = append(found.Files, FoundFile{s.path(f.Name), place.Kind, place.Name, f.Size})
	}
	var all []Found
	for _, found := range byTag {
		slices.SortFunc(found.Files, func(a, b FoundFile) int { return strings.Compare(a.Path, b.Path) })
		all = append(all, *found)
	}
	slices.SortFunc(all, func(a, b Found) int { return compareTags(a.Tag, b.Tag) })
	return all, nil
}

// walk lists the files of the project below rel, with names relative to the project's folder. It goes only into folders
// that can belong to a release.
func (s *State) walk(ctx context.Context, rel string) ([]store.Entry, error) {
	entries, err := s.store.List(ctx, s.path(rel))
	if err != nil {
		return nil, err
	}
	below := make([][]store.Entry, len(entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for i, e := range entries {
		entries[i].Name = path.Join(rel, e.Name)
		// A folder belongs to a release if a file in it would.
		if _, ok := layout.ParsePlace(entries[i].Name + "/x"); !e.Dir || !ok {
			continue
		}
		g.Go(func() (err error) { below[i], err = s.walk(gctx, entries[i].Name); return err })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var files []store.Entry
	for i, e := range entries {
		if !e.Dir {
			files = append(files, e)
		}
		files = append(files, below[i]...)
	}
	return files, nil
}

func (s *State) path(rel string) string { return path.Join(string(s.Project), rel) }

// NoProject makes the *[NoProjectError] for a project of which nothing is there.
func (s *State) NoProject(ctx context.Context) error {
	entries, err := s.store.List(ctx, ".")
	if err != nil {
		return err
	}
	e := &NoProjectError{Project: s.Project}
	for _, entry := range entries {
		if _, err := layout.ParseProject(entry.Name); err == nil && entry.Dir {
			e.Present = append(e.Present, entry.Name)
		}
	}
	return e
}

func absentIsNil(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
