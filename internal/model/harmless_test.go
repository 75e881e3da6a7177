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
		// One of the two is enough: a manifest that is made last, by one who has seen each file there, proves the release; and
		// so do a manifest and files, whichever came first, because only one can make the manifest.
		{"the manifest is created before the files", "other bytes", nil, func(p *protocol) {
			p.publish.move("create manifest", "create")
		}},
		{"a manifest is taken for the release", "publish, roll back, prune", nil, trustManifest},
		// A rollback looks at what is there, then at the log; a prune in between makes the scan refuse or the claim fail.
		{"rollback lists the log after the objects", three, nil, func(p *protocol) {
			p.rollback.move("look at", "list log")
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
			e := find(t, m.scenario).explore(p)
			v := e.broken
			t.Logf("%d states", len(e.nodes))
			if v != nil {
				t.Error(v)
			}
		})
	}
}
