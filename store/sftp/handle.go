package sftp

import (
	"context"
	"fmt"
	"io/fs"
)

// A handle is a file or a folder that is open at the server.
type handle struct {
	s    *session
	name string // the server's
}

// read asks for size bytes of a file.
func (h *handle) read(at, size int64) *answer {
	return h.s.send(reqRead, h.name, uint64(at), uint32(size))
}

// write writes a piece of a file.
func (h *handle) write(at int64, piece []byte) *answer {
	return h.s.send(reqWrite, h.name, uint64(at), piece)
}

func (h *handle) chmod(mode fs.FileMode) *answer {
	return h.s.send(reqFsetstat, h.name, uint32(attrPermissions), uint32(mode.Perm()))
}

// sync asks for what was written to be made durable, if the server knows how. What it returns waits for the answer: durable
// is false without an error if the server does not know how; any other failure is one.
func (h *handle) sync() (wait func() (durable bool, err error)) {
	if !h.s.has("fsync@openssh.com") {
		return func() (bool, error) { return false, nil }
	}
	synced := h.s.send(reqExtended, "fsync@openssh.com", h.name)
	return func() (bool, error) {
		err := synced.done()
		if hasStatus(err, statusUnsupported) {
			return false, nil
		}
		return err == nil, err
	}
}

func (h *handle) close() *answer { return h.s.send(reqClose, h.name) }

// openOwn opens a file when the gate allows it. One trip.
func (f *FS) openOwn(ctx context.Context, s *session, name string, flags uint32) (*handle, error) {
	return f.enterOwn(ctx, s, func() (string, error) {
		h, err := s.send(reqOpen, f.abs(name), flags, uint32(0)).handle()
		if err != nil && flags == openCreate {
			err = f.taken(s, name, err)
		}
		return h, err
	})
}

// enterOwn opens a handle when the gate allows it, and again when that may help.
func (f *FS) enterOwn(ctx context.Context, s *session, open func() (string, error)) (*handle, error) {
	for {
		t, err := f.gate.enter(ctx, s)
		if err != nil {
			return nil, err
		}
		name, err := open()
		if err == nil {
			return &handle{s, name}, nil
		}
		again := hasStatus(err, statusFailure) && f.gate.crowded(t)
		f.gate.leave()
		if !again {
			return nil, err
		}
	}
}

// leaveOpen closes a handle and does not wait for it. Nothing depends on the answer but the number of open handles.
func (f *FS) leaveOpen(h *handle) { f.closedLater(h.close()) }

// closedLater waits in the background for the answer to a CLOSE.
func (f *FS) closedLater(a *answer) {
	go func() {
		defer f.gate.leave()
		if err := a.done(); err != nil && answered(err) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.closeErr == nil {
				f.closeErr = fmt.Errorf("%s: close a file: %w", f.Target, err)
			}
		}
	}()
}
