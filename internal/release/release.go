package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
)

// A Release is what the server has of one tag.
type Release struct {
	Tag      layout.Tag
	Kind     layout.Kind
	Raw      []byte           // the manifest as it lies there; nil if there is none
	Manifest layout.Manifest  // valid if Raw is not nil
	HandMade *layout.HandMade // what is known of a release without a manifest; nil if it is not hand-made either
	Missing  []string         // names of files that are not there, or not with their size
}

// Complete reports whether the release has a manifest and every file that it lists.
func (r Release) Complete() bool { return r.Raw != nil && len(r.Missing) == 0 }

// Names returns the names of the release's files, as far as they are known.
func (r Release) Names() (names []string) {
	if r.Raw == nil && r.HandMade != nil {
		return r.HandMade.Names
	}
	for _, f := range r.Manifest.Files {
		names = append(names, f.Name)
	}
	return names
}

// ManifestSHA256 is the SHA-256 of the manifest in hex, or "" for a release without one.
func (r Release) ManifestSHA256() string {
	if r.Raw == nil {
		return ""
	}
	return SHA256(r.Raw)
}

// CheckSigned returns a *[sign.UnsignedError] unless one of the keys has signed the release. Without keys there is nothing to
// check.
func (r Release) CheckSigned(keys []sign.PublicKey) error {
	if len(keys) == 0 {
		return nil
	}
	if r.Raw == nil { // hand-made
		return &sign.UnsignedError{Tag: r.Tag}
	}
	return sign.Verify(r.Raw, keys)
}

// SHA256 returns the SHA-256 of data in lower-case hex.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Release reads what the server has of a tag and looks whether all of its files are there. Files that the live release has
// too are looked for before the manifest has come.
func (s *State) Release(ctx context.Context, t layout.Tag) (Release, error) {
	var r Release
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { r, err = s.Describe(gctx, t); return err })
	if live, ok := s.described(s.Live); ok {
		g.Go(func() error { _, _ = s.sizes(gctx, live.Kind, t, live.Names()); return nil }) // asked again if it matters
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	sizes := map[string]int64{}
	for _, f := range r.Manifest.Files {
		sizes[f.Name] = f.Size
	}
	names := r.Names()
	found, err := s.sizes(ctx, r.Kind, t, names)
	if err != nil {
		return r, err
	}
	for i, name := range names {
		if want, known := sizes[name]; found[i] < 0 || known && found[i] != want {
			r.Missing = append(r.Missing, name)
		}
	}
	return r, nil
}

// Describe reads the manifest of a tag once, if it has one, and does not look for its files.
func (s *State) Describe(ctx context.Context, t layout.Tag) (Release, error) {
	if r, ok := s.described(t.String()); ok {
		return r, nil
	}
	r, err := s.describe(ctx, t)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.releases[t.String()] = r
	}
	return r, err
}

// described returns what was read of a tag already.
func (s *State) described(tag string) (Release, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.releases[tag]
	return r, ok
}

