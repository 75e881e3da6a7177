package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// Write makes a new file. Three trips: OPEN; all WRITEs and the mode at once; FSYNC. After a good FSYNC there is nothing
// left that CLOSE could report, so it is not waited for; a server without FSYNC takes CLOSE as its third trip, because
// there a full disk may show.
func (f *FS) Write(ctx context.Context, name string, mode fs.FileMode, data []byte) error {
	return f.do(ctx, "write", name, func(s *session) error {
		file, err := f.openFile(ctx, s, name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return f.full(s, name, len(data), err)
		}
		synced, err := f.fill(ctx, s, file, mode, data)
		if synced || err != nil {
			f.closeLater(file)
			return f.full(s, name, len(data), err)
		}
		defer f.gate.leave()
		return f.full(s, name, len(data), file.Close())
	})
}

// fill gives a new file its content and mode and makes them durable, if the server can.
func (f *FS) fill(ctx context.Context, s *session, file *sftp.File, mode fs.FileMode, data []byte) (synced bool, err error) {
	var g errgroup.Group
	g.SetLimit(64)
	g.Go(func() error { return file.Chmod(mode) })
	for at := 0; at < len(data); at += chunk {
		if ctx.Err() != nil {
			break
		}
		piece := data[at:min(at+chunk, len(data))]
		g.Go(func() error {
			n, err := file.WriteAt(piece, int64(at))
			if err == nil {
				f.Written(int64(n))
			}
			return err
		})
	}
	if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
		return false, err
	}
	return flush(s, file)
}

// flush makes a file durable. A server that does not know how is no error; any other failure is one.
func flush(s *session, file *sftp.File) (synced bool, err error) {
	if !s.has("fsync@openssh.com") {
		return false, nil
	}
	err = file.Sync()
	if hasStatus(err, statusUnsupported) {
		return false, nil
	}
	return err == nil, err
}

// Mkdir makes a new folder. One trip: MKDIR; and another one for a mode. That the root is not there is a
// *store.RefusedError: it is not made, because it may be a typing error.
func (f *FS) Mkdir(ctx context.Context, name string, mode fs.FileMode) error {
	err := f.do(ctx, "mkdir", name, func(s *session) error {
		if err := s.client.Mkdir(f.abs(name)); err != nil {
			return f.full(s, name, 1, f.taken(s, name, err))
		}
		f.folders.add(name)
		if err := ctx.Err(); err != nil || mode == 0 {
			return err
		}
		return s.client.Chmod(f.abs(name), mode)
	})
	if errors.Is(err, fs.ErrNotExist) && path.Dir(name) == "." {
		return &store.RefusedError{Target: f.Target, Err: fmt.Errorf("folder %q: %w", f.Root, syscall.ENOENT)}
	}
	return err
}

// Chmod sets the mode of a folder. One trip.
func (f *FS) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return f.do(ctx, "chmod", name, func(s *session) error { return s.client.Chmod(f.abs(name), mode) })
}

// Place gives a file, or a folder that is not empty, its final name, unless that is taken. One trip: LINK for a file,
// which refuses on every server that has it; RENAME for a folder that this FS has made, because no server renames a
// folder onto one that is not empty. One more trip if the name is taken, and two for a folder that was made elsewhere.
func (f *FS) Place(ctx context.Context, old, name string) error {
	return f.do(ctx, "place", name, func(s *session) error {
		f.changes.begin(ctx, f, s, path.Dir(name))
		if f.folders.has(old) {
			return f.rename(s, old, name)
		}
		if !s.has("hardlink@openssh.com") {
			return f.placeByRename(s, old, name)
		}
		err := s.client.Link(f.abs(old), f.abs(name))
		if err == nil || !answered(err) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return f.unplaced(s, old, name, err)
	})
}

// unplaced looks why a LINK was refused. The name may be taken, or old may be a folder, which cannot be linked, or may be
// gone since.
func (f *FS) unplaced(s *session, old, name string, err error) error {
	var folder bool
	var gone error
	var g errgroup.Group
	g.Go(func() error {
		info, err := s.lstat(f.abs(old))
		folder = err == nil && info.IsDir()
		if errors.Is(err, fs.ErrNotExist) {
			gone = err
		}
		return nil
	})
	reason := f.taken(s, name, err)
	_ = g.Wait() // never fails
	switch {
	case gone != nil:
		return gone
	case folder && !errors.Is(reason, fs.ErrExist):
		return f.rename(s, old, name)
	}
	return f.full(s, name, 1, reason)
}

// rename renames a folder.
func (f *FS) rename(s *session, old, name string) error {
	err := s.client.Rename(f.abs(old), f.abs(name))
	if err == nil {
		f.folders.remove(old)
		return nil
	}
	return f.taken(s, name, err)
}

// placeByRename places what cannot be linked.
func (f *FS) placeByRename(s *session, old, name string) error {
	info, err := s.lstat(f.abs(old))
	if err != nil {
		return err
	}
	if info.IsDir() {
		return f.rename(s, old, name)
	}
	if f.plain.get() != refuses {
		return errNoPlace
	}
	err = s.client.Rename(f.abs(old), f.abs(name))
	if err == nil {
		return nil
	}
	return f.full(s, name, 1, f.taken(s, name, err))
}

// Replace gives a file the name of another, which is gone in the same step. One trip.
func (f *FS) Replace(ctx context.Context, old, name string) error {
	return f.do(ctx, "replace", name, func(s *session) error {
		f.changes.begin(ctx, f, s, path.Dir(name))
		if s.has("posix-rename@openssh.com") {
			return s.client.PosixRename(f.abs(old), f.abs(name))
		}
		if f.plain.get() != replaces {
			return errNoReplace
		}
		return s.client.Rename(f.abs(old), f.abs(name))
	})
}

// Remove removes a file or an empty folder. One trip for a file that is there and for a folder that this FS has made;
// two for what is absent and for other folders.
func (f *FS) Remove(ctx context.Context, name string) error {
	return f.do(ctx, "remove", name, func(s *session) error {
		if !f.folders.has(name) {
			return s.client.Remove(f.abs(name))
		}
		err := s.client.RemoveDirectory(f.abs(name))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			f.folders.remove(name)
		}
		return err
	})
}
