package sftp

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// changes are the folders in which something got a name since they were last made durable. Each is opened beside the
// first of these steps, or before it when it is expected, so that Sync need not wait for the handle.
type changes struct {
	mu    sync.Mutex
	dirs  map[string]*opening
	opens atomic.Bool // the server has opened a folder as a file
}

// An opening is a folder that is being opened, or is open; or neither, when handles are few.
type opening struct {
	session *session
	changed bool          // something got a name; guarded by changes.mu
	keep    bool          // more will; guarded by changes.mu
	done    chan struct{} // closed when file and err are set
	file    *handle       // nil: not open
	err     error
}

// begin is called before something gets a name in a folder.
func (c *changes) begin(ctx context.Context, f *FS, s *session, dir string) {
	c.expect(ctx, f, s, dir, true)
}

// expect opens a folder if that is not done yet. The handle is kept until Sync, or longer if the folder was expected before
// something got a name in it, so it leaves some for those who would have to wait otherwise.
func (c *changes) expect(ctx context.Context, f *FS, s *session, dir string, changed bool) {
	if !s.has("fsync@openssh.com") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.dirs[dir]; o != nil {
		o.changed, o.keep = o.changed || changed, o.keep || !changed
		return
	}
	if c.dirs == nil {
		c.dirs = map[string]*opening{}
	}
	o := &opening{session: s, changed: changed, keep: !changed, done: make(chan struct{})}
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

// take returns the opening of a changed folder, which then counts as unchanged. It is given back with the handle.
func (c *changes) take(dir string) *opening {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.dirs[dir]
	if o == nil || !o.changed {
		return nil
	}
	delete(c.dirs, dir)
	return o
}

// giveBack keeps the handle of a folder in which more will change, and closes any other. A folder that could not be made
// durable stays changed.
func (c *changes) giveBack(f *FS, dir string, o *opening, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	newer := c.dirs[dir]
	if newer != nil {
		newer.changed = newer.changed || changed
	}
	if newer == nil && (changed || o.keep) {
		o.changed = changed
		c.dirs[dir] = o
	} else if o.file != nil {
		f.leaveOpen(o.file)
	}
}

// Sync makes durable the names that were placed and replaced in these folders; Write has done it for the content. One trip
// for all of them: FSYNC; none if there are no such names. A server that does not open folders as files, or has no FSYNC,
// cannot do more than it does by itself.
func (f *FS) Sync(ctx context.Context, dirs ...string) error {
	var g errgroup.Group
	for _, dir := range dirs {
		g.Go(func() error {
			return f.do(ctx, "sync", dir, func(s *session) error { return f.syncDir(ctx, s, dir)() })
		})
	}
	return g.Wait()
}

// syncDir sends what makes names in a folder durable, if some have changed and the folder is open, and returns what waits
// for the answer.
func (f *FS) syncDir(ctx context.Context, s *session, dir string) (wait func() error) {
	o := f.changes.take(dir)
	if o == nil {
		return func() error { return nil }
	}
	select {
	case <-o.done:
	default:
		return func() error { <-o.done; return f.flush(ctx, s, dir, o)() }
	}
	return f.flush(ctx, s, dir, o)
}

// flush is syncDir for a folder whose handle has come, or will not.
func (f *FS) flush(ctx context.Context, s *session, dir string, o *opening) (wait func() error) {
	if o.file != nil && o.session != s {
		f.gate.leave() // its handle went with the session
		o.file = nil
	}
	if o.file == nil {
		return func() error { return f.reopen(ctx, s, dir, o) }
	}
	synced := o.file.sync()
	return func() error {
		_, err := synced()
		if hasStatus(err, statusBadMessage) { // EINVAL: a file system that knows no such thing as a folder on disk
			err = nil
		}
		f.changes.giveBack(f, dir, o, err != nil)
		return err
	}
}

// reopen makes a folder durable that is not open.
func (f *FS) reopen(ctx context.Context, s *session, dir string, o *opening) error {
	err := o.err
	if err == nil || !answered(err) || errors.Is(err, fs.ErrNotExist) { // it may have been expected before it was there
		o.session = s
		o.file, err = f.openDir(ctx, s, dir)
	}
	switch {
	case err == nil:
		return f.flush(ctx, s, dir, o)()
	case errors.Is(err, fs.ErrNotExist):
		return err
	case answered(err): // it opens no folders
		return nil
	}
	f.changes.giveBack(f, dir, o, true)
	return err
}

// openDir opens a folder as a file. A server that has never done so is not taken for one that has run out of handles:
// many cannot, and say it with the same SSH_FX_FAILURE.
func (f *FS) openDir(ctx context.Context, s *session, dir string) (*handle, error) {
	for {
		t, err := f.gate.enter(ctx, s)
		if err != nil {
			return nil, err
		}
		name, err := s.send(reqOpen, f.abs(dir), uint32(openRead), uint32(0)).handle()
		if err == nil {
			f.changes.opens.Store(true)
			return &handle{s, name}, nil
		}
		again := hasStatus(err, statusFailure) && f.changes.opens.Load() && f.gate.crowded(t)
		f.gate.leave()
		if !again {
			return nil, err
		}
	}
}
