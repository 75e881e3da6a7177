// Package local is a folder of this machine as a [posix.FS].
//
// Everything happens through an [os.Root], so no name and no symbolic link leads out of the folder: what would is refused.
// Links inside it are followed if they are relative. The folder itself may be reached through links.
//
// # What is durable when
//
// After Write returns, the name and the content are there for everybody who looks, and on Linux neither survives a power
// cut for certain. Sync(dirs) makes durable the content of every file that was written to the file systems of these folders
// before the call, and the names directly in these folders: those that Write, Mkdir, Place and Replace made and those that
// are gone. Names in other folders, such as that of a new folder in its parent, need those folders in the call.
//
// On Linux the content is flushed by one syncfs(2) for all files: 1,000 small files cost about what cp and sync cost, where
// an fsync(2) of each is 8 times slower. Elsewhere Write itself flushes each file.
//
// On Windows modes mean nothing and names of folders are as durable as NTFS makes them.
package local

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// Options may be empty.
type Options struct {
	// Written is called after each file with the number of its bytes, from several goroutines at once.
	Written func(n int64)
}

// An FS is a folder. It implements [posix.FS].
type FS struct {
	dir     string // absolute, for messages
	root    *os.Root
	sync    *syncer
	written func(n int64)
	escapes error // what root says of a path that leads out of it
}

var _ posix.FS = (*FS)(nil)

// Open opens a folder that exists. One that does not is a *[store.RefusedError] that matches fs.ErrNotExist: a folder made
// because of a typing error would be one that no device looks into.
func Open(dir string, opts Options) (*FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, &store.RefusedError{Target: dir, Err: err}
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, &store.RefusedError{Target: abs, Err: reason(err)}
	}
	s, err := newSyncer(root)
	if err != nil {
		return nil, &store.RefusedError{Target: abs, Err: errors.Join(reason(err), root.Close())}
	}
	if opts.Written == nil {
		opts.Written = func(int64) {}
	}
	return &FS{dir: abs, root: root, sync: s, written: opts.Written, escapes: escapeError(root)}, nil
}

// Close gives back the folder's handle. What was not synced may be lost.
func (f *FS) Close() error { return errors.Join(f.sync.close(), f.root.Close()) }

// Parallel is how many calls should be under way at once.
func (f *FS) Parallel() int { return parallel }

// Write makes a new file. On Linux its content is durable after the next Sync of a folder on its file system.
func (f *FS) Write(ctx context.Context, name string, mode fs.FileMode, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return f.fail("write", name, err)
	}
	if err := f.fill(file, mode, data); err != nil {
		return f.fail("write", name, err)
	}
	f.written(int64(len(data)))
	return nil
}

// fill sets the mode on the handle, because the umask has taken bits from the one that the file was made with.
func (f *FS) fill(file *os.File, mode fs.FileMode, data []byte) (err error) {
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Chmod(mode); err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	return f.sync.wrote(file)
}

// Mkdir makes a new folder, with the mode that the umask leaves if mode is 0.
func (f *FS) Mkdir(ctx context.Context, name string, mode fs.FileMode) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.root.Mkdir(name, cmp.Or(mode, 0o777)); err != nil {
		return f.fail("mkdir", name, err)
	}
	if mode == 0 {
		return nil
	}
	return f.Chmod(ctx, name, mode)
}

// Chmod sets the mode of a folder.
func (f *FS) Chmod(ctx context.Context, name string, mode fs.FileMode) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := f.open(name)
	if err != nil {
		return f.fail("chmod", name, err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return f.fail("chmod", name, dir.Chmod(mode))
}

// Place gives a file or a folder its final name. A folder must not be empty: rename(2) replaces an empty folder by another
// one, and it is the files in both that make it refuse. A file keeps its old name as a second one, because link(2) is what
// refuses a name that is taken.
func (f *FS) Place(ctx context.Context, old, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f.root.Link(old, name)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return f.fail("place", name, err)
	}
	info, lookErr := f.root.Lstat(old) // a folder cannot be linked, which systems say in different words
	if lookErr != nil || !info.IsDir() {
		return f.fail("place", name, err)
	}
	err = f.root.Rename(old, name)
	if err == nil {
		return nil
	}
	// Systems differ in what they say of a name that is taken, and some say it of other troubles too.
	if _, taken := f.root.Lstat(name); taken == nil {
		return &fs.PathError{Op: "place", Path: name, Err: fs.ErrExist}
	}
	return f.fail("place", name, err)
}

// Replace gives a file the name of another, which is gone in the same step.
func (f *FS) Replace(ctx context.Context, old, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.fail("replace", name, f.root.Rename(old, name))
}

// Remove removes a file or an empty folder.
func (f *FS) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.fail("remove", name, f.root.Remove(name))
}

// Sync makes content and names durable; the package comment says which.
func (f *FS) Sync(ctx context.Context, dirs ...string) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	handles := make([]*os.File, 0, len(dirs))
	defer func() {
		for _, h := range handles {
			err = errors.Join(err, h.Close())
		}
	}()
	for _, dir := range dirs {
		h, err := f.open(dir)
		if err != nil {
			return f.fail("sync", dir, err)
		}
		handles = append(handles, h)
	}
	if err := f.sync.flush(handles); err != nil {
		return f.fail("sync", dirs[0], err)
	}
	return nil
}

// open opens what is there for reading. It does not wait for a writer if that is a pipe.
func (f *FS) open(name string) (*os.File, error) {
	return f.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
}

// Syncs reports that Sync waits for the disk.
func (*FS) Syncs() bool { return true }
