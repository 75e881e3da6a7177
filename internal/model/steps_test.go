package model

// There is nothing to wait for where others will not change what a step finds.

func settledName(x turn) bool {
	if x.release().has[x.name] == 0 {
		return x.noMaker
	}
	return x.noRemover
}

func sameThere(x turn) bool     { return x.noRemover && x.release().has[x.name] != 0 }
func manifestThere(x turn) bool { return x.noRemover && x.release().has[manifest] != 0 }
func hasTomb(x turn) bool       { return x.release().tomb }
func settledTomb(x turn) bool   { return x.noRemover || hasTomb(x) }
func goneForGood(x turn) bool   { return x.noMaker && x.release().has[x.name] == 0 }
func manifestGone(x turn) bool  { return x.noMaker && x.release().has[manifest] == 0 }

// Planning.

func listLog(x turn) verdict {
	x.proc.n = x.server.n
	return next
}

func readPointer(x turn) verdict {
	x.live = x.pointer
	return next
}

func lookAt(x turn) verdict {
	c := x.release().has[x.name]
	if c != 0 {
		x.seen |= 1 << x.name
	}
	if x.name == manifest {
		x.content = c
	}
	return next
}

func lookForTombstone(x turn) verdict {
	x.tomb = x.release().tomb
	return next
}

// scanForPrune reads the log from the newest entry to the first that names the release.
func scanForPrune(x turn) verdict {
	t := x.tag()
	for k := x.proc.n; k > 0; k-- {
		e := x.log[k]
		if e.act == prune && e.tags&t.bit() != 0 {
			return isPruned
		}
		if e.from == t || e.to == t || e.tags&t.bit() != 0 {
			break
		}
	}
	return next
}

func decidePublish(x turn) verdict {
	complete := x.seen == allNames
	switch t := x.tag(); {
	case x.tomb:
		return isPruned
	case x.content != 0 && x.content != x.spec.bytes:
		return isOther
	case complete && (x.live == t || x.spec.noActivate):
		return done
	case x.live != t && x.wasLive(t, x.proc.n) && x.live > t:
		return done
	case x.live != t && x.wasLive(t, x.proc.n):
		return isRolledBack
	case x.live > t && !x.spec.downgrade && !x.spec.noActivate:
		return isLower
	}
	return next
}

// unfinishedFiles are the files of a release that has no manifest yet.
func unfinishedFiles(x turn) uint8 {
	if x.content != 0 {
		return 0
	}
	return x.seen & bothFiles
}

// compareUnfinished refuses other bytes before it adds any: a file more of ours, and the release could be completed by
// nobody.
func compareUnfinished(x turn) verdict {
	if has := x.release().has[x.name]; has != 0 && has != x.spec.bytes {
		return isOther
	}
	return next
}

// forget clears what the plan no longer needs.
func forget(x turn) verdict {
	x.seen, x.content = 0, 0
	return next
}

// chooseBelow takes what is below the live release on the stack that the history of effective changes makes.
func chooseBelow(x turn) verdict {
	var stack []tag
	for k := uint8(1); k <= x.proc.n; k++ {
		e := x.log[k]
		switch {
		case e.act == adopt && e.to != none:
			stack = append(stack, e.to)
		case e.from == e.to || !x.effective(k, x.proc.n, x.live):
		case e.act == rollback:
			for len(stack) > 0 && stack[len(stack)-1] != e.to {
				stack = stack[:len(stack)-1]
			}
		default:
			stack = append(stack, e.to)
		}
	}
	if len(stack) < 2 || stack[len(stack)-1] != x.live {
		return isMissing
	}
	x.to = stack[len(stack)-2]
	return next
}

func decideRollback(x turn) verdict {
	t, hand := x.tag(), x.hand
	if x.proc.n > 0 {
		hand = x.log[1].tags
	}
	switch {
	case x.live == t:
		return done
	case x.seen != allNames && hand&t.bit() == 0:
		return isMissing
	case x.spec.verb == rollback && t > x.live, x.spec.verb == activate && t < x.live:
		return isDirection
	}
	x.seen, x.content = 0, 0
	return next
}

// decidePrune protects less than the real one, which also spares what any entry of the last 24 hours names.
func decidePrune(x turn) verdict {
	x.content = 0
	switch {
	case x.live == x.tag():
		return isLive
	case x.seen == 0:
		return done
	}
	return next
}

// walk finds what is there before the first entry is. One step is as good as many: others have to claim number 1 before
// they create anything, and then our claim fails.
func walk(x turn) verdict {
	for t := range x.rel {
		if x.rel[t].there() != 0 {
			x.hand |= tag(t).bit()
		}
	}
	return next
}

func claimAdopt(x turn) verdict {
	if x.server.n != 0 {
		return again
	}
	x.add(entry{act: adopt, from: x.live, to: x.live, tags: x.hand})
	x.proc.n, x.hand = 1, 0
	return next
}

// Objects.

// create adds a file, or compares the one that is there. A file that vanishes between the two is an error, the same as
// dying there.
func create(x turn) verdict {
	has := &x.release().has[x.name]
	if *has == 0 {
		*has = x.spec.bytes
	}
	x.conflict = x.conflict || *has != x.spec.bytes
	return next
}

func reportConflicts(x turn) verdict {
	if x.conflict {
		return isOther
	}
	return next
}

func createManifest(x turn) verdict {
	x.name = manifest
	create(x)
	return reportConflicts(x)
}

func writeTombstone(x turn) verdict {
	x.release().tomb = true
	return next
}

func remove(x turn) verdict {
	x.release().has[x.name] = 0
	return next
}

func removeManifest(x turn) verdict {
	x.name = manifest
	return remove(x)
}

// The commit.

func fenced(x turn) bool    { return x.log[x.proc.n].mark&pending == 0 }
func tooLate(x turn) bool   { return x.server.n != x.proc.n }
func wasFenced(x turn) bool { return x.log[x.proc.n+1].mark&pending == 0 }

func fence(x turn) verdict {
	x.log[x.proc.n].mark &^= pending
	return next
}

func compare(x turn) verdict {
	if x.pointer != x.live {
		return again
	}
	return next
}

func claim(x turn) verdict {
	if x.server.n != x.proc.n {
		return again
	}
	e := entry{act: x.spec.verb, from: x.live, to: x.target()}
	if e.act == publish || e.act == prune {
		e.tags = x.tag().bit()
	}
	if e.from != e.to {
		e.mark = pending
	}
	x.add(e)
	if e.from == e.to && e.act != prune {
		return done
	}
	x.live = none
	return next
}

func flip(x turn) verdict {
	if !flipClaim(&x.server, x.proc.n+1) {
		return again
	}
	return done
}

func flipClaim(s *server, k uint8) bool {
	e := &s.log[k]
	if e.mark&pending == 0 {
		return false
	}
	e.mark = e.mark&^pending | flipped
	s.pointer = e.to
	return true
}

func sendFlip(x turn) { x.flight = x.proc.n + 1 }

func fenceOurselves(x turn) verdict {
	e := &x.log[x.proc.n+1]
	if e.mark&pending == 0 {
		return next
	}
	e.mark = e.mark&^pending | disowned
	return notLive
}

func readAfterLoss(x turn) verdict {
	if x.pointer == x.tag() {
		return done
	}
	return superseded
}
