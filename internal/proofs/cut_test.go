package proofs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/cli"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/storetest"
)

// cuts is how many positions are tried when a lost connection can be made again, and refusals when it cannot.
const (
	cuts     = 420
	refusals = 120
)

// A cutBench is what all cuts have in common.
type cutBench struct {
	server   *testserver.SSH
	template string // a folder in which v1.0.0 is live
	sources  string // a folder with the files of v1.1.0
	releases storetest.Releases
	total    [2]int64 // bytes of a publish that is left alone, by direction
	commit   [2]int64 // of these, before the commit

	mu    sync.Mutex
	tally map[string]int
	done  []cutCase
}

// A cutCase is one cut, and what came of it.
type cutCase struct {
	cut    testserver.Cut
	dir    string
	exit   int
	stderr string
}

func (c cutCase) String() string {
	return fmt.Sprintf("cut %+v: exit %d: %s", c.cut, c.exit, c.stderr)
}

// claims is what otactl said of version.
func (c cutCase) claims() string {
	switch {
	case c.exit == 0:
		return "live"
	case c.exit == 5 && strings.Contains(c.stderr, "unknown whether version was changed: run otactl status"):
		return "unknown"
	case c.exit == 5 && strings.Contains(c.stderr, "not live: version was not changed"):
		return "not live"
	}
	return "nonsense"
}

// A connection that is cut at any byte leaves devices on a whole release, and otactl tells the truth about which.
func TestCut(t *testing.T) {
	b := newCutBench(t)
	t.Logf("a publish takes %d bytes to the server, %d of them before the commit, and %d to the client, %d before it",
		b.total[0], b.commit[0], b.total[1], b.commit[1])
	all := append(b.cuts(cuts, false), b.cuts(refusals, true)...)
	for batch := range slices.Chunk(all, 600) {
		b.tryAll(t, batch)
	}
	t.Logf("%d cuts: %v", len(all), b.tally)
	for _, claim := range []string{"live", "not live", "unknown"} {
		if b.tally[claim] == 0 {
			t.Errorf("no cut led to %q", claim)
		}
	}
	if n := len(all) - b.tally["over before the cut"]; n < 400 {
		t.Errorf("only %d cuts", n)
	}
}

// tryAll makes cuts, some at the same time. When all is quiet it looks again, and publishes once more, without a cut.
func (b *cutBench) tryAll(t *testing.T, batch []testserver.Cut) {
	t.Helper()
	t.Run("cuts", func(t *testing.T) {
		for _, cut := range batch {
			t.Run(fmt.Sprintf("%+v", cut), func(t *testing.T) {
				t.Parallel()
				b.try(t, cut)
			})
		}
	})
	b.server.KillSessions() // what a server might still have done, it has done by now
	for _, c := range b.done {
		b.check(t, c)
		b.again(t, c)
		if err := os.RemoveAll(c.dir); err != nil {
			t.Error(err)
		}
	}
	b.done = nil
}

