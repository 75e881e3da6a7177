// Package posix makes a store of a folder tree.
//
// A local folder and an SFTP server differ in how a step is done, not in which steps are done in which order. So the
// order stands here, once: [Store.Create] for what never changes, and [Store.Commit] in commit.go for the one thing that
// does. What a backend brings is an [FS].
package posix

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// Modes of what lies on the server (docs/FORMAT.md, Files of a project).
const (
	publicFile  = 0o644
	publicDir   = 0o755
	privateFile = 0o640
	privateDir  = 0o750
)

// A Store is a store.Store and a store.Sweeper on a folder tree.
type Store struct {
	fs         FS
	background sync.WaitGroup // removal of what is no longer needed; nobody waits for it but Close
}

// New makes a store of a folder tree. Closing the store closes the tree.
func New(fs FS) *Store { return &Store{fs: fs} }

// Close waits for the last temporary files to be removed and closes the folder tree.
func (s *Store) Close() error {
	s.background.Wait()
	return s.fs.Close()
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	return s.fs.Read(ctx, name, max)
}

// Size implements store.Store.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	info, err := s.fs.Stat(ctx, name)
	if err != nil {
		return 0, err
	}
	if !info.Mode.IsRegular() {
		return 0, &fs.PathError{Op: "size", Path: name, Err: fs.ErrNotExist}
	}
	return info.Size, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, dir string) ([]store.Entry, error) {
	infos, err := s.fs.ReadDir(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []store.Entry
	for _, info := range infos {
		if !store.ValidSegment(info.Name) {
			continue
		}
		if info.Mode&fs.ModeSymlink != 0 { // rare: hand-made roots
			if info, err = s.follow(ctx, dir, info.Name); err != nil {
				continue
			}
		}
		if dir := info.Mode.IsDir(); dir {
			entries = append(entries, store.Entry{Name: info.Name, Dir: true})
		} else if info.Mode.IsRegular() {
			entries = append(entries, store.Entry{Name: info.Name, Size: info.Size})
		}
	}
	slices.SortFunc(entries, func(a, b store.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (s *Store) follow(ctx context.Context, dir, name string) (Info, error) {
	info, err := s.fs.Stat(ctx, path.Join(dir, name))
	info.Name = name
	return info, err
}

// Create implements store.Store. Everything is first written under temporary names; a name that devices may ask for only
// ever appears with all of its content, by a step that refuses a name that is taken.
func (s *Store) Create(ctx context.Context, objects []store.Object) (err error) {
	if len(objects) == 0 {
		return nil
	}
	project, _, _ := strings.Cut(objects[0].Name, "/")
	var tmp string
	var missing []store.Object
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { tmp, err = s.temp(gctx, project); return err })
	g.Go(func() (err error) { missing, err = s.missing(gctx, objects); return err })
	err = g.Wait()
	defer func() { s.discard(ctx, tmp, stagedNames(len(missing))...) }()
	if err != nil || len(missing) == 0 {
		return err
	}
	return s.orSwept(ctx, draft{staged: tmp}, s.add(ctx, tmp, missing))
}

// add creates objects that are not there.
func (s *Store) add(ctx context.Context, tmp string, missing []store.Object) error {
	dirs := parents(missing)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.stage(gctx, tmp, missing) })
	g.Go(func() error { return s.openDirs(gctx, dirs) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := s.fs.Sync(ctx, tmp); err != nil {
		return err
	}
	if err := s.place(ctx, tmp, missing); err != nil {
		return err
	}
	return s.fs.Sync(ctx, dirs...)
}

// missing returns the objects that are not there yet, and a *store.ConflictError if some are there with other content.
func (s *Store) missing(ctx context.Context, objects []store.Object) ([]store.Object, error) {
	there := make([]bool, len(objects))
	var conflicts conflicts
	err := s.each(ctx, len(objects), func(ctx context.Context, i int) error {
		info, err := s.fs.Lstat(ctx, objects[i].Name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		there[i] = true
		return s.compare(ctx, objects[i], info, &conflicts)
	})
	if err := errors.Join(err, conflicts.err()); err != nil {
		return nil, err
	}
	var missing []store.Object
	for i, o := range objects {
		if !there[i] {
			missing = append(missing, o)
		}
	}
	return missing, nil
}

// stage writes the objects under temporary names.
func (s *Store) stage(ctx context.Context, tmp string, objects []store.Object) error {
	return s.each(ctx, len(objects), func(ctx context.Context, i int) error {
		return s.fs.Write(ctx, path.Join(tmp, stagedName(i)), fileMode(objects[i].Name), objects[i].Data)
	})
}

func stagedName(i int) string { return strconv.Itoa(i) }

func stagedNames(n int) (names []string) {
	for i := range n {
		names = append(names, stagedName(i))
	}
	return names
}

// place gives the staged objects their names, the last one after all others.
func (s *Store) place(ctx context.Context, tmp string, objects []store.Object) error {
	last := len(objects) - 1
	if err := s.placeAll(ctx, tmp, objects[:last]); err != nil {
		return err
	}
	err := s.fs.Place(ctx, path.Join(tmp, stagedName(last)), objects[last].Name)
	if errors.Is(err, fs.ErrExist) {
		return s.agree(ctx, objects[last])
	}
	return err
}

// placeAll gives staged objects their names. Those that conflict with what is there are left out.
func (s *Store) placeAll(ctx context.Context, tmp string, objects []store.Object) error {
	var conflicts conflicts
	err := s.each(ctx, len(objects), func(ctx context.Context, i int) error {
		err := s.fs.Place(ctx, path.Join(tmp, stagedName(i)), objects[i].Name)
		if errors.Is(err, fs.ErrExist) {
			return s.compareThere(ctx, objects[i], &conflicts)
		}
		return err
	})
	return errors.Join(err, conflicts.err())
}

// agree returns a *store.ConflictError if what has the name of the object differs from it.
func (s *Store) agree(ctx context.Context, o store.Object) error {
	var conflicts conflicts
	return errors.Join(s.compareThere(ctx, o, &conflicts), conflicts.err())
}

// compareThere compares an object whose name was taken: somebody publishes the same release at this moment.
func (s *Store) compareThere(ctx context.Context, o store.Object, c *conflicts) error {
	info, err := s.fs.Lstat(ctx, o.Name)
	if err != nil {
		return err
	}
	return s.compare(ctx, o, info, c)
}

// Remove implements store.Store.
func (s *Store) Remove(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	one := func(ctx context.Context, i int) error {
		if err := s.fs.Remove(ctx, names[i]); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	last := len(names) - 1
	if err := s.each(ctx, last, one); err != nil {
		return err
	}
	if err := one(ctx, last); err != nil {
		return err
	}
	return s.removeEmpty(ctx, names)
}

// removeEmpty removes the folders of removed names, deepest first, as far as they are empty and below the project's own.
func (s *Store) removeEmpty(ctx context.Context, names []string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		for dir := path.Dir(name); strings.Contains(dir, "/"); dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	deepest := slices.Sorted(func(yield func(string) bool) {
		for dir := range dirs {
			if !yield(dir) {
				return
			}
		}
	})
	for _, dir := range slices.Backward(deepest) {
		_ = s.fs.Remove(ctx, dir) // not empty, or gone: both are fine
	}
	return ctx.Err()
}

// each calls f for 0 to n-1, as many at a time as the folder tree likes.
func (s *Store) each(ctx context.Context, n int, f func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.fs.Parallel())
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx, i)
		})
	}
	return g.Wait()
}

func fileMode(name string) fs.FileMode {
	if strings.Contains(name, "/.otactl/") {
		return privateFile
	}
	return publicFile
}

// parents returns the folders of the objects, each before those below it, without duplicates.
func parents(objects []store.Object) []string {
	var dirs []string
	for _, o := range objects {
		for dir := path.Dir(o.Name); dir != "."; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// random makes a part of a temporary name.
func random() string { return strings.ToLower(rand.Text()) }
