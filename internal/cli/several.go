package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store/s3"
	"github.com/otactl/otactl/targets"
)

// This file makes of a call with several targets one call for each of them.

// each returns a call for each target; with one target, or none, the call itself. What they print to standard error begins
// with the target; what they must not share is their own.
func (c *call) each() ([]*call, error) {
	if len(c.to.many) < 2 {
		return []*call{c}, nil
	}
	var calls []*call
	seen := map[string]string{} // how it is called, by where it is
	for _, text := range c.to.many {
		to := setting{text: text, many: []string{text}, origin: c.to.origin, base: c.to.base}
		t, err := parseTarget(to, c.env)
		if err != nil {
			return nil, err
		}
		if before, twice := seen[c.placeOf(t)]; twice {
			return nil, usageError("name each target once", "%s: %s and %s are the same target", c.to.origin, before, t)
		}
		seen[c.placeOf(t)] = t.String()
		one := *c
		one.runner = &runner{env: c.env, ui: c.ui.under(t.String()), secrets: c.secrets, command: c.command, dry: c.dry}
		one.to = to
		calls = append(calls, &one)
	}
	return calls, nil
}

// placeOf is the same for two spellings of one target.
func (c *call) placeOf(t target) string {
	if t.bucket != nil { // however it is asked
		return (&s3.Target{Bucket: t.bucket.Bucket, Prefix: t.bucket.Prefix, Endpoint: t.bucket.Endpoint}).String()
	}
	if t.folder == "" || filepath.IsAbs(t.folder) {
		return path.Clean(t.String())
	}
	return filepath.Join(c.env.Dir, t.folder)
}

// target is how the target of a call of several is called.
func (c *call) target() string { return c.ui.target }

// oneTarget refuses several where the answer is about one.
func (c *call) oneTarget() error {
	calls, err := c.each()
	if err != nil || len(calls) == 1 {
		return err
	}
	return usageError("pick one: --to "+shellWord(calls[0].target()), "%s is about one target, and %s names %d", c.command, c.to.origin, len(calls))
}

// under returns a console for one target of several.
func (c *console) under(target string) *console {
	return &console{parent: c, target: target, quiet: c.quiet, verbose: c.verbose, json: c.json, color: c.color}
}

// atOnce runs f for each call at the same time, and joins their errors in the order of the targets.
func atOnce(ctx context.Context, calls []*call, f func(context.Context, int, *call) error) error {
	errs := make([]error, len(calls))
	var g errgroup.Group
	for i, c := range calls {
		g.Go(func() error {
			if err := f(ctx, i, c); err != nil {
				errs[i] = &targets.FailedError{Target: c.target(), Err: err}
			}
			return nil
		})
	}
	defer progressOf(calls)()
	_ = g.Wait() // they are in errs
	return errors.Join(errs...)
}

// progressOf shows what the calls do until done is called.
func progressOf(calls []*call) (done func()) {
	ui := calls[0].ui.parent
	ui.progress(func() string { return doing(calls) })
	return func() { ui.progress(nil) }
}

// doing tells what takes so long: what each target is busy with that does not wait for others.
func doing(calls []*call) string {
	var busy []string
	for _, c := range calls {
		c.ui.mu.Lock()
		doing := c.ui.doing
		c.ui.mu.Unlock()
		if doing == nil {
			continue
		}
		if text := doing(); text != waiting {
			busy = append(busy, c.target()+": "+text)
		}
	}
	if n := len(calls) - len(busy); n > 0 {
		busy = append(busy, fmt.Sprintf("%d of %d wait", n, len(calls)))
	}
	return strings.Join(busy, "; ")
}

// waiting is what a target does that has everything.
const waiting = "waiting for the other targets"

// A severalOutcome is the answer of a command to several targets.
type severalOutcome struct {
	Targets []targetOutcome `json:"targets"` // in their order

	rows []string
}

type targetOutcome struct {
	Target string  `json:"target"`
	State  string  `json:"state,omitempty"` // of version there, for the commands that change it
	Error  string  `json:"error,omitempty"`
	Result outcome `json:"result,omitempty"` // what the command says of one target; absent if nothing is known
}

func (o *severalOutcome) lines() []string { return o.rows }

// newSeveral puts the answers of the calls together, each line behind its target. results[i] is nil if there is none.
func newSeveral(calls []*call, results []outcome) *severalOutcome {
	o := &severalOutcome{Targets: []targetOutcome{}}
	for i, c := range calls {
		o.Targets = append(o.Targets, targetOutcome{Target: c.target(), Result: results[i]})
		if results[i] == nil {
			continue
		}
		for _, line := range results[i].lines() {
			o.rows = append(o.rows, c.target()+": "+line)
		}
	}
	return o
}

// setErrors says in the answer what went wrong on each target.
func (o *severalOutcome) setErrors(err error) {
	for _, one := range flatten(err) {
		failed, ok := errors.AsType[*targets.FailedError](one)
		if !ok {
			continue
		}
		i := slices.IndexFunc(o.Targets, func(t targetOutcome) bool { return t.Target == failed.Target })
		o.Targets[i].Error = failed.Err.Error()
	}
}

// shellWord is a word of a command line as a shell wants it.
func shellWord(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
