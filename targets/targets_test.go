package targets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

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
