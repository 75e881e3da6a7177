// Package rollback makes a release live that is on the server already: an older one ([Run]), or a newer one ([Activate],
// its mirror image). Nothing is sent but the pointer, so neither needs the files, nor a key.
package rollback

import (
	"context"
	"errors"
	"fmt"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

// A Request says which release is to become live.
type Request struct {
	Project layout.Project
	Tag     layout.Tag // Run takes the zero tag for the release that was live before the live one
	Who     release.Who
	Signers []sign.PublicKey // one of these must have signed the release; none: that is not asked
	// Check, if there is one, is asked about the release before the pointer is set to it. Its error leaves the pointer alone.
	Check func(context.Context, release.Release) error

	AllowLayoutChange bool
	Strict            bool // warnings are errors
	Verify            bool // the release must be what was published, every byte of it
	DryRun            bool
}

// A Result says what was done, or would be done.
type Result struct {
	Tag      layout.Tag
	Plan     release.Plan // Seq is 0 if the release was live already, and nothing was to be changed
	Files    int
	Bytes    int64
	Warnings []source.Warning
}

// Run goes back to a release that is lower than the live one, or to the one that was live before. Refusals are of the
// types of package release, a *[sign.UnsignedError], or a *[verify.DifferentError]; after any error but
// *[store.UnknownError] the pointer was not changed.
func Run(ctx context.Context, st store.Store, r Request) (Result, error) {
	return run(ctx, st, r, layout.Rollback)
}

// Activate goes forward to a release that is higher than the live one. Its errors are those of [Run].
func Activate(ctx context.Context, st store.Store, r Request) (Result, error) {
	return run(ctx, st, r, layout.Activate)
}

func run(ctx context.Context, st store.Store, r Request, action layout.Action) (Result, error) {
	var result Result
	err := release.Attempt(ctx, st, r.Project, func(s *release.State) (err error) {
		result, err = attempt(ctx, st, s, r, action)
		return err
	})
	return result, err
}

func attempt(ctx context.Context, st store.Store, s *release.State, r Request, action layout.Action) (Result, error) {
	if !s.Exists() {
		return Result{}, s.NoProject(ctx)
	}
	c := change{Request: r, store: st, action: action, result: Result{Tag: r.Tag}}
	if s.Seq == 0 || r.DryRun || r.Verify || r.Check != nil || r.Tag.String() == s.Live {
		return c.inSteps(ctx, s)
	}
	err := s.Decide(ctx, nil, r.Who, func(ctx context.Context) (release.Decision, error) { return c.decide(ctx, s) })
	if errors.Is(err, errNothing) {
		err = nil
	}
	return c.result, err
}

// A change is made or refused.
type change struct {
	Request
	store  store.Store
	action layout.Action
	target release.Release
	result Result
}

// errNothing says that there is nothing to change.
var errNothing = errors.New("live already")

// inSteps decides before anything is prepared.
func (c *change) inSteps(ctx context.Context, s *release.State) (Result, error) {
	d, err := c.decide(ctx, s)
	switch {
	case errors.Is(err, errNothing), err == nil && c.DryRun:
		return c.result, nil
	case err != nil:
		return c.result, err
	}
	if c.Check != nil {
		if err := c.Check(ctx, c.target); err != nil {
			return c.result, err
		}
	}
	if err := s.Adopt(ctx, c.Who); err != nil {
		return c.result, err
	}
	return c.result, s.Commit(ctx, d.Entry, d.To, c.Who)
}

// decide says what is to be changed, or refuses it.
func (c *change) decide(ctx context.Context, s *release.State) (release.Decision, error) {
	tag, err := choose(ctx, s, c.Tag, c.action)
	c.result.Tag = tag
	if err != nil {
		return release.Decision{}, err
	}
	if err := c.verify(ctx, c.store, tag); err != nil {
		return release.Decision{}, err
	}
	if tag.String() == s.Live {
		c.result.Plan = release.Plan{Action: c.action, From: s.Live, To: s.Live}
		return release.Decision{}, errNothing
	}
	target, err := s.Target(ctx, tag, c.AllowLayoutChange)
	if err != nil {
		return release.Decision{}, err
	}
	if err := target.CheckSigned(c.Signers); err != nil {
		return release.Decision{}, err
	}
	c.target = target
	c.result.Plan = s.Plan(c.action, tag)
	c.result.Files, c.result.Bytes = len(target.Names()), target.Manifest.Size()
	c.result.Warnings = warnings(s, target)
	if c.Strict && len(c.result.Warnings) > 0 {
		return release.Decision{}, &release.StrictError{Warnings: c.result.Warnings}
	}
	return release.Decision{Entry: layout.Entry{Action: c.action, Manifest: target.ManifestSHA256()}, To: tag}, nil
}

// verify compares the release with what was published, if that is asked for.
func (r Request) verify(ctx context.Context, st store.Store, tag layout.Tag) error {
	if !r.Verify {
		return nil
	}
	return verify.Tag(ctx, st, verify.Request{Project: r.Project, Tag: tag, Signers: r.Signers})
}

// choose returns the tag that is meant, and refuses one in the wrong direction.
func choose(ctx context.Context, s *release.State, tag layout.Tag, action layout.Action) (layout.Tag, error) {
	live, isTag := s.LiveTag()
	if tag.IsZero() {
		if !isTag && s.Live != "" {
			return tag, &release.PointerError{Text: s.Live}
		}
		s.Recall(ctx)
		return s.Before(ctx)
	}
	if !isTag || tag.String() == s.Live {
		return tag, nil
	}
	c := tag.Compare(live)
	if action == layout.Rollback && c > 0 || action == layout.Activate && c < 0 {
		// A release that is not there is not there in either direction.
		if _, err := s.Target(ctx, tag, true); err != nil {
			return tag, err
		}
		return tag, &release.OrderError{Action: action, Tag: tag, Live: live}
	}
	return tag, nil
}

func warnings(s *release.State, target release.Release) (warnings []source.Warning) {
	if _, ok := s.LiveTag(); !ok && s.Live != "" {
		warnings = append(warnings, source.Warning{
			Path: s.Project.Pointer(),
			Text: fmt.Sprintf("holds %q, which is not a tag", s.Live),
		})
	}
	if target.Raw == nil {
		warnings = append(warnings, source.Warning{
			Path: target.Tag.String(),
			Text: "was made by hand and has no manifest: that it is complete cannot be proved",
		})
	}
	return warnings
}
