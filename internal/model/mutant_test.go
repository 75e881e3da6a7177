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
	return slices.Concat(commitMutants(), buryMutants(), publishMutants(), createMutants(), lookMutants(), pruneMutants())
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
		{"after a lost answer, the old pointer is enough", "lost answers", []rule{trueAnswers}, func(p *protocol) {
			p.publish.change("look for the next claim", func(x turn) verdict {
				x.log[x.proc.n+1].mark |= disowned
				return notLive
			})
		}},
	}
}

func publishMutants() []mutant {
	return []mutant{
		{"the log is listed after the objects", "unfinished of other names, pruned", []rule{prunedForever, liveWhole}, func(p *protocol) {
			for _, what := range []string{"read pointer", "load", "walk", "list log again"} {
				p.publish.move(what, "refuse")
			}
		}},
		{"the log is not listed again after a walk", "empty root, same twice", []rule{trueAnswers}, func(p *protocol) {
			p.publish.drop("list log again")
		}},
		{"publish does not ask whether it was live", "publish twice, roll back", []rule{publishedOnce}, func(p *protocol) {
			p.publish.change("decide", func(x turn) verdict {
				if x.seen == ownNames(x) && x.live != x.tag() && x.wasLive(x.tag(), x.proc.n) {
					return forget(x)
				}
				return decidePublish(x)
			})
		}},
		{"publish asks whether it was live only if it is complete", "hand-made root, published again", []rule{publishedOnce}, func(p *protocol) {
			p.publish.change("decide", func(x turn) verdict {
				if x.seen != ownNames(x) && x.wasLive(x.tag(), x.proc.n) {
					return forget(x)
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
				p.publish.move(what, "help")
			}
		}},
		{"the manifest comes first and is taken for the release", "not activated", []rule{liveWhole, secondRun}, func(p *protocol) {
			p.publish.move("create manifest", "create")
			trustManifest(p)
		}},
		{"the manifest is created beside a conflict", other, []rule{liveWhole}, func(p *protocol) {
			p.publish.drop("report conflicts")
			p.publish.change("create manifest", func(x turn) verdict {
				createManifest(x)
				x.conflict = false
				return next
			})
		}},
		{"what is unfinished is not compared", other, []rule{refusedClean}, func(p *protocol) {
			p.publish.drop("compare unfinished")
		}},
		{"a file with other bytes is overwritten", other, []rule{createdOnce}, func(p *protocol) {
			p.publish.change("create", func(x turn) verdict {
				x.release().has[x.name] = x.spec.bytes
				x.conflict = false
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

// lookMutants are about what was live when a plan was made.
func lookMutants() []mutant {
	const twice = "publish twice, roll back"
	blind := func(x turn) verdict { return x.refusal }
	return []mutant{
		{"publish refuses without a second look", twice, []rule{trueAnswers}, func(p *protocol) { p.publish.change("look again", blind) }},
		{"rollback refuses without a second look", "both directions", []rule{trueAnswers}, func(p *protocol) {
			p.rollback.change("look again", blind)
		}},
		{"prune refuses without a second look", "activate, prune, roll back", []rule{trueAnswers}, func(p *protocol) {
			p.prune.change("look again", blind)
		}},
		{"rollback takes what is incomplete", "not activated", []rule{liveWhole}, func(p *protocol) {
			p.rollback.change("decide", forget)
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
			c := find(t, m.scenario)
			c.free = false // mutants change places in the worst order
			e := c.explore(p)
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
