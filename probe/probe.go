// Package probe looks at a project over HTTP as devices do: would they update, stay, reset for ever, or install rubbish?
//
// Nothing is guessed from headers alone. What original clients send is sent, byte for byte, on a plain socket, and what
// comes back is read as they read it: micropython_ota v1.0 to v2.1 ([clients]) with the requests module of each firmware
// ([generations]), and otactl's own client ([own]). Beside these emulations stand checks that name the cause:
//
//	wire.go         one request on one connection, and the bytes that came back
//	recorder.go     the same request is sent once, whoever makes it
//	python.go       how MicroPython reads lines and text
//	requests.go     the requests module of each firmware: a table of what they differ in
//	original.go     the original clients: a table, and what an update by one of them comes to
//	own.go          otactl's own client: one connection, HTTP/1.1
//	checks.go       what is wrong with an answer; content.go, cache.go, certificate.go: with its body, its age, its sender
//	finding.go      who is hit, why, and how to mend it
//	settle.go       has a change of version arrived?
package probe

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
)

// A Release is what devices should get. Of a file without a SHA-256 nothing is known but its name.
type Release struct {
	Project layout.Project
	Tag     layout.Tag
	Kind    layout.Kind
	Raw     []byte // the manifest; nil for a hand-made release
	Files   []layout.File
}

// Listed is the release that a manifest describes.
func Listed(m layout.Manifest, raw []byte) Release {
	return Release{Project: m.Project, Tag: m.Tag, Kind: m.Kind, Raw: raw, Files: m.Files}
}

func (r Release) path(name string) string { return r.Project.File(r.Kind, r.Tag, name) }

// Live probes what devices find that poll at this moment. What is known of it from elsewhere, such as the target, is
// compared; nil takes the project's version and manifest as they come.
func Live(ctx context.Context, s *Site, p layout.Project, known *Release) (Report, error) {
	c := &check{site: s, recorder: newRecorder(s), project: p, report: &Report{}, all: true}
	return c.run(ctx, func() { c.live(ctx, known) })
}

// Next probes the manifest and the files of a release that version does not point to yet: what a publish needs to know
// before it lets devices go there. Header lines stand in the order of the oldest firmware only.
func Next(ctx context.Context, s *Site, r Release) (Report, error) {
	c := &check{site: s, recorder: newRecorder(s), project: r.Project, report: &Report{}}
	return c.run(ctx, func() { c.release(ctx, r) })
}

// A check is one run of the probes.
type check struct {
	site     *Site
	recorder *recorder
	project  layout.Project
	report   *Report
	all      bool // every generation, and what lies around the release
	soft     bool // what does not exist is answered with 200
}

func (c *check) run(ctx context.Context, probes func()) (Report, error) {
	if c.certificate(ctx) && c.reachable(ctx) {
		probes()
	}
	c.report.sort()
	return *c.report, ctx.Err()
}

// reachable asks for the pointer once: of a server that is not there one finding is enough.
func (c *check) reachable(ctx context.Context) bool {
	a := c.ask(ctx, oldest, c.project.Pointer())
	if !a.dialed {
		c.report.add(unreachable.at("", fmt.Sprint(a.err)))
	}
	return a.dialed
}

// live probes the pointer, what lies around it, and the release that it names.
func (c *check) live(ctx context.Context, known *Release) {
	c.prefetch(ctx, []string{c.project.Pointer()})
	tag, ok := c.pointer(ctx, known)
	c.notFound(ctx)
	c.log(ctx)
	if c.all {
		c.listing(ctx)
	}
	if !ok {
		c.judge(ctx, Release{Project: c.project})
		return
	}
	if known != nil && known.Tag.String() == tag.String() {
		c.release(ctx, *known)
		return
	}
	if r, ok := c.listed(ctx, tag); ok {
		c.release(ctx, r)
	}
}

// listed takes the manifest as it comes.
func (c *check) listed(ctx context.Context, tag layout.Tag) (Release, bool) {
	name := c.project.Manifest(tag)
	s := c.own(ctx)
	defer s.close()
	v := s.get(name, 0, layout.MaxManifest)
	if v.err == nil && (v.status == 404 || v.status == 403) {
		c.report.add(noManifest.at(name, ""))
		return Release{}, false
	}
	if !c.answer(name, v, own) {
		return Release{}, false
	}
	m, err := layout.ParseManifest(v.body)
	if err == nil && (m.Project != c.project || m.Tag.String() != tag.String()) {
		err = fmt.Errorf("it is of project %s, version %s", m.Project, m.Tag)
	}
	if err != nil {
		c.report.add(badManifest.at(name, err.Error()))
		return Release{}, false
	}
	return Listed(m, v.body), true
}

