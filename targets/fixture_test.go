package targets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/targets"
	"github.com/otactl/otactl/verify"
)

const project = layout.Project("demo")

// A site is a folder and what goes wrong with it.
type site struct {
	dir    string
	wrap   func(posix.FS) posix.FS // around what each session opens; may be nil
	opened atomic.Int32
}

func (s *site) open(context.Context) (store.Store, error) {
	s.opened.Add(1)
	var tree posix.FS
	tree, err := local.Open(s.dir, local.Options{})
	if err == nil && s.wrap != nil {
		tree = s.wrap(tree)
	}
	return posix.New(tree), err
}

// sites makes n folders.
func sites(t *testing.T, n int) []*site {
	t.Helper()
	var all []*site
	for range n {
		all = append(all, &site{dir: t.TempDir()})
	}
	return all
}

// TestMain keeps the folders in memory: these tests wait for many disks otherwise.
func TestMain(m *testing.M) { os.Exit(testserver.InMemory(m)) }

func tag(t *testing.T, text string) layout.Tag {
	t.Helper()
	tag, err := layout.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func request(t *testing.T, text, content string) publish.Request {
	t.Helper()
	return publish.Request{
		Project: project, Tag: tag(t, text), Kind: layout.Prefix, Who: release.Who{Time: time.Unix(1e9, 0), By: "test"},
		Set: source.Set{Files: []source.File{{Name: "main.py", Path: "main.py", Data: []byte(content)}}},
	}
}

// publishing is the change that publishes a release everywhere.
func publishing(t *testing.T, all []*site, text string) targets.Change {
	t.Helper()
	c := change(all)
	c.Tag, c.Verify.NoLog = tag(t, text), true
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := request(t, text, text)
		r.Check = turn.Check
		result, err := publish.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
	return c
}

// goingBack is the change that rolls every target back, to this release or to the one before.
func goingBack(t *testing.T, all []*site, to layout.Tag) targets.Change {
	t.Helper()
	c := change(all)
	c.Tag = to
	c.Verb = func(ctx context.Context, turn targets.Turn) (release.Plan, error) {
		r := rollback.Request{Project: project, Tag: to, Who: release.Who{Time: time.Unix(2e9, 0), By: "test"}, Check: turn.Check}
		if !turn.Tag.IsZero() {
			r.Tag = turn.Tag
		}
		result, err := rollback.Run(ctx, turn.Store, r)
		return result.Plan, err
	}
	return c
}

func change(all []*site) targets.Change {
	c := targets.Change{Verify: verify.Request{Project: project, Now: time.Unix(1e9, 0)}}
	for i, s := range all {
		c.Targets = append(c.Targets, targets.Target{Name: string(rune('a' + i)), Open: s.open})
	}
	return c
}

// alone publishes on one site.
func alone(t *testing.T, s *site, text, content string) {
	t.Helper()
	st, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if _, err := publish.Run(t.Context(), st, request(t, text, content)); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, c targets.Change) string {
	t.Helper()
	outcomes, err := targets.Run(t.Context(), c)
	return states(outcomes, err)
}

// states is what Run returned, in one line.
func states(outcomes []targets.Outcome, err error) string {
	var text []string
	for _, o := range outcomes {
		text = append(text, string(o.State)+" "+o.Live)
	}
	if err != nil {
		text = append(text, "error")
	}
	return strings.Join(text, ", ")
}

// live is what the pointers hold.
func live(t *testing.T, all []*site) string {
	t.Helper()
	var texts []string
	for _, s := range all {
		text, err := os.ReadFile(filepath.Join(s.dir, string(project), "version"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		texts = append(texts, strings.TrimSpace(string(text)))
	}
	return strings.Join(texts, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// A spy tells when a pointer is about to change.
type spy struct {
	posix.FS
	flip func()
}

func (s spy) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") {
		s.flip()
	}
	return s.FS.Replace(ctx, from, to)
}

// refusing makes every change of a pointer fail in such a way that it is no use to try again.
func refusing(tree posix.FS) posix.FS { return refuser{tree} }

type refuser struct{ posix.FS }

func (r refuser) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") {
		return &store.RefusedError{Target: "the test", Err: errors.New("disk full")}
	}
	return r.FS.Replace(ctx, from, to)
}

// failing makes the first n changes of a pointer fail as if the connection was lost; after them nothing does.
func failing(n int) func(posix.FS) posix.FS {
	var failed atomic.Int32
	return func(tree posix.FS) posix.FS { return broken{tree, &failed, int32(n)} }
}

type broken struct {
	posix.FS
	failed *atomic.Int32
	n      int32
}

func (b broken) Replace(ctx context.Context, from, to string) error {
	if strings.HasSuffix(to, "/version") && b.failed.Add(1) <= b.n {
		return &store.ConnError{Target: "the test", Err: errors.New("lost")}
	}
	return b.FS.Replace(ctx, from, to)
}
