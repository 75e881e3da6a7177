package posix

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

var _ store.Trier = (*Store)(nil)

// A Gauge is an FS that knows more of where it is than a release needs.
type Gauge interface {
	// Space tells how much room is left for us; its error is errors.ErrUnsupported if nobody can say.
	Space(ctx context.Context) (store.Space, error)
	// Syncs reports whether Write and Sync make durable what they promise to.
	Syncs() bool
}

var (
	errOverwrites = errors.New("a name that was taken was given to another file")
	errLost       = errors.New("what was written is not what is there")
	errClaims     = errors.New("a folder with something in it was replaced by another")
)

// A trial is one run of Try. Its folders are named as those of a publish are, so that a publish sweeps what is left of them.
type trial struct {
	*Store
	project string
	made    []string // folders that were not there, outermost first
	dirs    [3]string
	names   [3][]string // of what may be in them
	store.Trial
}

// Try implements store.Trier.
func (s *Store) Try(ctx context.Context, project string, now func() time.Time) (result store.Trial, err error) {
	t := &trial{Store: s, project: project}
	defer func() {
		t.clean(context.WithoutCancel(ctx))
		result = t.Trial
	}()
	var g errgroup.Group
	g.Go(func() (err error) { t.Root, err = s.fs.Stat(ctx, "."); return err })
	g.Go(func() (err error) { t.Project, err = s.fs.Stat(ctx, project); return ignoreAbsent(err) })
	if err = g.Wait(); err != nil {
		return t.Trial, err
	}
	if !t.Root.Mode.IsDir() {
		return t.Trial, &fs.PathError{Op: "try", Path: ".", Err: errors.New("not a folder")}
	}
	g = errgroup.Group{}
	g.Go(func() error { t.gauge(ctx); return nil })
	g.Go(func() error { return t.steps(ctx, now) })
	return t.Trial, g.Wait()
}

// steps takes all steps. If the first one fails the others are not taken.
func (t *trial) steps(ctx context.Context, now func() time.Time) error {
	// What is under way is waited for when ctx ends: else it might make something after everything was removed.
	over, ctx := ctx.Err, context.WithoutCancel(ctx)
	err := t.mkdirs(ctx)
	if err = cmp.Or(err, over()); err == nil {
		err = cmp.Or(t.write(ctx, now), over())
	}
	if err != nil {
		t.Steps = append(t.Steps, store.Step{Name: store.StepWrite, Err: err})
		return err
	}
	t.Steps = make([]store.Step, store.StepSync+1)
	var g errgroup.Group
	g.Go(func() error {
		t.did(store.StepPlace, t.place(ctx))
		t.did(store.StepReplace, t.replace(ctx))
		t.did(store.StepSync, t.fs.Sync(ctx, t.dirs[0]))
		return nil
	})
	g.Go(func() error { t.did(store.StepClaim, t.claim(ctx)); return nil })
	_ = g.Wait() // what failed stands in the steps
	return over()
}

func (t *trial) did(name store.StepName, err error) { t.Steps[name] = store.Step{Name: name, Err: err} }

// gauge asks what only some servers can tell.
func (t *trial) gauge(ctx context.Context) {
	g, ok := t.fs.(Gauge)
	if !ok {
		return
	}
	t.Synced = g.Syncs()
	if space, err := g.Space(ctx); err == nil {
		t.Space = &space
	}
}

