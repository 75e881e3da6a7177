package model

import (
	"maps"
	"sync/atomic"
	"testing"
	"time"
)

// emptyRoot is a project that nobody has written to.
func emptyRoot() server { return server{} }

// handMade is a project without a log, with these releases; the last one is live.
func handMade(tags ...tag) (s server) {
	for _, t := range tags {
		s.rel[t].has = [names]content{1, 1, 0}
		s.pointer = t
	}
	return s
}

// published is a project in which these releases were published, one after the other.
func published(tags ...tag) server {
	s := emptyRoot()
	s.add(entry{act: adopt})
	for _, t := range tags {
		s.rel[t].has = [names]content{1, 1, 1}
		s.add(entry{act: publish, from: s.pointer, to: t, tags: t.bit(), mark: flipped})
		s.pointer = t
	}
	return s
}

// rolledBack is s after a rollback.
func rolledBack(s server, to tag) server {
	s.add(entry{act: rollback, from: s.pointer, to: to, mark: flipped})
	s.pointer = to
	return s
}

// unfinished is s after a publish of v2 that died before it made the manifest.
func unfinished(s server, c content) server {
	for name := range manifest {
		if c.files()&(1<<name) != 0 {
			s.rel[2].has[name] = c
		}
	}
	return s
}

var (
	one   = spec{verb: publish, tag: 1, bytes: 1}
	two   = spec{verb: publish, tag: 2, bytes: 1}
	three = spec{verb: publish, tag: 3, bytes: 1}
	back  = spec{verb: rollback}
	back1 = spec{verb: rollback, tag: 1}
	up3   = spec{verb: activate, tag: 3}
)

// byHand are v1 and v2.
const byHand uint8 = 1<<1 | 1<<2

// scenarios are who runs against whom. Each process plans so often that it can die anywhere and be started anew, or be too
// late and plan again; a command that is there twice is a second run beside a first one that is not dead after all.
func scenarios() []scenario {
	prune1 := spec{verb: prune, tag: 1}
	prune2 := spec{verb: prune, tag: 2}
	keep2 := spec{verb: prune, tag: 2, keep: true}
	onlyA2 := spec{verb: publish, tag: 2, bytes: onlyA}
	onlyB2 := spec{verb: publish, tag: 2, bytes: onlyB}
	other2 := spec{verb: publish, tag: 2, bytes: 2}
	lossy2 := spec{verb: publish, tag: 2, bytes: 1, lossy: true}
	quiet2 := spec{verb: publish, tag: 2, bytes: 1, noActivate: true}
	return []scenario{
		{name: "two publish, one rolls back", server: published(1), specs: []spec{two, three, back1}, plans: 3},
		{name: "two publish, one rolls back to what was below", server: published(1), specs: []spec{two, three, back}, free: true, plans: 2},
		{name: "publish, roll back, prune", server: published(1), specs: []spec{two, back1, prune2}, free: true, plans: 2},
		{name: "publish twice, prune", server: published(1), specs: []spec{two, two, prune2}, plans: 2},
		{name: "publish twice, roll back", server: published(1), specs: []spec{two, two, back1}, free: true, plans: 2},
		{name: "activate, prune, roll back", server: rolledBack(published(1, 2, 3), 2), specs: []spec{up3, prune1, back1}, free: true, plans: 2},
		{name: "both directions", server: rolledBack(published(1, 2, 3), 2), specs: []spec{up3, back1, {verb: rollback, tag: 2}}, free: true, plans: 2},
		{name: "empty root, three first", server: emptyRoot(), specs: []spec{one, two, three}, free: true, plans: 2},
		{name: "empty root, same twice", server: emptyRoot(), specs: []spec{one, one, {verb: activate, tag: 1}}, free: true, plans: 2},
		{name: "hand-made root, first writers", server: handMade(1, 2), hand: byHand, specs: []spec{three, back1, three}, free: true, plans: 2},
		{name: "hand-made root, published again", server: handMade(1, 2), hand: byHand, specs: []spec{two, back1}, free: true, plans: 3},
		{name: "hand-made root, pruned", server: handMade(1, 2), hand: byHand, specs: []spec{back1, prune1, one}, plans: 2},
		{name: "other bytes", server: published(1), specs: []spec{two, other2, {verb: activate, tag: 2}}, free: true, plans: 2},
		{name: "lost answers", server: published(1), specs: []spec{lossy2, three, back1}, free: true, plans: 2},
		{name: "unfinished of other names, pruned", server: unfinished(published(1), onlyA), specs: []spec{onlyB2, prune2, three}, plans: 2},
		{name: "other names", server: published(1), specs: []spec{onlyA2, onlyB2, prune2}, plans: 2},
		{name: "unfinished, kept", server: unfinished(published(1), onlyA), specs: []spec{keep2, onlyA2, three}, plans: 2},
		{name: "two prunes, roll back", server: published(1, 2, 3), specs: []spec{prune1, prune2, back1}, plans: 2},
		{name: "prune twice, publish", server: published(1), specs: []spec{prune2, prune2, two}, free: true, plans: 1},
		{name: "four", server: published(1), specs: []spec{two, three, back1, {verb: prune, tag: 3}}, plans: 1},
		{name: "downgrade", server: published(1), specs: []spec{{verb: publish, tag: 2, bytes: 1, downgrade: true}, {verb: publish, tag: 3, bytes: 1, downgrade: true}, back}, free: true, plans: 2},
		{name: "publish twice, prune, any order", server: published(1), specs: []spec{two, two, prune2}, free: true, plans: 1},
		{name: "unfinished of other names, pruned, any order", server: unfinished(published(1), onlyA), specs: []spec{onlyB2, prune2, three}, free: true, plans: 1},
		{name: "not activated", server: published(1), specs: []spec{quiet2, two, {verb: activate, tag: 2}}, free: true, plans: 2},
	}
}

