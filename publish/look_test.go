package publish_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

// before is a store in which something happens before an object is read for the first time.
type before struct {
	store.Store
	name   string
	once   *sync.Once
	happen func()
}

func (b before) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if name == b.name {
		b.once.Do(b.happen)
	}
	return b.Store.Read(ctx, name, max)
}

// stale is a store in which something happens after the pointer was read for the first time.
type stale struct {
	store.Store
	once   *sync.Once
	happen func()
}

func (s stale) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	data, err := s.Store.Read(ctx, name, max)
	if name == layout.Project("demo").Pointer() {
		s.once.Do(s.happen)
	}
	return data, err
}

// Warnings that a strict publish refuses are about what is live, not about what was.
func TestStrictWhilePublished(t *testing.T) {
	tree, err := local.Open(t.TempDir(), local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })
	request := func(text string, names ...string) publish.Request {
		tag, err := layout.ParseTag(text)
		must(t, err)
		r := publish.Request{Project: "demo", Tag: tag, Kind: layout.Prefix, Who: release.Who{Time: time.Unix(0, 0)}, Strict: true}
		for _, name := range names {
			r.Set.Files = append(r.Set.Files, source.File{Name: name, Data: []byte("1")})
		}
		return r
	}
	run := func(st store.Store, r publish.Request) error {
		_, err := publish.Run(context.Background(), st, r)
		return err
	}
	must(t, run(st, request("v1.0.0", "boot.py", "main.py")))
	var strict *release.StrictError
	if err := run(st, request("v1.2.0", "main.py")); !errors.As(err, &strict) {
		t.Fatalf("without boot.py: %v", err)
	}
	smaller := request("v1.1.0", "main.py")
	smaller.Strict = false
	meanwhile := func() { must(t, run(st, smaller)) }
	must(t, run(stale{Store: st, once: new(sync.Once), happen: meanwhile}, request("v1.2.0", "main.py")))
}

// A publish that is to complete an unfinished release, which is pruned under its eyes, is refused as pruned.
func TestPrunedWhileCompared(t *testing.T) {
	tree, err := local.Open(t.TempDir(), local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })
	tag, err := layout.ParseTag("v1.0.1")
	must(t, err)
	who := release.Who{Time: time.Unix(0, 0)}
	file := store.Object{Name: "demo/v1.0.1_main.py", Data: []byte("1")}
	s, err := release.Load(t.Context(), st, "demo")
	must(t, err)
	must(t, s.Adopt(t.Context(), who))
	must(t, st.Create(t.Context(), []store.Object{file}))

	pruneIt := func() {
		_, err := prune.Run(context.Background(), st, prune.Request{Project: "demo", Tags: []layout.Tag{tag}, Who: who})
		must(t, err)
	}
	_, err = publish.Run(t.Context(), before{Store: st, name: file.Name, once: new(sync.Once), happen: pruneIt}, publish.Request{
		Project: "demo", Tag: tag, Kind: layout.Prefix, Who: who,
		Set: source.Set{Files: []source.File{{Name: "main.py", Data: file.Data}}},
	})
	var pruned *release.PrunedError
	if !errors.As(err, &pruned) {
		t.Errorf("the publish ends in %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
