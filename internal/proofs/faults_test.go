package proofs

import (
	"context"
	"testing"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/storetest"
)

// A verb is what is stopped, between what was there before and what must be there at the end.
type verb struct {
	name   string
	kind   layout.Kind
	setup  func(t *testing.T, s store.Store)
	act    func(ctx context.Context, t *testing.T, s store.Store) error
	before string // live before; "" for nothing
	after  string // live after
	gone   string // a release of which nothing is left at the end
}

func verbs() []verb {
	three := func(kind layout.Kind) func(t *testing.T, s store.Store) {
		return func(t *testing.T, s store.Store) {
			for i, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
				mustPublish(t, s, kind, text, i+1)
			}
		}
	}
	publishing := func(kind layout.Kind, text string) func(context.Context, *testing.T, store.Store) error {
		return func(ctx context.Context, t *testing.T, s store.Store) error {
			_, err := publish.Run(ctx, s, request(t, kind, text, 9))
			return err
		}
	}
	return []verb{
		{
			name: "first publish", kind: layout.Prefix, after: "v1.0.0",
			act: publishing(layout.Prefix, "v1.0.0"),
		},
		{
			name: "publish", kind: layout.Prefix, before: "v1.2.0", after: "v1.3.0",
			setup: three(layout.Prefix), act: publishing(layout.Prefix, "v1.3.0"),
		},
		{
			name: "publish in the directory layout", kind: layout.Directory, before: "v1.2.0", after: "v1.3.0",
			setup: three(layout.Directory), act: publishing(layout.Directory, "v1.3.0"),
		},
		{
			name: "publish without activating", kind: layout.Prefix, before: "v1.2.0", after: "v1.2.0",
			setup: three(layout.Prefix),
			act: func(ctx context.Context, t *testing.T, s store.Store) error {
				r := request(t, layout.Prefix, "v1.3.0", 9)
				r.NoActivate = true
				_, err := publish.Run(ctx, s, r)
				return err
			},
		},
		{
			name: "adopt", kind: layout.Prefix, before: "v1.0.0", after: "v1.3.0",
			setup: handMade, act: publishing(layout.Prefix, "v1.3.0"),
		},
		{
			name: "rollback", kind: layout.Prefix, before: "v1.2.0", after: "v1.0.0", setup: three(layout.Prefix),
			act: func(ctx context.Context, t *testing.T, s store.Store) error {
				_, err := rollback.Run(ctx, s, rollback.Request{Project: project, Tag: tag(t, "v1.0.0"), Who: on(9)})
				return err
			},
		},
		{
			name: "activate", kind: layout.Prefix, before: "v1.0.0", after: "v1.2.0",
			setup: func(t *testing.T, s store.Store) {
				three(layout.Prefix)(t, s)
				if _, err := rollback.Run(t.Context(), s, rollback.Request{Project: project, Tag: tag(t, "v1.0.0"), Who: on(4)}); err != nil {
					t.Fatal(err)
				}
			},
			act: func(ctx context.Context, t *testing.T, s store.Store) error {
				_, err := rollback.Activate(ctx, s, rollback.Request{Project: project, Tag: tag(t, "v1.2.0"), Who: on(9)})
				return err
			},
		},
		{
			name: "prune", kind: layout.Prefix, before: "v1.2.0", after: "v1.2.0", gone: "v1.0.0", setup: three(layout.Prefix),
			act: func(ctx context.Context, _ *testing.T, s store.Store) error {
				_, err := prune.Run(ctx, s, prune.Request{Project: project, Keep: 2, Who: on(9)})
				return err
			},
		},
	}
}

// handMade puts a release on the server as people do it without otactl.
func handMade(t *testing.T, s store.Store) {
	t.Helper()
	objects := append(releases(layout.Prefix, "v1.0.0")["v1.0.0"], store.Object{Name: project.Pointer(), Data: []byte("v1.0.0\n")})
	if err := s.Create(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
}

// Devices see one whole release at every moment, wherever a verb is stopped; and the same command again completes it.
func TestEveryVerbStoppedAtEveryWrite(t *testing.T) {
	for _, v := range verbs() {
		template := v.template(t)
		for name, b := range backends() {
			if name == "openssh -u 077" && v.setup != nil && v.kind != layout.Directory {
				continue // a umask matters where folders are made
			}
			t.Run(name+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				faults := storetest.EveryFault(t, b.on(template), storetest.Scenario{
					Act:   func(ctx context.Context, s store.Store) error { return v.act(ctx, t, s) },
					Check: func(t *testing.T, s store.Store) { wantLive(t, s, v.kind, v.before, v.after) },
					Done:  func(t *testing.T, s store.Store) { v.done(t, s) },
				})
				t.Logf("%d faults", faults)
			})
		}
	}
}

// template makes a folder with what was there before.
func (v verb) template(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if v.setup == nil {
		return dir
	}
	s := openLocal(t, dir)
	v.setup(t, s)
	if err := s.Close(); err != nil { // what goes on in the background must not go on while it is copied
		t.Fatal(err)
	}
	return dir
}

// done checks that the verb did what it is for, and that the log tells it.
func (v verb) done(t *testing.T, s store.Store) {
	t.Helper()
	wantLive(t, s, v.kind, v.after)
	state, err := release.Load(t.Context(), s, project)
	if err != nil {
		t.Fatal(err)
	}
	if v.gone != "" {
		found, err := state.Inventory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Tag.String() == v.gone {
				t.Errorf("%s is still there: %v", v.gone, f)
			}
		}
		pruned, err := state.Pruned(t.Context(), tag(t, v.gone))
		if err != nil || !pruned {
			t.Errorf("%s has no tombstone: %v", v.gone, err)
		}
	}
	if was, err := state.WasLive(t.Context(), tag(t, v.after)); err != nil || !was {
		t.Errorf("the log does not say that %s is live: %v", v.after, err)
	}
}
