package targets_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
	"github.com/otactl/otactl/targets"
)

// A lost connection is made again, and the others do not wait for it.
func TestLostConnectionsAreTriedAgain(t *testing.T) {
	all := sites(t, 3)
	run(t, publishing(t, all, "v1.0.0"))
	all[0].wrap, all[1].wrap = failing(1), failing(2)
	c := publishing(t, all, "v1.1.0")
	c.Patience = time.Minute
	want(t, "run", run(t, c), "live v1.1.0, live v1.1.0, live v1.1.0")
	if n := all[1].opened.Load(); n < 3 {
		t.Errorf("b was opened %d times", n)
	}
}

// Until a pointer has changed, a failure changes nothing anywhere; after it, as many follow as can.
func TestFailedFlips(t *testing.T) {
	const forever = 1 << 30
	for _, test := range []struct {
		name         string
		broken       int
		want, become string
	}{
		{"the first", 0, "error", "v1.0.0 v1.0.0 v1.0.0"},
		{"the second", 1, "live v1.1.0, unchanged v1.0.0, live v1.1.0, error", "v1.1.0 v1.0.0 v1.1.0"},
		{"the last", 2, "live v1.1.0, live v1.1.0, unchanged v1.0.0, error", "v1.1.0 v1.1.0 v1.0.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := sites(t, 3)
			run(t, publishing(t, all, "v1.0.0"))
			all[test.broken].wrap = failing(forever)
			c := publishing(t, all, "v1.1.0")
			c.Patience = 150 * time.Millisecond
			want(t, "run", run(t, c), test.want)
			want(t, "pointers", live(t, all), test.become)
			all[test.broken].wrap = nil
			want(t, "again", run(t, c), "live v1.1.0, live v1.1.0, live v1.1.0")
		})
	}
}

// What will not work is not tried again, and does not keep the others from it unless it is the first.
func TestRefusedFlips(t *testing.T) {
	for i, wanted := range []string{"error", "live v1.1.0, unchanged v1.0.0, error"} {
		all := sites(t, 2)
		run(t, publishing(t, all, "v1.0.0"))
		all[i].wrap = refusing
		c := publishing(t, all, "v1.1.0")
		c.Patience = time.Hour
		want(t, "run", run(t, c), wanted)
	}
}

// A target that is gone for good when its turn comes has what it had.
func TestGoneForGood(t *testing.T) {
	all := sites(t, 2)
	run(t, publishing(t, all, "v1.0.0"))
	all[1].wrap = failing(1)
	c := publishing(t, all, "v1.1.0")
	c.Patience = 150 * time.Millisecond
	here := c.Targets[1].Open
	c.Targets[1].Open = func(ctx context.Context) (store.Store, error) {
		if all[1].opened.Load() > 1 {
			return nil, &store.ConnError{Target: "b", Err: errors.New("refused")}
		}
		return here(ctx)
	}
	want(t, "run", run(t, c), "live v1.1.0, unchanged v1.0.0, error")
}

// If somebody changes a target before its turn, a rollback to the release before is refused there: it would be another one.
func TestAnotherReleaseBefore(t *testing.T) {
	all := sites(t, 2)
	for _, text := range []string{"v1.0.0", "v1.1.0"} {
		run(t, publishing(t, all, text))
	}
	c := goingBack(t, all, layout.Tag{})
	c.Waits = func(target int) {
		if target == 1 {
			alone(t, all[1], "v1.2.0", "x")
		}
	}
	outcomes, err := targets.Run(t.Context(), c)
	want(t, "run", states(outcomes, err), "live v1.0.0, unchanged v1.2.0, error")
	want(t, "pointers", live(t, all), "v1.0.0 v1.2.0")
}

// A lost answer is looked into: the rollback that took effect is not made twice.
func TestLostAnswerOfABareRollback(t *testing.T) {
	all := sites(t, 2)
	for _, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		run(t, publishing(t, all, text))
	}
	steps := 0
	for n := 1; ; n++ {
		fresh := sites(t, 2)
		for i := range fresh {
			if err := os.CopyFS(fresh[i].dir, os.DirFS(all[i].dir)); err != nil {
				t.Fatal(err)
			}
		}
		first := true
		var faulty *storetest.FaultyFS
		fresh[0].wrap = func(tree posix.FS) posix.FS {
			if !first {
				return tree
			}
			first = false
			faulty = storetest.Faulty(tree, n, storetest.After, storetest.Dies)
			return faulty
		}
		c := goingBack(t, fresh, layout.Tag{})
		c.Patience = time.Minute
		want(t, "run", run(t, c), "live v1.1.0, live v1.1.0")
		want(t, "pointers", live(t, fresh), "v1.1.0 v1.1.0")
		if faulty.Fault() == "" {
			break
		}
		steps++
		if t.Failed() {
			t.Fatal(faulty.Fault())
		}
	}
	if steps < 4 {
		t.Errorf("only %d steps", steps)
	}
}

// Whoever changes one target while we are busy with another is noticed.
func TestOvertaken(t *testing.T) {
	all := sites(t, 2)
	run(t, publishing(t, all, "v1.0.0"))
	all[1].wrap = func(tree posix.FS) posix.FS {
		return spy{tree, func() {
			all[1].wrap = nil
			alone(t, all[0], "v1.2.0", "x")
		}}
	}
	want(t, "run", run(t, publishing(t, all, "v1.1.0")), "overtaken v1.2.0, live v1.1.0, error")
}

// An interrupt before the first turn changes nothing; one after it ends what is left.
func TestInterrupts(t *testing.T) {
	all := sites(t, 3)
	run(t, publishing(t, all, "v1.0.0"))
	ctx, cancel := context.WithCancel(t.Context())
	c := publishing(t, all, "v1.1.0")
	c.Waits = func(target int) {
		if target == 1 {
			cancel()
		}
	}
	if _, err := targets.Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	want(t, "pointers", live(t, all), "v1.0.0 v1.0.0 v1.0.0")
	ctx, cancel = context.WithCancel(t.Context())
	c.Waits = nil
	all[1].wrap = func(tree posix.FS) posix.FS { return spy{tree, cancel} }
	outcomes, err := targets.Run(ctx, c)
	want(t, "run", states(outcomes, err), "live v1.1.0, unchanged v1.0.0, unchanged v1.0.0, error")
	want(t, "pointers", live(t, all), "v1.1.0 v1.0.0 v1.0.0")
	want(t, "error", err.Error(), "done on 1 of 3 targets\nb: interrupted\nc: interrupted")
}
