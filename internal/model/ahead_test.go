package model

import (
	"slices"
	"testing"
)

// ahead is the protocol of who prepares a change while it is still being planned, with every order that this makes possible
// put in the worst way: the last change is fenced, and the pointer compared, before anything else is looked at, and the number
// is claimed before the manifest is there. What is implemented fences early only if that has nothing to do.
func ahead() protocol {
	p := decided()
	for _, v := range []struct {
		verb  *program
		first string
	}{{&p.publish, "look for tombstone"}, {&p.rollback, "choose"}} {
		early := program{
			{what: "fence ahead", effect: true, do: fence, futile: fenced, when: hasLog},
			{what: "compare ahead", do: compareAhead, futile: tooLate, when: hasLog},
		}
		*v.verb = slices.Insert(slices.Clone(*v.verb), v.verb.at(v.first), early...)
		(*v.verb)[v.verb.at("fence")].when = notLooked
		(*v.verb)[v.verb.at("compare")].when = notLooked
	}
	p.publish.drop("forget") // whether the manifest was there
	late := p.publish[p.publish.at("create manifest")]
	p.publish[p.publish.at("create manifest")].when = func(x turn) bool { return missingManifest(x) && x.spec.noActivate }
	late.what = "create manifest after the claim"
	late.do = func(x turn) verdict {
		v := createManifest(x)
		if v != next {
			x.log[x.proc.n+1].mark |= disowned // we say so, and do not flip
		}
		return v
	}
	p.publish = slices.Insert(p.publish, p.publish.at("flip"), late)
	return p
}

func hasLog(x turn) bool    { return x.proc.n > 0 }
func notLooked(x turn) bool { return !x.looked }

func compareAhead(x turn) verdict {
	x.looked = true
	return compare(x)
}

// TestAhead wants every invariant to hold in that protocol too.
func TestAhead(t *testing.T) {
	if raceDetector {
		t.Log("one goroutine; without the race detector this is ten times faster")
		return
	}
	for _, c := range scenarios() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := c.explore(ahead())
			t.Logf("%d states", len(e.nodes))
			if e.broken != nil {
				t.Error(e.broken)
			}
		})
	}
}

// TestAheadNotices wants a flip without the manifest, and a compare before the fence, to be noticed.
func TestAheadNotices(t *testing.T) {
	for scenario, mutate := range map[string]func(*protocol){
		"publish twice, roll back": func(p *protocol) { p.publish.drop("create manifest after the claim") },
		"two publish, one rolls back": func(p *protocol) {
			p.publish.move("compare ahead", "fence ahead")
			p.rollback.move("compare ahead", "fence ahead")
		},
	} {
		p := ahead()
		mutate(&p)
		c := find(t, scenario)
		c.free = false
		if e := c.explore(p); e.broken == nil {
			t.Errorf("not noticed in %d states of %q", len(e.nodes), scenario)
		}
	}
}
