package targets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

const project = layout.Project("demo")

// A site is a folder and what goes wrong with it.
type site struct {
	dir    string
	wrap   func(posix.FS) posix.FS // around what each session opens; may be nil
	opened atomic.Int32
}

func (s *site) open(context.Context) (store.Store, error) {
	s.opened.Add(1)
	var tree posix.FS
	tree, err := local.Open(s.dir, local.Options{})
	if err == nil && s.wrap != nil {
		tree = s.wrap(tree)
	}
	return posix.New(tree), err
}

// sites makes n folders.
func sites(t *testing.T, n int) []*site {
	t.Helper()
	var all []*site
	for range n {
		all = append(all, &site{dir: memoryDir(t)})
	}
	return all
}

// memoryDir is a new folder, in memory where that can be: these tests wait for many disks otherwise.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "otactl-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func tag(t *testing.T, text string) layout.Tag {
	t.Helper()
	tag, err := layout.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func request(t *testing.T, text, content string) publish.Request {
	t.Helper()
	return publish.Request{
		Project: project, Tag: tag(t, text), Kind: layout.Prefix, Who: release.Who{Time: time.Unix(1e9, 0), By: "test"},
		Set: source.Set{Files: []source.File{{Name: "main.py", Path: "main.py", Data: []byte(content)}}},
	}
}

// publishing is the change that publishes a release everywhere.
func publishing(t *testing.T, all []*site, text string) targets.Change {
	t.Helper()
	c := change(all)
	c.Tag, c.Verify.NoLog = tag(t, text), true
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := request(t, text, text)
		r.Check = turn.Check
		result, err := publish.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
	return c
}

// goingBack is the change that rolls every target back, to this release or to the one before.
func goingBack(t *testing.T, all []*site, to layout.Tag) targets.Change {
	t.Helper()
	c := change(all)
	c.Tag = to
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := rollback.Request{Project: project, Tag: to, Who: release.Who{Time: time.Unix(2e9, 0), By: "test"}, Check: turn.Check}
		if !turn.Tag.IsZero() {
			r.Tag = turn.Tag
		}
		result, err := rollback.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
	return c
}

func change(all []*site) targets.Change {
	c := targets.Change{Verify: verify.Request{Project: project, Now: time.Unix(1e9, 0)}}
	for i, s := range all {
		c.Targets = append(c.Targets, targets.Target{Name: string(rune('a' + i)), Open: s.open})
	}
	return c
}

// alone publishes on one site.
func alone(t *testing.T, s *site, text, content string) {
	t.Helper()
	st, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if _, err := publish.Run(t.Context(), st, request(t, text, content)); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, c targets.Change) string {
	t.Helper()
	outcomes, err := targets.Run(t.Context(), c)
	return states(outcomes, err)
}

// states is what Run returned, in one line.
func states(outcomes []targets.Outcome, err error) string {
	var text []string
	for _, o := range outcomes {
		text = append(text, string(o.State)+" "+o.Live)
	}
	if err != nil {
		text = append(text, "error")
	}
	return strings.Join(text, ", ")
}

