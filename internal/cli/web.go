package cli

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

func webFlags() []ucli.Flag {
	return []ucli.Flag{
		flagText("url", "URL", "the server root as devices reach it, like http://ota.example.org: check what they get"),
		flagText("http-user", "NAME", "the user that devices have there; the password is in OTACTL_HTTP_PASSWORD"),
		flagText("ca", "FILE", "the authority, in PEM, that devices were given for https"),
		flagBool("no-original", "no device runs an original client: check for otactl's only"),
	}
}

func settleFlags() []ucli.Flag {
	return append(webFlags(), flagText("settle", "TIME", "wait so long for caches to let go of the old version (30s)"))
}

const defaultSettle = 30 * time.Second

// patience is how long an original client waits for the next byte.
const patience = 5 * time.Second

// site is the web server of --url; nil if there is none.
func (c *call) site() (*probe.Site, error) {
	if c.url.text == "" {
		return nil, nil
	}
	config := probe.Config{
		URL: c.url.text, User: c.httpUser, OwnOnly: c.noOriginal, Silence: patience, Now: c.env.Now, Random: rand.Reader,
	}
	if c.httpUser != "" {
		if config.Password = c.secrets.http; config.Password == "" {
			return nil, usageError("--http-user NAME and the variable OTACTL_HTTP_PASSWORD go together", "a user without a password")
		}
	}
	if c.ca.isSet() {
		pem, err := readSmall(c.ca.path(home(c.env)))
		if err != nil {
			return nil, usageError("", "%s: %v", c.ca.origin, err)
		}
		if config.Roots = x509.NewCertPool(); !config.Roots.AppendCertsFromPEM(pem) {
			return nil, usageError("openssl x509 -inform der -outform pem makes one of what devices have", "%s: no certificate in PEM", c.ca.origin)
		}
	}
	return probe.Open(config)
}

// checkOf is what a verb asks before it changes version; nil without --url.
func (c *call) checkOf(s *probe.Site, p layout.Project) func(context.Context, release.Release) error {
	if s == nil {
		return nil
	}
	return func(ctx context.Context, r release.Release) error {
		c.ui.trace("checking %s at %s", r.Tag, c.url.text)
		report, err := probe.Next(ctx, s, webRelease(p, r))
		return c.weigh(report, err, false)
	}
}

// webRelease is a release as a probe wants it.
func webRelease(p layout.Project, r release.Release) probe.Release {
	w := probe.Release{Project: p, Tag: r.Tag, Kind: r.Kind, Raw: r.Raw, Files: r.Manifest.Files}
	if r.Raw == nil {
		for _, name := range r.Names() {
			w.Files = append(w.Files, layout.File{Name: name})
		}
	}
	return w
}

// settled waits until devices see a tag that a verb has made live.
func (c *call) settled(ctx context.Context, s *probe.Site, p layout.Project, tag string) error {
	if s == nil || c.dryRun {
		return nil
	}
	t, err := layout.ParseTag(tag)
	if err != nil {
		return nil //nolint:nilerr // made by hand: nobody has changed it
	}
	report, err := probe.Settle(ctx, s, p, t, c.settle)
	if ctx.Err() != nil { // else whoever does not wait is told that version was not changed
		return errUnseen
	}
	return c.weigh(report, err, true)
}

// errUnseen is why it is not known whether devices see a change.
var errUnseen = errors.New("interrupted: the change is made, and whether devices see it is not known")

// A webError says that devices do not get what they should.
type webError struct {
	report  probe.Report
	changed bool // version was changed before
}

func (e *webError) Error() string { return (&probe.ReportError{Report: e.report}).Error() }

// weigh prints the warnings of a report, and makes an error of its errors.
func (c *call) weigh(report probe.Report, err error, changed bool) error {
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Severity == probe.Warning {
			c.ui.warn(strings.TrimPrefix(f.String(), "warning "))
		}
	}
	if report.Failed() {
		return &webError{report, changed}
	}
	return nil
}

// onWeb advises on what devices get over HTTP.
func onWeb(command string, err error) *advice {
	if _, ok := errors.AsType[*probe.URLError](err); ok {
		return advise(exitUsage, "write it like http://ota.example.org or https://example.org/ota; a user goes into --http-user")
	}
	if _, ok := errors.AsType[*foundError](err); ok {
		return advise(exitDifferent)
	}
	e, ok := errors.AsType[*webError](err)
	switch unseen := errors.Is(err, errUnseen); {
	case !ok && !unseen:
		return nil
	case unseen || e.changed:
		return advise(exitDifferent, "on the target version was changed; otactl verify --url tells when devices see it")
	}
	unchanged := "version was not changed"
	if command == "publish" {
		unchanged += "; the same publish again completes what was begun"
	}
	return advise(exitDifferent, unchanged, `the whole picture: otactl verify --url URL; without this check: --url ""`)
}

// verifyWeb probes what devices get: of a release that is not live its files only. st is nil without a target.
func (c *call) verifyWeb(ctx context.Context, s *probe.Site, st store.Store, r verify.Request) (*webOutcome, error) {
	known, isLive, err := knownRelease(ctx, st, r.Project, r.Tag)
	if err != nil {
		return nil, err
	}
	var report probe.Report
	if isLive {
		report, err = probe.Live(ctx, s, r.Project, known)
	} else {
		report, err = probe.Next(ctx, s, *known)
	}
	if err != nil {
		return nil, err
	}
	return newWebOutcome(c.url.text, report), nil
}

// verifyOnlyWeb probes what devices get where nothing is known of the target.
func (c *call) verifyOnlyWeb(ctx context.Context, s *probe.Site, r verify.Request) (outcome, error) {
	if !r.Tag.IsZero() || r.All {
		return nil, usageError("--to names the target", "without a target only the live release can be verified")
	}
	o := newVerifyOutcome(verify.Report{Project: r.Project}, false)
	o.webOnly = true
	var err error
	if o.Web, err = c.verifyWeb(ctx, s, nil, r); err != nil {
		return nil, err
	}
	return o, o.Web.err()
}

// knownRelease is what the target has of a tag, or of the live release if it is zero; nil if nothing is known.
func knownRelease(ctx context.Context, st store.Store, p layout.Project, tag layout.Tag) (known *probe.Release, isLive bool, err error) {
	if st == nil {
		return nil, true, nil
	}
	state, err := release.Load(ctx, st, p)
	if err != nil {
		return nil, false, err
	}
	live, ok := state.LiveTag()
	if tag.IsZero() {
		if !ok {
			return nil, true, nil
		}
		tag = live
	}
	r, err := state.Describe(ctx, tag)
	w := webRelease(p, r)
	return &w, ok && tag.String() == live.String(), err
}
