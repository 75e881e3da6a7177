package model

// There is nothing to wait for where others will not change what a step finds.

func settledName(x turn) bool {
	if x.release().has[x.name] == 0 {
		return x.noMaker
	}
	return x.noRemover
}

func settledThing(x turn) bool {
	if x.name == tombstone {
		return settledTomb(x)
	}
	return settledName(x)
}

func settledManifest(x turn) bool {
	x.name = manifest
	return settledName(x)
}

func settledTomb(x turn) bool { return x.noRemover || x.release().tomb }

// What release.Load reads at once, as bits.
const (
	loadLog     = 1 << manifest // not those of the two files: they may change places (see canonical)
	loadPointer = 1 << tombstone
)

func load(x turn) verdict {
	if 1<<x.name == loadPointer {
		return readPointer(x)
	}
	x.proc.n = x.server.n
	return next
}

func readPointer(x turn) verdict {
	x.live = x.pointer
	return next
}

// walk finds what is there before the first entry is. One step is as good as many: others have to claim number 1 before
// they create anything, and then listAgain finds it.
func walk(x turn) verdict {
	for t := range x.rel {
		if r := x.rel[t]; r.has[manifest] == 0 && r.there() != 0 {
			x.hand |= tag(t).bit()
		}
	}
	x.walked = x.release().there() & bothFiles
	return next
}

// listAgain loads anew if somebody has written to the project by now: what was found may be half of his release.
func listAgain(x turn) verdict {
	if x.server.n != 0 {
		*x.proc = proc{plan: x.plan, flight: x.flight}
	}
	return next
}

func lookAt(x turn) verdict {
	if x.name == tombstone {
		return lookForTombstone(x)
	}
	c := x.release().has[x.name]
	if c != 0 {
		x.seen |= 1 << x.name
	}
	if x.name == manifest {
		x.content = c
	}
	return next
}

func lookAtManifest(x turn) verdict {
	x.name = manifest
	return lookAt(x)
}

func lookForTombstone(x turn) verdict {
	x.tomb = x.release().tomb
	return next
}

// knownPruned reports what can be known: earlier prunes than the last change have their tombstones.
func (x turn) knownPruned() bool {
	last := x.log[x.proc.n]
	return x.tomb || last.act == prune && last.tags&x.tag().bit() != 0
}

// byHand reports whether the release was there before the log.
func (x turn) byHand() bool {
	hand := x.hand
	if x.proc.n > 0 {
		hand = x.log[1].tags
	}
	return hand&x.tag().bit() != 0
}

func refuse(x turn) verdict {
	if x.knownPruned() {
		return isPruned
	}
	return refuseBytes(x)
}

// refuseBytes is about what is there.
func refuseBytes(x turn) verdict {
	switch {
	case x.content != 0 && x.content != x.spec.bytes:
		return isOther
	case x.content == 0 && x.byHand() && x.spec.bytes.files() != handFiles(x):
		return isOther
	}
	return next
}

// handFiles are the files that entry 1 lists of the release, or will: all that are made by hand have two.
func handFiles(x turn) uint8 {
	if x.proc.n > 0 {
		return bothFiles
	}
	return x.walked
}

// unfinishedFiles are the files of a release that has no manifest yet. If nobody has other bytes, there is no need to
// compare: that a file vanished is as well found at the claim.
func unfinishedFiles(x turn) uint8 {
	if x.content != 0 || x.sameBytes {
		return 0
	}
	return x.seen & x.spec.bytes.files()
}

// compareUnfinished refuses other bytes before it adds any: a file more of ours, and the release could be completed by
// nobody.
func compareUnfinished(x turn) verdict {
	switch has := x.release().has[x.name]; has {
	case x.spec.bytes:
		return next
	case 0:
		return again
	}
	return isOther
}

func decidePublish(x turn) verdict {
	complete := x.seen == ownNames(x)
	something := x.seen != 0 || x.byHand()
	was := something && x.live != x.tag() && x.wasLive(x.tag(), x.proc.n)
	switch t := x.tag(); {
	case complete && (x.live == t || x.spec.noActivate):
		return done
	case x.spec.noActivate || x.live == t:
	case was && x.live > t:
		return done
	case was:
		return x.refuse(isRolledBack)
	case x.live > t && !x.spec.downgrade:
		return x.refuse(isLower)
	}
	return forget(x)
}

// refuse keeps a refusal that follows from what was live, until the pointer was looked at again.
func (x turn) refuse(v verdict) verdict {
	forget(x)
	x.refusal = v
	return next
}

func lookAgain(x turn) verdict {
	if x.pointer != x.live {
		return again
	}
	return x.refusal
}

// forget clears what the plan no longer needs.
func forget(x turn) verdict {
	x.seen, x.content, x.tomb, x.walked = 0, 0, false, 0
	return next
}

// choose is what a rollback or activate knows before it looks at a release.
func choose(x turn) verdict {
	if x.spec.tag == none {
		x.to = x.before()
		if x.to == none {
			return x.refuse(isUnknownBefore)
		}
	}
	if x.live == x.tag() {
		return done
	}
	return next
}

// before is State.Before: from the last change back, what was live before each that brought the one in question.
func (x turn) before() tag {
	target, after, pruned := x.live, x.live, uint8(0)
	for k := x.proc.n; k > 0; k-- {
		e := x.log[k]
		effect := e.to == after || e.to == e.from
		after = e.from
		if e.act == prune {
			pruned |= e.tags
		}
		if e.act != publish && e.act != activate || !effect || e.from == e.to || e.to != target {
			continue
		}
		target = e.from
		if pruned&target.bit() == 0 {
			return target
		}
	}
	return none
}

func decideRollback(x turn) verdict {
	t, whole := x.tag(), x.seen&x.content.files() == x.content.files()
	if x.content == 0 {
		whole = x.byHand() && x.seen&bothFiles == bothFiles
	}
	switch {
	case x.knownPruned():
		return isPruned
	case !whole:
		return isMissing
	case x.spec.tag != none && x.live != none && (x.spec.verb == rollback) == (t > x.live):
		return x.refuse(isDirection)
	}
	return forget(x)
}

// decidePrune protects less than the real one, which also spares what any entry of the last 24 hours names, and what a
// rollback would go to.
func decidePrune(x turn) verdict {
	unfinished := x.content == 0 && !x.byHand() && !x.tomb
	gone, tomb := x.seen == 0, x.tomb
	x.content, x.tomb, x.walked = 0, false, 0
	switch {
	case x.live == x.tag() && x.spec.keep:
		return done
	case x.live == x.tag():
		return x.refuse(isLive)
	case x.spec.keep && (unfinished || gone), gone && tomb:
		return done
	case gone:
		return isMissing
	}
	return next
}
