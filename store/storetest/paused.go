package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// A gate is a folder tree that stops before one step until it is opened, as a publisher does whose laptop is closed.
type gate struct {
	tapped
	reached chan struct{} // closed when somebody stands before the gate
	open    chan struct{} // close it
}

// gated stops before the first step that is wanted.
func gated(tree posix.FS, wanted func(s step) bool) *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	var once sync.Once
	g.tapped = tapped{FS: tree, look: func() error { return nil }, write: func(ctx context.Context, s step) error {
		if wanted(s) {
			once.Do(func() {
				close(g.reached)
				<-g.open
			})
		}
		return s.run(ctx)
	}}
	return g
}

// nth wants the n-th step.
func nth(n int) func(step) bool {
	var mu sync.Mutex
	count := 0
	return func(step) bool {
		mu.Lock()
		defer mu.Unlock()
		count++
		return count == n
	}
}

// tidies reports whether a step only removes what was prepared, while nobody waits for it.
func (s step) tidies() bool { return s.op == "remove" && strings.Contains(s.name, "/tmp.") }

// testPaused pauses a publisher before each of its steps, lets another one change the project meanwhile, and then goes on:
// the later change stands.
func testPaused(t *testing.T, fresh Fresh[posix.FS]) {
	t.Run("commit", func(t *testing.T) {
		pausedAnywhere(t, fresh, func(c store.Commit) store.Commit { return c })
	})
	t.Run("planned meanwhile", func(t *testing.T) {
		pausedAnywhere(t, fresh, func(c store.Commit) store.Commit { return planned(c, release("v1.0.1", 2, "data")) })
	})
}

func pausedAnywhere(t *testing.T, fresh Fresh[posix.FS], how func(store.Commit) store.Commit) {
	seen := map[string]int{}
	for n := 1; pausedAt(t, fresh(t), n, seen, how); n++ {
		if t.Failed() {
			t.Fatalf("... paused before step %d", n)
		}
	}
	for _, outcome := range []string{"changed", "fenced", "done"} {
		if seen[outcome] == 0 {
			t.Errorf("no pause led to %q: %v", outcome, seen)
		}
	}
}

// pausedAt reports whether the publisher has an n-th step.
func pausedAt(t *testing.T, open func(*testing.T) posix.FS, n int, seen map[string]int, how func(store.Commit) store.Commit) bool {
	t.Helper()
	other := posix.New(session(t, open))
	mustCommit(t, other, "v1.0.0\n")
	count := nth(n)
	g := gated(session(t, open), func(s step) bool { return !s.tidies() && count(s) })
	slow := posix.New(g)
	c, err := plan(t.Context(), slow, "v1.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- slow.Commit(t.Context(), how(c)) }()
	select {
	case <-g.reached:
	case err := <-done:
		if err != nil {
			t.Errorf("without a pause: %v", err)
		}
		return false
	}
	// One who plans after the pause has begun wins the next number, whatever the other one has done so far.
	later := mustCommit(t, other, "v1.0.2\n")
	close(g.open)
	err = <-done
	switch {
	case errors.Is(err, store.ErrChanged):
		seen["changed"]++
	case errors.Is(err, store.ErrFenced):
		seen["fenced"]++
	case err == nil && string(later.Old) == "v1.0.1\n":
		seen["done"]++
	default:
		t.Errorf("the paused publisher returned %v, and the later one planned on %q", err, later.Old)
	}
	wantContent(t, other, object("demo/version", "v1.0.2\n"), store.Object{Name: later.Claim(later.Seq) + "/entry", Data: later.Entry})
	return true
}

// testFenceAgainstFlip lets a publisher who is about to change the pointer and one who is about to fence it go on at the
// same moment, 500 times: exactly one of the two succeeds. Before that, each of them goes first once.
func testFenceAgainstFlip(t *testing.T, fresh Fresh[posix.FS]) {
	open := fresh(t)
	first, second := session(t, open), session(t, open)
	s := posix.New(session(t, open))
	wins := map[string]int{}
	for round := range 500 {
		fenceAgainstFlip(t, s, first, second, round, wins)
		if t.Failed() {
			t.Fatalf("... in round %d", round)
		}
	}
	t.Logf("the flip came first %d times, the fence %d times", wins["flip"], wins["fence"])
	if wins["flip"] == 0 || wins["fence"] == 0 {
		t.Logf("one side won every time: on this machine the test shows less than it could")
	}
}

func fenceAgainstFlip(t *testing.T, s store.Store, first, second posix.FS, round int, wins map[string]int) {
	t.Helper()
	flip := gated(first, func(s step) bool { return s.op == "replace" })
	fence := gated(second, func(s step) bool { return s.op == "remove" && strings.HasSuffix(s.name, "/version") })
	a, err := plan(t.Context(), s, fmt.Sprintf("v1.%d.1\n", round))
	if err != nil {
		t.Fatal(err)
	}
	b := a
	b.Seq, b.Next = a.Seq+1, []byte(fmt.Sprintf("v1.%d.2\n", round))
	results := [2]chan error{make(chan error, 1), make(chan error, 1)}
	go func() { results[0] <- posix.New(flip).Commit(t.Context(), a) }()
	if !reached(t, flip, results[0]) {
		return
	}
	go func() { results[1] <- posix.New(fence).Commit(t.Context(), b) }()
	if !reached(t, fence, results[1]) {
		return
	}
	aErr, bErr := inOrder(round, [2]*gate{flip, fence}, results)
	switch {
	case aErr == nil && errors.Is(bErr, store.ErrChanged):
		wins["flip"]++
		wantContent(t, s, store.Object{Name: a.Pointer(), Data: a.Next})
	case bErr == nil && errors.Is(aErr, store.ErrFenced):
		wins["fence"]++
		wantContent(t, s, store.Object{Name: b.Pointer(), Data: b.Next})
	default:
		t.Errorf("flip: %v, fence: %v; want exactly one to succeed", aErr, bErr)
	}
}

// inOrder opens both gates and returns what happened behind them: one after the other in the rounds 0 and 1, at once in all
// others.
func inOrder(round int, gates [2]*gate, results [2]chan error) (first, second error) {
	switch round {
	case 0:
		close(gates[0].open)
		first = <-results[0]
		close(gates[1].open)
		return first, <-results[1]
	case 1:
		close(gates[1].open)
		second = <-results[1]
		close(gates[0].open)
		return <-results[0], second
	}
	race(2, func(i int) error {
		close(gates[i].open)
		return nil
	})
	return <-results[0], <-results[1]
}

func reached(t *testing.T, g *gate, done chan error) bool {
	t.Helper()
	select {
	case <-g.reached:
		return true
	case err := <-done:
		t.Errorf("the commit ended before its gate: %v", err)
		return false
	}
}
