package device_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// project is the one that all boards run.
const project = "sample"

// tool returns the absolute path of what scripts/install-micropython has installed.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../.cache/micropython", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		testserver.Skip(t, "no %s here: scripts/install-micropython", name)
	}
	return path
}

// micropython runs a program in a folder and returns what it printed.
func micropython(t testing.TB, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "micropython"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// compiled is the network part as a board gets it.
var compiled = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "otactl-mpy")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "net.mpy")
	text, err := exec.Command("../.cache/micropython/mpy-cross", "micropython_ota_net.py", "-o", out).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("mpy-cross: %w: %s", err, text)
	}
	return os.ReadFile(out)
})

// A tree holds contents by path.
type tree map[string]string

// with returns a tree with those of another as well.
func (f tree) with(more tree) tree {
	f = maps.Clone(f)
	maps.Copy(f, more)
	return f
}

func (f tree) write(t testing.TB, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A board is a folder that stands for the flash of a device.
type board struct {
	t   testing.TB
	dir string
}

// newBoard returns a board with the client and these files on it.
func newBoard(t testing.TB, files ...tree) *board {
	t.Helper()
	tool(t, "mpy-cross")
	net, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	boot, err := os.ReadFile("micropython_ota.py")
	if err != nil {
		t.Fatal(err)
	}
	b := &board{t, t.TempDir()}
	for _, f := range append(files, tree{"micropython_ota.py": string(boot), "micropython_ota_net.mpy": string(net)}) {
		f.write(t, b.dir)
	}
	return b
}

// start starts the board so many times (tests/board.py) and returns how each start ended and what was printed.
func (b *board) start(times int) (ends []string, text string) {
	b.t.Helper()
	program, err := filepath.Abs("tests/board.py")
	if err != nil {
		b.t.Fatal(err)
	}
	text = micropython(b.t, b.dir, program, fmt.Sprint(times), "eager")
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "#start" {
			ends = append(ends, words[2])
		}
	}
	if len(ends) != times {
		b.t.Fatalf("%d of %d starts\n%s", len(ends), times, text)
	}
	return ends, text
}

// settles starts the board until it stays up, and fails the test unless it then holds just these files, beside the client
// and its state. It returns what was printed.
func (b *board) settles(want ...tree) string {
	b.t.Helper()
	all := ""
	for range 10 {
		ends, text := b.start(1)
		all += text
		if ends[0] == "idle" {
			b.holds(all, want...)
			return all
		}
	}
	b.t.Fatalf("resets for ever\n%s", all)
	return ""
}

func (b *board) holds(said string, want ...tree) {
	b.t.Helper()
	left := tree{}
	for _, w := range want {
		maps.Copy(left, w)
	}
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, b.dir+"/")
		if err != nil || d.IsDir() || strings.HasPrefix(name, ".ota/") || strings.HasPrefix(name, "micropython_ota") {
			return err
		}
		text, err := os.ReadFile(path)
		if w, ok := left[name]; !ok || w != string(text) {
			b.t.Errorf("%s is %.60q, should be %.60q", name, text, w)
		}
		delete(left, name)
		return err
	})
	if err != nil || len(left) > 0 {
		b.t.Errorf("missing: %q, %v", slices.Sorted(maps.Keys(left)), err)
	}
	if b.t.Failed() {
		b.t.Fatal(said)
	}
}

// state returns the names in .ota.
func (b *board) state() (names []string) {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, ".ota"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// webRoot returns a server root behind nginx: what puts files there, and its URL.
func webRoot(t testing.TB) (put func(...tree), base string) {
	t.Helper()
	root := t.TempDir()
	put = func(files ...tree) {
		for _, f := range files {
			f.write(t, root)
		}
	}
	return put, testserver.Nginx(t, root)
}

// release returns a release as otactl publishes it, and the pointer to it.
func release(t testing.TB, kind layout.Kind, tag string, files tree) tree {
	t.Helper()
	v, err := layout.ParseTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	m := layout.Manifest{Project: project, Tag: v, Kind: kind}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files = append(m.Files, layout.File{
			Name: name, Size: int64(len(files[name])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(files[name]))),
		})
	}
	return handMade(t, kind, tag, files).with(tree{m.Project.Manifest(v): string(m.Bytes())})
}

// handMade returns a release as people made it before otactl, and the pointer to it.
func handMade(t testing.TB, kind layout.Kind, tag string, files tree) tree {
	t.Helper()
	v, err := layout.ParseTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	root := tree{project + "/version": tag + "\n"}
	for name, text := range files {
		root[layout.Project(project).File(kind, v, name)] = text
	}
	return root
}

// spans serves what another server serves and keeps the Range headers of the requests. A request for a file whose
// name ends in cut gets only so many bytes of it.
type spans struct {
	mu   sync.Mutex
	cut  string
	at   int
	seen []string
	root tree
}

// mend ends the cutting.
func (s *spans) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = ""
}

func (s *spans) asked(span string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.seen, span)
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.root[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.seen = append(s.seen, r.Header.Get("Range"))
	if s.cut != "" && strings.HasSuffix(r.URL.Path, s.cut) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = w.Write([]byte(text[:s.at]))
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}
