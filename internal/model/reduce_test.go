package model

// States are left out where that can hide nothing:
//
//   - What concerns nobody else is done at once, and what is local or futile (see step) together with the step before.
//     Such steps commute with all steps of others, and no invariant sees a difference in between: what a process of its
//     own does to a release that nobody else names is not live before its own flip. Dying in between is kept, so that a
//     second run starts from every half of a release.
//   - A process that died before it changed anything is not started anew: it is one that has not begun.
//   - What is read at once is read in the worst order. The pointer before the log: a later one is compared at the commit all
//     the same, or belongs to a refusal, which looks at it again. A tombstone before the names of its release: it stays, so
//     who finds none later would have found none then, and who finds one is refused. A manifest before the files: it is the
//     last to come and the last to go. Some scenarios are free of this.
//   - Processes with the same command are interchangeable, and so are the two files of a release.
//
// TestReductions compares with what is reached without any of this.

// mayStart reports whether a process that died is to be started anew. That is left out while it has only looked: it is
// the same as if it had not begun.
func (e *explorer) mayStart(p *proc, i int) bool {
	return p.plan+1 < e.plans && (e.plain || p.pc == ended || p.pc > e.firstEffect[i])
}

// findEffect returns the first step of a command that changes the server.
func (e *explorer) findEffect(c spec) uint8 {
	for i, s := range e.protocol.of(c) {
		if s.effect && (s.what != "claim 1" || e.server.n == 0) {
			return uint8(i)
		}
	}
	return 0
}

// isShared reports whether what a command finds of its release, or does to it, concerns others.
func (e *explorer) isShared(s spec) bool {
	users, writers := 0, 0
	for _, other := range e.specs {
		if other.tag == s.tag || other.tag == none || s.tag == none {
			users++
		}
		if other.tag == s.tag && (other.verb == publish || other.verb == prune) || s.tag == none {
			writers++
		}
	}
	return users > 1 && writers > 0
}

// private reports whether a step of process i is about its release, and that concerns nobody else.
func (e *explorer) private(i int, s step) bool { return s.own && !e.shared[i] && !e.plain }

// alone reports whether the next step of process i is such a step.
func (e *explorer) alone(s *state, i int) bool {
	p := &s.procs[i]
	return p.pc != ended && p.flight == 0 && e.private(i, e.programs[i][p.pc])
}

// settle takes the local and the futile steps that follow a step.
func settle(prog program, x turn, v verdict) verdict {
	for v == next && x.pc != ended {
		s := prog[x.pc]
		if s.when != nil && !s.when(x) || s.each != nil && s.each(x)&^x.did == 0 {
			x.pc, x.did = x.pc+1, 0
			continue
		}
		took := false
		for x.name = 0; x.name < things && !took; x.name++ {
			if left := s.left(x); left&(1<<x.name) != 0 && (s.local || s.futile != nil && !x.plain && s.futile(x)) {
				v, took = s.take(x)
			}
		}
		if !took {
			return next
		}
	}
	return v
}

// canonical puts processes that run the same command into one order, and the two files of each release: which is which
// makes no difference to anybody. It returns where each process and each release's first file went.
func (e *explorer) canonical(s *state) (perm [maxProcs]uint8, swapped uint8) {
	for i := range perm {
		perm[i] = uint8(i)
	}
	if e.plain {
		return perm, 0
	}
	for t := tag(1); t < fresh && !e.uneven; t++ {
		if e.firstFile(s, t, fileA) < e.firstFile(s, t, fileB) {
			e.swapFiles(s, t)
			swapped |= t.bit()
		}
	}
	for range e.specs {
		for i := 1; i < len(e.specs); i++ {
			if e.specs[i] == e.specs[i-1] && s.procs[i].key() < s.procs[i-1].key() {
				s.procs[i], s.procs[i-1] = s.procs[i-1], s.procs[i]
				perm[i], perm[i-1] = perm[i-1], perm[i]
			}
		}
	}
	return perm, swapped
}

// firstFile is greater for the file that comes first: by what it is, then by who has it behind him.
func (e *explorer) firstFile(s *state, t tag, name int) int {
	rank, sum := int(s.rel[t].has[name]), 0
	for i, c := range e.specs {
		if p := &s.procs[i]; c.tag == t || c.tag == none && p.to == t {
			sum += int(p.did>>name&1+p.seen>>name&1*2) * (16 + int(p.pc))
			sum += i
		}
	}
	return rank<<20 | sum
}

// swapFiles makes the first file of a release the second.
func (e *explorer) swapFiles(s *state, t tag) {
	s.rel[t] = s.rel[t].swap()
	for i, c := range e.specs {
		if p := &s.procs[i]; c.tag == t || c.tag == none && p.to == t {
			p.did, p.seen = swapBits(p.did), swapBits(p.seen)
		}
	}
}

func (r release) swap() release {
	r.has[fileA], r.has[fileB] = r.has[fileB], r.has[fileA]
	return r
}

func swapBits(b uint8) uint8 { return b&^bothFiles | b>>1&1 | b&1<<1 }

// key orders the states of a process; two with the same key may differ, which only costs states.
func (p *proc) key() uint64 {
	k := uint64(p.pc)<<32 | uint64(p.plan)<<28 | uint64(p.did)<<20 | uint64(p.n)<<16
	return k | uint64(p.live)<<12 | uint64(p.seen)<<8 | uint64(p.content)<<4 | uint64(p.flight)
}
