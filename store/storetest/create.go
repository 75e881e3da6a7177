package storetest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/otactl/otactl/store"
)

func testCreate(t *testing.T, fresh Fresh[store.Store]) {
	t.Run("content", func(t *testing.T) { testCreateContent(t, fresh) })
	t.Run("again", func(t *testing.T) { testCreateAgain(t, fresh) })
	t.Run("conflict", func(t *testing.T) { testCreateConflict(t, fresh) })
	t.Run("last object last", func(t *testing.T) { testCreateOrder(t, fresh) })
	t.Run("same by many", func(t *testing.T) { testCreateSame(t, fresh) })
	t.Run("other by many", func(t *testing.T) { testCreateOther(t, fresh) })
}

func testCreateContent(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	var all strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
	}
	objects := []store.Object{
		object("demo/v1.0.0_boot.py", "boot\n"),
		object("demo/v1.0.0_empty", ""),
		object("demo/v1.0.0_bytes", all.String()),
		object("demo/v1.0.0_large", strings.Repeat("0123456789abcdef", 5<<16)), // many packets, not a power of two
		object("demo/v1.0.0/lib/deep/er/util.py", "nested\n"),
		object("demo/v1.0.0/"+strings.Repeat("n", 128), "long name"),
		object("demo/.otactl/pruned/v0.9.0", "tombstone"),
		object("demo/v1.0.0.manifest", "manifest\n"),
	}
	create(t, s)
	create(t, s, objects...)
	wantContent(t, s, objects...)
	create(t, s, object("other/v1.0.0_boot.py", "another project"))
	wantContent(t, s, objects...)
}

func testCreateAgain(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	objects := release("v1.0.0", 5, "one")
	create(t, s, objects[:3]...) // an interrupted run
	create(t, s, objects...)
	create(t, s, objects...)
	wantContent(t, s, objects...)
}

func testCreateConflict(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	old := []store.Object{
		object("demo/v1.0.0_a", "same"), object("demo/v1.0.0_b", "old 1"), object("demo/v1.0.0_c", "old 2"), object("demo/v1.0.0_d", ""),
	}
	create(t, s, old...)
	err := s.Create(t.Context(), []store.Object{
		object("demo/v1.0.0_a", "same"), object("demo/v1.0.0_b", "new 1"), object("demo/v1.0.0_c", "new 2 is longer"),
		object("demo/v1.0.0_d", "no longer empty"), object("demo/v1.0.0_e", "new"), object("demo/v1.0.0.manifest", "new"),
	})
	wantConflict(t, err, "demo/v1.0.0_b", "demo/v1.0.0_c", "demo/v1.0.0_d")
	wantContent(t, s, old...)
	wantAbsent(t, s, "demo/v1.0.0.manifest")

	last := object("demo/v2.0.0.manifest", "first")
	create(t, s, last)
	err = s.Create(t.Context(), []store.Object{object("demo/v2.0.0_a", "a"), object(last.Name, "second")})
	wantConflict(t, err, last.Name)
	wantContent(t, s, last)
}

// testCreateOrder looks for the last object all the time: when it is there, so is everything.
func testCreateOrder(t *testing.T, fresh Fresh[store.Store]) {
	open := fresh(t)
	s, watcher := session(t, open), session(t, open)
	for round := range 5 {
		objects := release(fmt.Sprintf("v1.0.%d", round), 20, "data")
		done := make(chan error, 1)
		go func() { done <- s.Create(t.Context(), objects) }()
		last := objects[len(objects)-1]
		for {
			_, err := watcher.Read(t.Context(), last.Name, 1<<20)
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				done <- err
				if err != nil {
					t.Fatalf("create: %v", err)
				}
			default:
			}
		}
		wantContent(t, watcher, objects...)
		if err := <-done; err != nil {
			t.Fatalf("create: %v", err)
		}
	}
}

// testCreateSame has several publishers add the same release at once, as two CI jobs of one tag do.
func testCreateSame(t *testing.T, fresh Fresh[store.Store]) {
	open := fresh(t)
	objects := release("v1.0.0", 10, "same")
	for i, err := range together(t, open, 6, func(s store.Store, _ int) error { return s.Create(t.Context(), objects) }) {
		if err != nil {
			t.Errorf("publisher %d: %v", i, err)
		}
	}
	wantContent(t, session(t, open), objects...)
}

// testCreateOther has several publishers add different bytes under one tag at once: the last object, if there is one,
// stands beside what its publisher added.
func testCreateOther(t *testing.T, fresh Fresh[store.Store]) {
	open := fresh(t)
	for round := range 5 {
		tag := fmt.Sprintf("v1.0.%d", round)
		errs := together(t, open, 4, func(s store.Store, i int) error {
			return s.Create(t.Context(), release(tag, 6, fmt.Sprint("of ", i)))
		})
		winners := 0
		for i, err := range errs {
			var c *store.ConflictError
			if err == nil {
				winners++
				wantContent(t, session(t, open), release(tag, 6, fmt.Sprint("of ", i))...)
			} else if !errors.As(err, &c) {
				t.Errorf("publisher %d: %v", i, err)
			}
		}
		if winners > 1 {
			t.Errorf("%d publishers added other bytes under the same names", winners)
		}
		if winners == 0 {
			wantAbsent(t, session(t, open), "demo/"+tag+".manifest")
		}
	}
}

// together calls f in n sessions at once.
func together(t *testing.T, open func(*testing.T) store.Store, n int, f func(s store.Store, i int) error) []error {
	t.Helper()
	sessions := make([]store.Store, n)
	for i := range sessions {
		sessions[i] = session(t, open)
	}
	return race(n, func(i int) error { return f(sessions[i], i) })
}

// race calls f n times at once.
func race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}
