//go:build linux

// Publishers measures how long otactl, and the tools that people use today, take to publish over a distance, and what devices
// see meanwhile. `make bench` runs it, in the root of this repository. It writes docs/BENCHMARKS.md, its plots, and a part of
// README.md, and fails if a tool did not do what it should, or otactl is slower than it may be.
//
// As root it measures over an emulated link; else over a relay, and says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/otactl/otactl/bench/link"
)

// measurements is where a run keeps what it has measured.
const measurements = "bench/publishers/results.json"

func main() {
	render := flag.Bool("render", false, "measure nothing, write the documents anew from "+measurements)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	act := bench
	if *render {
		act = renderAgain
	}
	if err := act(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func renderAgain(context.Context, io.Writer) error {
	r, err := readResults(measurements)
	if err != nil {
		return err
	}
	return r.writeDocs()
}

// bench measures everything and writes it down.
func bench(ctx context.Context, out io.Writer) (err error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "otactl-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	memory, err := os.MkdirTemp("/dev/shm", "otactl-bench-")
	if err != nil {
		memory = dir
	}
	defer func() { err = errors.Join(err, os.RemoveAll(memory)) }()
	k, err := newKit(ctx, dir, memory)
	if err != nil {
		return err
	}
	r := &run{kit: k, out: out}
	results := &Results{Commit: commit(), Machine: machine(dir), Link: r.describeLink()}
	results.Tools = r.describeTools()
	for _, p := range phases() {
		if err := r.do(ctx, p); err != nil {
			return err
		}
	}
	results.add(r.samples)
	r.say("Go benchmarks")
	figures, goErr := goBenchmarks(ctx, out)
	if err := ctx.Err(); err != nil {
		return err
	}
	if goErr != nil {
		results.Failures = append(results.Failures, goErr.Error())
	}
	results.Go = figures
	if err := errors.Join(results.write(measurements), results.writeDocs()); err != nil {
		return err
	}
	r.say("docs/BENCHMARKS.md is written, after %v", time.Since(start).Round(time.Second))
	if n := len(results.Failures); n > 0 {
		return fmt.Errorf("%d failures: %s", n, results.Failures[0])
	}
	return nil
}

// describeLink says what kind of link there is, and what better ones lack.
func (r *run) describeLink() string {
	l := link.New()
	defer l.Close()
	r.say("link: %s", l.Kind)
	if l.Lacks != nil {
		r.say("      because: %v", l.Lacks)
	}
	return l.Kind
}

// describeTools finds out which tools there are, and says loudly which are not.
func (r *run) describeTools() (all []ToolInfo) {
	for _, t := range tools() {
		version, missing := t.describe([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.kit.dir, "OTACTL=" + r.kit.otactl})
		if t.program == "" {
			version = "of this commit"
		}
		if missing == "" {
			r.tools = append(r.tools, t)
		} else {
			r.say("!!! %s: %s", t.name, missing)
		}
		all = append(all, ToolInfo{t.name, version, missing, t.script})
	}
	return all
}