// TestProtocol visits all states of all scenarios.
func TestProtocol(t *testing.T) {
	var total, answers atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, c := range scenarios() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				if raceDetector {
					c.plans = 1
				}
				start := time.Now()
				e := c.explore(decided())
				t.Logf("%d states, %d of the server, %v", len(e.nodes), len(e.servers), time.Since(start).Round(time.Millisecond))
				if e.broken != nil {
					t.Fatal(e.broken)
				}
				for s := range e.servers {
					if !s.buried() {
						t.Errorf("a prune but the last has no tombstone: %v", &s)
					}
				}
				total.Add(int64(len(e.nodes)))
				for v := range e.answers {
					answers.Or(1 << v)
				}
			})
		}
	})
	t.Logf("%d states in all", total.Load())
	for v := done; int(v) < len(verdictText); v++ {
		if answers.Load()>>v&1 == 0 && !raceDetector {
			t.Errorf("no process ever answered %q: the model is too weak", v)
		}
	}
}

// TestReductions visits small scenarios with and without what reduce_test.go leaves out: the same changes, in the same
// order and with the same effects, can happen.
func TestReductions(t *testing.T) {
	for _, c := range []scenario{
		{name: "publish, roll back", server: published(1), specs: []spec{two, back1}, plans: 2},
		{name: "publish, prune", server: published(1), specs: []spec{two, {verb: prune, tag: 2}}, plans: 2},
		{name: "publish twice", server: emptyRoot(), specs: []spec{one, one}, plans: 2},
		{name: "publish two, roll back", server: published(1), specs: []spec{two, three, back1}, plans: 1},
		{name: "hand-made", server: handMade(1, 2), hand: byHand, specs: []spec{three, back1}, plans: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reduced := c.explore(decided())
			c.plain = true
			full := c.explore(decided())
			t.Logf("%d of %d states, %d histories", len(reduced.nodes), len(full.nodes), len(full.histories()))
			if full.broken != nil {
				t.Error(full.broken)
			}
			delete(full.answers, gaveUp) // it is only how often a process may plan here
			delete(reduced.answers, gaveUp)
			if !maps.Equal(reduced.histories(), full.histories()) || !maps.Equal(reduced.answers, full.answers) {
				t.Errorf("%d histories and answers %v, %d and %v without reductions", len(reduced.histories()), reduced.answers,
					len(full.histories()), full.answers)
			}
		})
	}
}

// histories are the logs that were reached, with what took effect.
func (e *explorer) histories() map[server]bool {
	all := map[server]bool{}
	for s := range e.servers {
		s.rel = [maxTag + 1]release{}
		all[s] = true
	}
	return all
}