func (s *State) describe(ctx context.Context, t layout.Tag) (Release, error) {
	r := Release{Tag: t}
	if h, ok := s.Adoption(t); ok {
		r.HandMade, r.Kind = &h, h.Kind
	}
	raw, err := s.store.Read(ctx, s.Project.Manifest(t), layout.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	m, err := layout.ParseManifest(raw)
	if err == nil && (m.Project != s.Project || m.Tag.String() != t.String()) {
		err = &layout.ManifestError{Line: 2, Reason: "is of another project or release"}
	}
	if err != nil {
		return r, &DamagedError{Name: s.Project.Manifest(t), Err: err}
	}
	r.Raw, r.Manifest, r.Kind = raw, m, m.Kind
	return r, nil
}

// sizes returns the size of each file of a release in bytes, or -1 for one that is not there. Each is asked for once.
func (s *State) sizes(ctx context.Context, k layout.Kind, t layout.Tag, names []string) ([]int64, error) {
	sizes := make([]int64, len(names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(128)
	for i, name := range names {
		g.Go(func() (err error) { sizes[i], err = s.size(gctx, s.Project.File(k, t, name)); return err })
	}
	return sizes, g.Wait()
}

func (s *State) size(ctx context.Context, path string) (int64, error) {
	s.mu.Lock()
	size, known := s.known[path]
	s.mu.Unlock()
	if known {
		return size, nil
	}
	size, err := s.store.Size(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		size, err = -1, nil
	}
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.known[path] = size
	}
	return size, err
}

// Target reads the release that the pointer is to be set to, and refuses one that devices must not be sent to: an
// *[AbsentError], *[PrunedError] or *[UnfinishedError], or a *[LayoutError] unless a change of the layout is allowed.
func (s *State) Target(ctx context.Context, t layout.Tag, allowLayoutChange bool) (Release, error) {
	var r Release
	var pruned bool
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { r, err = s.Release(gctx, t); return err })
	g.Go(func() (err error) { pruned, err = s.Pruned(gctx, t); return err })
	if live, ok := s.LiveTag(); ok && !allowLayoutChange {
		g.Go(func() error { _, _ = s.Describe(gctx, live); return nil }) // CheckLayout asks for it
	}
	err := g.Wait()
	switch {
	case err != nil:
		return r, err
	case pruned:
		return r, &PrunedError{Tag: t}
	case r.Raw == nil && r.HandMade == nil:
		return r, s.absent(ctx, t)
	case len(r.Missing) > 0:
		return r, &UnfinishedError{Tag: t, Missing: r.Missing}
	case allowLayoutChange:
		return r, nil
	}
	return r, s.CheckLayout(ctx, t, r.Kind)
}

// absent tells what is there instead of the tag.
func (s *State) absent(ctx context.Context, t layout.Tag) error {
	found, err := s.Inventory(ctx)
	if err != nil {
		return err
	}
	return Absent(s, t, found)
}

// Absent makes the error for a tag that is not there as a release: an *[UnfinishedError] or an *[AbsentError].
func Absent(s *State, t layout.Tag, found []Found) error {
	e := &AbsentError{Tag: t, Live: s.Live}
	for _, f := range found {
		switch _, adopted := s.Adoption(f.Tag); {
		case f.Tag.String() == t.String():
			return &UnfinishedError{Tag: t, Missing: []string{relative(s.Project.Manifest(t))}}
		case f.HasManifest || adopted:
			e.Present = append(e.Present, f.Tag.String())
		}
	}
	return e
}

// relative cuts a name relative to the server root down to one relative to the project's folder.
func relative(name string) string {
	_, rel, _ := strings.Cut(name, "/")
	return rel
}

// CheckLayout returns a *[LayoutError] if the live release lies in another layout than k: devices have theirs baked in.
func (s *State) CheckLayout(ctx context.Context, t layout.Tag, k layout.Kind) error {
	live, ok := s.LiveTag()
	if !ok || live.String() == t.String() {
		return nil
	}
	r, err := s.Describe(ctx, live)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) { // a damaged live release is the more reason to make another one live
		return err
	}
	if r.Kind != "" && r.Kind != k {
		return &LayoutError{Tag: t, Kind: k, Live: live, LiveKind: r.Kind}
	}
	return nil
}

// Files returns the files of a release with their sizes and hashes. Those of a hand-made release are read for it.
func (s *State) Files(ctx context.Context, r Release) ([]layout.File, error) {
	if r.Raw != nil || r.HandMade == nil {
		return r.Manifest.Files, nil
	}
	files := make([]layout.File, len(r.HandMade.Names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, name := range r.HandMade.Names {
		g.Go(func() error {
			data, err := s.store.Read(gctx, s.Project.File(r.Kind, r.Tag, name), maxFile)
			files[i] = layout.File{Name: name, Size: int64(len(data)), SHA256: SHA256(data)}
			return err
		})
	}
	return files, g.Wait()
}

// maxFile bounds what is read of one file of a hand-made release, in bytes.
const maxFile = 16 << 20

// compareTags orders tags by version, and those of the same version by their text.
func compareTags(a, b layout.Tag) int {
	if c := a.Compare(b); c != 0 {
		return c
	}
	return strings.Compare(a.String(), b.String())
}

// Sort orders tags by version.
func Sort(tags []layout.Tag) { slices.SortFunc(tags, compareTags) }
