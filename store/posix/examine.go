package posix

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/otactl/otactl/store"
)

var _ store.Examiner = (*Store)(nil)

// Look implements store.Examiner.
func (s *Store) Look(ctx context.Context, name string) (store.Detail, error) {
	return s.fs.Lstat(ctx, name)
}

// LookInto implements store.Examiner.
func (s *Store) LookInto(ctx context.Context, dir string) ([]store.Detail, error) {
	infos, err := s.fs.ReadDir(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, err
}

// Stream implements store.Examiner.
func (s *Store) Stream(ctx context.Context, name string, size int64, w io.Writer) error {
	return s.fs.Stream(ctx, name, size, w)
}
