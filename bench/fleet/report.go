package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is all that was measured.
type report struct {
	Machine     machine
	Options     options
	Sample, Ten int // bytes of the releases
	Costs       []costRow
	Loads       []load
	Answers     []answer
}

// A machine is where it was measured.
type machine struct {
	Day, CPU, Kernel, Go, Nginx string
	Cores                       int
	Load                        string // average of the minute before
}

func describe(ctx context.Context) machine {
	m := machine{Day: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(text); name != nil {
			m.CPU = string(name[1])
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel, _, _ = strings.Cut(strings.TrimSpace(string(text)), "-")
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	out, _ := exec.CommandContext(ctx, findNginx(), "-v").CombinedOutput() // it is started before: that it is there is known
	m.Nginx = strings.TrimPrefix(strings.TrimSpace(string(out)), "nginx version: nginx/")
	return m
}

// A costRow is what one device pays for something.
type costRow struct {
	Server, Release string
	TLS             bool
	Kind            kind
	Action          string
	Cost            cost // the most frequent
	Low, High       cost // bounds of each figure
}

// String is a line of the table of costs.
func (c costRow) String() string {
	columns := []string{
		c.Server, protocol(c.TLS), c.Release, string(c.Kind), c.Action, span(c.Low.Requests, c.High.Requests),
		span(c.Low.Connections, c.High.Connections), span(c.Low.Up, c.High.Up), span(c.Low.Down, c.High.Down),
	}
	return "| " + strings.Join(columns, " | ") + " |"
}

// A load is what came of one run.
type load struct {
	Server    string
	Shown     bool // in the table of runs under load
	TLS       bool
	Every     time.Duration
	Devices   int // of all kinds
	Failed    int
	Failures  []string
	Changes   []string
	Took      time.Duration
	CPU       time.Duration // of the server
	Updates   int
	Overtaken int
	Kinds     []kindLoad

	samples map[kind]*samples
	answers []answer
}

// A kindLoad is the part of one kind of device in a load.
type kindLoad struct {
	Kind          kind
	Requests      int
	Peak          int // in a second
	P50, P99, Max time.Duration
}

func newLoad(server string, o outcome, cpu time.Duration) load {
	l := load{
		Server: server, Devices: 2 * o.Devices, Failed: o.Failed, Failures: o.Failures, Took: o.Took, CPU: cpu, samples: o.Kinds,
	}
	for _, k := range []kind{original, own} {
		s := o.Kinds[k]
		l.Updates += s.done(updateAction) + s.done(installAction)
		l.Overtaken += s.overtaken
		row := kindLoad{Kind: k, Requests: len(s.took), P50: s.percentile(50), P99: s.percentile(99), Max: s.percentile(100)}
		if len(s.seconds) > 0 {
			row.Peak = slices.Max(s.seconds)
		}
		l.Kinds = append(l.Kinds, row)
	}
	return l
}

// costs are what the devices of this load paid.
func (l load) costs(release string, tls bool) (rows []costRow) {
	for _, k := range []kind{original, own} {
		for _, action := range []string{pollAction, updateAction, installAction} {
			usual, low, high := l.samples[k].usual(action)
			rows = append(rows, costRow{l.Server, release, tls, k, action, usual, low, high})
		}
	}
	return rows
}

func (l load) requests() (n int) {
	for _, k := range l.Kinds {
		n += k.Requests
	}
	return n
}

// Rate is how many requests were answered in a second, on average.
func (l load) Rate() float64 { return float64(l.requests()) / l.Took.Seconds() }

// PerRequest is how long processors worked for the server for each request.
func (l load) PerRequest() time.Duration { return l.CPU / time.Duration(cmp.Or(l.requests(), 1)) }

// cost is that of a row about the sample.
func (r report) cost(server string, tls bool, k kind, action string) cost {
	i := slices.IndexFunc(r.Costs, func(c costRow) bool {
		return c.Server == server && c.Release == sampleFiles && c.TLS == tls && c.Kind == k && c.Action == action
	})
	if i < 0 {
		return cost{}
	}
	return r.Costs[i].Cost
}
