package model

import (
	"hash/maphash"
	"slices"
)

// A scenario is who runs against whom, on what.
type scenario struct {
	name   string
	server server
	hand   uint8 // releases that were made by hand, as bits
	specs  []spec
	plain  bool  // without any reduction
	free   bool  // what is read at once is read in any order
	plans  uint8 // how often each process plans, be it that it was too late or that it died and is started anew
	uneven bool  // some releases have only one of the two files
}

type event uint8

const (
	took     event = iota // a step
	lost                  // a step, and the connection with it
	late                  // what was sent on a lost connection takes effect
	restarts              // a process starts anew
)

// A node is a state that was reached, and how.
type node struct {
	state
	parent  int32 // an index
	proc    uint8 // who came here, as numbered in the parent
	event   event
	name    uint8
	perm    [maxProcs]uint8 // which process of the parent is at each place
	swapped uint8           // releases whose files changed places, as bits
}

// An explorer visits the states of a scenario in breadth, so that a violation is shown by the shortest way to it.
type explorer struct {
	scenario
	programs      []program // of each spec
	firstEffect   []uint8   // in each of them
	shared        []bool    // of each spec: somebody else changes its release
	made, removed uint8     // releases, as bits
	differ        uint8     // releases that some have other bytes for, as bits
	protocol      protocol
	seed          maphash.Seed
	nodes         []node
	index         map[uint64]int32 // by hash, then the next free one
	servers       map[server]bool
	answers       map[verdict]bool // that some process gave
	broken        *violation
	found         bool // a violation, by the last node
	scratch       state
	at            int32 // the node whose successors are made
}

// explore visits every state, up to the first violation.
func (c scenario) explore(p protocol) *explorer {
	e := &explorer{
		scenario: c, protocol: p,
		seed: maphash.MakeSeed(), index: map[uint64]int32{}, servers: map[server]bool{}, answers: map[verdict]bool{},
	}
	for _, s := range c.specs {
		e.add(s)
		e.uneven = e.uneven || s.bytes >= onlyA
	}
	e.scratch.server = c.server
	e.nodes = append(e.nodes, node{state: e.scratch, parent: -1})
	e.check(&e.scratch)
	for ; int(e.at) < len(e.nodes) && e.broken == nil; e.at++ {
		e.visit(e.nodes[e.at].state)
	}
	if e.broken != nil {
		e.broken.trace = e.trace(int32(len(e.nodes) - 1))
	}
	return e
}

// add takes a command into the scenario.
func (e *explorer) add(s spec) {
	e.programs = append(e.programs, e.protocol.of(s))
	e.firstEffect = append(e.firstEffect, e.findEffect(s))
	e.shared = append(e.shared, e.isShared(s))
	switch s.verb {
	case publish:
		e.made |= s.tag.bit()
		if e.hasOther(s) {
			e.differ |= s.tag.bit()
		}
	case prune:
		e.removed |= s.tag.bit()
	}
}

// hasOther reports whether somebody has other bytes for the release of a publish.
func (e *explorer) hasOther(s spec) bool {
	for _, c := range e.server.rel[s.tag].has {
		if c != 0 && c != s.bytes {
			return true
		}
	}
	return slices.ContainsFunc(e.specs, func(o spec) bool { return o.tag == s.tag && o.verb == publish && o.bytes != s.bytes })
}

// of returns what a command runs.
func (p protocol) of(s spec) program {
	switch s.verb {
	case publish:
		return p.publish
	case prune:
		return p.prune
	}
	return p.rollback
}

// visit makes all successors of a state. If a process is about to do what concerns nobody else, it goes alone: its steps
// commute with those of all others, so that every order has the same end.
func (e *explorer) visit(s state) {
	for i := range e.specs {
		if e.alone(&s, i) {
			e.advance(&s, i)
			return
		}
	}
	for i := range e.specs {
		e.advance(&s, i)
	}
}