// mkdirs makes three folders beside those that a publish makes, and what they stand in as far as that is missing. What is
// there keeps its mode.
func (t *trial) mkdirs(ctx context.Context) error {
	home := path.Join(t.project, ".otactl")
	for _, dir := range []struct {
		name string
		mode fs.FileMode
	}{{t.project, publicDir}, {home, privateDir}} {
		err := t.fs.Mkdir(ctx, dir.name, dir.mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if dir.name != t.project || t.Project.Name == "" { // also after an error: it may have been made all the same
			t.made = append(t.made, dir.name)
		}
		if err != nil {
			return err
		}
	}
	return t.each(ctx, len(t.dirs), func(ctx context.Context, i int) error {
		t.dirs[i] = path.Join(home, "tmp."+random())
		return t.fs.Mkdir(ctx, t.dirs[i], publicDir)
	})
}

// What the trial's files are called, and what is in them.
const (
	oldName, newName, finalName = "old", "new", "final"
	tryText                     = "otactl doctor was here; otactl publish removes this\n"
)

func (t *trial) write(ctx context.Context, now func() time.Time) error {
	t.names = [3][]string{{oldName, newName, finalName}, {oldName}, {oldName}}
	if c, ok := t.fs.(Checker); ok {
		if err := c.Check(ctx, t.dirs[0]); err != nil {
			return err
		}
	}
	var g errgroup.Group
	for _, dir := range t.dirs {
		g.Go(func() error { return t.fs.Write(ctx, path.Join(dir, oldName), publicFile, []byte(dir+"\n"+tryText)) })
	}
	before := now()
	g.Go(func() error { return t.fs.Write(ctx, path.Join(t.dirs[0], newName), publicFile, []byte(tryText)) })
	if err := g.Wait(); err != nil {
		return err
	}
	after := now()
	g = errgroup.Group{}
	g.Go(func() (err error) { t.File, err = t.fs.Lstat(ctx, path.Join(t.dirs[0], newName)); return err })
	g.Go(func() (err error) { t.Folder, err = t.fs.Lstat(ctx, t.dirs[0]); return err })
	err := g.Wait()
	t.Skew = skew(t.File.ModTime, before, after)
	return err
}

// skew is how far a time of the server is outside of the time of ours in which it was taken. Servers tell seconds.
func skew(at, before, after time.Time) time.Duration {
	switch {
	case at.Before(before.Truncate(time.Second)):
		return at.Sub(before)
	case at.After(after):
		return at.Sub(after)
	}
	return 0
}

// place gives a file a name, and looks whether another one can take it away.
func (t *trial) place(ctx context.Context) error {
	dir := t.dirs[0]
	if err := t.fs.Place(ctx, path.Join(dir, newName), path.Join(dir, finalName)); err != nil {
		return err
	}
	err := t.fs.Place(ctx, path.Join(dir, oldName), path.Join(dir, finalName))
	if err == nil {
		return errOverwrites
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return t.holds(ctx, path.Join(dir, finalName), []byte(tryText))
}

// replace replaces that file.
func (t *trial) replace(ctx context.Context) error {
	dir := t.dirs[0]
	if err := t.fs.Replace(ctx, path.Join(dir, oldName), path.Join(dir, finalName)); err != nil {
		return err
	}
	return t.holds(ctx, path.Join(dir, finalName), []byte(dir+"\n"+tryText))
}

// claim renames a folder onto another one, as two publishers do who claim one number.
func (t *trial) claim(ctx context.Context) error {
	err := t.fs.Place(ctx, t.dirs[1], t.dirs[2])
	if err == nil {
		return errClaims
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	free := path.Join(path.Dir(t.dirs[1]), "tmp."+random())
	if err := t.fs.Place(ctx, t.dirs[1], free); err != nil {
		return err
	}
	t.dirs[1] = free
	return t.holds(ctx, path.Join(t.dirs[2], oldName), []byte(t.dirs[2]+"\n"+tryText))
}

func (t *trial) holds(ctx context.Context, name string, want []byte) error {
	got, err := t.fs.Read(ctx, name, int64(len(want)))
	if err == nil && !bytes.Equal(got, want) {
		err = errLost
	}
	if err != nil {
		return fmt.Errorf("read it again: %w", err)
	}
	return nil
}

// clean removes what was made. The folders around may have got something else in them meanwhile; then they stay.
func (t *trial) clean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	left := make([]string, len(t.dirs))
	_ = t.each(ctx, len(t.dirs), func(ctx context.Context, i int) error { // what failed stands in left
		dir := t.dirs[i]
		if dir == "" {
			return nil
		}
		var g errgroup.Group
		for _, name := range t.names[i] {
			g.Go(func() error { return ignoreAbsent(t.fs.Remove(ctx, path.Join(dir, name))) })
		}
		_ = g.Wait() // or the folder cannot be removed
		if ignoreAbsent(t.fs.Remove(ctx, dir)) != nil {
			left[i] = dir
		}
		return nil
	})
	t.Left = slices.DeleteFunc(left, func(dir string) bool { return dir == "" })
	for _, dir := range slices.Backward(t.made) {
		_ = t.fs.Remove(ctx, dir)
	}
}
