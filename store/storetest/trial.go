package storetest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// testTry checks that a trial finds a tree that keeps its contracts good, and leaves nothing, wherever it is stopped.
func testTry(t *testing.T, fresh Fresh[posix.FS]) {
	t.Run("Good", func(t *testing.T) { testTryGood(t, fresh) })
	t.Run("Stopped", func(t *testing.T) { testTryStopped(t, fresh) })
	t.Run("BesidePublish", func(t *testing.T) { testTryBeside(t, fresh) })
	t.Run("BesideFirst", func(t *testing.T) { testFirstBesideTry(t, fresh) })
	t.Run("BesideFirstAnywhere", func(t *testing.T) { testFirstAnywhere(t, fresh) })
}

// try tries a project out, and expects that all is well.
func try(t *testing.T, s *posix.Store) store.Trial {
	t.Helper()
	trial, err := s.Try(t.Context(), "demo", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range trial.Steps {
		if step.Name != store.StepName(name) || step.Err != nil {
			t.Errorf("step %d: %d, %v", name, step.Name, step.Err)
		}
	}
	if len(trial.Steps) != int(store.StepSync)+1 || len(trial.Left) > 0 {
		t.Errorf("%d steps, and %q is left", len(trial.Steps), trial.Left)
	}
	return trial
}

func testTryGood(t *testing.T, fresh Fresh[posix.FS]) {
	tree := session(t, fresh(t))
	s := posix.New(tree)
	for _, made := range []func(){
		func() {}, // nothing is there
		func() { _ = tree.Mkdir(t.Context(), "demo", 0o700) }, // made by hand
		func() { mustCommit(t, s, "v1.0.0\n") },
	} {
		made()
		before := everything(t, tree)
		trial := try(t, s)
		if trial.Skew != 0 || trial.File.Mode.Perm() != 0o644 || trial.Folder.Mode.Perm() != 0o755 {
			t.Errorf("skew %v, modes %v and %v", trial.Skew, trial.File.Mode, trial.Folder.Mode)
		}
		if after := everything(t, tree); !slices.Equal(after, before) {
			t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	}
}

// everything lists names and modes, those that start with a dot too.
func everything(t *testing.T, tree posix.FS) (all []string) {
	t.Helper()
	var look func(dir string)
	look = func(dir string) {
		infos, err := tree.ReadDir(t.Context(), dir)
		if err != nil {
			t.Errorf("list %q: %v", dir, err)
		}
		for _, info := range infos {
			name := path.Join(dir, info.Name)
			all = append(all, fmt.Sprintf("%s %v", name, info.Mode))
			if info.Mode.IsDir() {
				look(name)
			}
		}
	}
	look(".")
	slices.Sort(all)
	return all
}

// testTryStopped ends the context of a trial at each of its steps, as Ctrl-C does.
func testTryStopped(t *testing.T, fresh Fresh[posix.FS]) {
	for n := 1; ; n++ {
		open := fresh(t)
		tree := session(t, open)
		ctx, stop := context.WithCancel(t.Context())
		steps := nth(n)
		stopped := false
		g := gated(session(t, open), func(s step) bool {
			if ctx.Err() == nil && steps(s) {
				stopped = true
				stop()
			}
			return false
		})
		_, err := posix.New(g).Try(ctx, "demo", time.Now)
		if left := everything(t, tree); len(left) > 0 {
			t.Errorf("stopped at step %d, it leaves\n%s", n, strings.Join(left, "\n"))
		}
		if stop(); !stopped {
			return
		}
		if err == nil && n == 1 {
			t.Error("it was stopped, and returns no error")
		}
	}
}

// testTryBeside pauses a trial before each of its steps, lets somebody make the project's first release, and goes on.
func testTryBeside(t *testing.T, fresh Fresh[posix.FS]) {
	for n, more := 1, true; more; n++ {
		open := fresh(t)
		other := posix.New(session(t, open))
		g := gated(session(t, open), nth(n))
		done := make(chan error, 1)
		go func() { _, err := posix.New(g).Try(t.Context(), "demo", time.Now); done <- err }()
		select {
		case <-g.reached:
			more = true
		case err := <-done:
			if more = false; err != nil {
				t.Error(err)
			}
			continue
		}
		objects := release("v1.0.0", 3, "data")
		create(t, other, objects...)
		mustCommit(t, other, "v1.0.0\n")
		close(g.open)
		if err := <-done; err != nil {
			t.Errorf("paused before step %d, the trial returns %v", n, err)
		}
		wantContent(t, other, append(objects, object("demo/version", "v1.0.0\n"))...)
		if _, err := other.Sweep(t.Context(), "demo"); err != nil {
			t.Error(err)
		}
	}
}

// testFirstBesideTry has the folders that a trial makes for a new project come and go under the first publish to it: they are
// there when that looks for them, and gone when it makes its own in them.
func testFirstBesideTry(t *testing.T, fresh Fresh[posix.FS]) {
	open := fresh(t)
	tree := session(t, open)
	dirs := []string{"demo", "demo/.otactl"}
	count := 0
	slow := posix.New(&tapped{
		FS: session(t, open), look: func() error { return nil },
		write: func(ctx context.Context, s step) error {
			if s.op != "mkdir" || !strings.Contains(s.name, "/tmp.") { // only what makes temporary folders is of interest
				return s.run(ctx)
			}
			var errs []error
			if count++; count == 2 {
				errs = append(errs, tree.Remove(t.Context(), dirs[1]), tree.Remove(t.Context(), dirs[0]))
			}
			err := s.run(ctx)
			if count == 1 {
				errs = append(errs, tree.Mkdir(t.Context(), dirs[0], 0o755), tree.Mkdir(t.Context(), dirs[1], 0o755))
			}
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
			return err
		},
	})
	c, err := plan(t.Context(), posix.New(tree), "v1.0.0\n")
	if err == nil {
		err = slow.Commit(t.Context(), c)
	}
	if err != nil {
		t.Error(err)
	}
	wantContent(t, slow, object("demo/version", "v1.0.0\n"))
}
