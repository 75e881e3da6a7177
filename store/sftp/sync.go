package sftp

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"
)

// changes are the folders in which something got a name since they were last made durable. Each is opened beside the
// first of these steps, so that Sync need not wait for the handle.
type changes struct {
	mu    sync.Mutex
	dirs  map[string]*opening
	opens atomic.Bool // the server has opened a folder as a file
}

// An opening is a folder that is being opened, or is open; or neither, when handles are few.
type opening struct {
	session *session
	done    chan struct{} // closed when file and err are set
	file    *sftp.File    // nil: not open
	err     error
}

// begin is called before something gets a name in a folder. The handle that it takes is kept until Sync, so it leaves
// some for those who would have to wait otherwise.
func (c *changes) begin(ctx context.Context, f *FS, s *session, dir string) {
	if !s.has("fsync@openssh.com") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirs[dir] != nil {
		return
	}
	if c.dirs == nil {
		c.dirs = map[string]*opening{}
	}
	o := &opening{session: s, done: make(chan struct{})}
	c.dirs[dir] = o
	if !f.gate.spare() {
		close(o.done)
		return
	}
	go func() {
		defer close(o.done)
		o.file, o.err = f.openDir(context.WithoutCancel(ctx), s, dir)
	}()
}

// take returns the opening of a changed folder and forgets it.
func (c *changes) take(dir string) *opening {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.dirs[dir]
	delete(c.dirs, dir)
	return o
}

// Sync makes durable the names that were placed and replaced in these folders; Write has done it for the content. One trip
// for all of them: FSYNC; none if there are no such names. A server that does not open folders as files, or has no FSYNC,
// cannot do more than it does by itself.
func (f *FS) Sync(ctx context.Context, dirs ...string) error {
	var g errgroup.Group
	for _, dir := range dirs {
		o := f.changes.take(dir)
		if o == nil {
			continue
		}
		g.Go(func() error {
			return f.do(ctx, "sync", dir, func(s *session) error { return f.syncDir(ctx, s, dir, o) })
		})
	}
	return g.Wait()
}

func (f *FS) syncDir(ctx context.Context, s *session, dir string, o *opening) error {
	<-o.done
	file, err := o.file, o.err
	if file != nil && o.session != s {
		f.closeLater(file) // its handle went with the session; its place at the gate is still taken
		file = nil
	}
	if file == nil && (err == nil || !answered(err)) {
		file, err = f.openDir(ctx, s, dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case answered(err): // it opens no folders
		return nil
	case err != nil:
		return err
	}
	defer f.closeLater(file)
	_, err = flush(s, file)
	if hasStatus(err, statusBadMessage) { // EINVAL: a file system that knows no such thing as a folder on disk
		return nil
	}
	return err
}

// openDir opens a folder as a file. A server that has never done so is not taken for one that has run out of handles:
// many cannot, and say it with the same SSH_FX_FAILURE.
func (f *FS) openDir(ctx context.Context, s *session, dir string) (*sftp.File, error) {
	for {
		t, err := f.gate.enter(ctx, s)
		if err != nil {
			return nil, err
		}
		file, err := s.openFile(f.abs(dir), os.O_RDONLY)
		if err == nil {
			f.changes.opens.Store(true)
			return file, nil
		}
		again := hasStatus(err, statusFailure) && f.changes.opens.Load() && f.gate.crowded(t)
		f.gate.leave()
		if !again {
			return nil, err
		}
	}
}
