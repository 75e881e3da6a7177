package targets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/targets"
)

// A target on which the release was superseded does not get it: then no other one gets it either.
func TestSupersededOnOneOnly(t *testing.T) {
	all := sites(t, 2)
	run(t, publishing(t, all, "v1.0.0"))
	alone(t, all[1], "v1.1.0", "v1.1.0")
	alone(t, all[1], "v1.2.0", "x")
	planned := publishing(t, all, "v1.1.0")
	planned.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := request(t, "v1.1.0", "v1.1.0")
		r.DryRun = true
		result, err := publish.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
	for _, c := range []targets.Change{planned, publishing(t, all, "v1.1.0")} {
		_, err := targets.Run(t.Context(), c)
		if _, ok := errors.AsType[*targets.DisagreeError](err); !ok {
			t.Errorf("error: %v", err)
		}
	}
	want(t, "pointers", live(t, all), "v1.0.0 v1.2.0")
}

// A target on which the tag is live already has to have the same release.
func TestLiveOnOneWithOtherContent(t *testing.T) {
	all := sites(t, 2)
	alone(t, all[0], "v1.0.0", "one")
	alone(t, all[1], "v1.0.0", "another")
	alone(t, all[0], "v1.1.0", "x")
	_, err := targets.Run(t.Context(), goingBack(t, all, tag(t, "v1.0.0")))
	if err == nil || err.Error() != "release v1.0.0 on a and on b differ" {
		t.Errorf("error: %v", err)
	}
	want(t, "pointers", live(t, all), "v1.1.0 v1.0.0")
}
