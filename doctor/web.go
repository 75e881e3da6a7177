package doctor

import (
	"context"
	"fmt"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/store"
)

// attempts is how often the web server is asked while others change the project.
const attempts = 3

// web looks at what devices get. Without a target st and s are nil.
func (x *exam) web(ctx context.Context, st store.Store, s *release.State) []Line {
	if x.Site == nil {
		return []Line{warn(Web, "set url in otactl.toml to the server root as devices reach it; then publish looks there before it changes version",
			"not set: nobody looks whether devices get what is published")}
	}
	for n := 1; ; n++ {
		report, live, err := x.probe(ctx, s)
		if err != nil {
			return []Line{Failed(Web, err)}
		}
		if !report.Failed() || s == nil || n == attempts {
			return x.findings(report, live)
		}
		// What looks wrong may be a publish that went on at the same time.
		now, err := release.Load(ctx, st, x.Project)
		if err != nil || now.Live == s.Live {
			return x.findings(report, live)
		}
		s = now
	}
}

// probe asks for what is live; if nothing is, only whether somebody answers.
func (x *exam) probe(ctx context.Context, s *release.State) (report probe.Report, live string, err error) {
	if s == nil {
		report, err = probe.Live(ctx, x.Site, x.Project, nil)
		return report, "a release", err
	}
	tag, isTag := s.LiveTag()
	if !isTag {
		report, err = probe.Next(ctx, x.Site, probe.Release{Project: x.Project})
		return report, "", err
	}
	r, err := s.Describe(ctx, tag)
	if err != nil { // its manifest is damaged, which is said elsewhere
		report, err = probe.Live(ctx, x.Site, x.Project, nil)
		return report, tag.String(), err
	}
	report, err = probe.Live(ctx, x.Site, x.Project, known(x.Project, r))
	return report, tag.String(), err
}

// findings makes lines of what a probe has found.
func (x *exam) findings(report probe.Report, live string) (lines []Line) {
	for _, f := range report.Findings {
		line := warn(Web, f.Fix, "%s", x.text(f))
		switch f.Severity {
		case probe.Info:
			continue
		case probe.Error:
			line.Level, line.Kind = Fail, Different
			if f.Code == "unreachable" {
				line.Kind = Unreachable
			}
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		return lines
	}
	if live == "" {
		return []Line{ok(Web, "%s answers; what devices get can be told when a release is live", x.URL)}
	}
	return []Line{ok(Web, "%s: devices get %s, whole and as it was published", x.URL, live)}
}

// text says what was found, where, and who is hit.
func (x *exam) text(f probe.Finding) string {
	where := x.URL
	if f.Path != "" {
		where = f.Path
	}
	if f.More > 0 {
		where += fmt.Sprintf(" and %d more", f.More)
	}
	text := fmt.Sprintf("%s: %s", where, f.Why)
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	return text + "; it hits " + f.Who
}
