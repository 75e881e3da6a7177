package model

// buryMutants are about how everybody comes to know what was pruned.
func buryMutants() []mutant {
	const twice, names, three = "publish twice, prune", "unfinished of other names, pruned", "activate, prune, roll back"
	last := func(x turn) verdict {
		if x.tomb {
			return isPruned
		}
		return refuseBytes(x)
	}
	return []mutant{
		{"nobody helps, and the log is scanned if something is there", names, []rule{prunedForever}, scanForPrunes},
		{"nobody helps", names, []rule{prunedForever}, func(p *protocol) { p.each(func(p *program) { p.drop("help") }) }},
		{"publish does not help", names, []rule{prunedForever}, func(p *protocol) { p.publish.drop("help") }},
		{"rollback does not help", three, []rule{prunedForever, liveWhole}, func(p *protocol) { p.rollback.drop("help") }},
		{"prune does not help", "two prunes, roll back", []rule{prunedForever, liveWhole}, func(p *protocol) { p.prune.drop("help") }},
		{"help comes after the claim", names, []rule{prunedForever}, func(p *protocol) {
			p.publish.move("help", "flip")
			p.rollback.move("help", "flip")
			p.prune.move("help", "write tombstone")
		}},
		{"publish does not ask the last entry", twice, []rule{prunedForever}, func(p *protocol) { p.publish.change("refuse", last) }},
		{"publish does not look for a tombstone", names, []rule{prunedForever}, func(p *protocol) {
			p.publish.drop("look for tombstone")
		}},
		{"the tombstone is looked for before the log is listed", names, []rule{prunedForever}, func(p *protocol) {
			p.publish.move("look for tombstone", "load")
		}},
		{"rollback does not ask the last entry", three, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.rollback.change("decide", func(x turn) verdict {
				last := x.log[x.proc.n].act
				if last == prune && !x.tomb {
					x.log[x.proc.n].act = adopt
				}
				v := decideRollback(x)
				x.log[x.proc.n].act = last
				return v
			})
		}},
		{"rollback does not look for a tombstone", three, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.rollback.drop("look for tombstone")
		}},
		{"rollback looks for the tombstone before the log is listed", three, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.rollback.move("look for tombstone", "load")
		}},
	}
}

// scanForPrunes is the rule that the help replaces: who finds anything of a release reads the log back to the first entry
// that names it, a prune looks after its own tombstones only, and the tombstone is looked for last.
func scanForPrunes(p *protocol) {
	p.each(func(p *program) { p.drop("help") })
	p.publish.move("look for tombstone", "refuse")
	p.publish.change("refuse", func(x turn) verdict {
		t := x.tag()
		for k := x.proc.n; k > 0 && x.seen != 0; k-- {
			e := x.log[k]
			if e.act == prune && e.tags&t.bit() != 0 {
				return isPruned
			}
			if e.from == t || e.to == t || e.tags&t.bit() != 0 {
				break
			}
		}
		if x.tomb {
			return isPruned
		}
		return refuseBytes(x)
	})
}

func pruneMutants() []mutant {
	const three = "activate, prune, roll back"
	own := func(x turn) verdict {
		x.release().tomb = true
		return next
	}
	return []mutant{
		{"the tombstone is written before the claim", three, []rule{prunedForever, secondRun}, func(p *protocol) {
			p.prune.change("write tombstone", own)
			p.prune.move("write tombstone", "fence")
		}},
		{"removal before the tombstone", "publish twice, prune", []rule{prunedForever, secondRun}, func(p *protocol) {
			p.prune.move("write tombstone", "end")
		}},
		{"prune removes before claiming", three, []rule{liveWhole}, func(p *protocol) {
			p.prune.move("remove", "fence")
		}},
		{"prune claims nothing", three, []rule{liveWhole, prunedForever, secondRun}, func(p *protocol) {
			for _, what := range []string{"help", "fence", "compare", "claim"} {
				p.prune.drop(what)
			}
			p.prune.change("write tombstone", own)
		}},
		{"prune does not look who is live", three, []rule{liveWhole, prunedForever}, func(p *protocol) {
			p.prune.change("decide", func(x turn) verdict {
				x.content = 0
				return next
			})
		}},
		{"prune --keep takes what is unfinished", "unfinished, kept", []rule{unfinishedOK}, func(p *protocol) {
			p.prune.change("decide", func(x turn) verdict {
				x.spec.keep = false
				return decidePrune(x)
			})
		}},
		{"prune does not compare", three, []rule{liveWhole, prunedForever, noLostUpdate, logTrue}, func(p *protocol) {
			p.prune.drop("compare")
		}},
	}
}
