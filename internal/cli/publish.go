package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/device"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
)

// A publishOutcome is the answer to publish.
type publishOutcome struct {
	Project string           `json:"project"`
	Tag     string           `json:"tag"`
	Outcome publish.Outcome  `json:"outcome"`
	From    string           `json:"from"` // what devices saw before
	To      string           `json:"to"`   // what they see after
	DryRun  bool             `json:"dry_run"`
	Files   []fileOutcome    `json:"files"`
	Size    int64            `json:"size"` // bytes, of all files
	Plan    planOutcome      `json:"plan"`
	Skipped []skippedOutcome `json:"skipped,omitempty"`
	Swept   []string         `json:"swept,omitempty"`
	Syntax  string           `json:"syntax"` // who decided what compiles, or that nobody did
}

func (o *publishOutcome) lines() []string {
	var lines []string
	if o.DryRun {
		for _, s := range o.Skipped {
			lines = append(lines, skipLine(s))
		}
		lines = append(lines, o.Plan.lines(o.Project)...)
	}
	if o.DryRun && o.Plan.Seq > 0 {
		return lines
	}
	return append(lines, o.summary())
}

func (o *publishOutcome) summary() string {
	what := fmt.Sprintf("(%s, %s)", count(len(o.Files), "file"), size(o.Size))
	switch {
	case o.Outcome == publish.Published:
		return flipLine(o.Project, o.From, o.To) + " " + what
	case o.Outcome == publish.Staged:
		return fmt.Sprintf("%s: %s is on the server %s; live: %s", o.Project, o.Tag, what, showTag(o.To))
	case o.Outcome == publish.Superseded:
		return fmt.Sprintf("%s: %s was published before; %s is live", o.Project, o.Tag, showTag(o.To))
	case o.Tag == o.To:
		return fmt.Sprintf("%s: %s is live already", o.Project, o.Tag)
	}
	return fmt.Sprintf("%s: %s is on the server already; live: %s", o.Project, o.Tag, showTag(o.To))
}

// flipLine says that devices go from one release to another.
func flipLine(project, from, to string) string {
	return fmt.Sprintf("%s: %s -> %s", project, showTag(from), showTag(to))
}

func skipLine(s skippedOutcome) string { return fmt.Sprintf("skip %s (%s)", s.Path, s.Why) }

func runPublish(ctx context.Context, c *call) (outcome, error) {
	r, err := c.publication()
	if err != nil {
		return nil, err
	}
	calls, err := c.each()
	if err != nil {
		return nil, err
	}
	for _, one := range calls {
		defer one.dialAhead(ctx)()
	}
	if err := c.fill(ctx, &r); err != nil {
		return nil, err
	}
	site, err := c.site()
	if err != nil {
		return nil, err
	}
	if len(calls) > 1 {
		return c.publishAll(ctx, calls, site, r)
	}
	r.Check = c.checkOf(site, r.Project)
	var result publish.Result
	err = c.withStore(ctx, func(st store.Store) error {
		result, err = c.publish(ctx, st, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	o := c.published(r, result)
	if o.To != o.Tag {
		return o, nil
	}
	return o, c.settled(ctx, site, r.Project, o.To)
}

// publication is what the command line asks to be published, still without the files.
func (c *call) publication() (r publish.Request, err error) {
	if len(c.args) == 0 {
		return r, usageError("otactl publish TAG [FILE|FOLDER...]", "no tag")
	}
	r = publish.Request{
		NoActivate: c.noActivate, AllowDowngrade: c.allowDowngrade, AllowLayoutChange: c.allowLayoutChange,
		Strict: c.strict, DryRun: c.dryRun, Who: c.who(),
	}
	if r.Tag, err = layout.ParseTag(c.args[0]); err != nil {
		return r, err
	}
	if r.Project, err = c.parseProject(); err != nil {
		return r, err
	}
	r.Kind, err = c.kind()
	return r, err
}

// fill adds the files and the keys.
func (c *call) fill(ctx context.Context, r *publish.Request) (err error) {
	if r.Set, err = c.collect(ctx, c.args[1:]); err != nil {
		return err
	}
	if c.noSyntaxCheck {
		r.Unchecked = "syntax"
		c.ui.warn("whether MicroPython can compile these files was not checked")
	}
	if r.Client, err = c.clientBeside(r.Set); err != nil {
		return err
	}
	if r.Signers, err = c.signers(); err != nil {
		return err
	}
	r.Keys, err = c.signingKeys(ctx)
	return err
}

// publish publishes on one target.
func (c *call) publish(ctx context.Context, st store.Store, r publish.Request) (publish.Result, error) {
	result, err := publish.Run(ctx, st, r)
	c.warnUnless(err, result.Warnings)
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		err = fmt.Errorf("publish %s: %w", r.Tag, conflict)
	}
	return result, err
}

func (c *call) published(r publish.Request, result publish.Result) *publishOutcome {
	return &publishOutcome{
		Project: string(r.Project), Tag: r.Tag.String(), Outcome: result.Outcome, From: result.Plan.From, To: result.Plan.To,
		DryRun: c.dryRun, Files: fileOutcomes(result.Manifest.Files), Size: result.Manifest.Size(), Plan: newPlan(result.Plan),
		Skipped: skippedOutcomes(r.Set.Skipped), Swept: result.Swept, Syntax: c.decided(),
	}
}

// clientBeside are the files of the update client, if they are asked for, as original clients can install them.
func (c *call) clientBeside(set source.Set) (files []source.File, err error) {
	if !c.updateClient {
		return nil, nil
	}
	contents, err := clientFiles(device.Sources())
	for _, f := range contents {
		if slices.ContainsFunc(set.Files, func(of source.File) bool { return strings.EqualFold(of.Name, f.name) }) {
			return nil, usageError("leave it out of the release", "%s: --update-client brings its own", f.name)
		}
		files = append(files, source.File{Name: f.name, Path: "otactl's own " + f.name, Data: f.data})
	}
	return files, err
}
