package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
)

func testCommit(t *testing.T, fresh Fresh[store.Store]) {
	t.Run("history", func(t *testing.T) { testCommitHistory(t, fresh) })
	t.Run("old pointer", func(t *testing.T) { testCommitOld(t, fresh) })
	t.Run("taken number", func(t *testing.T) { testCommitTaken(t, fresh) })
}

func testCommitHistory(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	var log []store.Object
	live := []byte(nil)
	commit := func(next []byte) {
		c := store.Commit{Project: "demo", Seq: len(log) + 1, Entry: []byte(fmt.Sprintf("entry %d", len(log))), Old: live, Next: next}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatalf("commit %d: %v", c.Seq, err)
		}
		log = append(log, store.Object{Name: c.Claim(c.Seq) + "/entry", Data: c.Entry})
		if next != nil {
			live = next
		}
	}
	commit(nil)
	wantAbsent(t, s, "demo/version")
	commit(nil)
	wantAbsent(t, s, "demo/version")
	for i := range 10 {
		commit([]byte(fmt.Sprintf("v1.0.%d\n", i)))
		wantContent(t, s, store.Object{Name: "demo/version", Data: live})
	}
	commit(nil)
	commit(live)
	wantContent(t, s, append(log, store.Object{Name: "demo/version", Data: live})...)
	for i, o := range log {
		wantList(t, s, strings.TrimSuffix(o.Name, "/entry"), store.Entry{Name: "entry", Size: int64(len(log[i].Data))})
	}

	// Projects have nothing to do with each other.
	if err := s.Commit(t.Context(), store.Commit{Project: "other", Seq: 1, Entry: []byte("x"), Next: []byte("v9.9.9\n")}); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, store.Object{Name: "demo/version", Data: live}, object("other/version", "v9.9.9\n"))
}

// testCommitOld checks that a plan is only carried out on the pointer that it was made on: absent and empty are not the
// same, and neither are a text and a part of it.
func testCommitOld(t *testing.T, fresh Fresh[store.Store]) {
	texts := map[string][]byte{
		"absent": nil, "empty": {}, "tag": []byte("v1.0.0\n"), "part": []byte("v1.0.0"), "longer": []byte("v1.0.0\nv1.0.0\n"), "other": []byte("v1.0.1\n"),
	}
	for is, pointer := range texts {
		for planned, old := range texts {
			t.Run(is+" planned on "+planned, func(t *testing.T) {
				s := one(t, fresh)
				if pointer != nil {
					create(t, s, store.Object{Name: "demo/version", Data: pointer})
				}
				c := store.Commit{Project: "demo", Seq: 1, Entry: []byte("entry"), Old: old, Next: []byte("v2.0.0\n")}
				err := s.Commit(t.Context(), c)
				if is == planned {
					if err != nil {
						t.Errorf("commit: %v", err)
					}
					wantContent(t, s, object("demo/version", "v2.0.0\n"))
					return
				}
				wantError(t, "commit", err, store.ErrChanged)
				wantUnchanged(t, s, pointer, c)
			})
		}
	}
}

// wantUnchanged checks that the pointer is as it was and that the commit is not in the log.
func wantUnchanged(t *testing.T, s store.Store, pointer []byte, c store.Commit) {
	t.Helper()
	if pointer == nil {
		wantAbsent(t, s, c.Pointer())
	} else {
		wantContent(t, s, store.Object{Name: c.Pointer(), Data: pointer})
	}
	wantAbsent(t, s, c.Claim(c.Seq)+"/entry")
}

func testCommitTaken(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	first := mustCommit(t, s, "v1.0.0\n")
	second := mustCommit(t, s, "v1.0.1\n")
	for _, next := range [][]byte{nil, []byte("v2.0.0\n")} {
		for _, taken := range []store.Commit{first, second} {
			c := store.Commit{Project: "demo", Seq: taken.Seq, Entry: []byte("late"), Old: []byte("v1.0.1\n"), Next: next}
			wantError(t, fmt.Sprintf("commit %d again", c.Seq), s.Commit(t.Context(), c), store.ErrChanged)
			wantContent(t, s, object("demo/version", "v1.0.1\n"),
				store.Object{Name: first.Claim(first.Seq) + "/entry", Data: first.Entry},
				store.Object{Name: second.Claim(second.Seq) + "/entry", Data: second.Entry})
		}
	}
	mustCommit(t, s, "v1.0.2\n")
}

