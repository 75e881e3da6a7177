package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otactl/otactl/probe"
)

// Files are those of a release, by name.
type files map[string]string

// A plan is what is done to a fleet.
type plan struct {
	server   netip.AddrPort
	tls      bool
	devices  int           // of each kind
	every    time.Duration // pause between two polls of a device; from half of it to one and a half
	lasts    time.Duration // at least
	patience time.Duration // how much longer at most
	requests int64         // at most
	releases map[string]files
	changes  []change // the first one is made before any device is switched on
}

// A change is one of what is live.
type change struct {
	says  string
	live  string  // what is live when it was made
	at    float64 // part of the run after which it is made,
	share float64 // if by then this part of the devices runs what was made live before; else when it does
	do    func(context.Context) error
}

// A fleet is what plays a plan.
type fleet struct {
	plan
	start time.Time
	left  atomic.Int64 // requests
	ended chan struct{}
	news  chan struct{} // a device has installed something

	mu       sync.Mutex
	runs     map[string]int // devices that work, by what they run
	failures []string
	failed   int
}

// An outcome is what has become of a fleet.
type outcome struct {
	Took     time.Duration
	Kinds    map[kind]*samples
	Devices  int      // of each kind
	Failures []string // the first ones
	Failed   int      // devices
}

// hostName is the server's in the requests of devices; the connections go to this machine.
const hostName = "ota.example.org"

// maxFailures are told one by one.
const maxFailures = 10

// play plays a plan to its end: then each device has polled once more and runs what is live, or is told of in the outcome.
func play(ctx context.Context, p plan) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.lasts+p.patience)
	defer cancel()
	f := newFleet(p)
	devices, err := f.devicesOf()
	if err != nil {
		return outcome{}, err
	}
	if err := p.changes[0].do(ctx); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", p.changes[0].says, err)
	}
	f.start = time.Now()
	var playing sync.WaitGroup
	for _, d := range devices {
		playing.Go(func() { f.live(ctx, d) })
	}
	err = f.conduct(ctx)
	close(f.ended)
	playing.Wait()
	return f.outcome(devices), err
}

func newFleet(p plan) *fleet {
	f := &fleet{plan: p, start: time.Now(), ended: make(chan struct{}), news: make(chan struct{}, 1), runs: map[string]int{}}
	f.left.Store(p.requests)
	return f
}

// devicesOf makes the devices, half of the originals staged, and an equal part of them with each firmware.
func (f *fleet) devicesOf() ([]*device, error) {
	var all []*device
	for i := range 2 * f.plan.devices {
		m, err := newMeter(f.server, i)
		if err != nil {
			return nil, err
		}
		scheme := "http://"
		if f.tls {
			scheme = "https://"
		}
		site, err := probe.Open(probe.Config{URL: scheme + hostName, Silence: silence, Now: time.Now, Dial: m.dial})
		if err != nil {
			return nil, err
		}
		d := &device{name: fmt.Sprintf("otactl's client %d", i/2), kind: own, asker: site.Own(), meter: m, fleet: f, flash: files{}}
		if i%2 == 0 {
			forms := site.Originals()
			form := i / 2 % len(forms)
			d.kind, d.asker, d.staged = original, forms[form], i/2/len(forms)%2 == 1
			d.name = fmt.Sprintf("original %d (request form %d, staged %t)", i/2, form, d.staged)
		}
		all = append(all, d)
	}
	return all, nil
}

// live lets a device poll until the fleet ends, and then once more.
func (f *fleet) live(ctx context.Context, d *device) {
	f.pause(ctx, rand.N(f.every+1))
	for last := false; !last; f.pause(ctx, f.every/2+rand.N(f.every+1)) {
		select {
		case <-f.ended:
			last = true
		default:
		}
		if err := d.turn(ctx); err != nil {
			f.fail(d, err)
			return
		}
	}
	if want := f.changes[len(f.changes)-1].live; d.runs != want {
		f.fail(d, fmt.Errorf("it runs %q at the end, and not %s", d.runs, want))
	}
}

func (f *fleet) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.ended:
	case <-ctx.Done():
	}
}

func (f *fleet) fail(d *device, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs[d.runs]--
	if f.failed++; len(f.failures) < maxFailures {
		f.failures = append(f.failures, fmt.Sprintf("%s: %v", d.name, err))
	}
	f.tell()
}

// moved counts a device that has gone from one release to another.
func (f *fleet) moved(from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs[from]--
	f.runs[to]++
	f.tell()
}

// tell wakes the conductor, if it is not awake.
func (f *fleet) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// conduct makes the changes, each at its time.
func (f *fleet) conduct(ctx context.Context) error {
	for i, c := range f.changes[1:] {
		if err := f.wait(ctx, f.changes[i].live, c.share, time.Duration(c.at*float64(f.lasts))); err != nil {
			return fmt.Errorf("before %s: %w", c.says, err)
		}
		if err := c.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.says, err)
		}
	}
	return f.wait(ctx, f.changes[len(f.changes)-1].live, 1, f.lasts)
}

var errSlow = errors.New("the devices do not get there in time")

// wait waits for a time of the run, and then for a share of the devices to run a release or to have failed.
func (f *fleet) wait(ctx context.Context, tag string, share float64, at time.Duration) error {
	timer := time.NewTimer(time.Until(f.start.Add(at)))
	defer timer.Stop()
	for early := true; ; {
		there := !early && f.reached(tag, share)
		if err := ctx.Err(); err != nil { // looked at last: devices that fail by that do not count
			return errors.Join(errSlow, err)
		}
		if there {
			return nil
		}
		select {
		case <-timer.C:
			early = false
		case <-f.news:
		case <-ctx.Done():
		}
	}
}

func (f *fleet) reached(tag string, share float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return float64(f.runs[tag]+f.failed) >= share*float64(2*f.plan.devices)
}

// origin says where a content of a file is from.
func (f *fleet) origin(name, content string, exists bool) string {
	if !exists {
		return "missing"
	}
	for tag, release := range f.releases {
		if release[name] == content {
			return "that of " + tag
		}
	}
	return fmt.Sprintf("of no release (%d bytes)", len(content))
}

func (f *fleet) outcome(devices []*device) outcome {
	o := outcome{Took: time.Since(f.start), Devices: f.plan.devices, Failed: f.failed, Kinds: map[kind]*samples{original: {}, own: {}}}
	for _, d := range devices {
		o.Kinds[d.kind].add(d.log)
	}
	o.Failures = slices.Sorted(slices.Values(f.failures))
	return o
}
