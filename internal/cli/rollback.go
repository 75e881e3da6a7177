package cli

import (
	"context"
	"fmt"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
)

// A rollbackOutcome is the answer to rollback and activate.
type rollbackOutcome struct {
	Project string      `json:"project"`
	Tag     string      `json:"tag"`
	From    string      `json:"from"` // what devices saw before
	To      string      `json:"to"`   // what they see after
	DryRun  bool        `json:"dry_run"`
	Plan    planOutcome `json:"plan"`
}

func (o *rollbackOutcome) lines() []string {
	if o.DryRun && o.Plan.Seq > 0 {
		return o.Plan.lines(o.Project)
	}
	return []string{o.summary()}
}

func (o *rollbackOutcome) summary() string {
	if o.Plan.Seq == 0 {
		return fmt.Sprintf("%s: %s is live already", o.Project, o.Tag)
	}
	return flipLine(o.Project, o.From, o.To)
}

func runRollback(ctx context.Context, c *call) (outcome, error) {
	if len(c.args) == 0 {
		return c.goTo(ctx, layout.Tag{}, rollback.Run)
	}
	tag, err := c.oneTag()
	if err != nil {
		return nil, err
	}
	return c.goTo(ctx, tag, rollback.Run)
}

func runActivate(ctx context.Context, c *call) (outcome, error) {
	tag, err := c.oneTag()
	if err != nil {
		return nil, err
	}
	return c.goTo(ctx, tag, rollback.Activate)
}

type rollbackFunc = func(context.Context, store.Store, rollback.Request) (rollback.Result, error)

// goTo makes a release live that is on the server.
func (c *call) goTo(ctx context.Context, tag layout.Tag, run rollbackFunc) (outcome, error) {
	project, err := c.parseProject()
	if err != nil {
		return nil, err
	}
	r := rollback.Request{
		Project: project, Tag: tag, Who: c.who(), AllowLayoutChange: c.allowLayoutChange, Strict: c.strict, DryRun: c.dryRun,
		Verify: c.verify,
	}
	if r.Signers, err = c.signers(); err != nil {
		return nil, err
	}
	site, err := c.site()
	if err != nil {
		return nil, err
	}
	calls, err := c.each()
	if err != nil {
		return nil, err
	}
	if len(calls) > 1 {
		return c.goToAll(ctx, calls, site, r, run)
	}
	r.Check = c.checkOf(site, project)
	var result rollback.Result
	err = c.withStore(ctx, func(st store.Store) error {
		result, err = run(ctx, st, r)
		return err
	})
	c.warnUnless(err, result.Warnings)
	if err != nil {
		return nil, err
	}
	o := c.gone(r, result)
	return o, c.settled(ctx, site, project, o.To)
}

func (c *call) gone(r rollback.Request, result rollback.Result) *rollbackOutcome {
	return &rollbackOutcome{
		Project: string(r.Project), Tag: result.Tag.String(), From: result.Plan.From, To: result.Plan.To, DryRun: c.dryRun,
		Plan: newPlan(result.Plan),
	}
}
