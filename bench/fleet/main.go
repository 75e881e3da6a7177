// Fleet plays many devices against nginx, as README configures it, and against otactl serve, while releases are published and
// rolled back with otactl itself. It checks that every device has exactly one whole release after each update and at the end,
// and measures what that costs. Nothing leaves this machine, and a run is bounded in devices, requests and time.
//
//	go run ./bench/fleet -devices 500 -seconds 10
//	go run ./bench/fleet -write docs/SCALE.md      (or: make load)
//
//	limits.go    what a run may be at most
//	fleet.go     a plan, and the devices that play it
//	device.go    one device: what it asks for, by the emulations of package probe, and what is on its flash
//	meter.go     bytes and connections; samples.go: and times
//	site.go      what is published; servers.go, process.go: who serves it
//	measure.go   the runs that make a report; report.go, scale.go, scale.md.tmpl: the report as a document
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.IntVar(&o.devices, "devices", 500, "how many devices of each of two kinds")
	flags.IntVar(&o.seconds, "seconds", 10, "how long each of the six runs under load takes at least")
	flags.DurationVar(&o.every, "every", 2*time.Second, "how long a device waits between two polls, on average, in the runs with a pace")
	flags.StringVar(&o.addr, "addr", "127.0.0.1", "the loopback address that servers listen on")
	flags.StringVar(&o.write, "write", "", "write the document to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	addr, err := o.check()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "otactl-fleet-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, listen: addr, dir: dir, out: out}
	if b.otactl, b.repo, err = build(ctx, dir); err != nil {
		return err
	}
	r, err := b.report(ctx)
	if err != nil {
		return err
	}
	return b.deliver(r)
}

// deliver writes the document. That of a run in which a device did not end whole is not written to a file.
func (b *bench) deliver(r report) error {
	text, err := r.document()
	if err != nil {
		return err
	}
	for _, l := range r.Loads {
		for _, failure := range l.Failures {
			_, err = fmt.Fprintf(b.out, "FAILED: %s: %s\n", l.Server, failure)
		}
		if l.Failed > 0 {
			return errors.Join(err, fmt.Errorf("%d devices of %d did not end whole", l.Failed, l.Devices))
		}
	}
	if b.write == "" {
		_, err = b.out.Write(text)
		return err
	}
	return os.WriteFile(filepath.Clean(b.write), text, 0o644)
}
