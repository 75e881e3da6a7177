// Package storetest is what every store has to pass.
//
// [Run] checks the contracts of package store. [RunPosix] checks those of a [posix.FS] and of the store that stands on it:
// the modes, what a folder tree may hold that an object store cannot, publishers who are paused, and a fault at every write.
// [EveryFault] puts the same faults under a verb, and [Device] looks at a root as a device does.
//
// Both suites call a [Fresh] for each test: a new empty root, on which any number of sessions can be opened.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// A Fresh makes a new empty server root, and returns what opens a session on it: each call is another publisher, with a
// connection of its own. Who opens a session closes it.
type Fresh[T any] func(t *testing.T) (open func(t *testing.T) T)

// Stores makes stores of folder trees.
func Stores(trees Fresh[posix.FS]) Fresh[store.Store] {
	return func(t *testing.T) func(*testing.T) store.Store {
		open := trees(t)
		return func(t *testing.T) store.Store { return posix.New(open(t)) }
	}
}

// Run checks that a store keeps the contracts of [store.Store].
func Run(t *testing.T, fresh Fresh[store.Store]) {
	t.Run("Create", func(t *testing.T) { testCreate(t, fresh) })
	t.Run("Read", func(t *testing.T) { testRead(t, fresh) })
	t.Run("List", func(t *testing.T) { testList(t, fresh) })
	t.Run("Examine", func(t *testing.T) { testExamine(t, fresh) })
	t.Run("Remove", func(t *testing.T) { testRemove(t, fresh) })
	t.Run("Commit", func(t *testing.T) { testCommit(t, fresh) })
	t.Run("Race", func(t *testing.T) { testRaces(t, fresh) })
	t.Run("Cancel", func(t *testing.T) { testCancel(t, fresh) })
}

// one opens the only session of a test on a new root.
func one(t *testing.T, fresh Fresh[store.Store]) store.Store {
	t.Helper()
	return session(t, fresh(t))
}

// session opens a session that is closed at the end of the test.
func session[T interface{ Close() error }](t *testing.T, open func(*testing.T) T) T {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func object(name, data string) store.Object { return store.Object{Name: name, Data: []byte(data)} }

// release makes n objects of a tag and a last one, all with the same data behind their names.
func release(tag string, n int, data string) (objects []store.Object) {
	for i := range n {
		name := fmt.Sprintf("demo/%s_%03d.py", tag, i)
		objects = append(objects, object(name, name+" "+data))
	}
	return append(objects, object("demo/"+tag+".manifest", data))
}

func create(t *testing.T, s store.Store, objects ...store.Object) {
	t.Helper()
	if err := s.Create(t.Context(), objects); err != nil {
		t.Fatalf("create: %v", err)
	}
}

// wantContent checks that each object is there with its data.
func wantContent(t *testing.T, s store.Store, objects ...store.Object) {
	t.Helper()
	for _, o := range objects {
		got, err := s.Read(t.Context(), o.Name, 64<<20)
		if err != nil {
			t.Errorf("read %q: %v", o.Name, err)
		} else if !bytes.Equal(got, o.Data) {
			t.Errorf("read %q: got %s, want %s", o.Name, brief(got), brief(o.Data))
		}
	}
}

func brief(data []byte) string {
	if len(data) > 80 {
		return fmt.Sprintf("%q... (%d bytes)", data[:80], len(data))
	}
	return strconv.Quote(string(data))
}

func wantAbsent(t *testing.T, s store.Store, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := s.Read(t.Context(), name, 64<<20); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %q: got error %v, want fs.ErrNotExist", name, err)
		}
	}
}

// wantError checks that err matches target.
func wantError(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got error %v, want %v", what, err, target)
	}
}

// wantConflict checks that err names these objects and no others.
func wantConflict(t *testing.T, err error, names ...string) {
	t.Helper()
	var c *store.ConflictError
	if !errors.As(err, &c) {
		t.Errorf("got error %v, want a conflict of %q", err, names)
	} else if got := slices.Sorted(slices.Values(c.Names)); !slices.Equal(got, names) {
		t.Errorf("got a conflict of %q, want %q", got, names)
	}
}

// lastSeq returns the number of the last change.
func lastSeq(ctx context.Context, s store.Store, project string) (seq int, err error) {
	entries, err := s.List(ctx, project+"/.otactl/log")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimLeft(e.Name, "0")); err == nil {
			seq = max(seq, n)
		}
	}
	return seq, nil
}

// pointer returns what devices poll; nil if it is absent.
func pointer(ctx context.Context, s store.Store, project string) ([]byte, error) {
	data, err := s.Read(ctx, project+"/version", 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if data == nil && err == nil {
		data = []byte{}
	}
	return data, err
}

// plan returns a commit that sets the pointer of demo to next, as a verb would: the log is looked at first.
func plan(ctx context.Context, s store.Store, next string) (store.Commit, error) {
	seq, err := lastSeq(ctx, s, "demo")
	if err != nil {
		return store.Commit{}, err
	}
	old, err := pointer(ctx, s, "demo")
	if err != nil {
		return store.Commit{}, err
	}
	return store.Commit{Project: "demo", Seq: seq + 1, Entry: []byte("entry of " + next), Old: old, Next: []byte(next)}, nil
}

// planned is c with objects that are created with it, and whose entry and pointer are known only while it is being prepared.
func planned(c store.Commit, objects []store.Object) store.Commit {
	entry, next := c.Entry, c.Next
	c.Objects, c.Entry, c.Next = objects, nil, nil
	c.Plan = func(_ context.Context, c *store.Commit) error {
		c.Entry, c.Next = entry, next
		return nil
	}
	return c
}

// mustCommit plans and commits.
func mustCommit(t *testing.T, s store.Store, next string) store.Commit {
	t.Helper()
	c, err := plan(t.Context(), s, next)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatalf("commit %d: %v", c.Seq, err)
	}
	return c
}