// live is what the pointers hold.
func live(t *testing.T, all []*site) string {
	t.Helper()
	var texts []string
	for _, s := range all {
		text, err := os.ReadFile(filepath.Join(s.dir, string(project), "version"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		texts = append(texts, strings.TrimSpace(string(text)))
	}
	return strings.Join(texts, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestAllTargetsGetIt(t *testing.T) {
	all := sites(t, 3)
	want(t, "first", run(t, publishing(t, all, "v1.0.0")), "live v1.0.0, live v1.0.0, live v1.0.0")
	want(t, "second", run(t, publishing(t, all, "v1.1.0")), "live v1.1.0, live v1.1.0, live v1.1.0")
	want(t, "again", run(t, publishing(t, all, "v1.1.0")), "live v1.1.0, live v1.1.0, live v1.1.0")
	want(t, "superseded", run(t, publishing(t, all, "v1.0.0")), "unchanged v1.1.0, unchanged v1.1.0, unchanged v1.1.0")
	want(t, "pointers", live(t, all), "v1.1.0 v1.1.0 v1.1.0")
	want(t, "bare rollback", run(t, goingBack(t, all, layout.Tag{})), "live v1.0.0, live v1.0.0, live v1.0.0")
}

// What is behind catches up, and what is not is left alone.
func TestDriftIsMended(t *testing.T) {
	all := sites(t, 3)
	run(t, publishing(t, all, "v1.0.0"))
	alone(t, all[1], "v1.1.0", "v1.1.0")
	want(t, "mended", run(t, publishing(t, all, "v1.1.0")), "live v1.1.0, live v1.1.0, live v1.1.0")
	want(t, "pointers", live(t, all), "v1.1.0 v1.1.0 v1.1.0")
}

// A target that cannot get the release keeps all pointers where they are, and everything that is wrong is told at once.
func TestNothingChangesUntilAllAreReady(t *testing.T) {
	all := sites(t, 4)
	run(t, publishing(t, all, "v1.0.0"))
	alone(t, all[1], "v1.1.0-rc.1", "x")
	alone(t, all[1], "v1.2.0", "x") // higher than what comes
	all[3].dir = filepath.Join(all[3].dir, "gone")
	_, err := targets.Run(t.Context(), publishing(t, all, "v1.1.0"))
	want(t, "pointers", live(t, all), "v1.0.0 v1.2.0 v1.0.0 ")
	var order *release.OrderError
	var refused *store.RefusedError
	if !errors.As(err, &order) || !errors.As(err, &refused) {
		t.Errorf("not both errors: %v", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "b: release v1.1.0 is lower") || !strings.Contains(text, "\nd: ") || strings.Contains(text, "a: ") {
		t.Errorf("error: %s", text)
	}
}

// What was sent is read back: a server that keeps other bytes than it was given keeps all pointers where they are.
func TestWhatIsThereIsVerified(t *testing.T) {
	all := sites(t, 3)
	run(t, publishing(t, all, "v1.0.0"))
	c := publishing(t, all, "v1.1.0")
	verb := c.Verb
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		check := turn.Check
		turn.Check = func(ctx context.Context, r release.Release) error {
			if turn.Target == 2 {
				name := filepath.Join(all[2].dir, string(project), "v1.1.0_main.py")
				if err := errors.Join(os.Remove(name), os.WriteFile(name, []byte("v9.9.9"), 0o644)); err != nil {
					t.Error(err)
				}
			}
			return check(ctx, r)
		}
		return verb(ctx, turn)
	}
	_, err := targets.Run(t.Context(), c)
	var different *verify.DifferentError
	if !errors.As(err, &different) {
		t.Errorf("error: %v", err)
	}
	want(t, "pointers", live(t, all), "v1.0.0 v1.0.0 v1.0.0")
}

// The pointers change in the order of the targets, and none before Ready is asked, which is asked once.
func TestOrder(t *testing.T) {
	all := sites(t, 3)
	var order []string
	c := publishing(t, all, "v1.0.0")
	c.Ready = func(context.Context, release.Release) error {
		order = append(order, "ready")
		want(t, "pointers", live(t, all), "  ")
		return nil
	}
	for i, s := range all {
		s.wrap = func(tree posix.FS) posix.FS { return spy{tree, func() { order = append(order, string(rune('a'+i))) }} }
	}
	want(t, "run", run(t, c), "live v1.0.0, live v1.0.0, live v1.0.0")
	want(t, "order", strings.Join(order, " "), "ready a b c")
	c = publishing(t, all, "v1.1.0")
	c.Ready = func(context.Context, release.Release) error { return errors.New("devices would not get it") }
	want(t, "not ready", run(t, c), "error")
	want(t, "pointers", live(t, all), "v1.0.0 v1.0.0 v1.0.0")
}

// A spy tells when a pointer is about to change.
type spy struct {
	posix.FS
	flip func()
}

func (s spy) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") {
		s.flip()
	}
	return s.FS.Replace(ctx, from, to)
}

// refusing makes every change of a pointer fail in such a way that it is no use to try again.
func refusing(tree posix.FS) posix.FS { return refuser{tree} }

type refuser struct{ posix.FS }

func (r refuser) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") {
		return &store.RefusedError{Target: "the test", Err: errors.New("disk full")}
	}
	return r.FS.Replace(ctx, from, to)
}

// failing makes the first n changes of a pointer fail as if the connection was lost; after them nothing does.
func failing(n int) func(posix.FS) posix.FS {
	var failed atomic.Int32
	return func(tree posix.FS) posix.FS { return broken{tree, &failed, int32(n)} }
}

type broken struct {
	posix.FS
	failed *atomic.Int32
	n      int32
}

func (b broken) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") && b.failed.Add(1) <= b.n {
		return &store.ConnError{Target: "the test", Err: errors.New("lost")}
	}
	return b.FS.Replace(ctx, from, to)
}

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

func TestTargetsThatDisagree(t *testing.T) {
	all := sites(t, 2)
	run(t, publishing(t, all, "v1.0.0"))
	alone(t, all[0], "v1.1.0", "one")
	alone(t, all[1], "v1.1.1", "x")
	run(t, publishing(t, all, "v1.2.0"))
	for _, c := range []targets.Change{goingBack(t, all, layout.Tag{}), dry(goingBack(t, all, layout.Tag{}))} {
		_, err := targets.Run(t.Context(), c)
		var disagree *targets.DisagreeError
		if !errors.As(err, &disagree) {
			t.Fatalf("error: %v", err)
		}
		want(t, "error", err.Error(), "the release would be v1.1.0 on a and v1.1.1 on b")
	}
	alone(t, all[0], "v1.3.0", "one")
	alone(t, all[1], "v1.3.0", "another")
	run(t, publishing(t, all, "v1.4.0"))
	_, err := targets.Run(t.Context(), goingBack(t, all, tag(t, "v1.3.0")))
	want(t, "error", err.Error(), "release v1.3.0 on a and on b differ")
	want(t, "pointers", live(t, all), "v1.4.0 v1.4.0")
}

// dry makes of a change one that asks what would be changed.
func dry(c targets.Change) targets.Change {
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		result, err := rollback.Run(ctx, turn.Store, rollback.Request{Project: project, DryRun: true, Check: turn.Check})
		return result.Plan, err
	}
	return c
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
