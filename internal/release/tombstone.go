package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A prune is told by its log entry, then by a tombstone for each of its releases, and only then are files removed. Whoever
// commits the next change first writes the tombstones that the last one still lacks ([State.Commit]). So each prune but the
// last has all of its tombstones, and whether a tag was pruned is told by its tombstone and by the last entry, however long
// the log is and wherever a prune was stopped.

// Pruned reports whether the tag was pruned.
func (s *State) Pruned(ctx context.Context, t layout.Tag) (bool, error) {
	if s.Seq == 0 {
		return false, nil
	}
	var buried bool
	var last layout.Entry
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { buried, err = s.buried(gctx, t.String()); return err })
	g.Go(func() (err error) { last, err = s.entry(gctx, s.Seq); return err })
	err := g.Wait()
	return buried || last.Action == layout.Prune && slices.Contains(last.Tags, t.String()), err
}

// buried reports whether a tag has a tombstone.
func (s *State) buried(ctx context.Context, tag string) (bool, error) {
	_, err := s.store.Size(ctx, s.Project.Tombstones()+"/"+tag)
	return err == nil, absentIsNil(err)
}

// Bury writes the tombstones that the last change still lacks, if it is a prune.
func (s *State) Bury(ctx context.Context) error {
	if s.Seq == 0 {
		return nil
	}
	last, err := s.entry(ctx, s.Seq)
	if err != nil || last.Action != layout.Prune {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for i, text := range last.Tags {
		g.Go(func() error { return s.bury(gctx, text, last.Sums, i) })
	}
	return g.Wait()
}

func (s *State) bury(ctx context.Context, text string, sums []string, i int) error {
	tag, err := layout.ParseTag(text)
	if err != nil || i >= len(sums) {
		return &DamagedError{Name: s.Project.Entry(s.Seq), Err: errors.New("it is a prune of something that is not a release")}
	}
	if there, err := s.buried(ctx, text); there || err != nil {
		return err
	}
	err = s.store.Create(ctx, []store.Object{{Name: s.Project.Tombstone(tag), Data: []byte(sums[i] + "\n")}})
	var conflict *store.ConflictError
	if errors.As(err, &conflict) { // of an earlier prune of the same release: a tombstone is a tombstone
		return nil
	}
	return err
}

// Tombstones returns the tags that have one.
func (s *State) Tombstones(ctx context.Context) (map[string]bool, error) {
	entries, err := s.store.List(ctx, s.Project.Tombstones())
	tags := map[string]bool{}
	for _, e := range entries {
		tags[e.Name] = true
	}
	return tags, err
}

// noManifest is what a tombstone says of a release that has none.
const noManifest = "none"

// TombstoneSize is the size of a tombstone in bytes.
func TombstoneSize(hasManifest bool) int64 {
	if !hasManifest {
		return int64(len(noManifest + "\n"))
	}
	return int64(hex.EncodedLen(sha256.Size) + len("\n"))
}

// ManifestSum is what a tombstone says of a release: the SHA-256 of its manifest in hex, or "none".
func (s *State) ManifestSum(ctx context.Context, t layout.Tag) (string, error) {
	raw, err := s.store.Read(ctx, s.Project.Manifest(t), layout.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return noManifest, nil
	}
	return SHA256(raw), err
}
