// Package publish puts a release on a server and makes it live.
//
// The order is the safety: first everything that devices will fetch, whole and durable, under names that nothing refers
// to yet; then, in one step, the pointer. A publish that is interrupted anywhere leaves the old release live; the same
// publish again completes it.
package publish

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
)

// A Request says what is to be published, and what may be done for it.
type Request struct {
	Project layout.Project
	Tag     layout.Tag
	Kind    layout.Kind
	Set     source.Set // checked
	// Client is put beside the release and is no part of it: the update client, for devices whose original one asks for it
	// by name. The manifest does not list it, so devices that have it already are left alone.
	Client  []source.File
	Who     release.Who
	Keys    []*sign.Key      // sign the manifest
	Signers []sign.PublicKey // one of these must have signed it; none: that is not asked
	// Check, if there is one, is asked when everything that devices will fetch is there, and before the pointer is set to it.
	// Its error ends the publish and leaves the pointer alone.
	Check func(context.Context, release.Release) error

	Unchecked string // what was not checked, for the log: "syntax", or ""

	NoActivate        bool // leave the pointer alone
	AllowDowngrade    bool // a tag lower than the live one may become live
	AllowLayoutChange bool
	Strict            bool // warnings are errors
	DryRun            bool
}

// An Outcome says what became of a publish.
type Outcome string

const (
	Published  Outcome = "published"  // it is live, since this run
	Staged     Outcome = "staged"     // it is there and complete, and not live, as was asked
	Already    Outcome = "already"    // it was live, or staged, before; nothing was changed
	Superseded Outcome = "superseded" // it was live before, and a higher one is live; nothing was changed
)

// A Result says what was done, or would be done.
type Result struct {
	Outcome  Outcome
	Plan     release.Plan // Seq is 0 if nothing was to be changed
	Manifest layout.Manifest
	Warnings []source.Warning
	Swept    []string // what interrupted runs had left behind
}

// Run publishes. Refusals are of the types of package release, *[store.ConflictError], *[sign.UnsignedError] or
// *[release.StrictError]; after any error but *[store.UnknownError] the pointer was not changed.
func Run(ctx context.Context, st store.Store, r Request) (Result, error) {
	manifest := r.Set.Manifest(r.Project, r.Tag, r.Kind)
	raw, err := sign.Sign(manifest.Bytes(), r.Keys)
	if err != nil {
		return Result{}, err
	}
	p := &publisher{Request: r, store: st, manifest: manifest, raw: raw}
	isNew := p.guess(ctx)
	var result Result
	err = release.Attempt(ctx, st, r.Project, func(s *release.State) (err error) {
		if <-isNew && p.likely(s) {
			result, err = p.ahead(ctx, s)
		} else {
			result, err = p.attempt(ctx, s)
		}
		return err
	})
	return result, err
}

type publisher struct {
	Request
	store    store.Store
	manifest layout.Manifest
	raw      []byte
}

// attempt plans on one state and, if that is asked for, does what was planned.
func (p *publisher) attempt(ctx context.Context, s *release.State) (Result, error) {
	result, f, err := p.plan(ctx, s)
	if err != nil || p.DryRun || result.Plan.Seq == 0 {
		return result, err
	}
	result.Swept, err = p.carryOut(ctx, s, f, result.Outcome)
	return result, err
}

// plan says what this publish comes to on one state, or refuses it.
func (p *publisher) plan(ctx context.Context, s *release.State) (Result, found, error) {
	result := Result{Manifest: p.manifest}
	f, err := p.look(ctx, s)
	if err == nil {
		err = release.Release{Tag: p.Tag, Raw: p.manifestOf(f)}.CheckSigned(p.Signers)
	}
	if err != nil {
		return result, f, err
	}
	result.Outcome, err = p.decide(ctx, s, f)
	if err != nil {
		return result, f, err
	}
	result.Warnings = p.warnings(s, f)
	if p.Strict && len(result.Warnings) > 0 {
		return result, f, &release.StrictError{Warnings: result.Warnings}
	}
	switch result.Outcome {
	case Already, Superseded:
		result.Plan = release.Plan{Action: layout.Publish, From: s.Live, To: s.Live}
		return result, f, nil
	case Staged:
		result.Plan = s.Plan(layout.Publish, layout.Tag{})
	default:
		result.Plan = s.Plan(layout.Publish, p.Tag)
	}
	result.Plan.Create = f.toCreate
	return result, f, nil
}

