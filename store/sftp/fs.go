// Package sftp reaches a server root over SSH and SFTP version 3.
//
// [Dial] connects as a person's ssh would: known_hosts is always checked, ssh_config is read, keys come from a file, an
// agent or a text. [New] speaks to anything that is connected already. Both give an [FS], on which package posix builds
// a store.
//
// The cost of SFTP is the round trip (a "trip" below), not the byte: calls overlap freely, and the comment of each says
// how many trips it takes one after the other. What differs between servers is asked for in the list of extensions that
// they advertise, and else tried out on files of our own ([FS.Check]); nothing is concluded from the text of an error.
//
// An operation that is under way while the connection is lost ends with *store.ConnError, and nobody knows whether it
// took effect. It is never repeated here. Operations that start later connect once more; if that fails, they all fail
// at once with the same error, so that cleaning up does not wait for one time-out after the other.
package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/otactl/otactl/store"
)

const (
	// parallel calls overlap well on the wire, and OpenSSH can have more handles open than that.
	parallel       = 128
	defaultTimeout = 15 * time.Second
)

// Options of an [FS] that have nothing to do with how it is connected.
type Options struct {
	Target  string        // how errors call the server, such as host:port
	Root    string        // the folder on the server that names are relative to; "." is where the server starts
	Timeout time.Duration // how long an answer may take; 0: 15 s
	Trace   func(string)  // gets a line for each operation; may be nil
	Written func(n int64) // gets the number of bytes that were accepted, as they are; may be nil
}

// An Opener connects to the SFTP server. Closing what it returns must end pending reads and writes at once.
type Opener func(ctx context.Context) (io.ReadWriteCloser, error)

// An FS is a folder on an SFTP server. It is safe for concurrent use.
type FS struct {
	Options
	open    Opener
	gate    *gate
	streams *semaphore.Weighted // of bytes in memory
	folders folders             // that we have made
	changes changes
	plain   plainRename

	turn chan struct{} // held while connecting

	mu       sync.Mutex
	session  *session
	again    bool  // it is not the first one
	dead     error // why no operation can succeed any more
	closeErr error // of the first CLOSE that was not waited for and failed

	closing   chan struct{}
	closeOnce sync.Once
}

// errClosed is what operations on a closed FS fail with.
var errClosed = errors.New("is closed")

// New connects by open and returns the folder o.Root. The error of open is returned as it is.
func New(ctx context.Context, open Opener, o Options) (*FS, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Trace == nil {
		o.Trace = func(string) {}
	}
	if o.Written == nil {
		o.Written = func(int64) {}
	}
	f := &FS{
		Options: o, open: open, gate: newGate(parallel), streams: semaphore.NewWeighted(budget),
		turn: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	if _, err := f.live(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Parallel is how many calls should be under way at once.
func (f *FS) Parallel() int { return parallel }

// Close ends the connection without a last exchange: every operation has had its answer. It returns what went wrong
// with handles that were closed in the background.
func (f *FS) Close() error {
	f.closeOnce.Do(func() { close(f.closing) })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = fmt.Errorf("%s: %w", f.Target, errClosed)
	if f.session != nil {
		f.session.end(errClosed)
	}
	return f.closeErr
}

// live returns the session, and connects again if it was lost.
func (f *FS) live(ctx context.Context) (*session, error) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := f.current()
	if s != nil || err != nil {
		return s, err
	}
	return f.connect(ctx)
}

func (f *FS) current() (*session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead != nil {
		return nil, f.dead
	}
	if f.session == nil {
		return nil, nil
	}
	cause := f.session.lost()
	if cause == nil {
		return f.session, nil
	}
	if f.session.strange() && (f.again || !unanswered(cause)) {
		f.dead = f.noServer(cause)
	}
	f.again = true
	return nil, f.dead
}

func (f *FS) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-f.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	f.Trace("connect to " + f.Target)
	s, err := f.start(ctx)

	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil && f.dead != nil: // closed in the meantime
		s.end(errClosed)
		return nil, f.dead
	case err == nil:
		f.session = s
	case ctx.Err() != nil: // the caller does not want to wait; that says nothing of the server
		return nil, ctx.Err()
	default:
		f.dead = err
	}
	return s, err
}

func (f *FS) start(ctx context.Context) (*session, error) {
	rwc, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return startSession(rwc, f.Timeout), nil
}

// noServer is why nothing can be done if the server never said what it can do.
func (f *FS) noServer(cause error) error {
	var exit *exitError
	if unanswered(cause) && !errors.As(cause, &exit) {
		return &store.ConnError{Target: f.Target, Err: cause}
	}
	return &store.RefusedError{Target: f.Target, Err: fmt.Errorf("what answers is not an SFTP server: %w", cause)}
}

// run runs one operation once it is known what the server can do.
func run[T any](ctx context.Context, f *FS, op, name string, do func(s *session) (T, error)) (T, error) {
	return early(ctx, f, op, name, func(s *session) (T, error) {
		if err := s.ready(ctx); err != nil {
			var zero T
			return zero, err
		}
		return do(s)
	})
}

// early runs one operation that every server can do. It returns when do has returned or ctx has ended, whichever is first;
// do looks at ctx between two steps.
func early[T any](ctx context.Context, f *FS, op, name string, do func(s *session) (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	if !fs.ValidPath(name) {
		return zero, fmt.Errorf("%s %q: %w", op, name, fs.ErrInvalid)
	}
	s, err := f.live(ctx)
	if err != nil {
		return zero, err
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	s.dog.wait()
	go func() {
		defer s.dog.rest()
		value, err := do(s)
		done <- result{value, f.explain(s, op, name, err)}
	}()
	select {
	case r := <-done:
		f.trace(op, name, r.err)
		return r.value, r.err
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// do is run for an operation that has no result.
func (f *FS) do(ctx context.Context, op, name string, do func(s *session) error) error {
	_, err := run(ctx, f, op, name, func(s *session) (struct{}, error) { return struct{}{}, do(s) })
	return err
}

func (f *FS) trace(op, name string, err error) {
	if err != nil {
		f.Trace(err.Error())
		return
	}
	f.Trace(fmt.Sprintf("%s %q", op, name))
}

// abs is what the server calls a name.
func (f *FS) abs(name string) string { return path.Join(f.Root, name) }

// folders remembers which folders we have made, so that what must be done otherwise with folders costs no trip to ask.
type folders struct{ names sync.Map }

func (d *folders) add(name string)      { d.names.Store(name, true) }
func (d *folders) remove(name string)   { d.names.Delete(name) }
func (d *folders) has(name string) bool { _, ok := d.names.Load(name); return ok }
