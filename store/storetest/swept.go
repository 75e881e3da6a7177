package storetest

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// testSwept pauses a publisher before each of its steps for so long that another one takes its temporary folders for
// leftovers, and then goes on: either that did no harm, or it is told to plan again, and then succeeds.
func testSwept(t *testing.T, fresh Fresh[posix.FS]) {
	t.Run("create and commit", func(t *testing.T) { sweptAnywhere(t, fresh, createAndCommit) })
	t.Run("planned meanwhile", func(t *testing.T) { sweptAnywhere(t, fresh, commitPlanned) })
}

// A change creates objects and commits.
type change func(ctx context.Context, s store.Store, c store.Commit, objects []store.Object) error

func createAndCommit(ctx context.Context, s store.Store, c store.Commit, objects []store.Object) error {
	if err := s.Create(ctx, objects); err != nil {
		return err
	}
	return s.Commit(ctx, c)
}

func commitPlanned(ctx context.Context, s store.Store, c store.Commit, objects []store.Object) error {
	return s.Commit(ctx, planned(c, objects))
}

func sweptAnywhere(t *testing.T, fresh Fresh[posix.FS], do change) {
	seen := map[string]int{}
	for n := 1; sweptAt(t, fresh(t), n, seen, do); n++ {
		if t.Failed() {
			t.Fatalf("... paused before step %d", n)
		}
	}
	if seen["changed"] == 0 || seen["done"] == 0 {
		t.Errorf("the outcomes are %v", seen)
	}
}

// sweptAt reports whether the publisher has an n-th step that is not only tidying up.
func sweptAt(t *testing.T, open func(*testing.T) posix.FS, n int, seen map[string]int, do change) bool {
	t.Helper()
	other := session(t, open)
	mustCommit(t, posix.New(other), "v1.0.0\n")
	count := nth(n)
	g := gated(open(t), func(s step) bool { return s.op != "remove" && count(s) })
	slow := session(t, func(*testing.T) *posix.Store { return posix.New(g) })
	publish := func() error {
		c, err := plan(t.Context(), slow, "v1.0.1\n")
		if err != nil {
			return err
		}
		return do(t.Context(), slow, c, release("v1.0.1", 3, "text"))
	}
	done := make(chan error, 1)
	go func() { done <- publish() }()
	select {
	case <-g.reached:
	case err := <-done:
		if err != nil {
			t.Errorf("without a pause: %v", err)
		}
		return false
	}
	takeTemporary(t, other)
	close(g.open)
	err := <-done
	switch {
	case errors.Is(err, store.ErrChanged):
		seen["changed"]++
		err = publish()
	case err == nil:
		seen["done"]++
	}
	if err != nil {
		t.Errorf("the paused publisher returned %v", err)
	}
	return true
}

// takeTemporary removes the temporary folders of the project as Sweep does with old ones.
func takeTemporary(t *testing.T, tree posix.FS) {
	t.Helper()
	infos, err := tree.ReadDir(t.Context(), "demo/.otactl")
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if !strings.HasPrefix(info.Name, "tmp.") {
			continue
		}
		mine := "demo/.otactl/tmp.mine." + info.Name
		err := tree.Place(t.Context(), path.Join("demo/.otactl", info.Name), mine)
		if errors.Is(err, fs.ErrNotExist) { // its owner has just removed it
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		removeTree(t.Context(), t, tree, mine)
	}
}

func removeTree(ctx context.Context, t *testing.T, tree posix.FS, dir string) {
	t.Helper()
	infos, err := tree.ReadDir(ctx, dir)
	for _, info := range infos {
		err = errors.Join(err, tree.Remove(ctx, path.Join(dir, info.Name)))
	}
	if err := errors.Join(err, tree.Remove(ctx, dir)); err != nil {
		t.Fatal(err)
	}
}