// carryOut is the whole safety argument of a publish: adopt, create, have it checked, and only then commit.
func (p *publisher) carryOut(ctx context.Context, s *release.State, f found, o Outcome) (swept []string, err error) {
	if err := s.Adopt(ctx, p.Who); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.store.Create(gctx, p.objects(f)) })
	g.Go(func() error { swept = p.sweep(gctx); return nil })
	if err := g.Wait(); err != nil {
		return swept, err
	}
	to := p.Tag
	if o == Staged {
		to = layout.Tag{}
	}
	if p.Check != nil && !to.IsZero() {
		if err := p.Check(ctx, release.Release{Tag: p.Tag, Kind: p.Kind, Raw: p.manifestOf(f), Manifest: p.manifest}); err != nil {
			return swept, err
		}
	}
	return swept, s.Commit(ctx, p.entry(f), to, p.Who)
}

func (p *publisher) entry(f found) layout.Entry {
	return layout.Entry{Action: layout.Publish, Tags: []string{p.Tag.String()}, Manifest: release.SHA256(p.manifestOf(f)), Unchecked: p.Unchecked}
}

// objects are the files of the release and, as the last object, its manifest: it is what makes the release complete. A
// manifest that is there already stays as it is: it may have been signed by another key.
func (p *publisher) objects(f found) []store.Object {
	var objects []store.Object
	for _, file := range p.files() {
		objects = append(objects, store.Object{Name: p.file(file.Name), Data: file.Data})
	}
	return append(objects, store.Object{Name: p.Project.Manifest(p.Tag), Data: p.manifestOf(f)})
}

func (p *publisher) manifestOf(f found) []byte {
	if f.release.Raw != nil {
		return f.release.Raw
	}
	return p.raw
}

// files are those of the release, and then the client.
func (p *publisher) files() []source.File { return slices.Concat(p.Set.Files, p.Client) }

func (p *publisher) file(name string) string { return p.Project.File(p.Kind, p.Tag, name) }

// sweep removes what interrupted runs have left behind. That it cannot is no reason not to publish.
func (p *publisher) sweep(ctx context.Context) []string {
	sweeper, ok := p.store.(store.Sweeper)
	if !ok {
		return nil
	}
	swept, err := sweeper.Sweep(ctx, string(p.Project))
	if err != nil {
		return nil
	}
	return swept
}

// decide says what this publish comes to, or refuses it.
func (p *publisher) decide(ctx context.Context, s *release.State, f found) (Outcome, error) {
	complete := f.release.Raw != nil && len(f.toCreate) == 0
	switch {
	case complete && s.Live == p.Tag.String():
		return Already, nil
	case complete && p.NoActivate:
		return Already, nil
	case f.other != nil:
		return "", &release.SpellingError{Tag: p.Tag, Other: *f.other}
	case p.NoActivate || s.Live == p.Tag.String():
		return Staged, p.checkLayout(ctx, s)
	}
	live, isTag := s.LiveTag()
	if f.something() {
		was, err := s.WasLive(ctx, p.Tag)
		switch {
		case err != nil:
			return "", err
		case was && isTag && live.Compare(p.Tag) > 0:
			return Superseded, nil
		case was:
			return "", &release.RolledBackError{Tag: p.Tag, Live: s.Live}
		}
	}
	if isTag && live.Compare(p.Tag) > 0 && !p.AllowDowngrade {
		return "", &release.OrderError{Action: layout.Publish, Tag: p.Tag, Live: live}
	}
	return Published, p.checkLayout(ctx, s)
}

func (p *publisher) checkLayout(ctx context.Context, s *release.State) error {
	if p.AllowLayoutChange {
		return nil
	}
	return s.CheckLayout(ctx, p.Tag, p.Kind)
}

// warnings are about how the release differs from the live one.
func (p *publisher) warnings(s *release.State, f found) (warnings []source.Warning) {
	if _, ok := s.LiveTag(); !ok && s.Live != "" {
		warnings = append(warnings, source.Warning{
			Path: p.Project.Pointer(),
			Text: fmt.Sprintf("holds %q, which is not a tag: whether %s is newer cannot be told", s.Live, p.Tag),
		})
	}
	if there := f.release.Raw; there != nil && !bytes.Equal(there, p.raw) {
		warnings = append(warnings, source.Warning{Path: p.Project.Manifest(p.Tag), Text: "stays as it is, " + signers(there) + "; this publish is " + signers(p.raw)})
	}
	if f.damaged != nil {
		warnings = append(warnings, source.Warning{Path: f.damaged.Name, Text: "is damaged: " + f.damaged.Err.Error()})
	}
	if s.Live == p.Tag.String() || p.Kind != f.live.Kind {
		return warnings
	}
	var live []layout.File
	for _, name := range f.live.Names() {
		live = append(live, layout.File{Name: name})
	}
	return append(warnings, source.Compare(p.manifest.Files, live)...)
}

// signers says by which keys a manifest claims to be signed.
func signers(manifest []byte) string {
	m, err := layout.ParseManifest(manifest)
	if err != nil || len(m.Signatures) == 0 {
		return "not signed"
	}
	var ids []string
	for _, line := range m.Signatures {
		ids = append(ids, strings.Fields(line)[2])
	}
	return "signed by " + strings.Join(ids, ", ")
}