func newCutBench(t *testing.T) *cutBench {
	t.Helper()
	b := &cutBench{
		server: testserver.Sshd(t, testserver.SshdOptions{}), template: t.TempDir(), sources: t.TempDir(),
		releases: storetest.Releases{}, tally: map[string]int{},
	}
	for _, text := range []string{"v1.0.0", "v1.1.0"} {
		for name, data := range files(5, text) {
			b.releases[text] = append(b.releases[text], store.Object{Name: project.File(layout.Prefix, tag(t, text), name), Data: []byte(data)})
		}
	}
	for name, data := range files(5, "v1.1.0") {
		if err := os.WriteFile(filepath.Join(b.sources, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openLocal(t, b.template)
	r := request(t, layout.Prefix, "v1.0.0", 1)
	r.Set = set(files(5, "v1.0.0"))
	_, err := publish.Run(t.Context(), s, r)
	if err := errors.Join(err, s.Close()); err != nil { // closed, so that nothing is left to be removed while it is copied
		t.Fatal(err)
	}
	b.measure(t)
	return b
}

// errStop is what ends the publish that is measured up to its commit.
var errStop = errors.New("stop")

type uncommitted struct{ store.Store }

func (uncommitted) Commit(context.Context, store.Commit) error { return errStop }

// measure counts the bytes of a publish, and of one that is ended before its commit. How many packets a server makes of
// its answers depends on the moment, so the least of some runs count.
func (b *cutBench) measure(t *testing.T) {
	t.Helper()
	proxy := testserver.CutProxy(t, b.server.Addr)
	const runs = 4
	for range runs {
		if c := b.publish(t, proxy, testserver.Cut{After: -1}); c.claims() != "live" {
			t.Fatal(c)
		}
	}
	for range runs {
		s := dial(t, b.server, proxy.Addr, b.root(t))
		r := request(t, layout.Prefix, "v1.1.0", 9)
		r.Set = set(files(5, "v1.1.0"))
		if _, err := publish.Run(t.Context(), uncommitted{s}, r); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, traffic := range proxy.Traffic(t) {
		for d, n := range traffic.Bytes {
			if least := []*[2]int64{&b.total, &b.commit}[i/runs]; least[d] == 0 || n < least[d] {
				least[d] = n
			}
		}
	}
}

// cuts chooses positions: a third of them anywhere before the commit, the others in it. Every second one is a reset.
func (b *cutBench) cuts(n int, refuse bool) (all []testserver.Cut) {
	for d := range b.total {
		positions := append(spread(0, b.commit[d], n/6), spread(b.commit[d], b.total[d], n/2-n/6)...)
		if *torture {
			positions = spread(0, b.total[d], int(b.total[d]))
		}
		for i, at := range positions {
			all = append(all, testserver.Cut{Direction: testserver.Direction(d), After: at, Reset: i%2 == 1, Refuse: refuse})
		}
	}
	return all
}

// spread returns n numbers from lo to below hi, evenly.
func spread(lo, hi int64, n int) (all []int64) {
	for i := range int64(n) {
		all = append(all, lo+i*(hi-lo)/int64(n))
	}
	return slices.Compact(all)
}

// root makes a server root in which v1.0.0 is live.
func (b *cutBench) root(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(b.server.Root, "")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(b.template))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// try cuts the connection of one publish.
func (b *cutBench) try(t *testing.T, cut testserver.Cut) {
	t.Helper()
	proxy := testserver.CutProxy(t, b.server.Addr)
	c := b.publish(t, proxy, cut)
	b.check(t, c)
	cutFirst := proxy.Traffic(t)[0].Cut
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, c)
	if cutFirst {
		b.tally[c.claims()]++
	} else {
		b.tally["over before the cut"]++
	}
}

// publish runs otactl through a proxy.
func (b *cutBench) publish(t *testing.T, proxy *testserver.Cutter, cut testserver.Cut) cutCase {
	t.Helper()
	c := cutCase{cut: cut, dir: b.root(t)}
	proxy.Cut(cut)
	target := url.URL{Scheme: "sftp", User: url.User(b.server.User), Host: proxy.Addr, Path: c.dir}
	c.exit, _, c.stderr = otactl(t, nil, "publish", "v1.1.0", b.sources, "--to", target.String(), "--project", string(project),
		"--host-key", b.server.Fingerprint(), "--identity", b.server.ClientKey, "--timeout", "20s")
	return c
}

// check compares what otactl said with what devices get.
func (b *cutBench) check(t *testing.T, c cutCase) {
	t.Helper()
	live, err := storetest.Device(storetest.FetchFS(os.DirFS(c.dir)), string(project), b.releases)
	if err != nil {
		t.Errorf("devices: %v\n%v", err, c)
	}
	if !agrees(c.claims(), c.cut, live) {
		t.Errorf("%s is live; %v", live, c)
	}
}

// agrees reports whether what was said of a publish of v1.1.0 over v1.0.0 is what devices get. That it is not known may be said
// only if nobody could connect again to look.
func agrees(claim string, cut testserver.Cut, live string) bool {
	switch claim {
	case "live":
		return live == "v1.1.0"
	case "not live":
		return live == "v1.0.0"
	}
	return claim == "unknown" && cut.Refuse && (live == "v1.0.0" || live == "v1.1.0")
}

// again publishes once more, without a cut.
func (b *cutBench) again(t *testing.T, c cutCase) {
	t.Helper()
	s := openLocal(t, c.dir)
	defer s.Close()
	r := request(t, layout.Prefix, "v1.1.0", 9)
	r.Set = set(files(5, "v1.1.0"))
	if _, err := publish.Run(t.Context(), s, r); err != nil {
		t.Errorf("second run: %v\n%v", err, c)
	}
	live, err := storetest.Device(storetest.FetchFS(os.DirFS(c.dir)), string(project), b.releases)
	if err != nil || live != "v1.1.0" {
		t.Errorf("after the second run: %q, %v\n%v", live, err, c)
	}
}

// otactl runs the command line in this process, with only these variables.
func otactl(t testing.TB, variables map[string]string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	variables = maps.Clone(variables)
	if variables == nil {
		variables = map[string]string{}
	}
	variables["HOME"] = t.TempDir()
	var out, errs bytes.Buffer
	exit = cli.Main(t.Context(), cli.Env{
		Args:      args,
		LookupEnv: func(name string) (string, bool) { text, ok := variables[name]; return text, ok },
		Unsetenv:  func(string) error { return nil },
		Stdout:    &out, Stderr: &errs, Dir: variables["HOME"], User: "tester", Host: "here", Version: "test", Now: time.Now,
		OpenTerminal: func() (*os.File, error) { return nil, os.ErrNotExist },
	})
	return exit, out.String(), errs.String()
}
