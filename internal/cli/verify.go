package cli

import (
	"context"
	"errors"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/device"
	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

func verifyFlags() []ucli.Flag {
	return []ucli.Flag{flagBool("all", "verify every release, not only the live one")}
}

// A verifyOutcome is the answer to verify.
type verifyOutcome struct {
	Project     string              `json:"project"`
	Live        string              `json:"live"`     // text of the pointer; "" if there is none
	Releases    []verifiedOutcome   `json:"releases"` // ascending
	Differences []deviationOutcome  `json:"differences"`
	Notes       []verifyNoteOutcome `json:"notes"`
	Web         *webOutcome         `json:"web,omitempty"` // with --url

	all     bool
	webOnly bool // there is no target
}

type verifiedOutcome struct {
	Tag       string `json:"tag"`
	Condition string `json:"condition"`
	Files     int    `json:"files"`
	Size      int64  `json:"size"`   // bytes
	Signed    bool   `json:"signed"` // by one of the public keys that are insisted on
}

// A deviationOutcome is something that is not what was published.
type deviationOutcome struct {
	Name string `json:"name"` // relative to the server root
	Tag  string `json:"tag,omitempty"`
	Kind string `json:"kind"`
	What string `json:"what"`
	Do   string `json:"do"`

	line string
}

type verifyNoteOutcome struct {
	Name string `json:"name"` // relative to the server root
	What string `json:"what"`

	line string
}

func (o *verifyOutcome) lines() (lines []string) {
	for _, d := range o.Differences {
		lines = append(lines, d.line)
	}
	if len(lines) == 0 && !o.webOnly {
		lines = []string{o.Project + ": " + o.verdict()}
	}
	for _, n := range o.Notes {
		lines = append(lines, n.line)
	}
	if o.Web != nil {
		lines = append(lines, o.Web.lines()...)
	}
	return lines
}

// verdict says in one line that nothing is wrong.
func (o *verifyOutcome) verdict() string {
	var whole, handMade, files int
	var bytes int64
	signed := ", signed"
	for _, r := range o.Releases {
		if r.Condition == string(verify.HandMade) {
			handMade++
			continue
		}
		whole++
		files += r.Files
		bytes += r.Size
		if !r.Signed {
			signed = ""
		}
	}
	figures := fmt.Sprintf("(%s, %s%s)", count(files, "file"), size(bytes), signed)
	switch {
	case len(o.Releases) == 0:
		return "there is no release"
	case !o.all && handMade > 0:
		return fmt.Sprintf("%s was made by hand and has no manifest: it cannot be verified (%s)", o.Releases[0].Tag, count(o.Releases[0].Files, "file"))
	case !o.all:
		return fmt.Sprintf("%s is whole %s", o.Releases[0].Tag, figures)
	}
	text := fmt.Sprintf("%s are whole %s", count(whole, "release"), figures)
	if whole == 1 {
		text = "1 release is whole " + figures
	}
	if handMade > 0 {
		text += fmt.Sprintf("; made by hand, and not to be verified: %d", handMade)
	}
	return text
}

// A deviationError says that something is not what was published. What that is stands in the results.
type deviationError struct {
	project     string
	differences int
	live        bool // devices may get it
}

func (e *deviationError) Error() string {
	return fmt.Sprintf("%s: %s from what was published", e.project, count(e.differences, "difference"))
}

func runVerify(ctx context.Context, c *call) (outcome, error) {
	r, err := c.verification()
	if err != nil {
		return nil, err
	}
	site, err := c.site()
	if err != nil {
		return nil, err
	}
	if site != nil && !c.to.isSet() {
		return c.verifyOnlyWeb(ctx, site, r)
	}
	calls, err := c.each()
	if err != nil {
		return nil, err
	}
	if len(calls) > 1 {
		return c.verifyAll(ctx, calls, site, r)
	}
	o, err := c.verifyOn(ctx, site, r)
	if err != nil {
		return nil, err
	}
	return o, errors.Join(o.err(), o.Web.err())
}

// verifyOn verifies one target.
func (c *call) verifyOn(ctx context.Context, site *probe.Site, r verify.Request) (o *verifyOutcome, err error) {
	err = c.withStore(ctx, func(st store.Store) error {
		report, err := verify.Run(ctx, st, r)
		if err != nil {
			return err
		}
		if o = newVerifyOutcome(report, r.All); site != nil {
			o.Web, err = c.verifyWeb(ctx, site, st, r)
		}
		return err
	})
	return o, err
}

// verification is what the command line asks to be verified.
func (c *call) verification() (r verify.Request, err error) {
	r = verify.Request{All: c.all, Now: c.env.Now()}
	switch {
	case len(c.args) > 0 && c.all:
		return r, usageError("otactl verify TAG, or otactl verify --all", "a tag and --all exclude each other")
	case len(c.args) > 0:
		if r.Tag, err = c.oneTag(); err != nil {
			return r, err
		}
	}
	if r.Project, err = c.parseProject(); err != nil {
		return r, err
	}
	if r.Signers, err = c.signers(); err != nil {
		return r, err
	}
	r.Client, err = ownClient()
	return r, err
}

// ownClient are the files of the update client that may lie beside a release.
func ownClient() (files []layout.File, err error) {
	contents, err := clientFiles(device.Sources())
	for _, f := range contents {
		files = append(files, layout.File{Name: f.name, Size: int64(len(f.data)), SHA256: release.SHA256(f.data)})
	}
	return files, err
}

func newVerifyOutcome(report verify.Report, all bool) *verifyOutcome {
	o := &verifyOutcome{
		Project: string(report.Project), Live: report.Live, all: all,
		Releases: []verifiedOutcome{}, Differences: []deviationOutcome{}, Notes: []verifyNoteOutcome{},
	}
	for _, r := range report.Releases {
		o.Releases = append(o.Releases, verifiedOutcome{r.Tag.String(), string(r.Condition), r.Files, r.Bytes, r.Signed})
	}
	for _, d := range report.Differences {
		do := repair(d, report.Live)
		o.Differences = append(o.Differences, deviationOutcome{d.Name, d.Tag.String(), string(d.Kind), d.What, do, d.String() + "; " + do})
	}
	for _, n := range report.Notes {
		o.Notes = append(o.Notes, verifyNoteOutcome{n.Name, n.What, "note: " + n.String()})
	}
	return o
}

// err is the error that the differences are; nil if there are none.
func (o *verifyOutcome) err() error {
	if len(o.Differences) == 0 {
		return nil
	}
	e := &deviationError{project: o.Project, differences: len(o.Differences)}
	for _, d := range o.Differences {
		e.live = e.live || d.Tag == o.Live && o.Live != ""
	}
	return e
}
