package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/store"
)

// A pruneOutcome is the answer to prune.
type pruneOutcome struct {
	Project string        `json:"project"`
	Pruned  []string      `json:"pruned"`
	Kept    []keptOutcome `json:"kept"`
	DryRun  bool          `json:"dry_run"`
	Plan    planOutcome   `json:"plan"`
}

type keptOutcome struct {
	Tag    string `json:"tag"`
	Reason string `json:"reason"`
}

func (o *pruneOutcome) lines() []string {
	if o.DryRun {
		return append(o.Plan.lines(o.Project), o.kept()...)
	}
	if len(o.Pruned) == 0 {
		return append([]string{o.Project + ": nothing to prune"}, o.kept()...)
	}
	return []string{fmt.Sprintf("%s: pruned %s (%s)", o.Project, strings.Join(o.Pruned, " "), count(len(o.Plan.Remove), "file"))}
}

func (o *pruneOutcome) kept() (lines []string) {
	for _, k := range o.Kept {
		lines = append(lines, fmt.Sprintf("keep %s: %s", k.Tag, k.Reason))
	}
	return lines
}

func runPrune(ctx context.Context, c *call) (outcome, error) {
	r := prune.Request{Keep: c.keep, Who: c.who(), DryRun: c.dryRun}
	switch {
	case len(c.args) == 0 && c.keep == 0:
		return nil, usageError("otactl prune TAG..., or otactl prune --keep N", "neither tags nor --keep N")
	case len(c.args) > 0 && c.keep > 0:
		return nil, usageError("otactl prune TAG..., or otactl prune --keep N", "tags and --keep N exclude each other")
	}
	for _, text := range c.args {
		tag, err := layout.ParseTag(text)
		if err != nil {
			return nil, err
		}
		r.Tags = append(r.Tags, tag)
	}
	project, err := c.parseProject()
	if err != nil {
		return nil, err
	}
	r.Project = project
	calls, err := c.each()
	if err != nil {
		return nil, err
	}
	if len(calls) > 1 {
		return c.pruneAll(ctx, calls, r)
	}
	o, err := c.pruneOn(ctx, r)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// pruneOn prunes one target.
func (c *call) pruneOn(ctx context.Context, r prune.Request) (o *pruneOutcome, err error) {
	var result prune.Result
	err = c.withStore(ctx, func(st store.Store) error {
		result, err = prune.Run(ctx, st, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	o = &pruneOutcome{Project: string(r.Project), Pruned: []string{}, Kept: []keptOutcome{}, DryRun: r.DryRun, Plan: newPlan(result.Plan)}
	for _, t := range result.Pruned {
		o.Pruned = append(o.Pruned, t.String())
	}
	for _, k := range result.Kept {
		o.Kept = append(o.Kept, keptOutcome{k.Tag.String(), k.Reason})
	}
	return o, nil
}