// inFlight is how many requests run at a time.
const inFlight = 6

// release probes the manifest and the files of a release, and says what becomes of each kind of device.
func (c *check) release(ctx context.Context, r Release) {
	names := make([]string, len(r.Files))
	for i, f := range r.Files {
		names[i] = r.path(f.Name)
		c.recorder.expect(f.Size)
	}
	if r.Raw != nil {
		c.manifest(ctx, r)
	}
	c.ownFiles(ctx, r)
	c.prefetch(ctx, names)
	for i, f := range r.Files {
		for _, form := range c.forms() {
			v := look(c.ask(ctx, form, names[i]))
			if c.answer(names[i], v, form.who()) {
				c.content(names[i], v, f)
			}
		}
	}
	c.judge(ctx, r)
}

func (c *check) manifest(ctx context.Context, r Release) {
	name := r.Project.Manifest(r.Tag)
	s := c.own(ctx)
	defer s.close()
	v := s.get(name, 0, layout.MaxManifest)
	if !c.answer(name, v, own) {
		return
	}
	switch d := differs(v.body, described(r.Raw)); {
	case d != nil && d.finding.Code == otherBytes.Code:
		c.report.add(badManifest.at(name, d.why))
	case d != nil:
		c.report.add(d.finding.by(own).at(name, d.why))
	}
}

// ownFiles fetches the files as otactl's own client does, and the end of the largest as one that resumes.
func (c *check) ownFiles(ctx context.Context, r Release) {
	views := make([]view, len(r.Files))
	var next atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	for range min(inFlight, len(r.Files)) {
		g.Go(func() error {
			s := c.own(gctx)
			defer s.close()
			for i := next.Add(1) - 1; i < int64(len(views)); i = next.Add(1) - 1 {
				views[i] = s.get(r.path(r.Files[i].Name), 0, limit(r.Files[i].Size))
			}
			return nil
		})
	}
	_ = g.Wait() // none of them returns an error
	for i, f := range r.Files {
		if c.answer(r.path(f.Name), views[i], own) {
			c.content(r.path(f.Name), views[i], f)
		}
	}
	if c.all {
		c.ranges(ctx, r)
	}
}

// prefetch sends what every generation sends for these names, a few at a time. From then on they are read from the record.
func (c *check) prefetch(ctx context.Context, names []string) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, name := range names {
		for _, form := range c.forms() {
			g.Go(func() error { c.ask(gctx, form, name); return nil })
		}
	}
	_ = g.Wait() // none of them returns an error
}

// forms are the generations that send different bytes, as far as they matter.
func (c *check) forms() []generation {
	switch {
	case c.site.OwnOnly:
		return nil
	case !c.all:
		return []generation{oldest}
	}
	return forms
}

// ask sends what a generation sends, with the password where there is one.
func (c *check) ask(ctx context.Context, g generation, name string) answer {
	t := c.site.at
	return c.recorder.get(ctx, t, g.request(c.site.path(name), t.host, c.site.auth))
}

// randomName is the name of a file that no server has.
func randomName(random io.Reader) string {
	var b [12]byte
	_, _ = io.ReadFull(random, b[:]) // zeros are no name that a server has either
	return "otactl-probe-" + hex.EncodeToString(b[:]) + ".py"
}

func (c *check) notFound(ctx context.Context) {
	name := path.Join(string(c.project), randomName(c.site.random))
	for _, form := range c.forms() {
		switch reply := form.get(ctx, c.recorder, c.site.url(name), c.site.auth); {
		case reply.raised == "" && reply.status == 200:
			c.soft = true
			c.report.add(softNotFound.at(name, ""))
		case reply.status >= 500:
			c.report.add(serverBroken.at(name, fmt.Sprintf("status %d", reply.status)))
		}
	}
}

// log asks for what is nobody's business: the first entry of the change log, which every project has.
func (c *check) log(ctx context.Context) {
	name := c.project.Entry(1)
	if v := look(c.ask(ctx, oldest, name)); v.status == 200 && !c.soft {
		c.report.add(openLog.at(name, ""))
	}
}
