package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

// This file is publish, rollback and activate on several targets (package targets).

// publishAll publishes on every target.
func (c *call) publishAll(ctx context.Context, calls []*call, site *probe.Site, r publish.Request) (outcome, error) {
	results := make([]publish.Result, len(calls))
	change := targets.Change{
		Tag: r.Tag, Verify: verify.Request{Project: r.Project, Signers: r.Signers, NoLog: true},
		Verb: func(ctx context.Context, t targets.Turn) (release.Plan, error) {
			r := r
			r.Check = t.Check
			result, err := calls[t.Target].publish(ctx, t.Store, r)
			if results[t.Target].Plan.Seq == 0 { // a second run has less to say
				results[t.Target] = result
			}
			return result.Plan, err
		},
	}
	done, err := c.changeAll(ctx, calls, site, change)
	return c.changed(calls, done, err, func(i int) changedOutcome { return c.published(r, results[i]) })
}

// goToAll makes a release live on every target that is there.
func (c *call) goToAll(ctx context.Context, calls []*call, site *probe.Site, r rollback.Request, run rollbackFunc) (outcome, error) {
	results := make([]rollback.Result, len(calls))
	change := targets.Change{
		Tag: r.Tag, Verify: verify.Request{Project: r.Project, Signers: r.Signers},
		Verb: func(ctx context.Context, t targets.Turn) (release.Plan, error) {
			r := r
			r.Check = t.Check
			if !t.Tag.IsZero() { // the second time, the one before the live one may be another one
				r.Tag = t.Tag
			}
			result, err := run(ctx, t.Store, r)
			calls[t.Target].warnUnless(err, result.Warnings)
			if results[t.Target].Plan.Seq == 0 {
				results[t.Target] = result
			}
			return result.Plan, err
		},
	}
	done, err := c.changeAll(ctx, calls, site, change)
	return c.changed(calls, done, err, func(i int) changedOutcome { return c.gone(r, results[i]) })
}

// changeAll makes a change on every target, and waits until devices see it. There is one --url for all targets: it is asked
// when all of them have the release, and again when it is live on all of them.
func (c *call) changeAll(ctx context.Context, calls []*call, site *probe.Site, change targets.Change) ([]targets.Outcome, error) {
	var err error
	if change.Verify.Client, err = ownClient(); err != nil {
		return nil, err
	}
	change.Verify.Now, change.Patience = c.env.Now(), c.timeout
	change.Ready = c.checkOf(site, change.Verify.Project)
	shown, verb := make([]*watched, len(calls)), change.Verb
	change.Verb = func(ctx context.Context, t targets.Turn) (release.Plan, error) {
		shown[t.Target] = t.Store.(*watched)
		return verb(ctx, t)
	}
	change.Waits = func(i int) { shown[i].now(waiting) }
	for _, one := range calls {
		change.Targets = append(change.Targets, targets.Target{Name: one.target(), Open: one.open})
	}
	defer progressOf(calls)()
	done, err := targets.Run(ctx, change)
	if err != nil || len(done) == 0 || done[0].State != targets.Live {
		return done, err
	}
	return done, c.settled(ctx, site, change.Verify.Project, done[0].Live)
}

// A changedOutcome is the answer of a verb that changes version.
type changedOutcome interface {
	outcome
	summary() string
}

// changed is the answer of a verb that has made a change on several targets, or some of them.
func (c *call) changed(calls []*call, done []targets.Outcome, err error, result func(int) changedOutcome) (outcome, error) {
	if done == nil {
		return nil, err
	}
	results := make([]outcome, len(calls))
	for i := range calls {
		results[i] = result(i)
	}
	o := newSeveral(calls, results)
	var rows []string
	for i, d := range done {
		if !c.dryRun {
			o.Targets[i].State = string(d.State)
		}
		text := result(i).summary()
		if d.Err != nil {
			o.Targets[i].Error, text = d.Err.Error(), c.project.text+": "+stands(d)
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", d.Target, d.State, text))
	}
	if !c.dryRun {
		o.rows = table(rows)
	}
	if partial, ok := errors.AsType[*targets.PartialError](err); ok {
		err = &partialError{partial, c.again(result(0))}
	}
	return o, err
}

// stands says what devices get of a target where a change was not done.
func stands(d targets.Outcome) string {
	switch {
	case d.State == targets.Unknown:
		return "version may have been changed"
	case d.Live == "":
		return "nothing is live"
	}
	return showTag(d.Live) + " is live"
}

// again is the command line that completes a change: this one, with the tag that it came to.
func (c *call) again(result changedOutcome) string {
	words := []string{"otactl"}
	for _, word := range c.env.Args {
		words = append(words, shellWord(word))
	}
	if r, ok := result.(*rollbackOutcome); ok && len(c.args) == 0 {
		words = append(words, r.Tag)
	}
	return strings.Join(words, " ")
}

// A partialError says that a change is done on some targets only.
type partialError struct {
	*targets.PartialError
	again string // the command line that completes it
}

// onSeveral advises on several targets.
func onSeveral(command string, err error) *advice {
	if e, ok := errors.AsType[*partialError](err); ok {
		return advise(exitDifferent, "nothing is changed back; this completes it: "+e.again, "otactl status shows all targets")
	}
	if e, ok := errors.AsType[*targets.DisagreeError](err); ok {
		return advise(exitProtected, disagreeHint(command, e))
	}
	if e, ok := errors.AsType[*driftError](err); ok {
		return advise(exitDifferent, driftHint(e))
	}
	return nil
}

func disagreeHint(command string, e *targets.DisagreeError) string {
	if e.Tags[0] == e.Tags[1] {
		return "version was not changed on any target; publish these files under a new tag, or go to a release that is the same on all targets"
	}
	if command == "rollback" {
		return "version was not changed on any target; name the release: otactl rollback TAG"
	}
	return "version was not changed on any target; otactl status shows all targets, and --to names those that shall get it"
}
