package model

import (
	"slices"
	"testing"
)

// harmless are rules that no invariant needs; why is said beside each.
func harmless() []mutant {
	const pruned, three = "publish, roll back, prune", "activate, prune, roll back"
	found := func(x turn) uint8 { return x.release().there() & bothFiles }
	return []mutant{
		// A pruned release is never live again, so that what others added in the meantime is as dead as the rest.
		{"prune removes what it finds, not what it planned", pruned, nil, func(p *protocol) {
			p.prune = slices.Clone(p.prune)
			p.prune[p.prune.at("remove")].each = found
			p.prune[p.prune.at("remove manifest")].when = func(x turn) bool { return x.release().has[manifest] != 0 }
		}},
		// The same.
		{"prune removes the manifest first", pruned, nil, func(p *protocol) { p.prune.move("remove manifest", "remove") }},
		// A manifest that is made last, by one who has seen each file there, proves the release alone.
		{"a manifest is taken for the release", "publish, roll back, prune", nil, trustManifest},
		// A rollback looks at what is there, then at the log; a prune in between is found to be the last entry, or has its
		// tombstone, or makes the claim fail.
		{"rollback lists the log after the objects", three, nil, func(p *protocol) {
			p.rollback.move("look at manifest", "read pointer")
			p.rollback.move("look at", "read pointer")
		}},
	}
}

// trustManifest takes a release that has a manifest for complete.
func trustManifest(p *protocol) {
	p.each(func(p *program) {
		(*p)[p.at("decide")].do = func(do func(turn) verdict) func(turn) verdict {
			return func(x turn) verdict {
				if x.content != 0 {
					x.seen = allNames
				}
				return do(x)
			}
		}((*p)[p.at("decide")].do)
	})
}

// TestHarmless keeps what is said of these rules true.
func TestHarmless(t *testing.T) {
	if raceDetector {
		t.Log("one goroutine; without the race detector this is ten times faster")
		return
	}
	for _, m := range harmless() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			p := decided()
			m.mutate(&p)
			c := find(t, m.scenario)
			c.free = false // mutants change places in the worst order
			e := c.explore(p)
			v := e.broken
			t.Logf("%d states", len(e.nodes))
			if v != nil {
				t.Error(v)
			}
		})
	}
}
