package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/otactl/otactl/store"
	"github.com/pkg/sftp"
)

// Status codes of SFTP version 3.
const (
	statusFailure     = 4
	statusBadMessage  = 5
	statusUnsupported = 8
)

// code returns the code that the server answered with, if there is no name for what it says.
func code(err error) (code uint32, ok bool) {
	var own *statusError
	var client *sftp.StatusError
	switch {
	case errors.As(err, &own):
		return own.code, true
	case errors.As(err, &client):
		return client.Code, true
	}
	return 0, false
}

// hasStatus reports whether the server answered with this code.
func hasStatus(err error, want uint32) bool {
	got, ok := code(err)
	return ok && got == want
}

// answered reports whether err is what the server said, not what became of the connection.
func answered(err error) bool {
	_, status := code(err)
	return status || errors.Is(err, errEnd) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist)
}

// explain turns what an operation failed with into what package store promises.
func (f *FS) explain(s *session, op, name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	cause := s.lost()
	if cause != nil && !answered(err) {
		if s.strange() && !errors.Is(cause, errClosed) {
			return f.noServer(cause)
		}
		return f.ended(cause, op, name)
	}
	var large *store.TooLargeError
	if errors.As(err, &large) || errors.Is(err, store.ErrShort) {
		return err
	}
	for _, known := range []error{fs.ErrNotExist, fs.ErrExist} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s %q: %w", op, name, known)
		}
	}
	var wrapped *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fs.ErrPermission
	case errors.As(err, &wrapped): // it repeats the name, and not quoted
		err = wrapped.Err
	}
	return &store.RefusedError{Target: f.Target, Err: fmt.Errorf("%s %q: %w", op, name, err)}
}

// ended is the error of an operation that was under way when the session ended.
func (f *FS) ended(cause error, op, name string) error {
	if errors.Is(cause, errClosed) {
		return fmt.Errorf("%s: %w", f.Target, cause)
	}
	err := fmt.Errorf("%s %q: %w", op, name, cause)
	if unanswered(cause) {
		return &store.ConnError{Target: f.Target, Err: err}
	}
	return &store.RefusedError{Target: f.Target, Err: err}
}

// taken turns a failure without a reason into fs.ErrExist if the name is there. One trip, after a failure only.
func (f *FS) taken(s *session, name string, err error) error {
	if !answered(err) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, look := s.lstat(f.abs(name)); look == nil {
		return fs.ErrExist
	}
	return err
}

// full turns a failure without a reason into ENOSPC if the disk has no room for size more bytes. At most one trip, after
// a failure only.
func (f *FS) full(s *session, name string, size int, err error) error {
	if !hasStatus(err, statusFailure) || !s.has("statvfs@openssh.com") {
		return err
	}
	disk, look := s.statVFS(path.Dir(f.abs(name)))
	if look != nil || disk.Blocks == 0 {
		return err
	}
	if disk.Bavail*max(disk.Frsize, 1) < uint64(max(size, 1)) || disk.Files > 0 && disk.Favail == 0 {
		return syscall.ENOSPC
	}
	return err
}
