package sftp

import (
	"io"
	"sync"
	"sync/atomic"
)

// A wire can be cut after so many bytes in one direction, and stopped.
type wire struct {
	io.ReadWriteCloser
	left  [2]atomic.Int64 // bytes of reads and of writes
	gone  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	quiet chan struct{} // what was read waits until it is closed
}

// hold holds back what the server sends until the function that it returns is called.
func (w *wire) hold() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	quiet := make(chan struct{})
	w.quiet = quiet
	return func() { close(quiet) }
}

func (w *wire) held() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.quiet
}

func newWire(rwc io.ReadWriteCloser) *wire {
	w := &wire{ReadWriteCloser: rwc, gone: make(chan struct{})}
	w.hold()()
	w.left[0].Store(1 << 40)
	w.left[1].Store(1 << 40)
	return w
}

func (w *wire) pass(i int, p []byte, do func([]byte) (int, error)) (int, error) {
	left := w.left[i].Load()
	if left <= 0 {
		_ = w.Close()
		return 0, io.EOF
	}
	n, err := do(p[:min(int64(len(p)), left)])
	w.left[i].Add(-int64(n))
	if err == nil && n < len(p) && i == 1 {
		_ = w.Close()
		err = io.ErrClosedPipe
	}
	return n, err
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.pass(0, p, w.ReadWriteCloser.Read)
	select {
	case <-w.held():
		return n, err
	case <-w.gone:
		return 0, io.EOF
	}
}

func (w *wire) Write(p []byte) (int, error) { return w.pass(1, p, w.ReadWriteCloser.Write) }

func (w *wire) Close() error {
	w.once.Do(func() { close(w.gone) })
	return w.ReadWriteCloser.Close()
}
