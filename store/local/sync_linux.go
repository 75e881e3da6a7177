package local

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Nothing waits for the disk before Sync, so more calls at once only add switching.
const parallel = 2

// A syncer flushes whole file systems, and only those that were written to since it did so last.
type syncer struct {
	root *os.File // opened before anything is written: syncfs reports the write errors since its handle was opened (Linux 5.8)

	flushing sync.Mutex // held until the disk answers, so that nobody takes a flush that is under way for one that is done
	mu       sync.Mutex
	dirty    map[uint64]bool // by device
}

func newSyncer(r *os.Root) (*syncer, error) {
	root, err := r.Open(".")
	return &syncer{root: root, dirty: map[uint64]bool{}}, err
}

func (s *syncer) close() error { return s.root.Close() }

// wrote notes that the file system of a file has something to flush.
func (s *syncer) wrote(file *os.File) error {
	dev, err := device(file)
	if err == nil {
		s.mark(dev)
	}
	return err
}

func (s *syncer) mark(dev uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[dev] = true
}

// unmark reports whether the device was marked.
func (s *syncer) unmark(dev uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.dirty[dev]
	delete(s.dirty, dev)
	return was
}

// flush makes durable the content of all files on the file systems of these folders, then the names in them.
func (s *syncer) flush(dirs []*os.File) error {
	for _, dir := range dirs {
		if err := s.content(dir); err != nil {
			return err
		}
	}
	for _, dir := range dirs {
		if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some network file systems sync no folders
			return err
		}
	}
	return nil
}

func (s *syncer) content(dir *os.File) error {
	dev, err := device(dir)
	if err != nil {
		return err
	}
	on, err := device(s.root)
	if err != nil {
		return err
	}
	if dev == on {
		dir = s.root
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if !s.unmark(dev) {
		return nil
	}
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		s.mark(dev)
		return os.NewSyscallError("syncfs", err)
	}
	return nil
}

func device(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return uint64(st.Dev), nil //nolint:unconvert // Dev has 32 bits on some architectures
}
