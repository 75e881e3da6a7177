package proofs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

// A trio is three targets of different kinds, one of which stops at a write.
type trio struct {
	*testing.T
	dirs    [3]string
	broken  int // index
	faulty  *storetest.FaultyFS
	dead    bool // after the fault nobody can connect any more
	refuses bool // the fault is no lost connection

	sessions atomic.Int32 // of the broken one
}

var trioNames = [3]string{"local", "openssh", "pkg sftp"}

// newTrio makes three copies of a folder.
func newTrio(t *testing.T, template string, broken int) *trio {
	trio := &trio{T: t, broken: broken}
	for i := range trio.dirs {
		trio.dirs[i] = t.TempDir()
		if err := os.CopyFS(trio.dirs[i], os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
	}
	return trio
}

func (tr *trio) open(i int) func(context.Context) (store.Store, error) {
	return func(context.Context) (store.Store, error) {
		if i != tr.broken || tr.faulty == nil {
			return posix.New(backends()[trioNames[i]](tr.T, tr.dirs[i])), nil
		}
		switch first := tr.sessions.Add(1) == 1; {
		case first:
			tr.faulty.FS = backends()[trioNames[i]](tr.T, tr.dirs[i])
			return posix.New(tr.faulty), nil
		case tr.dead && tr.faulty.Fault() != "":
			return nil, &store.ConnError{Target: trioNames[i], Err: errors.New("down")}
		}
		return posix.New(backends()[trioNames[i]](tr.T, tr.dirs[i])), nil
	}
}

// on makes a change of a verb on all three.
func (tr *trio) on(verb func(context.Context, targets.Turn) (release.Plan, error)) targets.Change {
	c := targets.Change{Verb: verb, Verify: verify.Request{Project: project, Now: on(9).Time, NoLog: true}}
	if !tr.dead {
		c.Patience = time.Minute
	}
	for i, name := range trioNames {
		c.Targets = append(c.Targets, targets.Target{Name: name, Open: tr.open(i)})
	}
	return c
}

// live is what the pointers hold.
func (tr *trio) live() (texts [3]string) {
	for i, dir := range tr.dirs {
		text, err := os.ReadFile(dir + "/" + project.Pointer())
		if err != nil {
			tr.Fatal(err)
		}
		texts[i] = strings.TrimSpace(string(text))
	}
	return texts
}

// check compares what a run has said with what is on the disks.
func (tr *trio) check(outcomes []targets.Outcome, err error, before, after string) {
	tr.Helper()
	live := tr.live()
	_, partial := errors.AsType[*targets.PartialError](err)
	for i, text := range live {
		s := open(tr, localTree(tr.T, tr.dirs[i]))
		wantLive(tr.T, s, layout.Prefix, before, after)
		if live != [3]string{before, before, before} { // then nothing may be missing anywhere
			wantWhole(tr.T, s, after)
		}
		state, changed := targets.Unchanged, text == after
		if outcomes != nil {
			state = outcomes[i].State
		}
		switch {
		case err == nil && state != targets.Live,
			state == targets.Live && !changed,
			state == targets.Unchanged && changed,
			state == targets.Overtaken,
			err != nil && !partial && changed:
			tr.Errorf("%s: %s is live, and it is said to be %q", trioNames[i], text, state)
		}
		if state == targets.Live && outcomes[i].Live != text || state == targets.Unchanged && outcomes != nil && outcomes[i].Live != text {
			tr.Errorf("%s: %s is live, and not %q", trioNames[i], text, outcomes[i].Live)
		}
	}
}

// publishOnAll and undoOnAll are verbs on one target of three.
func publishOnAll(t *testing.T) func(context.Context, targets.Turn) (release.Plan, error) {
	return func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := request(t, layout.Prefix, "v1.3.0", 9)
		r.Check = turn.Check
		result, err := publish.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
}

func undoOnAll(*testing.T) func(context.Context, targets.Turn) (release.Plan, error) {
	return func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := rollback.Request{Project: project, Tag: turn.Tag, Who: on(9), Check: turn.Check}
		result, err := rollback.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
}

// Three targets, each failing at each of its writes, before and after its effect: no pointer changes before all have
// everything, what is said of each is what is on its disk, and the same again completes it.
func TestThreeTargetsEachStoppedAtEveryWrite(t *testing.T) {
	template := verbs()[1].template(t) // v1.2.0 is live
	for _, c := range []struct {
		name   string
		broken int
		verb   func(*testing.T) func(context.Context, targets.Turn) (release.Plan, error)
		after  string
	}{
		{"publish", 0, publishOnAll, "v1.3.0"},
		{"publish", 1, publishOnAll, "v1.3.0"},
		{"publish", 2, publishOnAll, "v1.3.0"},
		{"bare rollback", 1, undoOnAll, "v1.1.0"},
	} {
		t.Run(c.name+"/"+trioNames[c.broken], func(t *testing.T) {
			t.Parallel()
			stops := 0
			for _, e := range ends() {
				for n := 1; ; n++ {
					tr := newTrio(t, template, c.broken)
					tr.dead, tr.refuses = e.dead, e.kind == storetest.FailsOnce
					tr.faulty = storetest.Faulty(nil, n, e.when, e.kind)
					change := tr.on(c.verb(t))
					if c.after == "v1.3.0" {
						change.Tag = tag(t, c.after)
					}
					fault, err := tr.stop(change, c.after)
					if t.Failed() {
						t.Fatalf("%q, dead: %t; the run returned: %v", fault, e.dead, err)
					}
					if fault == "" {
						break
					}
					stops++
				}
			}
			t.Logf("%d stops", stops)
		})
	}
}

// An end is how a target fails.
type end struct {
	when storetest.When
	kind storetest.Kind
	dead bool
}

func ends() []end {
	return []end{
		{storetest.Before, storetest.Dies, true},
		{storetest.After, storetest.Dies, true},
		{storetest.Before, storetest.Dies, false},
		{storetest.After, storetest.Dies, false},
		{storetest.Before, storetest.FailsOnce, false},
	}
}

// stop makes the change once with the fault, and once without. It returns the fault, which is empty if there was no such
// write, and what the first run returned.
func (tr *trio) stop(c targets.Change, after string) (fault string, err error) {
	tr.Helper()
	outcomes, err := targets.Run(tr.Context(), c)
	fault = tr.faulty.Fault()
	tr.check(outcomes, err, "v1.2.0", after)
	_, partial := errors.AsType[*targets.PartialError](err)
	switch {
	case fault == "" && err != nil:
		tr.Errorf("without a fault: %v", err)
	case partial && !tr.dead && !tr.refuses:
		tr.Error("it was there again, and was not tried again")
	}
	if err != nil && !tr.Failed() {
		tr.again(c, after)
	}
	return fault, err
}

// again completes what was begun, when the target is there again. A bare rollback has agreed on a tag by then.
func (tr *trio) again(c targets.Change, after string) {
	tr.Helper()
	tr.faulty = nil
	if c.Tag.IsZero() {
		verb := c.Verb
		c.Tag = tag(tr, after)
		c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
			turn.Tag = c.Tag
			return verb(ctx, turn)
		}
	}
	outcomes, err := targets.Run(tr.Context(), c)
	if err != nil {
		tr.Errorf("again: %v", err)
	}
	tr.check(outcomes, err, after, after)
	if live := tr.live(); live != [3]string{after, after, after} {
		tr.Errorf("in the end: %s", fmt.Sprint(live))
	}
}
