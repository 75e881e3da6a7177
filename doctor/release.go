package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

// releases looks at what is live, on the target and as devices see it.
func (x *exam) releases(ctx context.Context, st store.Store) (lines []Line) {
	s, err := release.Load(ctx, st, x.Project)
	if err != nil {
		return []Line{Failed(Live, err)}
	}
	tag, isTag := s.LiveTag()
	switch {
	case !s.Exists():
		lines = x.noProject(ctx, s)
	case s.Live == "":
		lines = []Line{ok(Live, "nothing is live")}
	case !isTag:
		lines = []Line{fail(Live, Different, "otactl rollback TAG or otactl activate TAG; otactl list shows what is there", "%v", &release.PointerError{Text: s.Live})}
	}
	lines = append(lines, x.lastChange(ctx, s)...)
	if !isTag {
		return append(lines, x.web(ctx, st, s)...)
	}
	r, err := s.Describe(ctx, tag)
	if err != nil {
		lines = append(lines, Failed(Live, err))
	}
	var verified, clients, web []Line
	var g errgroup.Group
	g.Go(func() error { verified = x.verify(ctx, st); return nil })
	g.Go(func() error { clients = x.clients(ctx, st, r); return nil })
	g.Go(func() error { web = x.web(ctx, st, s); return nil })
	_ = g.Wait() // what went wrong stands in the lines
	if err != nil {
		verified = nil // the same again
	}
	return slices.Concat(lines, verified, clients, web)
}

// noProject is about a project of which nothing is there: a new one, or a typing error.
func (x *exam) noProject(ctx context.Context, s *release.State) []Line {
	var none *release.NoProjectError
	if err := s.NoProject(ctx); !errors.As(err, &none) {
		return []Line{Failed(Live, err)}
	}
	others := slices.DeleteFunc(none.Present, func(name string) bool { return name == string(x.Project) }) // which the trial may be making
	if len(others) == 0 {
		return []Line{ok(Live, "nothing is there yet; the first publish makes the project")}
	}
	return []Line{warn(Live, "a new project is made by its first publish; if it is a typing error: --project, or project in otactl.toml",
		"project %s is not there; there are: %s", x.Project, strings.Join(others, " "))}
}

// lastChange compares the times of the log with our clock.
func (x *exam) lastChange(ctx context.Context, s *release.State) []Line {
	var last *release.Change
	if err := s.History(ctx, func(c release.Change) bool { last = &c; return false }); err != nil {
		return []Line{Failed(Live, err)}
	}
	if last == nil || last.Time.Sub(x.Now()) < muchSkew {
		return nil
	}
	return []Line{warn(Live, "is this machine's clock right, and that of who made the change? What prune protects for a day goes by these times",
		"the last change, of %q, is dated %v from now", last.By, last.Time.Sub(x.Now()).Round(muchSkew))}
}

// verify compares what is live with what was published.
func (x *exam) verify(ctx context.Context, st store.Store) (lines []Line) {
	report, err := verify.Run(ctx, st, verify.Request{Project: x.Project, Signers: x.Signers, Client: x.Client, Now: x.Now()})
	if err != nil {
		return []Line{Failed(Live, err)}
	}
	for _, d := range report.Differences {
		lines = append(lines, fail(Live, Different, x.Repair(d, report.Live), "%s", d))
	}
	if len(lines) > 0 || len(report.Releases) == 0 {
		return lines
	}
	r := report.Releases[0]
	if r.Condition == verify.HandMade {
		return []Line{warn(Live, "publish the next one with otactl", "%s is live, made by hand: nothing proves that it is complete", r.Tag)}
	}
	signed := ""
	if r.Signed {
		signed = ", signed"
	}
	return []Line{ok(Live, "%s is live, and what was published: %s, %s%s", r.Tag, plural(r.Files, "file"), size(r.Bytes), signed)}
}

// Bounds of what original clients can take.
const (
	muchText = 40 << 10 // bytes of a file; about 100 KB of heap is what they need for that
	muchRead = 1 << 20  // bytes that are read to see whether they are text
)

// clients says whether original clients can install a release, and what this machine would publish next.
func (x *exam) clients(ctx context.Context, st store.Store, r release.Release) (lines []Line) {
	if x.Kind != "" && r.Kind != "" && x.Kind != r.Kind {
		lines = append(lines, warn(Clients, fmt.Sprintf("layout = %q in otactl.toml, unless all devices were changed", r.Kind),
			"devices have layout %s, and %s is set: publish would refuse it", r.Kind, x.Kind))
	}
	if !x.Original || r.Raw == nil {
		return lines
	}
	names := map[string][]string{} // why not -> files
	for _, w := range originals(r.Manifest.Files, x.contents(ctx, st, r)) {
		names[w.Text] = append(names[w.Text], w.Path)
	}
	for _, why := range slices.Sorted(func(yield func(string) bool) {
		for why := range names {
			if !yield(why) {
				return
			}
		}
	}) {
		lines = append(lines, warn(Clients, "give devices otactl's client (otactl help device); with no-original = true nobody asks for the others",
			"%s: %s: %s", r.Tag, some(names[why]), why))
	}
	if len(lines) == 0 {
		lines = append(lines, ok(Clients, "original clients can install %s%s", r.Tag, layoutNote(r.Kind)))
	}
	return lines
}

func layoutNote(k layout.Kind) string {
	if k == layout.Directory {
		return ", from v1.2.0 on and with use_version_prefix=False"
	}
	return ""
}

// originals are the reasons for which an original client cannot install a release.
func originals(files []layout.File, contents map[string][]byte) (ws []source.Warning) {
	for _, f := range files {
		ws = append(ws, source.ForOriginals(source.File{Name: f.Name, Path: f.Name, Data: contents[f.Name]})...)
		if f.Size > muchText {
			ws = append(ws, source.Warning{Path: f.Name, Text: "original clients take it into memory whole, with twice its size and 20 KB of heap"})
		}
	}
	return ws
}

// contents are the files of a release, as far as it is small.
func (x *exam) contents(ctx context.Context, st store.Store, r release.Release) map[string][]byte {
	contents := map[string][]byte{}
	if r.Manifest.Size() > muchRead {
		return contents
	}
	found := make([][]byte, len(r.Manifest.Files))
	var g errgroup.Group
	g.SetLimit(32)
	for i, f := range r.Manifest.Files {
		g.Go(func() error {
			data, err := st.Read(ctx, x.Project.File(r.Kind, r.Tag, f.Name), f.Size)
			if err == nil { // that it is missing says verify
				found[i] = bytes.Clone(data)
			}
			return nil
		})
	}
	_ = g.Wait() // none of them returns an error
	for i, f := range r.Manifest.Files {
		contents[f.Name] = found[i]
	}
	return contents
}

// some names the first of many.
func some(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// known is the live release as a probe wants it.
func known(p layout.Project, r release.Release) *probe.Release {
	w := probe.Release{Project: p, Tag: r.Tag, Kind: r.Kind, Raw: r.Raw, Files: r.Manifest.Files}
	if r.Raw == nil {
		for _, name := range r.Names() {
			w.Files = append(w.Files, layout.File{Name: name})
		}
	}
	return &w
}
