package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
)

// checkLog compares the manifests with what the change log says of them. It reads newest first, and only as far as it must:
// to the beginning only for all releases, to find out whether one is gone.
func (v *verifier) checkLog(ctx context.Context) error {
	want := map[string]*looked{}
	for _, l := range v.releases {
		if l.Raw != nil {
			want[l.Tag.String()] = l
		}
	}
	if len(want) == 0 && !v.All || v.NoLog {
		return nil
	}
	return v.damagedLog(v.state.History(ctx, func(c release.Change) bool {
		tag := c.To
		if c.Action == layout.Publish && len(c.Tags) == 1 {
			tag = c.Tags[0]
			v.checkThere(c, parsed(tag))
		}
		if l := want[tag]; l != nil && c.Manifest != "" {
			delete(want, tag)
			v.checkSum(c, l)
		}
		return v.All || len(want) > 0
	}))
}

// checkThere reports a release that was published, and neither pruned nor is there.
func (v *verifier) checkThere(c release.Change, t layout.Tag) {
	if v.All && !t.IsZero() && !v.tombs[t.String()] && !v.present(t) {
		what := fmt.Sprintf("is missing, and so are all files of the release, which change %d has published", c.Seq)
		v.differ(nil, Difference{Name: v.Project.Manifest(t), Tag: t, Kind: Missing, What: what})
	}
}

func (v *verifier) checkSum(c release.Change, l *looked) {
	if sum := l.ManifestSHA256(); sum != c.Manifest {
		what := fmt.Sprintf("is not what change %d (%s) was about: its SHA-256 is %s..., not %s...", c.Seq, c.Action, sum[:12], brief(c.Manifest))
		v.differ(l, Difference{Name: v.Project.Manifest(l.Tag), Kind: Replaced, What: what})
	}
}

// lastChange returns the last entry of the log; nil if there is none, or if it is damaged.
func (v *verifier) lastChange(ctx context.Context) (last *release.Change, err error) {
	err = v.state.History(ctx, func(c release.Change) bool { last = &c; return false })
	return last, v.damagedLog(err)
}

// damagedLog reports a log entry that is none, and returns every other error.
func (v *verifier) damagedLog(err error) error {
	var damaged *release.DamagedError
	if errors.As(err, &damaged) {
		v.differ(nil, Difference{Name: damaged.Name, Kind: Damaged, What: "is damaged: " + damaged.Err.Error()})
		return nil
	}
	return err
}

// brief is the beginning of a hash that the log tells: it may be anything.
func brief(sum string) string { return quoteUnlessPlain(sum[:min(12, len(sum))]) }
