package sftp

import (
	"bufio"
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
	stream  io.ReadWriteCloser
	packets *packets
	dog     *watchdog
	guard   *guard

	greeted chan struct{} // closed when the server has said what it can do, and client is there
	client  *sftp.Client

	gone  chan struct{} // closed when the session is lost
	once  sync.Once
	cause error // why, set before gone is closed
}

// startSession sends INIT and does not wait for the answer: what needs no extension can be asked in the same flight.
func startSession(stream io.ReadWriteCloser, timeout time.Duration) *session {
	s := &session{stream: stream, guard: &guard{}, greeted: make(chan struct{}), gone: make(chan struct{})}
	s.dog = newWatchdog(timeout, func() { s.end(&TimeoutError{timeout}) })
	var answers io.Reader
	s.packets, answers = newPackets()
	go s.pass(func() error { return s.packets.sendTo(s.stream) })
	go s.pass(func() error { return s.packets.receiveFrom(bufio.NewReaderSize(guarded{s}, 64<<10)) })
	s.dog.wait()
	go func() {
		defer s.dog.rest()
		client, err := sftp.NewClientPipe(answers, s)
		if err != nil {
			s.end(err)
			return
		}
		s.client = client
		close(s.greeted)
	}()
	return s
}

// strange reports whether the session has ended before the server has said who it is.
func (s *session) strange() bool {
	select {
	case <-s.greeted:
		return false
	default:
		return s.lost() != nil
	}
}

// pass does what goes on as long as the session.
func (s *session) pass(do func() error) {
	if err := do(); err != nil {
		var hostile *hostileError
		if !errors.As(err, &hostile) {
			err = &lostError{err}
		}
		s.end(err)
	}
}

// ready waits until it is known what the server can do.
func (s *session) ready(ctx context.Context) error {
	select {
	case <-s.greeted:
		return nil
	case <-s.gone:
		return s.cause
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end closes the connection at once; pending requests fail. Only the first cause counts.
func (s *session) end(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.gone)
		_ = s.stream.Close() // nothing is expected of it any more
		s.packets.end()
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

// A guarded session passes on what the server sends, unless it would hurt us.
type guarded struct{ *session }

func (g guarded) Read(p []byte) (int, error) {
	n, err := g.stream.Read(p)
	if n > 0 {
		g.dog.alive()
	}
	if hostile := g.guard.look(p[:n]); hostile != nil {
		return 0, hostile
	}
	return n, err
}

// Write is called by the client.
func (s *session) Write(p []byte) (int, error) {
	if err := s.lost(); err != nil {
		return 0, err
	}
	return s.packets.Write(p)
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
