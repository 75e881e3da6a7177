package proofs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
)

// onBackends runs a test on each backend. Each call of session is another publisher.
func onBackends(t *testing.T, test func(t *testing.T, session func() *posix.Store)) {
	for name, b := range backends() {
		t.Run(name, func(t *testing.T) {
			fresh := b.on("")(t)
			test(t, func() *posix.Store { return open(t, fresh(t)) })
		})
	}
}

// race runs publishers at the same time, each in a session of its own.
func race(n int, session func() *posix.Store, act func(i int, s store.Store) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		s := session()
		all.Go(func() {
			<-start
			errs[i] = act(i, s)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// 20 publishers of different tags: the highest is live in the end, whatever the order, and the log tells what happened.
func TestRaceOfTags(t *testing.T) {
	onBackends(t, func(t *testing.T, session func() *posix.Store) {
		const n = 20
		outcomes := make([]publish.Outcome, n)
		errs := race(n, session, func(i int, s store.Store) error {
			result, err := publish.Run(t.Context(), s, request(t, layout.Prefix, fmt.Sprintf("v1.%d.0", i), i+1))
			outcomes[i] = result.Outcome
			return err
		})
		s := session()
		changed := wantChain(t, s)
		if !slices.IsSortedFunc(changed, func(a, b string) int { return tag(t, a).Compare(tag(t, b)) }) {
			t.Errorf("devices went back: %v", changed)
		}
		tally := map[string]int{}
		for i, err := range errs {
			text := fmt.Sprintf("v1.%d.0", i)
			var order *release.OrderError
			switch was := slices.Contains(changed, text); {
			case err == nil && outcomes[i] == publish.Published && was:
				wantWhole(t, s, text)
				tally["published"]++
			case errors.As(err, &order) && order.Live.Compare(tag(t, text)) > 0 && !was:
				tally["lower than the live one"]++
			default:
				t.Errorf("%s: %q, %v; was live: %v", text, outcomes[i], err, was)
			}
		}
		t.Log(tally)
		wantLive(t, s, layout.Prefix, fmt.Sprintf("v1.%d.0", n-1))
	})
}

// 20 publishers of the same release: all succeed, and it becomes live once.
func TestRaceOfOneRelease(t *testing.T) {
	onBackends(t, func(t *testing.T, session func() *posix.Store) {
		errs := race(20, session, func(_ int, s store.Store) error {
			_, err := publish.Run(t.Context(), s, request(t, layout.Prefix, "v1.0.0", 1))
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		s := session()
		if changed := wantChain(t, s); len(changed) != 1 {
			t.Errorf("devices went to %v", changed)
		}
		wantLive(t, s, layout.Prefix, "v1.0.0")
	})
}

// 10 publishers of different bytes under one tag: devices get those of at most one, who alone is told that all is well.
func TestRaceOfBytes(t *testing.T) {
	onBackends(t, func(t *testing.T, session func() *posix.Store) {
		live := 0
		for round := range 10 {
			text := fmt.Sprintf("v1.%d.0", round)
			errs := race(10, session, func(i int, s store.Store) error {
				r := request(t, layout.Prefix, text, 1)
				r.Set = set(content(fmt.Sprintf("%s of %d", text, i)))
				_, err := publish.Run(t.Context(), s, r)
				return err
			})
			winner := -1
			for i, err := range errs {
				var conflict *store.ConflictError
				var other *release.BytesError
				switch {
				case err == nil && winner < 0:
					winner = i
				case err == nil:
					t.Errorf("%s: both %d and %d were told that it is live", text, winner, i)
				case !errors.As(err, &conflict) && !errors.As(err, &other):
					t.Errorf("%s: %v", text, err)
				}
			}
			s := session()
			if changed := wantChain(t, s); slices.Contains(changed, text) != (winner >= 0) {
				t.Errorf("%s: %d has won, and devices went to %v", text, winner, changed)
			}
			if winner >= 0 {
				live++
				wantContent(t, s, text, content(fmt.Sprintf("%s of %d", text, winner)))
			}
		}
		t.Logf("one of 10 won in %d of 10 rounds", live)
	})
}

// Publishers, somebody who goes back and somebody who removes old releases at the same time, 50 times: devices always get a
// whole release, and nothing that was removed comes back.
func TestRaceOfVerbs(t *testing.T) {
	onBackends(t, func(t *testing.T, session func() *posix.Store) {
		var sessions []*posix.Store
		for range 4 {
			sessions = append(sessions, session())
		}
		mustPublish(t, sessions[0], layout.Prefix, "v1.0.0", 1)
		tags := []string{"v1.0.0"}
		tally := map[string]int{}
		for round := range 50 {
			text := fmt.Sprintf("v1.%d.0", round+1)
			tags = append(tags, text)
			next := 0
			errs := race(4, func() *posix.Store { next++; return sessions[next-1] }, func(i int, s store.Store) error {
				return mixed(t, s, i, text)
			})
			for i, err := range errs {
				tally[fmt.Sprintf("%s: %T", []string{"publish", "rollback", "prune", "devices"}[i], err)]++
				if !expected(err) {
					t.Errorf("round %d: %d: %v", round, i, err)
				}
			}
			wantLive(t, sessions[0], layout.Prefix, tags...)
			if t.Failed() {
				break
			}
		}
		t.Log(tally)
		wantChain(t, sessions[0])
	})
}

// mixed is what four people do in a round.
func mixed(t *testing.T, s store.Store, i int, text string) (err error) {
	switch i {
	case 0:
		_, err = publish.Run(t.Context(), s, request(t, layout.Prefix, text, 1))
	case 1:
		_, err = rollback.Run(t.Context(), s, rollback.Request{Project: project, Who: on(1)})
	case 2: // two days later by the clock, so that nothing is protected for its age
		_, err = prune.Run(t.Context(), s, prune.Request{Project: project, Keep: 2, Who: on(3)})
	case 3:
		for range 5 {
			if err = wholeOrPruned(t, s); err != nil {
				break
			}
		}
	}
	return err
}

// wholeOrPruned fetches what is live as a device does. Without the protection of what was live in the last 24 hours, a device
// that was slow may miss a file; it asks again and must then get a whole release.
func wholeOrPruned(t *testing.T, s store.Store) (err error) {
	for range 5 {
		var live []byte
		live, err = s.Read(t.Context(), project.Pointer(), 100)
		if err != nil {
			return err
		}
		text := layout.PointerText(live)
		if _, err = storetest.Device(storetest.FetchStore(context.Background(), s), string(project), releases(layout.Prefix, text)); err == nil {
			return nil
		}
	}
	return err
}

// expected reports whether an error is one of those that a verb returns when others are at work too.
func expected(err error) bool {
	var unknown *release.UnknownBeforeError
	var pruned *release.PrunedError
	var busy *release.BusyError
	return err == nil || errors.As(err, &unknown) || errors.As(err, &pruned) || errors.As(err, &busy)
}

// wantChain checks that the log has no gap, that each change begins where the one before it ended, and that nothing that was
// pruned is named by a later change. It returns what devices went to, in this order.
func wantChain(t *testing.T, s store.Store) (changed []string) {
	t.Helper()
	state, err := release.Load(t.Context(), s, project)
	if err != nil {
		t.Fatal(err)
	}
	var log []release.Change
	if err := state.History(t.Context(), func(c release.Change) bool { log = append(log, c); return true }); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(log)
	live, pruned := "", map[string]bool{}
	for i, c := range log {
		if c.Seq != i+1 || c.From != live || pruned[c.To] {
			t.Errorf("change %d: %s from %q to %q, while %q was live", c.Seq, c.Action, c.From, c.To, live)
		}
		if c.Effect && c.To != live {
			live = c.To
			changed = append(changed, live)
		}
		for _, text := range c.Tags {
			pruned[text] = pruned[text] || c.Action == layout.Prune
		}
	}
	if live != state.Live || len(log) != state.Seq {
		t.Errorf("%d entries of %d end with %q; %q is live", len(log), state.Seq, live, state.Live)
	}
	return changed
}

// wantWhole checks that a release is there with all of its bytes.
func wantWhole(t *testing.T, s store.Store, text string) {
	t.Helper()
	wantContent(t, s, text, content(text))
	if _, err := s.Read(t.Context(), project.Manifest(tag(t, text)), 1<<16); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func wantContent(t *testing.T, s store.Store, text string, files map[string]string) {
	t.Helper()
	for name, want := range files {
		got, err := s.Read(t.Context(), project.File(layout.Prefix, tag(t, text), name), 1<<20)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s holds %q, %v; want %q", text, name, got, err, want)
		}
	}
}
