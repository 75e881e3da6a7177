package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

// This file is status, verify, doctor and prune on several targets.

// statusAll shows what devices of all targets see, side by side. That it is not the same is an error, like any difference.
func (c *call) statusAll(ctx context.Context, calls []*call) (outcome, error) {
	if _, err := c.parseProject(); err != nil {
		return nil, err
	}
	results, live := make([]outcome, len(calls)), make([]*seen, len(calls))
	rows, problems := make([]string, len(calls)), make([][]string, len(calls))
	err := atOnce(ctx, calls, func(ctx context.Context, i int, c *call) error {
		rows[i] = c.target() + "\t?"
		o, rel, err := c.statusOf(ctx)
		if err != nil {
			return err
		}
		results[i], live[i] = o, &seen{o.Live, rel.Raw}
		rows[i] = fmt.Sprintf("%s\t%s\t%s\t%s\t%s", c.target(), showTag(o.Live), count(len(o.Files), "file"), size(o.Size), back(o))
		for _, p := range o.Problems {
			problems[i] = append(problems[i], c.target()+": problem: "+p)
		}
		return nil
	})
	o := newSeveral(calls, results)
	o.setErrors(err)
	o.rows = append(table(rows), slices.Concat(problems...)...)
	return o, errors.Join(err, drift(calls, live))
}

func back(o *statusOutcome) string {
	if o.Previous == "" {
		return ""
	}
	return "rollback goes to " + o.Previous
}

// seen is what devices of a target see.
type seen struct {
	live     string // text of the pointer
	manifest []byte // of what is live; nil if it has none
}

// A driftError says that devices of different targets see different releases.
type driftError struct {
	tags    []string   // that are live, or ""
	targets [][]string // for each
	content bool       // they have the same tags, and other files
}

func (e *driftError) Error() string {
	if e.content {
		return fmt.Sprintf("the targets differ: %s is not the same release on all of them", showTag(e.tags[0]))
	}
	groups := make([]string, len(e.tags))
	for i, tag := range e.tags {
		groups[i] = showTag(tag) + " is live on " + strings.Join(e.targets[i], ", ")
	}
	return "the targets differ: " + strings.Join(groups, "; ")
}

// drift compares what devices see; nil stands for what is not known.
func drift(calls []*call, live []*seen) error {
	e := &driftError{}
	var manifest []byte // of those before
	differ := false
	for i, s := range live {
		if s == nil {
			continue
		}
		differ = differ || manifest != nil && s.manifest != nil && !layout.SameRelease(manifest, s.manifest)
		if s.manifest != nil {
			manifest = s.manifest
		}
		n := slices.Index(e.tags, s.live)
		if n < 0 {
			n = len(e.tags)
			e.tags, e.targets = append(e.tags, s.live), append(e.targets, nil)
		}
		e.targets[n] = append(e.targets[n], calls[i].target())
	}
	e.content = differ && len(e.tags) == 1
	if len(e.tags) < 2 && !e.content {
		return nil
	}
	return e
}

func driftHint(e *driftError) string {
	if e.content {
		return "publish the right files under a new tag"
	}
	return "otactl publish TAG with the same files, otactl activate TAG or otactl rollback TAG makes one live on all of them"
}

// verifyAll verifies every target. What devices get over HTTP is compared with the first one.
func (c *call) verifyAll(ctx context.Context, calls []*call, site *probe.Site, r verify.Request) (outcome, error) {
	results, live := make([]outcome, len(calls)), make([]*seen, len(calls))
	err := atOnce(ctx, calls, func(ctx context.Context, i int, c *call) error {
		asked := site
		if i > 0 {
			asked = nil
		}
		o, err := c.verifyOn(ctx, asked, r)
		if err != nil {
			return err
		}
		results[i] = o
		if r.Tag.IsZero() {
			live[i] = &seen{live: o.Live}
		}
		return errors.Join(o.err(), o.Web.err())
	})
	o := newSeveral(calls, results)
	o.setErrors(err)
	return o, errors.Join(err, drift(calls, live))
}

// onlyFolders reports whether no target is on a server.
func (c *call) onlyFolders(calls []*call) bool {
	return !slices.ContainsFunc(calls, func(one *call) bool {
		t, err := parseTarget(one.to, c.env)
		return err != nil || t.folder == ""
	})
}

// elsewhere looks at every target, and at the web server with the first one.
func elsewhere(ctx context.Context, calls []*call, r doctor.Request) (lines []doctor.Line, err error) {
	if len(calls) < 2 {
		return doctor.Run(ctx, r)
	}
	for i, c := range calls {
		r.Target, r.Open = c.target(), c.open
		some, err := doctor.Run(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, line := range some {
			if line.Area == doctor.Web && i > 0 {
				continue
			}
			if line.Area != doctor.Web && !strings.HasPrefix(line.Text, r.Target+": ") {
				line.Text = c.target() + ": " + line.Text
			}
			lines = append(lines, line)
		}
		r.Site = nil
	}
	return lines, nil
}

// pruneAll prunes one target after the other, after it has asked each of them whether it may: nothing is removed anywhere if
// one of them refuses.
func (c *call) pruneAll(ctx context.Context, calls []*call, r prune.Request) (outcome, error) {
	results := make([]outcome, len(calls))
	asked := r
	asked.DryRun = true
	err := atOnce(ctx, calls, func(ctx context.Context, i int, c *call) error {
		o, err := c.pruneOn(ctx, asked)
		if err == nil {
			results[i] = o
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.DryRun {
		return newSeveral(calls, results), nil
	}
	clear(results)
	defer progressOf(calls)()
	for i, one := range calls {
		o, err := one.pruneOn(ctx, r)
		if err != nil {
			err = &targets.FailedError{Target: one.target(), Err: err}
			several := newSeveral(calls, results)
			several.setErrors(err)
			return several, err
		}
		results[i] = o
	}
	return newSeveral(calls, results), nil
}