func testRaces(t *testing.T, fresh Fresh[store.Store]) {
	t.Run("one winner", func(t *testing.T) { testOneWinner(t, fresh) })
	t.Run("no lost update", func(t *testing.T) { testNoLostUpdate(t, fresh) })
	t.Run("one session", func(t *testing.T) { testOneSession(t, fresh) })
}

// testOneWinner has 20 publishers claim the same number, 50 times.
func testOneWinner(t *testing.T, fresh Fresh[store.Store]) {
	open := fresh(t)
	sessions := make([]store.Store, 20)
	for i := range sessions {
		sessions[i] = session(t, open)
	}
	var old []byte
	for seq := 1; seq <= 50; seq++ {
		commit := func(i int) store.Commit {
			text := fmt.Sprintf("v%d.0.%d\n", seq, i)
			return store.Commit{Project: "demo", Seq: seq, Entry: []byte("by " + text), Old: old, Next: []byte(text)}
		}
		errs := race(len(sessions), func(i int) error { return sessions[i].Commit(t.Context(), commit(i)) })
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Fatalf("number %d was won by %d and by %d", seq, winner, i)
			case !errors.Is(err, store.ErrChanged):
				t.Fatalf("number %d: publisher %d: got error %v, want ErrChanged", seq, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("number %d was won by nobody", seq)
		}
		c := commit(winner)
		old = c.Next
		wantContent(t, sessions[0], store.Object{Name: c.Pointer(), Data: c.Next}, store.Object{Name: c.Claim(seq) + "/entry", Data: c.Entry})
	}
}

// testNoLostUpdate has publishers count in the pointer as fast as they can: in the end it holds the number of commits that
// returned nil.
func testNoLostUpdate(t *testing.T, fresh Fresh[store.Store]) {
	const publishers, tries = 6, 30
	wins := make([]int, publishers)
	open := fresh(t)
	errs := together(t, open, publishers, func(s store.Store, i int) error {
		for range tries {
			err := increment(t.Context(), s)
			switch {
			case err == nil:
				wins[i]++
			case !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrFenced):
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range wins {
		sum += n
	}
	if sum == 0 {
		t.Error("nobody ever won")
	}
	wantContent(t, session(t, open), object("demo/version", fmt.Sprintln(sum)))
}

func increment(ctx context.Context, s store.Store) error {
	c, err := plan(ctx, s, "")
	if err != nil {
		return err
	}
	n := 0
	if c.Old != nil {
		if n, err = strconv.Atoi(strings.TrimSpace(string(c.Old))); err != nil {
			return err
		}
	}
	c.Next = []byte(fmt.Sprintln(n + 1))
	return s.Commit(ctx, c)
}

// testOneSession uses one session from many goroutines at once, for all that it can do.
func testOneSession(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	create(t, s, release("v0.0.1", 3, "old")...)
	errs := race(8, func(i int) error {
		objects := release(fmt.Sprintf("v1.0.%d", i), 5, "data")
		if err := s.Create(t.Context(), objects); err != nil {
			return err
		}
		if _, err := s.List(t.Context(), "demo"); err != nil {
			return err
		}
		for _, o := range objects {
			if n, err := s.Size(t.Context(), o.Name); err != nil || n != int64(len(o.Data)) {
				return fmt.Errorf("size %q: %d, %w", o.Name, n, err)
			}
		}
		if err := increment(t.Context(), s); err != nil && !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrFenced) {
			return err
		}
		return s.Remove(t.Context(), []string{objects[0].Name, objects[5].Name})
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	wantContent(t, s, release("v0.0.1", 3, "old")...)
}
