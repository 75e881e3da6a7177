// Package doctor looks at all that a publish depends on, before somebody waits for one: what was set, the keys, the target
// and its server, what is live there, and what devices get of it.
//
// Each check answers with [Line]s: all is well, something should be seen to, or something does not work. A check that cannot
// be made, because what it needs is not there, says nothing: the line about what is missing is enough.
//
//	settings.go  otactl.toml and what else was set; keys; facts that the command line has gathered
//	target.go    the server root, by trying out what a publish does there ([store.Trier])
//	release.go   what is live, and whether original clients can install it
//	web.go       what devices get over HTTP (package probe)
//
// Nothing is changed: what is tried out on the target uses files of its own, and removes them.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

// A Level says how a check went.
type Level string

const (
	OK   Level = "ok"
	Warn Level = "warn" // it works, and somebody should see to it
	Fail Level = "fail" // it does not work
)

// An Area is what a check is about.
type Area string

const (
	Config  Area = "config"
	Files   Area = "files"
	Signing Area = "key"
	Target  Area = "target"
	Live    Area = "release"
	Clients Area = "clients"
	Web     Area = "url"
)

// A Kind says whose fault a failure is that no error came of.
type Kind int

const (
	Wrong       Kind = iota // what was set, or a key file
	Refused                 // the target cannot do it
	Different               // what is there, or what devices get, is not what it should be
	Unreachable             // the web server
)

// A Line is what one check has found.
type Line struct {
	Level Level
	Area  Area
	Text  string // facts
	Fix   string // what to do; "" if nothing is, or if it follows from Err
	Err   error  // what Text says, if an error has said it; nil otherwise
	Kind  Kind   // of a failure without Err
}

func ok(a Area, format string, args ...any) Line {
	return Line{Level: OK, Area: a, Text: fmt.Sprintf(format, args...)}
}

func warn(a Area, fix, format string, args ...any) Line {
	return Line{Level: Warn, Area: a, Text: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(a Area, k Kind, fix, format string, args ...any) Line {
	return Line{Level: Fail, Area: a, Text: fmt.Sprintf(format, args...), Fix: fix, Kind: k}
}

// Failed is the line for an error that says all.
func Failed(a Area, err error) Line { return Line{Level: Fail, Area: a, Text: err.Error(), Err: err} }

// A Request says what is to be looked at beyond this machine.
type Request struct {
	Project  layout.Project
	Open     func(context.Context) (store.Store, error) // connects to the target; nil if none is known
	Target   string                                     // how it is called
	Need     int64                                      // bytes of what is to be published; 0 if that is not known
	Kind     layout.Kind                                // of what is to be published; "" if that was not said
	Signers  []sign.PublicKey                           // one of these must have signed what is live; none: that is not asked
	Client   []layout.File                              // the update client that may lie beside a release
	Site     *probe.Site                                // as devices reach it; nil if that is not known
	URL      string                                     // of it
	Original bool                                       // devices may run an original client
	Repair   func(d verify.Difference, live string) string
	Now      func() time.Time
}

// Run makes all checks that take place elsewhere, those that do not depend on each other at the same time. Its error is that
// of ctx: then nothing is known.
func Run(ctx context.Context, r Request) ([]Line, error) {
	x := &exam{Request: r}
	var lines []Line
	if r.Open == nil {
		lines = x.web(ctx, nil, nil)
	} else {
		lines = x.target(ctx)
	}
	return lines, ctx.Err()
}

type exam struct{ Request }

// target looks at the target, and with what it knows then at what devices get.
func (x *exam) target(ctx context.Context) (lines []Line) {
	st, err := x.Open(ctx)
	if err != nil {
		return append([]Line{Failed(Target, err)}, x.web(ctx, nil, nil)...)
	}
	var tried, live []Line
	var g errgroup.Group
	g.Go(func() error { tried = x.trial(ctx, st); return nil })
	g.Go(func() error { live = x.releases(ctx, st); return nil })
	_ = g.Wait() // what went wrong stands in the lines
	if err := st.Close(); err != nil {
		tried = append(tried, warn(Target, "", "%v", err))
	}
	if tried[0].Level == Fail { // without the folder, what was looked for in it is nowhere
		live = slices.DeleteFunc(live, func(l Line) bool { return l.Area != Web })
	}
	return append(tried, live...)
}
