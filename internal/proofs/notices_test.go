package proofs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// Each of these breaks one rule of docs/FORMAT.md. If the devices of TestLive did not notice, that test would prove nothing.
func TestLiveNotices(t *testing.T) {
	for _, test := range []struct {
		rule   string
		broken func(tree posix.FS, w *watcher) store.Store
		notice string
	}{
		{"version in place", func(tree posix.FS, w *watcher) store.Store { return posix.New(&inPlace{tree, w.root, w}) }, "does not end in a line feed"},
		{"version removed first", func(tree posix.FS, w *watcher) store.Store { return posix.New(&removeFirst{tree, w}) }, "404"},
		{"modes left to the umask", func(tree posix.FS, _ *watcher) store.Store { return posix.New(&umasked{tree}) }, "403"},
		{"version before the files", func(tree posix.FS, w *watcher) store.Store { return &pointerFirst{posix.New(tree), w} }, "404"},
		{"other bytes under a tag", func(tree posix.FS, w *watcher) store.Store { return &overwriting{posix.New(tree), tree, w} }, "holds"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			root := t.TempDir()
			tree := localTree(t, root)
			mustPublish(t, open(t, tree), layout.Prefix, "v1.0.0", 1)
			w := watch(t, root, layout.Prefix)
			w.next(t)
			s := test.broken(tree, w)
			for n := range 2 {
				_, err := publish.Run(t.Context(), s, request(t, layout.Prefix, fmt.Sprintf("v1.0.%d", n+1), 9))
				if err != nil && w.ctx.Err() == nil {
					t.Fatal(err)
				}
				if w.ctx.Err() == nil {
					w.next(t)
				}
			}
			errs := w.end()
			if !slices.ContainsFunc(errs, func(err error) bool { return strings.Contains(err.Error(), test.notice) }) {
				t.Errorf("devices have noticed: %v", errs)
			}
		})
	}
}

// pause gives the devices the time for some questions.
func (w *watcher) pause() {
	polls, updates := w.polls.Load(), w.updates.Load()
	until(func() bool { return w.ctx.Err() != nil || w.polls.Load() >= polls+3 && w.updates.Load() >= updates+3 })
}

type inPlace struct {
	posix.FS
	root string
	w    *watcher
}

func (f *inPlace) Replace(ctx context.Context, old, name string) error {
	data, err := f.Read(ctx, old, 100)
	if err != nil {
		return err
	}
	half, err := os.OpenFile(filepath.Join(f.root, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = half.Write(data[:len(data)/2])
	err = errors.Join(err, half.Truncate(int64(len(data)/2)))
	f.w.pause()
	_, rest := half.Write(data[len(data)/2:])
	return errors.Join(err, rest, half.Close())
}

type removeFirst struct {
	posix.FS
	w *watcher
}

func (f *removeFirst) Replace(ctx context.Context, old, name string) error {
	err := f.Remove(ctx, name)
	f.w.pause()
	return errors.Join(err, f.FS.Replace(ctx, old, name))
}

type umasked struct{ posix.FS }

func (f *umasked) Write(ctx context.Context, name string, _ fs.FileMode, data []byte) error {
	return f.FS.Write(ctx, name, 0o600, data)
}

type pointerFirst struct {
	*posix.Store
	w *watcher
}

func (s *pointerFirst) Commit(ctx context.Context, c store.Commit) error {
	objects := c.Objects
	c.Objects = nil
	if err := s.Store.Commit(ctx, c); err != nil {
		return err
	}
	s.w.pause()
	return s.Create(ctx, objects)
}

// overwriting gives the live release other bytes.
type overwriting struct {
	*posix.Store
	tree posix.FS
	w    *watcher
}

func (s *overwriting) Commit(ctx context.Context, c store.Commit) error {
	const name = string(project) + "/v1.0.0_main.py"
	err := errors.Join(s.tree.Write(ctx, "other", 0o644, []byte("print('other')\n")), s.tree.Replace(ctx, "other", name))
	s.w.pause()
	return errors.Join(err, s.Store.Commit(ctx, c))
}
