package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/otactl/otactl/inspect"
	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// look runs one question about a project.
func look[T any](ctx context.Context, c *call, ask func(store.Store, layout.Project) (T, error)) (project layout.Project, answer T, err error) {
	if project, err = c.parseProject(); err != nil {
		return project, answer, err
	}
	err = c.withStore(ctx, func(st store.Store) error {
		answer, err = ask(st, project)
		return err
	})
	return project, answer, err
}

// A statusOutcome is the answer to status.
type statusOutcome struct {
	Project  string         `json:"project"`
	Live     string         `json:"live"` // text of the pointer; "" if there is none
	Layout   string         `json:"layout,omitempty"`
	Files    []string       `json:"files"`
	Size     int64          `json:"size"`     // bytes, of the live release; 0 if that is not known
	Previous string         `json:"previous"` // what a bare rollback goes to; "" if it would be refused
	Last     *changeOutcome `json:"last,omitempty"`
	Problems []string       `json:"problems,omitempty"`
}

func (o *statusOutcome) lines() []string {
	live := fmt.Sprintf("%s: %s is live", o.Project, showTag(o.Live))
	if o.Live == "" {
		live = fmt.Sprintf("%s: nothing is live", o.Project)
	}
	if len(o.Files) > 0 {
		live += " (" + count(len(o.Files), "file")
		if o.Size > 0 {
			live += ", " + size(o.Size)
		}
		live += ")"
	}
	lines := []string{live}
	if o.Previous != "" {
		lines = append(lines, "rollback goes to "+o.Previous)
	}
	if o.Last != nil {
		lines = append(lines, "last change: "+strings.ReplaceAll(o.Last.row(), "\t", "  "))
	}
	for _, p := range o.Problems {
		lines = append(lines, "problem: "+p)
	}
	return lines
}

func runStatus(ctx context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	calls, err := c.each()
	if err != nil {
		return nil, err
	}
	if len(calls) > 1 {
		return c.statusAll(ctx, calls)
	}
	o, _, err := c.statusOf(ctx)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// statusOf is the status of one target, and what is live there.
func (c *call) statusOf(ctx context.Context) (*statusOutcome, release.Release, error) {
	project, s, err := look(ctx, c, func(st store.Store, p layout.Project) (inspect.Status, error) {
		return inspect.Run(ctx, st, p)
	})
	if err != nil {
		return nil, s.Release, err
	}
	o := &statusOutcome{
		Project: string(project), Live: s.Live, Layout: string(s.Release.Kind), Files: []string{}, Size: s.Bytes,
		Previous: s.Previous, Problems: s.Problems,
	}
	o.Files = append(o.Files, s.Release.Names()...)
	if s.Last != nil {
		last := newChange(*s.Last)
		o.Last = &last
	}
	return o, s.Release, nil
}

// A listOutcome is the answer to list.
type listOutcome struct {
	Project  string           `json:"project"`
	Releases []releaseOutcome `json:"releases"` // ascending
}

type releaseOutcome struct {
	Tag       string `json:"tag"`
	Live      bool   `json:"live"`
	Condition string `json:"condition"`
	Layout    string `json:"layout,omitempty"`
	Files     int    `json:"files"`
	Size      int64  `json:"size"` // bytes
}

func (o *listOutcome) lines() []string {
	var rows []string
	for _, r := range o.Releases {
		live := ""
		if r.Live {
			live = "live"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", r.Tag, r.Condition, count(r.Files, "file"), size(r.Size), live))
	}
	return table(rows)
}

func runList(ctx context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	project, rows, err := look(ctx, c, func(st store.Store, p layout.Project) ([]inspect.Row, error) {
		return inspect.List(ctx, st, p)
	})
	if err != nil {
		return nil, err
	}
	o := &listOutcome{Project: string(project), Releases: []releaseOutcome{}}
	for _, r := range rows {
		o.Releases = append(o.Releases, releaseOutcome{r.Tag.String(), r.Live, string(r.Condition), string(r.Kind), r.Files, r.Bytes})
	}
	return o, nil
}

// A diffOutcome is the answer to diff.
type diffOutcome struct {
	Project     string              `json:"project"`
	A           string              `json:"a"`
	B           string              `json:"b"`
	Differences []differenceOutcome `json:"differences"`
}

type differenceOutcome struct {
	Name string       `json:"name"`
	A    *fileOutcome `json:"a"` // null if only b has it
	B    *fileOutcome `json:"b"`
}

func (o *diffOutcome) lines() []string {
	if len(o.Differences) == 0 {
		return []string{fmt.Sprintf("%s: %s and %s have the same files", o.Project, o.A, o.B)}
	}
	var rows []string
	for _, d := range o.Differences {
		switch {
		case d.A == nil:
			rows = append(rows, fmt.Sprintf("+ %s\t%s", d.Name, size(d.B.Size)))
		case d.B == nil:
			rows = append(rows, fmt.Sprintf("- %s\t%s", d.Name, size(d.A.Size)))
		default:
			rows = append(rows, fmt.Sprintf("~ %s\t%s -> %s", d.Name, size(d.A.Size), size(d.B.Size)))
		}
	}
	return table(rows)
}

func runDiff(ctx context.Context, c *call) (outcome, error) {
	if len(c.args) != 2 {
		return nil, usageError("otactl diff TAG TAG", "diff takes two tags, not %d", len(c.args))
	}
	a, err := layout.ParseTag(c.args[0])
	if err != nil {
		return nil, err
	}
	b, err := layout.ParseTag(c.args[1])
	if err != nil {
		return nil, err
	}
	project, differences, err := look(ctx, c, func(st store.Store, p layout.Project) ([]inspect.Difference, error) {
		return inspect.Diff(ctx, st, p, a, b)
	})
	if err != nil {
		return nil, err
	}
	o := &diffOutcome{Project: string(project), A: a.String(), B: b.String(), Differences: []differenceOutcome{}}
	for _, d := range differences {
		o.Differences = append(o.Differences, differenceOutcome{d.Name, newFile(d.A), newFile(d.B)})
	}
	return o, nil
}

func newFile(f *layout.File) *fileOutcome {
	if f == nil {
		return nil
	}
	return &fileOutcome{f.Name, f.Size, f.SHA256}
}
