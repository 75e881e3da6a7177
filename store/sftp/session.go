package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/pkg/sftp"
)

// A TimeoutError says that the server did not answer in time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer for %v", e.After) }

// Timeout implements net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// A lostError says that the connection ended.
type lostError struct{ err error }

func (e *lostError) Error() string {
	var exit *exitError
	if errors.As(e.err, &exit) {
		return exit.Error()
	}
	if errors.Is(e.err, io.EOF) || errors.Is(e.err, io.ErrClosedPipe) {
		return "connection lost"
	}
	return "connection lost: " + e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

// unanswered reports whether err is the end of a connection that had not done anything wrong.
func unanswered(err error) bool {
	var lost *lostError
	var late *TimeoutError
	return errors.As(err, &lost) || errors.As(err, &late)
}

// A session is one connection to an SFTP server. It never comes back once it is lost.
type session struct {
	client *sftp.Client
	stream io.ReadWriteCloser
	dog    *watchdog
	guard  *guard

	gone  chan struct{} // closed when the session is lost
	once  sync.Once
	cause error // why, set before gone is closed
}

// startSession sends INIT and waits for VERSION: one trip.
func startSession(ctx context.Context, stream io.ReadWriteCloser, timeout time.Duration) (*session, error) {
	s := &session{stream: stream, guard: &guard{}, gone: make(chan struct{})}
	s.dog = newWatchdog(timeout, func() { s.end(&TimeoutError{timeout}) })
	stop := context.AfterFunc(ctx, func() { s.end(ctx.Err()) })
	defer stop()
	s.dog.wait()
	defer s.dog.rest()
	client, err := sftp.NewClientPipe(s, s)
	if err != nil {
		s.end(err)
		return nil, s.why(err)
	}
	s.client = client
	return s, nil
}

// why prefers the reason for which the session was lost to what came of it.
func (s *session) why(err error) error {
	if cause := s.lost(); cause != nil {
		return cause
	}
	return err
}

// end closes the connection at once; pending requests fail. Only the first cause counts.
func (s *session) end(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.gone)
		_ = s.stream.Close() // nothing is expected of it any more
	})
}

// lost returns why the session has ended; nil if it has not.
func (s *session) lost() error {
	select {
	case <-s.gone:
		return s.cause
	default:
		return nil
	}
}

func (s *session) has(extension string) bool {
	_, ok := s.client.HasExtension(extension)
	return ok
}

// Read passes on what the server sends, unless it would hurt us.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.stream.Read(p)
	if n > 0 {
		s.dog.alive()
	}
	if hostile := s.guard.look(p[:n]); hostile != nil {
		s.end(hostile)
		return 0, hostile
	}
	if err != nil {
		s.end(&lostError{err})
	}
	return n, err
}

func (s *session) Write(p []byte) (int, error) {
	n, err := s.stream.Write(p)
	if err != nil {
		s.end(&lostError{err})
	}
	return n, err
}

// Close is called by the client when it cannot make sense of what it has read.
func (s *session) Close() error {
	s.end(&hostileError{"the server sent a packet that makes no sense"})
	return nil
}

// A watchdog bites when somebody waits and nothing has come for too long.
type watchdog struct {
	after time.Duration
	bite  func()

	mu      sync.Mutex
	waiting int
	last    time.Time
	timer   *time.Timer
}

func newWatchdog(after time.Duration, bite func()) *watchdog {
	return &watchdog{after: after, bite: bite}
}

// wait says that somebody begins to wait, rest that he no longer does.
func (w *watchdog) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting++
	if w.waiting > 1 {
		return
	}
	w.last = time.Now()
	if w.timer == nil {
		w.timer = time.AfterFunc(w.after, w.look)
	}
	w.timer.Reset(w.after)
}

func (w *watchdog) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting--
	if w.waiting == 0 {
		w.timer.Stop()
	}
}

// alive says that something has come.
func (w *watchdog) alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
}

func (w *watchdog) look() {
	w.mu.Lock()
	left := w.after - time.Since(w.last)
	waiting := w.waiting > 0
	if waiting && left > 0 {
		w.timer.Reset(left)
	}
	w.mu.Unlock()
	if waiting && left <= 0 {
		w.bite()
	}
}
