package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/otactl/otactl/layout"
)

// Between two polls of version; each wait is twice as long as the one before.
const (
	shortest = 50 * time.Millisecond
	longest  = 2 * time.Second
)

// Settle waits until version is a tag, for original clients and for otactl's own, at most for so long: caches may keep the
// old one. The report has an error if it is not by then.
func Settle(ctx context.Context, s *Site, p layout.Project, tag layout.Tag, patience time.Duration) (Report, error) {
	c := &check{site: s, recorder: newRecorder(s), project: p, report: &Report{}}
	late := time.NewTimer(patience)
	defer late.Stop()
	for wait := shortest; ; wait = min(2*wait, longest) {
		seen, ok := c.says(ctx, tag)
		if ok {
			return Report{}, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return Report{}, ctx.Err()
		case <-late.C:
			c.report.add(stale.at(p.Pointer(), fmt.Sprintf("after %s it is %s, not %s", patience, seen, tag)))
			return *c.report, nil
		case <-time.After(wait):
		}
	}
}

// says reports whether version is the tag, and else what it is.
func (c *check) says(ctx context.Context, tag layout.Tag) (seen string, ok bool) {
	name := c.project.Pointer()
	s := c.own(ctx)
	defer s.close()
	for _, v := range []view{c.poll(ctx), s.get(name, 0, limit(0))} {
		switch {
		case v.status == 0:
			return fmt.Sprint(v.err), false
		case v.status/100 == 3 || v.err != nil && v.status == 200: // it was found to be so before the change
		case v.status != 200:
			return statusText(v.status), false
		}
		if got := strings.Trim(string(v.body), blanks); v.status == 200 && got != tag.String() {
			return fmt.Sprintf("%.40q", got), false
		}
	}
	return "", true
}
