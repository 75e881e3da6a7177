package s3

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/otactl/otactl/store"
)

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	data, _, err := s.get(ctx, name, max)
	if err != nil {
		return nil, s.explain(ctx, "read", name, err)
	}
	return data, nil
}

// Size implements store.Store.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	info, err := s.head(ctx, name)
	return info.Size, s.explain(ctx, "size of", name, err)
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, dir string) (entries []store.Entry, err error) {
	details, err := s.LookInto(ctx, dir)
	for _, d := range details {
		if store.ValidSegment(d.Name) {
			entries = append(entries, store.Entry{Name: d.Name, Dir: d.Mode.IsDir(), Size: d.Size})
		}
	}
	return entries, err
}

// Look implements store.Examiner. What has objects below it is a folder.
func (s *Store) Look(ctx context.Context, name string) (store.Detail, error) {
	if name != "." {
		info, err := s.head(ctx, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return detail(path.Base(name), info), s.explain(ctx, "look at", name, err)
		}
	}
	below, err := s.list(ctx, name, 1)
	if err == nil && len(below) == 0 && name != "." {
		err = fs.ErrNotExist
	}
	return store.Detail{Name: path.Base(name), Mode: fs.ModeDir, NoPerm: true}, s.explain(ctx, "look at", name, err)
}

func detail(name string, info minio.ObjectInfo) store.Detail {
	return store.Detail{Name: name, Size: info.Size, ModTime: info.LastModified, NoPerm: true}
}

// maxList bounds how much a server can make us remember.
const maxList = 1 << 20

// LookInto implements store.Examiner.
func (s *Store) LookInto(ctx context.Context, dir string) ([]store.Detail, error) {
	details, err := s.list(ctx, dir, maxList)
	return details, s.explain(ctx, "list", dir, err)
}

// list lists the first so many of what is directly in a folder.
func (s *Store) list(ctx context.Context, dir string, most int) (details []store.Detail, err error) {
	prefix := s.key(dir)
	if prefix != "" {
		prefix += "/"
	}
	err = s.ask(ctx, http.MethodGet, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		details = nil
		for info := range s.core.ListObjectsIter(ctx, s.target.Bucket, minio.ListObjectsOptions{Prefix: prefix, MaxKeys: min(most, 1000)}) {
			if info.Err != nil {
				return info.Err
			}
			if d, ok := listed(prefix, info); ok {
				details = append(details, d)
			}
			if len(details) >= most {
				return nil
			}
		}
		return ctx.Err()
	})
	slices.SortFunc(details, func(a, b store.Detail) int { return cmp.Compare(a.Name, b.Name) })
	return details, err
}

// listed tells what a line of a list means. A name that is not below the prefix, or is nothing but it, means nothing.
func listed(prefix string, info minio.ObjectInfo) (store.Detail, bool) {
	name, below := strings.CutPrefix(info.Key, prefix)
	name, dir := strings.CutSuffix(name, "/")
	if !below || name == "" {
		return store.Detail{}, false
	}
	d := detail(name, info)
	if dir {
		d.Mode, d.Size = fs.ModeDir, 0
	}
	return d, true
}

// Stream implements store.Examiner.
func (s *Store) Stream(ctx context.Context, name string, size int64, w io.Writer) (err error) {
	begun := false // what was passed on cannot be taken back
	accept := func(info minio.ObjectInfo) error {
		switch {
		case info.Size < size:
			return store.ErrShort
		case info.Size > size:
			return &store.TooLargeError{Name: name, Max: size}
		}
		begun = true
		return nil
	}
	for n := range attempts {
		err = s.once(ctx, http.MethodGet, func(ctx context.Context) error {
			_, err := s.fetch(ctx, name, accept, w)
			return err
		})
		if begun || !lost(err) || hopeless(err) || ctx.Err() != nil {
			break
		}
		s.pause(ctx, n)
	}
	return s.explain(ctx, "read", name, err)
}
