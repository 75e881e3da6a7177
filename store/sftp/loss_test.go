package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"golang.org/x/sync/errgroup"
)

// Whatever is under way when the connection is lost fails as such, and the next operation connects once more.
func TestCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	for direction := range 2 {
		for at := int64(1); at < 1200; at += 11 {
			opens := 0
			f, err := New(t.Context(), func(ctx context.Context) (io.ReadWriteCloser, error) {
				rwc, err := openssh(t, dir)(ctx)
				w := newWire(rwc)
				if opens++; opens == 1 {
					w.left[direction].Store(at)
				}
				return w, err
			}, Options{Root: ".", Target: "test"})
			var lost *store.ConnError
			if errors.As(err, &lost) { // cut before VERSION
				continue
			}
			try(t, err)
			name := fmt.Sprintf("%d.%d", direction, at)
			err = errors.Join(f.Write(t.Context(), name, 0o644, []byte("text")), f.Place(t.Context(), name, name+".final"))
			if err != nil && !errors.As(err, &lost) && !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%s: %v", name, err)
			}
			_, err = f.Stat(t.Context(), ".")
			if errors.As(err, &lost) && opens == 1 { // the cut came between the two
				_, err = f.Stat(t.Context(), ".")
			}
			if err != nil {
				t.Fatalf("%s: not connected again: %v", name, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A connection that is cut while it is being made was lost, not refused: trying again may help.
func TestCutWhileConnecting(t *testing.T) {
	for _, s := range []*testserver.SSH{testserver.GoSSH(t, testserver.GoSSHOptions{}).SSH, testserver.Sshd(t, testserver.SshdOptions{})} {
		proxy := testserver.CutProxy(t, s.Addr)
		to, cfg := target(t, s), usable(t, s, Config{HostKey: s.Fingerprint()})
		to.Port = port(t, proxy.Addr)
		for at := int64(0); at < 3500; at += 173 {
			for _, direction := range []testserver.Direction{testserver.ToServer, testserver.ToClient} {
				proxy.Cut(testserver.Cut{Direction: direction, After: at, Reset: at%2 == 0})
				f, err := Dial(t.Context(), to, cfg)
				if err == nil { // it came later
					_ = f.Close()
					continue
				}
				var lost *store.ConnError
				if !errors.As(err, &lost) {
					t.Errorf("%d bytes, direction %d: %v", at, direction, err)
				}
			}
		}
	}
}

// After an attempt to connect again has failed nobody waits for another one.
func TestDeadAfterFailedReconnect(t *testing.T) {
	dir := t.TempDir()
	opens := 0
	var w *wire
	refused := &store.ConnError{Target: "test", Err: errors.New("connection refused")}
	f := connect(t, func(ctx context.Context) (io.ReadWriteCloser, error) {
		if opens++; opens > 1 {
			return nil, refused
		}
		rwc, err := openssh(t, dir)(ctx)
		w = newWire(rwc)
		return w, err
	}, Options{Root: "."})
	try(t, w.Close())
	until(t, "lost", func() bool { s, _ := f.current(); return s == nil })
	var g errgroup.Group
	for range 50 {
		g.Go(func() error {
			if _, err := f.Stat(t.Context(), "a"); !errors.Is(err, refused) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		})
	}
	try(t, g.Wait())
	if opens != 2 {
		t.Errorf("opened %d times", opens)
	}
}

func TestReconnectGivenUpIsNoVerdict(t *testing.T) {
	dir := t.TempDir()
	opens := 0
	var w *wire
	f := connect(t, func(ctx context.Context) (io.ReadWriteCloser, error) {
		if opens++; opens == 2 {
			<-ctx.Done()
			return nil, &store.ConnError{Target: "test", Err: ctx.Err()}
		}
		rwc, err := openssh(t, dir)(ctx)
		w = newWire(rwc)
		return w, err
	}, Options{Root: "."})
	try(t, w.Close())
	until(t, "lost", func() bool { s, _ := f.current(); return s == nil })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := f.Stat(ctx, ".")
	wantIs(t, err, context.DeadlineExceeded)
	_, err = f.Stat(t.Context(), ".")
	try(t, err)
}

// quietable connects to a server whose answers can be held back.
func quietable(t *testing.T, timeout time.Duration) (*FS, *wire, string) {
	t.Helper()
	dir := t.TempDir()
	var w *wire
	f := connect(t, func(ctx context.Context) (io.ReadWriteCloser, error) {
		rwc, err := openssh(t, dir)(ctx)
		w = newWire(rwc)
		return w, err
	}, Options{Root: ".", Timeout: timeout})
	return f, w, dir
}

func TestNoAnswerToAnOperation(t *testing.T) {
	f, w, _ := quietable(t, 200*time.Millisecond)
	w.hold()
	begin := time.Now()
	_, err := f.Read(t.Context(), "a", 10)
	var lost *store.ConnError
	if !errors.As(err, &lost) || err.Error() != `test: read "a": no answer for 200ms` || time.Since(begin) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
	_, err = f.Stat(t.Context(), ".") // connects again
	try(t, err)
}

// What was under way when the connection was lost may have taken effect, so it is not done again.
func TestUnderWayIsNotRepeated(t *testing.T) {
	f, w, dir := quietable(t, time.Minute)
	write(t, filepath.Join(dir, "a"), "text")
	w.hold()
	done := make(chan error, 1)
	go func() { done <- f.Replace(t.Context(), "a", "b") }()
	until(t, "it has taken effect", func() bool { _, err := os.Stat(filepath.Join(dir, "b")); return err == nil })
	write(t, filepath.Join(dir, "a"), "another")
	try(t, w.Close())
	var lost *store.ConnError
	if err := <-done; !errors.As(err, &lost) || err.Error() != `test: replace "b": connection lost` {
		t.Errorf("got %v", err)
	}
	_, err := f.Stat(t.Context(), ".") // connects again
	try(t, err)
	wantFile(t, filepath.Join(dir, "b"), "text", 0o600)
}

// It is silence that counts, not how long an operation takes.
func TestSlowIsNotSilent(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	relay := testserver.Relay(t, s.Addr, 60*time.Millisecond) // each trip takes 120 ms
	to, cfg := target(t, s), usable(t, s, Config{Timeout: 5 * time.Second})
	to.Port = port(t, relay.Addr)
	cfg.KnownHosts, cfg.HostKey = "", s.Fingerprint()
	f, err := Dial(t.Context(), to, cfg)
	try(t, err)
	defer func() { try(t, f.Close()) }()
	current, err := f.current()
	try(t, err)
	current.dog.mu.Lock()
	current.dog.after = 300 * time.Millisecond
	current.dog.mu.Unlock()
	begin := time.Now()
	try(t, f.Write(t.Context(), "a", 0o644, make([]byte, 100_000)))
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("took only %v", took)
	}
}

// A context that ends is enough to come back at once, and does not cost the connection.
func TestCancel(t *testing.T) {
	f, w, dir := quietable(t, time.Minute)
	s, err := f.current()
	try(t, err)
	release := w.hold()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	for range 3 {
		err = f.Write(ctx, "a", 0o644, []byte("text"))
	}
	wantIs(t, err, context.Canceled)
	release()
	try(t, f.Write(t.Context(), "b", 0o644, []byte("text")))
	wantFile(t, filepath.Join(dir, "b"), "text", 0o644)
	if again, _ := f.current(); again != s {
		t.Error("the connection was given up")
	}
	until(t, "handles are closed", func() bool { f.gate.mu.Lock(); defer f.gate.mu.Unlock(); return f.gate.inside == 0 })
}

// Close does not wait for a server that does not answer, and neither does what is under way.
func TestCloseWhileWaiting(t *testing.T) {
	f, w, _ := quietable(t, time.Minute)
	w.hold()
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			_, err := f.Read(t.Context(), "a", 10)
			done <- err
		}()
	}
	until(t, "all are waiting", func() bool {
		s, _ := f.current()
		s.dog.mu.Lock()
		defer s.dog.mu.Unlock()
		return s.dog.waiting > 0
	})
	try(t, f.Close())
	for range cap(done) {
		if err := <-done; !errors.Is(err, errClosed) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
	_, err := f.Stat(t.Context(), "a")
	wantIs(t, err, errClosed)
	try(t, f.Close())
}