// advance makes the successors of a state by one process.
func (e *explorer) advance(s *state, i int) {
	p := s.procs[i]
	if p.flight != 0 {
		x := e.copy(s, i)
		x.flight = 0
		flipClaim(&x.server, p.flight)
		e.reach(i, late, 0)
	}
	if e.mayStart(&p, i) {
		*e.copy(s, i).proc = proc{plan: p.plan + 1, flight: p.flight}
		e.reach(i, restarts, 0)
	}
	if p.pc != ended {
		e.step(s, i)
	}
}

// step lets process i take its next step, about each of the names that it has left.
func (e *explorer) step(s *state, i int) {
	now := e.programs[i][s.procs[i].pc]
	if now.lost != nil && e.specs[i].lossy {
		x := e.copy(s, i)
		now.lost(x)
		x.pc++
		e.reach(i, lost, 0)
	}
	for name := range things {
		x := e.copy(s, i)
		x.name = name
		v, ok := now.take(x)
		if ok {
			e.finish(x, v)
			e.reach(i, took, name)
		}
		if ok && e.private(i, now) {
			return
		}
	}
}

// copy makes the state that the successor of s by process i is made of.
func (e *explorer) copy(s *state, i int) turn {
	e.scratch = *s
	return e.turn(&e.scratch, i)
}

// left are the names that a step is still to be done for, as bits; one bit if it is about no name.
func (s step) left(x turn) uint8 {
	if s.each == nil {
		return 1
	}
	return s.each(x) &^ x.did
}

// take does the step about x.name. ok is false if it is not, or no longer, about that name.
func (s step) take(x turn) (v verdict, ok bool) {
	bit := uint8(1) << x.name
	left := s.left(x)
	if left&bit == 0 {
		return next, false
	}
	x.did |= bit
	if left == bit {
		x.pc, x.did = x.pc+1, 0
	}
	return s.do(x), true
}

func (e *explorer) turn(s *state, i int) turn {
	x := turn{state: s, proc: &s.procs[i], spec: e.specs[i]}
	x.plain = e.plain
	x.anyOrder = e.plain || e.free
	x.noMaker = e.made&x.tag().bit() == 0
	x.noRemover = e.removed&x.tag().bit() == 0
	x.sameBytes = e.differ&x.tag().bit() == 0 && !e.plain
	return x
}

// ended is the program counter of a process that has answered.
const ended = 255

// finish goes on to the next step that matters to others, or to the end.
func (e *explorer) finish(x turn, v verdict) {
	for {
		v = settle(e.protocol.of(x.spec), x, v)
		p := *x.proc
		switch {
		case v == next:
			return
		case v == again && p.plan+1 < e.plans:
			*x.proc = proc{plan: p.plan + 1, flight: p.flight}
			v = next
			continue
		case v == again:
			v = gaveUp
		}
		e.answers[v] = true
		e.report(checkAnswer(x, v))
		*x.proc = proc{plan: p.plan, flight: p.flight, pc: ended}
		return
	}
}

// reach adds the state in scratch, if it is new, and checks it and the step to it.
func (e *explorer) reach(by int, how event, name int) {
	if e.found {
		return
	}
	s := &e.scratch
	for i := range e.specs {
		e.finish(e.turn(s, i), next)
	}
	e.report(checkStep(&e.nodes[e.at].state, s))
	e.report(e.checkKept(&e.nodes[e.at].state, s))
	n := node{parent: e.at, proc: uint8(by), event: how, name: uint8(name)}
	n.perm, n.swapped = e.canonical(s)
	h := maphash.Comparable(e.seed, *s)
	for i, ok := e.index[h]; ok; i, ok = e.index[h] {
		if e.nodes[i].state == *s && e.broken == nil {
			return
		}
		h++
	}
	n.state = *s
	e.index[h] = int32(len(e.nodes))
	e.nodes = append(e.nodes, n)
	e.check(s)
}

// check checks a new state.
func (e *explorer) check(s *state) {
	e.report(e.checkState(s))
	if !e.servers[s.server] {
		e.servers[s.server] = true
		e.report(e.checkAlone(s.server))
	}
	e.found = e.broken != nil
}

func (e *explorer) report(v *violation) {
	if e.broken == nil {
		e.broken = v
	}
}
