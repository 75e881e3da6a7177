package sftp

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"

	"golang.org/x/sync/errgroup"
)

// Write makes a new file. Two trips: OPEN; then all WRITEs, the mode, FSYNC and CLOSE at once.
func (f *FS) Write(ctx context.Context, name string, mode fs.FileMode, data []byte) error {
	return f.do(ctx, "write", name, func(s *session) error {
		return f.write(ctx, s, name, mode, func(context.Context) ([]byte, error) { return data, nil })
	})
}

func (f *FS) write(ctx context.Context, s *session, name string, mode fs.FileMode, content func(context.Context) ([]byte, error)) error {
	file, err := f.openOwn(ctx, s, name, openCreate)
	if err != nil {
		return f.full(s, name, 1, err)
	}
	data, err := content(ctx)
	if err != nil {
		f.leaveOpen(file)
		return err
	}
	return f.full(s, name, len(data), f.fill(ctx, file, mode, data))
}

// fill gives a new file its content and mode, makes them durable, if the server can, and closes it. After a good FSYNC there
// is nothing left that CLOSE could report, so it is not waited for; a server without FSYNC may only then find its disk full.
func (f *FS) fill(ctx context.Context, file *handle, mode fs.FileMode, data []byte) error {
	moded := file.chmod(mode)
	var pieces []*answer
	for at := 0; at < len(data) && ctx.Err() == nil; at += chunk {
		pieces = append(pieces, file.write(int64(at), data[at:min(at+chunk, len(data))]))
	}
	synced := file.sync()
	closed := file.close()
	err := moded.done()
	for i, a := range pieces {
		failed := a.done()
		if failed == nil {
			f.Written(int64(min(chunk, len(data)-i*chunk)))
		}
		err = cmp.Or(err, failed)
	}
	durable, failed := synced()
	if durable {
		f.closedLater(closed)
		return cmp.Or(err, ctx.Err())
	}
	defer f.gate.leave()
	return cmp.Or(err, failed, closed.done(), ctx.Err())
}

// Mkdir makes a new folder. One trip: MKDIR; and another one for a mode. That the root is not there is a
// *store.RefusedError: it is not made, because it may be a typing error.
func (f *FS) Mkdir(ctx context.Context, name string, mode fs.FileMode) error {
	err := f.do(ctx, "mkdir", name, func(s *session) error {
		if err := f.mkdir(s, name); err != nil {
			return f.full(s, name, 1, err)
		}
		f.folders.add(name)
		if err := ctx.Err(); err != nil || mode == 0 {
			return err
		}
		return s.client.Chmod(f.abs(name), mode)
	})
	return f.rootMissing(name, err)
}

// mkdir tries a second time where the name that was in the way may be gone when we look: somebody tries out a new project.
func (f *FS) mkdir(s *session, name string) (err error) {
	for range 2 {
		if err = s.client.Mkdir(f.abs(name)); err == nil {
			return nil
		}
		if err = f.taken(s, name, err); !hasStatus(err, statusFailure) {
			break
		}
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
	return f.do(ctx, "place", name, func(s *session) error { return f.place(ctx, s, old, name)() })
}

// place sends what gives a name, and returns what waits for the answer.
func (f *FS) place(ctx context.Context, s *session, old, name string) (wait func() error) {
	f.changes.begin(ctx, f, s, path.Dir(name))
	switch {
	case f.folders.has(old):
		return f.rename(s, old, name)
	case !s.has("hardlink@openssh.com"):
		return func() error { return f.placeByRename(s, old, name) }
	}
	linked := s.send(reqExtended, "hardlink@openssh.com", f.abs(old), f.abs(name))
	return func() error {
		err := linked.done()
		if err == nil || !answered(err) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return f.unplaced(s, old, name, err)
	}
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
		return f.rename(s, old, name)()
	}
	return f.full(s, name, 1, reason)
}

// rename sends what renames a folder, and returns what waits for the answer.
func (f *FS) rename(s *session, old, name string) (wait func() error) {
	renamed := s.send(reqRename, f.abs(old), f.abs(name))
	return func() error {
		err := renamed.done()
		if err == nil {
			f.folders.remove(old)
			return nil
		}
		return f.taken(s, name, err)
	}
}

// placeByRename places what cannot be linked.
func (f *FS) placeByRename(s *session, old, name string) error {
	info, err := s.lstat(f.abs(old))
	if err != nil {
		return err
	}
	if info.IsDir() {
		return f.rename(s, old, name)()
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
	return f.do(ctx, "replace", name, func(s *session) error { return f.replace(ctx, s, old, name)() })
}

// replace sends what replaces a name, and returns what waits for the answer.
func (f *FS) replace(ctx context.Context, s *session, old, name string) (wait func() error) {
	f.changes.begin(ctx, f, s, path.Dir(name))
	if s.has("posix-rename@openssh.com") {
		return s.send(reqExtended, "posix-rename@openssh.com", f.abs(old), f.abs(name)).done
	}
	if f.plain.get() != replaces {
		return func() error { return errNoReplace }
	}
	return s.send(reqRename, f.abs(old), f.abs(name)).done
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
