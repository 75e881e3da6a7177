package targets_test

import (
	"errors"
	"testing"

	"github.com/otactl/otactl/targets"
)

// A target on which the release was superseded does not get it: then no other one gets it either.
func TestSupersededOnOneOnly(t *testing.T) {
	all := sites(t, 2)
	run(t, publishing(t, all, "v1.0.0"))
	alone(t, all[1], "v1.1.0", "v1.1.0")
	alone(t, all[1], "v1.2.0", "x")
	_, err := targets.Run(t.Context(), publishing(t, all, "v1.1.0"))
	if _, ok := errors.AsType[*targets.DisagreeError](err); !ok {
		t.Errorf("error: %v", err)
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
