package cli

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/otactl/otactl/store"
)

// A watched store tells the console what is being done: for the progress of long work, and for -v.
type watched struct {
	store.Store
	ui     *console
	sent   *atomic.Int64 // bytes
	doing  atomic.Pointer[string]
	toSend atomic.Int64 // bytes
}

// watch shows what a store does, once it is there, until it is closed.
func (c *call) watch(target string) *watched {
	w := &watched{ui: c.ui, sent: &c.sent}
	w.now("connecting to %s", target)
	c.ui.progress(w.text)
	return w
}

// written is called by a backend after each file.
func (r *runner) written(n int64) { r.sent.Add(n) }

func (w *watched) text() string {
	text := *w.doing.Load()
	if total := w.toSend.Load(); total > 0 {
		text += fmt.Sprintf(": %s of %s", size(min(w.sent.Load(), total)), size(total))
	}
	return text
}

func (w *watched) now(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.doing.Store(&text)
}

// trace tells how long a call took and how it ended.
func (w *watched) trace(start time.Time, err error, format string, args ...any) {
	result := "done"
	if err != nil {
		result = err.Error()
	}
	w.ui.trace("%s: %s (%d ms)", fmt.Sprintf(format, args...), result, time.Since(start).Milliseconds())
}

// Create implements store.Store.
func (w *watched) Create(ctx context.Context, objects []store.Object) error {
	start := time.Now()
	total := w.sending(objects)
	err := w.Store.Create(ctx, objects)
	w.toSend.Store(0)
	w.trace(start, err, "create %s, %s in all", count(len(objects), "object"), size(total))
	return err
}

// sending shows that objects are being sent, and returns their size.
func (w *watched) sending(objects []store.Object) (total int64) {
	for _, o := range objects {
		total += int64(len(o.Data))
	}
	w.sent.Store(0)
	w.toSend.Store(total)
	w.now("sending %s", count(len(objects), "file"))
	return total
}

// Commit implements store.Store.
func (w *watched) Commit(ctx context.Context, c store.Commit) error {
	start := time.Now()
	if len(c.Objects) > 0 {
		w.sending(c.Objects)
		defer w.toSend.Store(0)
	} else {
		w.now("committing change %d", c.Seq)
	}
	err := w.Store.Commit(ctx, c)
	w.trace(start, err, "commit change %d of %q", c.Seq, c.Project)
	return err
}

// Read implements store.Store.
func (w *watched) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	start := time.Now()
	data, err := w.Store.Read(ctx, name, max)
	w.trace(start, err, "read %q", name)
	return data, err
}

// Size implements store.Store.
func (w *watched) Size(ctx context.Context, name string) (int64, error) {
	start := time.Now()
	n, err := w.Store.Size(ctx, name)
	w.trace(start, err, "size of %q", name)
	return n, err
}

// List implements store.Store.
func (w *watched) List(ctx context.Context, dir string) ([]store.Entry, error) {
	start := time.Now()
	entries, err := w.Store.List(ctx, dir)
	w.trace(start, err, "list %q", dir)
	return entries, err
}

// Look implements store.Examiner.
func (w *watched) Look(ctx context.Context, name string) (store.Detail, error) {
	start := time.Now()
	detail, err := w.examiner().Look(ctx, name)
	w.trace(start, err, "look at %q", name)
	return detail, err
}

// LookInto implements store.Examiner.
func (w *watched) LookInto(ctx context.Context, dir string) ([]store.Detail, error) {
	start := time.Now()
	details, err := w.examiner().LookInto(ctx, dir)
	w.trace(start, err, "look into %q", dir)
	return details, err
}

// Stream implements store.Examiner.
func (w *watched) Stream(ctx context.Context, name string, n int64, to io.Writer) error {
	start := time.Now()
	w.now("verifying %q", name)
	err := w.examiner().Stream(ctx, name, n, to)
	w.trace(start, err, "stream %q, %s", name, size(n))
	return err
}

// examiner is the store as what every backend is.
func (w *watched) examiner() store.Examiner { return w.Store.(store.Examiner) }

// Remove implements store.Store.
func (w *watched) Remove(ctx context.Context, names []string) error {
	start := time.Now()
	w.now("removing %s", count(len(names), "file"))
	err := w.Store.Remove(ctx, names)
	w.trace(start, err, "remove %s", count(len(names), "object"))
	return err
}

// Sweep implements store.Sweeper, if the store does.
func (w *watched) Sweep(ctx context.Context, project string) ([]string, error) {
	sweeper, ok := w.Store.(store.Sweeper)
	if !ok {
		return nil, nil
	}
	start := time.Now()
	names, err := sweeper.Sweep(ctx, project)
	w.trace(start, err, "sweep %q of %s", project, count(len(names), "leftover"))
	return names, err
}

// Close implements store.Store.
func (w *watched) Close() error {
	w.now("closing")
	err := w.Store.Close()
	w.ui.progress(nil)
	return err
}
