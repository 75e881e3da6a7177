package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/otactl/otactl/store"
)

var (
	errNotRegular = errors.New("not a regular file")
	errEscapes    = errors.New("leads out of the server root")
)

// refusals are the errors that trying again does not help against.
var refusals = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, // full
	fs.ErrPermission, syscall.EROFS, // not allowed
	syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, errEscapes, // something else is in the way
	errors.ErrUnsupported, syscall.EMLINK, syscall.EXDEV, // cannot be done there
}

// fail gives an error its place in the contract of [posix.FS]: what the folder refuses becomes a *[store.RefusedError].
func (f *FS) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, f.escapes) {
		return f.refuse(op, name, errEscapes)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: op, Path: name, Err: reason(err)}
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return f.refuse(op, name, err)
		}
	}
	return fmt.Errorf("%s: %s %q: %w", f.dir, op, name, reason(err))
}

// failLook is fail for those who only look: what is below a file is not there.
func (f *FS) failLook(op, name string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return f.fail(op, name, err)
}

func (f *FS) refuse(op, name string, err error) error {
	return &store.RefusedError{Target: f.dir, Err: fmt.Errorf("%s %q: %w", op, name, reason(err))}
}

// reason is what is left of an error of package os without the path, which our messages name in their own way.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// escapeError returns the error by which package os, which does not export it, reports a path that leads out of a root.
func escapeError(root *os.Root) error {
	_, err := root.Lstat("..")
	return reason(err)
}
