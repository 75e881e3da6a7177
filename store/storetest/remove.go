package storetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/otactl/otactl/store"
)

func testRemove(t *testing.T, fresh Fresh[store.Store]) {
	t.Run("what is named", func(t *testing.T) { testRemoveNamed(t, fresh) })
	t.Run("last object last", func(t *testing.T) { testRemoveOrder(t, fresh) })
}

func testRemoveNamed(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	keep := []store.Object{object("demo/v2.0.0_a", "kept"), object("demo/v1.0.0/lib/kept.py", "kept")}
	create(t, s, append(keep, object("demo/v1.0.0/lib/deep/er/gone.py", "x"), object("demo/v1.0.0_a", "x"))...)
	names := []string{"demo/v1.0.0/lib/deep/er/gone.py", "demo/absent", "demo/absent/too", "demo/v1.0.0_a", "demo/v1.0.0.manifest"}
	for range 2 { // the second time nothing is there
		if err := s.Remove(t.Context(), names); err != nil {
			t.Fatalf("remove: %v", err)
		}
		wantAbsent(t, s, names...)
		wantContent(t, s, keep...)
		wantList(t, s, "demo/v1.0.0/lib", store.Entry{Name: "kept.py", Size: 4}) // "deep" has become empty
	}
	if err := s.Remove(t.Context(), nil); err != nil {
		t.Errorf("remove nothing: %v", err)
	}
	if err := s.Remove(t.Context(), []string{"demo/v1.0.0/lib/kept.py"}); err != nil {
		t.Fatalf("remove: %v", err)
	}
	wantContent(t, s, keep[0])
	entries, err := s.List(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name == "v1.0.0" {
			t.Errorf("an empty folder was left: %v", entries)
		}
	}
	create(t, s, object("demo/v1.0.0/lib/kept.py", "added after it was removed"))
}

// testRemoveOrder looks for the last object all the time: when it is gone, so is everything.
func testRemoveOrder(t *testing.T, fresh Fresh[store.Store]) {
	open := fresh(t)
	s, watcher := session(t, open), session(t, open)
	for round := range 10 {
		objects := release(fmt.Sprintf("v1.0.%d", round), 20, "data")
		create(t, s, objects...)
		var names []string
		for _, o := range objects {
			names = append(names, o.Name)
		}
		done := make(chan error, 1)
		go func() { done <- s.Remove(t.Context(), names) }()
		for {
			_, err := watcher.Read(t.Context(), names[len(names)-1], 1<<20)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(done) == 1 { // it has returned, and then the last one must be gone
				wantAbsent(t, watcher, names...)
				break
			}
		}
		wantAbsent(t, watcher, names...)
		if err := <-done; err != nil {
			t.Fatalf("remove: %v", err)
		}
	}
}

// testCancel checks that nothing is begun for somebody who has gone away.
func testCancel(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	there := object("demo/v1.0.0_a", "there")
	create(t, s, there)
	old := mustCommit(t, s, "v1.0.0\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	wantError(t, "create", s.Create(ctx, []store.Object{object("demo/v2.0.0_a", "new"), object("demo/v2.0.0_b", "new")}), context.Canceled)
	wantError(t, "remove", s.Remove(ctx, []string{there.Name}), context.Canceled)
	wantError(t, "commit", s.Commit(ctx, store.Commit{
		Project: "demo", Seq: old.Seq + 1, Entry: []byte("x"), Old: old.Next, Next: []byte("v2.0.0\n"),
	}), context.Canceled)
	_, err := s.Read(ctx, there.Name, 10)
	wantError(t, "read", err, context.Canceled)
	_, err = s.Size(ctx, there.Name)
	wantError(t, "size", err, context.Canceled)
	_, err = s.List(ctx, "demo")
	wantError(t, "list", err, context.Canceled)

	wantContent(t, s, there, object("demo/version", "v1.0.0\n"))
	wantAbsent(t, s, "demo/v2.0.0_a", "demo/v2.0.0_b", old.Claim(old.Seq+1)+"/entry")
	mustCommit(t, s, "v2.0.0\n") // the session is as good as before
}
