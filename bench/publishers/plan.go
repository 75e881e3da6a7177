//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// A task is one load over one distance, by all tools in turn.
type task struct {
	load      load
	roundTrip time.Duration
	rounds    int
}

func (t task) String() string { return fmt.Sprintf("%s at %v", t.load.Name, t.roundTrip) }

// manyFiles is from where on slow tools are slow.
const manyFiles = 100

// roundsOf is how often a tool does a task: tools that take a minute do it once.
func (t task) roundsOf(tool tool, counting bool) int {
	if tool.slow && len(t.load.files) >= manyFiles && (t.roundTrip > 0 || counting) {
		return 1
	}
	return t.rounds
}

// tasksAt are all loads over these distances.
func tasksAt(rounds int, roundTrips ...time.Duration) (tasks []task) {
	for _, roundTrip := range roundTrips {
		for i := range loads() {
			l := loads()[len(loads())-1-i] // what takes longest comes early
			tasks = append(tasks, task{l, roundTrip, rounds})
		}
	}
	return tasks
}

// A phase is tasks that workers do side by side, each on a site of its own.
type phase struct {
	name     string
	tasks    []task
	workers  int
	counting bool // trips, and nothing else
}

// phases are a whole run. Trips do not depend on the machine; what does (CPU time, and all times over no distance) is measured alone.
// Over a distance a tool waits for most of its time, so that a few beside it are no burden.
func phases() []phase {
	const ms = time.Millisecond
	return []phase{
		{"trips", tasksAt(3, 0), 2, true},
		{"no distance", tasksAt(3, 0), 1, false},
		{"distances", tasksAt(3, 100*ms, 50*ms, 20*ms), 5, false},
	}
}

// A run measures tools and collects samples.
type run struct {
	kit   *kit
	tools []tool
	out   io.Writer

	mu      sync.Mutex
	samples []Sample
}

// do does a phase. What a tool did not do right is a sample; an error is that nothing more can be measured.
func (r *run) do(ctx context.Context, p phase) error {
	queue := make(chan task, len(p.tasks))
	for _, t := range p.tasks {
		queue <- t
	}
	close(queue)
	errs := make([]error, p.workers)
	var workers sync.WaitGroup
	for i := range p.workers {
		workers.Go(func() { errs[i] = r.work(ctx, p, fmt.Sprint("site", i), queue) })
	}
	workers.Wait()
	return errors.Join(errs...)
}

func (r *run) work(ctx context.Context, p phase, name string, queue <-chan task) error {
	dir := filepath.Join(r.kit.dir, name)
	if p.counting {
		dir = filepath.Join(r.kit.memory, name)
	}
	s, err := r.kit.newSite(dir, p.counting)
	if err != nil {
		return err
	}
	defer s.close()
	for t := range queue {
		start := time.Now()
		for round := range t.rounds {
			r.round(ctx, s, t, round)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.say("%-12s %-20v %4.0f s", p.name, t, time.Since(start).Seconds())
	}
	return nil
}

// round lets each tool do a task once. Each round begins with another one.
func (r *run) round(ctx context.Context, s *site, t task, round int) {
	for i := range r.tools {
		tool := r.tools[(i+round)%len(r.tools)]
		if round >= t.roundsOf(tool, s.trips != nil) || ctx.Err() != nil {
			continue
		}
		m := s.run(ctx, tool, t.load, t.roundTrip)
		m.Round = round
		if m.Err != nil && ctx.Err() == nil {
			r.say("%v", m.Err)
		}
		r.mu.Lock()
		r.samples = append(r.samples, m)
		r.mu.Unlock()
	}
}

func (r *run) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, format+"\n", args...)
}
