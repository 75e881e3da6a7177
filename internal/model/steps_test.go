package model

func settledCreate(x turn) bool {
	return x.noRemover && x.release().has[x.name] != 0
}

func manifestThere(x turn) bool { return x.noRemover && x.release().has[manifest] != 0 }
func goneForGood(x turn) bool   { return x.noMaker && x.release().has[x.name] == 0 }
func manifestGone(x turn) bool  { return x.noMaker && x.release().has[manifest] == 0 }

func claimAdopt(x turn) verdict {
	if x.server.n != 0 {
		return again
	}
	x.add(entry{act: adopt, from: x.live, to: x.live, tags: x.hand})
	x.proc.n, x.hand = 1, 0
	return next
}

// Objects.

// create adds a file, or compares the one that is there; of the manifest it only notes that it is there. A store compares
// all that is there before it adds any, which is one of the orders of these steps: to find that a file is not there yet is
// no step of its own. A file that vanishes between being found and being compared is an error, the same as dying there.
func create(x turn) verdict {
	has := &x.release().has[x.name]
	switch {
	case *has == 0 && x.name != manifest:
		*has = x.spec.bytes
	case *has != 0 && x.name == manifest:
		x.seen |= 1 << manifest
	}
	x.conflict = x.conflict || *has != 0 && *has != x.spec.bytes
	return next
}

func reportConflicts(x turn) verdict {
	if x.conflict {
		return isOther
	}
	return next
}

func compareManifest(x turn) verdict {
	x.name = manifest
	return create(x)
}

// createManifest is for a manifest that was not there before, however long ago.
func createManifest(x turn) verdict {
	has := &x.release().has[manifest]
	if *has == 0 {
		*has = x.spec.bytes
	}
	x.conflict = *has != x.spec.bytes
	return reportConflicts(x)
}

// buried reports whether the tombstones of the last change that is known are there.
func buried(x turn) bool {
	for t := range x.rel {
		if x.log[x.proc.n].tags&tag(t).bit() != 0 && !x.rel[t].tomb {
			return false
		}
	}
	return true
}

// bury writes them. The prunes of this model have one tag, so that one step is enough.
func bury(x turn) verdict {
	for t := range x.rel {
		if x.log[x.proc.n].tags&tag(t).bit() != 0 {
			x.rel[t].tomb = true
		}
	}
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
	if e.act == prune {
		x.proc.n, x.live = x.server.n, none
		return next
	}
	if e.from == e.to {
		return done
	}
	if !x.spec.lossy {
		x.live = none
	}
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
	switch x.pointer {
	case x.tag():
		return done
	case x.live:
		return next
	}
	return unknown
}

// lookForNext comes after the old pointer was seen: if our flip had changed it, only a later claim could have changed it back.
func lookForNext(x turn) verdict {
	if x.server.n > x.proc.n+1 {
		return unknown
	}
	x.log[x.proc.n+1].mark |= disowned
	return notLive
}
