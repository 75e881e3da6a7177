package model

import (
	"slices"
	"testing"
)

// at returns the index of a step in a program that has it.
func (p program) at(what string) int {
	i := slices.IndexFunc(p, func(s step) bool { return s.what == what })
	if i < 0 {
		panic("no step " + what)
	}
	return i
}

func (p *program) drop(what string) {
	i := p.at(what)
	*p = slices.Delete(slices.Clone(*p), i, i+1)
}

// move puts a step in front of another.
func (p *program) move(what, before string) {
	s := (*p)[p.at(what)]
	p.drop(what)
	*p = slices.Insert(*p, p.at(before), s)
}

// change gives a step another effect.
func (p *program) change(what string, do func(turn) verdict) {
	*p = slices.Clone(*p)
	s := &(*p)[p.at(what)]
	s.do, s.futile = do, nil
}

// each does the same to the programs of all verbs.
func (p *protocol) each(do func(*program)) {
	do(&p.publish)
	do(&p.rollback)
	do(&p.prune)
}

// A mutant is the protocol without one of its rules.
type mutant struct {
	name     string
	scenario string // in which that is noticed
	caught   []rule // by any of these
	mutate   func(*protocol)
}

func mutants() []mutant {
	return slices.Concat(commitMutants(), publishMutants(), createMutants(), otherMutants())
}

func commitMutants() []mutant {
	return []mutant{
		{"no fence", "two publish, one rolls back", []rule{noLostUpdate, logTrue}, func(p *protocol) {
			p.each(func(p *program) { p.drop("fence") })
		}},
		{"compare before the fence", "two publish, one rolls back", []rule{noLostUpdate, logTrue}, func(p *protocol) {
			p.each(func(p *program) { p.move("compare", "fence") })
		}},
		{"prune does not fence", "activate, prune, roll back", []rule{noLostUpdate, logTrue}, func(p *protocol) { p.prune.drop("fence") }},
		{"who was too late takes the next number without a new plan", "publish twice, prune", []rule{prunedForever}, func(p *protocol) {
			p.publish.change("compare", func(x turn) verdict {
				x.proc.n, x.live = x.server.n, x.pointer
				return next
			})
		}},
		{"fence after the claim", "two publish, one rolls back", []rule{noLostUpdate, logTrue}, func(p *protocol) {
			p.publish.move("fence", "flip")
			p.rollback.move("fence", "flip")
		}},
		{"claim without comparing", "two publish, one rolls back", []rule{noLostUpdate, logTrue}, func(p *protocol) {
			p.each(func(p *program) { p.drop("compare") })
		}},
		{"flip without claim", "two publish, one rolls back", []rule{noLostUpdate}, func(p *protocol) {
			p.publish.drop("claim")
			p.publish.change("flip", func(x turn) verdict {
				x.pointer = x.tag()
				return done
			})
		}},
		{"a claim takes a number that is taken", "two publish, one rolls back", []rule{oneWinner}, func(p *protocol) {
			p.publish.change("claim", func(x turn) verdict {
				x.server.n = x.proc.n
				return claim(x)
			})
		}},
		{"flip by writing what is pending, fenced or not", "two publish, one rolls back", []rule{noLostUpdate, logTrue}, func(p *protocol) {
			p.publish.change("flip", func(x turn) verdict {
				x.log[x.proc.n+1].mark |= pending
				return flip(x)
			})
		}},
		{"after a lost answer, no fence of our own", "lost answers", []rule{trueAnswers}, func(p *protocol) {
			p.publish.change("fence ourselves", func(x turn) verdict {
				if e := &x.log[x.proc.n+1]; e.mark&pending != 0 {
					e.mark |= disowned
					return notLive
				}
				return next
			})
		}},
	}
}

func publishMutants() []mutant {
	const twice = "publish twice, prune"
	return []mutant{
		{"publish does not scan the log", twice, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.publish.drop("scan log")
		}},
		{"publish does not look for a tombstone", twice, []rule{prunedForever}, func(p *protocol) {
			p.publish.drop("look for tombstone")
		}},
		{"the tombstone is looked for before the sizes", twice, []rule{prunedForever}, func(p *protocol) {
			p.publish.move("look for tombstone", "look at")
		}},
		{"the log is listed after the objects", twice, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.publish.move("list log", "scan log")
			p.publish.move("read pointer", "scan log")
		}},
		{"the pointer is read before the log is listed", "publish twice, roll back", []rule{trueAnswers}, func(p *protocol) {
			p.publish.move("read pointer", "list log")
		}},
		{"publish does not ask whether it was live", "publish twice, roll back", []rule{publishedOnce}, func(p *protocol) {
			p.publish.change("decide", func(x turn) verdict {
				if x.seen == allNames && x.wasLive(x.tag(), x.proc.n) {
					return next
				}
				return decidePublish(x)
			})
		}},
		{"publish asks whether it was live only if it is complete", "hand-made root, published again", []rule{publishedOnce}, func(p *protocol) {
			p.publish.change("decide", func(x turn) verdict {
				if x.seen != allNames && x.wasLive(x.tag(), x.proc.n) {
					return next
				}
				return decidePublish(x)
			})
		}},
		{"publish does not compare with what is live", "two publish, one rolls back", []rule{oneWay}, func(p *protocol) {
			p.publish.change("decide", func(x turn) verdict {
				x.spec.downgrade = true
				return decidePublish(x)
			})
		}},
	}
}

