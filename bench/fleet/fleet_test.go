package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

// small is a bench of a few devices, whose changes come as fast as devices follow them.
func small(t *testing.T) *bench {
	t.Helper()
	testserver.Need(t, "nginx")
	b := &bench{options: options{devices: 12}, listen: netip.MustParseAddr("127.0.0.1"), dir: t.TempDir()}
	var err error
	if b.otactl, b.repo, err = build(t.Context(), b.dir); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestServers(t *testing.T) {
	b := small(t)
	sample, err := sampleReleases(b.repo)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("storm", func(t *testing.T) { storms(t, b, sample) })
	t.Run("handshake", func(t *testing.T) { handshakes(t, b, sample) })
}

// A fleet on each server ends whole, through two releases that are published and rolled back while devices still come to the
// one before. What a device pays on otactl serve is what docs/SCALE.md says.
func storms(t *testing.T, b *bench, sample map[string]files) {
	doc, err := os.ReadFile(filepath.Join(b.repo, "docs/SCALE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range starters {
		storm := func(s *site) plan { return plan{devices: b.devices, changes: s.storm(sample)} }
		l, err := b.play(t.Context(), setup{start, false, sample, storm})
		if err != nil {
			t.Fatal(err)
		}
		if l.Failed > 0 {
			t.Errorf("%s: %d of %d: %s", l.Server, l.Failed, l.Devices, strings.Join(l.Failures, "\n"))
		}
		if l.Devices != 2*b.devices || len(l.Changes) != 5 || l.Updates <= l.Devices || l.CPU <= 0 {
			t.Errorf("%s: %+v", l.Server, l)
		}
		t.Logf("%s: %v, %d requests, %d updates, %d overtaken", l.Server, l.Took, l.requests(), l.Updates, l.Overtaken)
		for _, row := range l.costs(sampleFiles, false) {
			if l.Server == serveServer && !strings.Contains(string(doc), row.String()+"\n") {
				t.Errorf("docs/SCALE.md lacks\n%s\n(make load)", row)
			}
		}
	}
}

// TLS is counted too, below it.
func handshakes(t *testing.T, b *bench, sample map[string]files) {
	var r report
	for _, tls := range []bool{false, true} {
		l, err := b.play(t.Context(), setup{startServe, tls, sample, single(sample)})
		if err != nil || l.Failed > 0 {
			t.Fatal(err, l.Failures)
		}
		r.Costs = append(r.Costs, l.costs(sampleFiles, tls)...)
	}
	for _, k := range []kind{original, own} {
		plain, secure := r.cost(serveServer, false, k, pollAction), r.cost(serveServer, true, k, pollAction)
		if plain.Down == 0 || secure.Down < plain.Down+500 || secure.Up < plain.Up+200 {
			t.Errorf("%s: %+v with TLS, %+v without", k, secure, plain)
		}
	}
}

func TestLimits(t *testing.T) {
	good := options{devices: 1, seconds: 1, addr: "127.0.0.1"}
	if _, err := good.check(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*options){
		func(o *options) { o.addr = "192.0.2.1" },
		func(o *options) { o.addr = "0.0.0.0" },
		func(o *options) { o.addr = "localhost" },
		func(o *options) { o.devices = 0 },
		func(o *options) { o.devices = maxDevices + 1 },
		func(o *options) { o.seconds = 0 },
		func(o *options) { o.seconds = 61 },
		func(o *options) { o.every = -1 },
	} {
		o := good
		change(&o)
		if _, err := o.check(); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if err := run(t.Context(), []string{"-addr", "192.0.2.1"}, nil); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("192.0.2.1: %v", err)
	}
}

// Whatever a plan says, no device connects to another machine.
func TestLoopbackOnly(t *testing.T) {
	p := plan{server: netip.MustParseAddrPort("192.0.2.1:80"), devices: 1, changes: []change{{do: func(context.Context) error {
		t.Error("the plan is begun")
		return nil
	}}}}
	if _, err := play(t.Context(), p); err == nil || !strings.Contains(err.Error(), "not of this machine") {
		t.Error(err)
	}
}

// A run that would make more requests than it may, or take longer, ends.
func TestBounds(t *testing.T) {
	w := newWeb(t, nil)
	p := w.plan(20)
	o, err := play(t.Context(), p)
	if err != nil || o.Failed == 0 || !strings.Contains(fmt.Sprint(o.Failures), "all of the 20 requests") {
		t.Errorf("%v, %q", err, o.Failures)
	}
	requests := 0
	for _, s := range o.Kinds {
		requests += len(s.took)
	}
	if requests != 20 {
		t.Errorf("%d requests, want 20", requests)
	}

	p = w.plan(maxRequests)
	p.changes[1].do = func(context.Context) error { return nil } // nothing becomes live: nobody ever gets there
	p.patience = 300 * time.Millisecond
	start := time.Now()
	// A socket may give up a moment before the context does: then it is the devices that fail.
	if o, err := play(t.Context(), p); !errors.Is(err, errSlow) && o.Failed != 12 {
		t.Errorf("%d failed; %v, want %v", o.Failed, err, errSlow)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it takes %v", took)
	}
}
