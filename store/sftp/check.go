package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// What plain RENAME does with a name that is taken. SFTP version 3 says that it refuses; half of the servers do.
const (
	untried int32 = iota
	refuses
	replaces
)

type plainRename struct{ atomic.Int32 }

func (p *plainRename) get() int32 { return p.Load() }

var (
	errNoPlace   = errors.New("the server cannot give a file a name without overwriting")
	errNoReplace = errors.New("the server cannot replace a file in one step")
)

// Check makes sure that the server can do what Place and Replace promise, before anything depends on it. It takes no
// trip if the server advertises both extensions, and else tries plain RENAME on two new files in dir. Its error is
// *store.RefusedError if the server cannot.
func (f *FS) Check(ctx context.Context, dir string) error {
	return f.do(ctx, "check", dir, func(s *session) error {
		links, renames := s.has("hardlink@openssh.com"), s.has("posix-rename@openssh.com")
		if links && renames {
			return nil
		}
		if f.plain.get() == untried {
			if err := f.try(ctx, s, dir); err != nil {
				return err
			}
		}
		switch {
		case !links && f.plain.get() != refuses:
			return errNoPlace
		case !renames && f.plain.get() != replaces:
			return errNoReplace
		}
		return nil
	})
}

// try finds out what plain RENAME does. Four trips.
func (f *FS) try(ctx context.Context, s *session, dir string) (err error) {
	a, b := path.Join(dir, "probe."+rand.Text()), path.Join(dir, "probe."+rand.Text())
	var g errgroup.Group
	for _, name := range []string{a, b} {
		g.Go(func() error {
			file, err := f.openFile(ctx, s, name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
			if err != nil {
				return err
			}
			defer f.gate.leave()
			return file.Close()
		})
	}
	defer func() {
		var g errgroup.Group
		for _, name := range []string{a, b} {
			g.Go(func() error { return ignoreAbsent(s.client.Remove(f.abs(name))) })
		}
		err = errors.Join(err, g.Wait())
	}()
	if err := g.Wait(); err != nil {
		return err
	}
	err = s.client.Rename(f.abs(a), f.abs(b))
	switch {
	case err == nil:
		f.plain.Store(replaces)
	case answered(err):
		f.plain.Store(refuses)
	default:
		return err
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