func createMutants() []mutant {
	const twice, empty, other = "publish twice, prune", "empty root, same twice", "other bytes"
	return []mutant{
		{"adopt after create", empty, []rule{liveWhole}, func(p *protocol) {
			for _, what := range []string{"walk", "compare to adopt", "claim 1"} {
				p.publish.move(what, "fence")
			}
		}},
		{"the manifest comes first and is taken for the release", "not activated", []rule{liveWhole, secondRun}, func(p *protocol) {
			p.publish.move("create manifest", "create")
			trustManifest(p)
		}},
		{"the manifest is created beside a conflict", other, []rule{liveWhole}, func(p *protocol) {
			p.publish.drop("report conflicts")
			p.publish.change("create manifest", func(x turn) verdict {
				x.name, x.conflict = manifest, false
				return create(x)
			})
		}},
		{"what is unfinished is not compared", other, []rule{refusedClean}, func(p *protocol) {
			p.publish.drop("compare unfinished")
		}},
		{"a file with other bytes is overwritten", other, []rule{createdOnce}, func(p *protocol) {
			p.publish.change("create", func(x turn) verdict {
				x.release().has[x.name] = x.spec.bytes
				return next
			})
		}},
		{"create adds no manifest", twice, []rule{liveWhole}, func(p *protocol) { p.publish.drop("create manifest") }},
		{"commit before create", "publish twice, prune", []rule{liveWhole}, func(p *protocol) {
			for _, what := range []string{"fence", "compare", "claim", "flip"} {
				p.publish.move(what, "create")
			}
		}},
	}
}

func otherMutants() []mutant {
	const three = "activate, prune, roll back"
	return []mutant{
		{"rollback does not scan for prunes", three, []rule{prunedForever, liveWhole}, func(p *protocol) {
			p.rollback.drop("scan log")
		}},
		{"rollback takes what is incomplete", "not activated", []rule{liveWhole}, func(p *protocol) {
			p.rollback.drop("decide")
		}},
		{"the tombstone is written before the claim", three, []rule{prunedForever}, func(p *protocol) {
			p.prune.move("write tombstone", "fence")
		}},
		{"removal before the tombstone", "publish twice, prune", []rule{prunedForever}, func(p *protocol) {
			p.prune.move("write tombstone", "end")
		}},
		{"prune removes before claiming", three, []rule{liveWhole}, func(p *protocol) {
			p.prune.move("remove", "fence")
		}},
		{"prune claims nothing", three, []rule{liveWhole, prunedForever}, func(p *protocol) {
			for _, what := range []string{"fence", "compare", "claim"} {
				p.prune.drop(what)
			}
		}},
		{"prune does not look who is live", three, []rule{liveWhole, prunedForever}, func(p *protocol) {
			p.prune.change("decide", func(turn) verdict { return next })
		}},
		{"prune does not compare", three, []rule{liveWhole, prunedForever, noLostUpdate, logTrue}, func(p *protocol) {
			p.prune.drop("compare")
		}},
	}
}

// TestMutants wants each mutant to be noticed, by an invariant that says what is wrong with it.
func TestMutants(t *testing.T) {
	if raceDetector {
		t.Log("one goroutine; without the race detector this is ten times faster")
		return
	}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			p := decided()
			m.mutate(&p)
			e := find(t, m.scenario).explore(p)
			v := e.broken
			switch {
			case v == nil:
				t.Errorf("not noticed in %d states of %q", len(e.nodes), m.scenario)
			case !slices.Contains(m.caught, v.rule):
				t.Errorf("noticed by another rule: %v", v)
			default:
				t.Logf("%d states; %s: %s", len(e.nodes), v.rule, v.detail)
			}
		})
	}
}

func find(t *testing.T, name string) scenario {
	for _, c := range scenarios() {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no scenario %q", name)
	return scenario{}
}
