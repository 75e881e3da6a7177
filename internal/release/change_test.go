package release_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

// An entry that nobody could read again would be the last change of the project. It is not claimed.
func TestEntryTooLarge(t *testing.T) {
	tree, err := local.Open(t.TempDir(), local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })
	s, err := release.Load(t.Context(), st, "demo")
	must(t, err)
	for i := range 10_000 {
		h := layout.HandMade{Tag: fmt.Sprintf("v1.0.%d", i), Kind: layout.Prefix}
		for n := range 50 {
			h.Names = append(h.Names, fmt.Sprintf("file%03d.py", n))
		}
		s.Adopted = append(s.Adopted, h)
	}
	if err := s.Adopt(t.Context(), release.Who{Time: time.Unix(0, 0)}); err == nil {
		t.Error("it was claimed")
	}
	s, err = release.Load(t.Context(), st, "demo")
	must(t, err)
	if s.Seq != 0 {
		t.Errorf("the last change is %d", s.Seq)
	}
}

// A release whose files go while a change is planned is being pruned: that is told by a new plan. One that stays unfinished is
// told at once.
func TestUnfinishedMeanwhile(t *testing.T) {
	tree, err := local.Open(t.TempDir(), local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })
	adopt := func() {
		s, err := release.Load(t.Context(), st, "demo")
		must(t, err)
		must(t, s.Adopt(t.Context(), release.Who{Time: time.Unix(0, 0)}))
	}
	plans := 0
	unfinished := func(*release.State) error {
		if plans++; plans == 1 {
			adopt()
		}
		return &release.UnfinishedError{Missing: []string{"demo/v1.0.0_main.py"}}
	}
	var want *release.UnfinishedError
	if err := release.Attempt(t.Context(), st, "demo", unfinished); !errors.As(err, &want) || plans != 2 {
		t.Errorf("%d plans, then %v", plans, err)
	}
}
