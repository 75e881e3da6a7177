package release_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

// between is a store in which something happens after entry 1 was looked for and before the log is listed.
type between struct {
	store.Store
	looked chan struct{}
	happen func()
}

func (b between) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if name == layout.Project("demo").Entry(1) {
		select {
		case <-b.looked: // it happened, so this is a second look
		default:
			defer close(b.looked)
		}
	}
	return b.Store.Read(ctx, name, max)
}

func (b between) List(ctx context.Context, dir string) ([]store.Entry, error) {
	if dir == layout.Project("demo").Log() {
		<-b.looked
		b.happen()
	}
	return b.Store.List(ctx, dir)
}

// A project that is adopted by somebody else while it is loaded still has its hand-made releases.
func TestLoadWhileAdopted(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "demo"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "demo/v1.0.0_main.py"), []byte("1"), 0o644))
	tree, err := local.Open(dir, local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })

	adopt := func() {
		s, err := release.Load(context.Background(), st, "demo")
		must(t, err)
		must(t, s.Adopt(context.Background(), release.Who{Time: time.Unix(0, 0)}))
	}
	s, err := release.Load(t.Context(), between{Store: st, looked: make(chan struct{}), happen: adopt}, "demo")
	must(t, err)
	if s.Seq != 1 || len(s.Adopted) != 1 || s.Adopted[0].Tag != "v1.0.0" {
		t.Errorf("at change %d the hand-made releases are %+v", s.Seq, s.Adopted)
	}
}

// during is a store in which something happens while the project's folder is listed for the first time.
type during struct {
	store.Store
	once   *sync.Once
	happen func()
}

func (d during) List(ctx context.Context, dir string) ([]store.Entry, error) {
	if dir == "demo" {
		d.once.Do(d.happen)
	}
	return d.Store.List(ctx, dir)
}

// What is there of a first publish that is under way is not taken for hand-made.
func TestLoadWhileFirstPublished(t *testing.T) {
	tree, err := local.Open(t.TempDir(), local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })

	begin := func() {
		s, err := release.Load(context.Background(), st, "demo")
		must(t, err)
		must(t, s.Adopt(context.Background(), release.Who{Time: time.Unix(0, 0)}))
		must(t, st.Create(context.Background(), []store.Object{{Name: "demo/v1.0.0_boot.py", Data: []byte("1")}}))
	}
	s, err := release.Load(t.Context(), during{Store: st, once: new(sync.Once), happen: begin}, "demo")
	must(t, err)
	if s.Seq != 1 || len(s.Adopted) != 0 {
		t.Errorf("at change %d the hand-made releases are %+v", s.Seq, s.Adopted)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
