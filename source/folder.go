package source

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// A folder is where files come from. Nothing outside of it can be reached through it.
type folder struct {
	root *os.Root
	path string // for messages
}

// openFolder opens a folder that is seen from base, which is "" for the working folder. One that is below base is not
// followed out of it by symbolic links.
func openFolder(base, path string) (folder, error) {
	full := from(base, path)
	if !filepath.IsLocal(path) {
		root, err := os.OpenRoot(full)
		if err != nil {
			return folder{}, pathError(full, err)
		}
		return folder{root, full}, nil
	}
	above := folder{path: from(base, ".")}
	var err error
	if above.root, err = os.OpenRoot(above.path); err != nil {
		return folder{}, pathError(above.path, err)
	}
	defer above.close()
	root, err := above.root.OpenRoot(path)
	if err != nil {
		return folder{}, above.explain(path, err)
	}
	return folder{root, full}, nil
}

// from is a path that was written as seen from base.
func from(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func (d folder) close() { _ = d.root.Close() } // nothing is written through it

// at is the path of something in the folder, for messages.
func (d folder) at(rel string) string { return filepath.Join(d.path, rel) }

// stat follows symbolic links inside the folder.
func (d folder) stat(rel string) (fs.FileInfo, error) {
	info, err := d.root.Stat(rel)
	if err != nil {
		return nil, d.explain(rel, err)
	}
	return info, nil
}

// list returns what is in a folder of the folder, in order.
func (d folder) list(rel string) ([]fs.DirEntry, error) {
	f, err := d.open(rel)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, d.explain(rel, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// errChanged is in the *fs.PathError of a file that had another size once it was read.
var errChanged = errors.New("changed while it was read, or has no size of its own")

// read reads a regular file of at most max bytes; it reads no more than one more than those. A larger one is a
// *[LimitError].
func (d folder) read(rel string, max int64) ([]byte, error) {
	// What is not a regular file is not opened: opening alone can block (a pipe) or do things (a device).
	info, err := d.stat(rel)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegularError{d.at(rel), kind(info.Mode())}
	}
	f, err := d.open(rel)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err = f.Stat()             // again: another file may have taken the name
	if err != nil {
		return nil, d.explain(rel, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegularError{d.at(rel), kind(info.Mode())}
	}
	return d.readAll(f, rel, info.Size(), max)
}

func (d folder) readAll(f io.Reader, rel string, size, max int64) ([]byte, error) {
	if size > max {
		return nil, tooLarge(d.at(rel), max)
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead) // exactly what reading needs: no second copy
	n, err := b.ReadFrom(io.LimitReader(f, max+1))
	switch {
	case err != nil:
		return nil, d.explain(rel, err)
	case n > max:
		return nil, tooLarge(d.at(rel), max)
	case n != size:
		return nil, pathError(d.at(rel), errChanged)
	}
	return b.Bytes(), nil
}

func tooLarge(path string, max int64) error {
	if max >= 1<<20 {
		return &LimitError{path, fmt.Sprintf("larger than %d MiB", max>>20)}
	}
	return &LimitError{path, fmt.Sprintf("larger than %d KiB", max>>10)}
}

// open does not wait for the other end of what turns out to be a pipe.
func (d folder) open(rel string) (*os.File, error) {
	f, err := d.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, d.explain(rel, err)
	}
	return f, nil
}

// explain turns an error of the folder's root into one that names the path as the user knows it.
func (d folder) explain(rel string, err error) error {
	// The error for a path that leaves a root has no name in package os, so it is taken from a path that does.
	_, outside := d.root.Lstat("..")
	if errors.Is(err, errors.Unwrap(outside)) {
		return &OutsideError{Path: d.at(rel), Folder: d.path, Link: true}
	}
	return pathError(d.at(rel), err)
}

// pathError is err about another path, without the system call that it came from.
func pathError(path string, err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: "open", Path: show(path), Err: err}
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else (" + mode.String() + ")"
}
