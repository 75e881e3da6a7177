package proofs

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

// tools is where scripts/install-micropython puts what the tests run.
const tools = "../../.cache/micropython"

// patience is how long a MicroPython may run.
const patience = 2 * time.Minute

// tool returns the absolute path of one of the tools. Without it the test ends as by [testserver.Skip].
func tool(t testing.TB, name string) string {
	t.Helper()
	path := abs(t, filepath.Join(tools, name))
	if _, err := os.Stat(path); err != nil {
		testserver.Skip(t, "no %s here: scripts/install-micropython", name)
	}
	return path
}

// python runs a program in a MicroPython with the heap that a board with so many KB has, in a folder, and returns what it printed.
func python(t testing.TB, dir string, heap int, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "micropython"), append([]string{"-X", fmt.Sprintf("heapsize=%dK", heap*scale())}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("does not end within %v", patience)
	}
	return string(out), err
}

// scale is how many times as large a heap must be as that of a 32-bit machine, as on a board, and the figures are: 1, or 2 where
// scripts/install-micropython has got no i386 build.
func scale() int {
	if _, err := os.Stat(filepath.Join(tools, "micropython-i386")); err != nil {
		return 2
	}
	return 1
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A tree holds contents by path.
type tree map[string]string

// with returns a tree with those of more as well.
func (f tree) with(more tree) tree {
	f = maps.Clone(f)
	maps.Copy(f, more)
	return f
}

// A board is a folder that stands for the flash of a device.
type board struct {
	dir  string
	heap int // KB
}

// newBoard returns a board with these files on it.
func newBoard(t testing.TB, files ...tree) *board {
	t.Helper()
	b := &board{dir: t.TempDir(), heap: 64}
	for _, f := range files {
		b.write(t, f)
	}
	return b
}

func (b *board) write(t testing.TB, files tree) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns what is on the flash, without the client and its state.
func (b *board) files(t testing.TB) tree {
	t.Helper()
	files := tree{}
	b.walk(t, func(path string, text []byte) {
		if !strings.HasPrefix(path, ".ota/") && !strings.HasPrefix(path, "micropython_ota") {
			files[path] = string(text)
		}
	})
	return files
}

// used returns how many bytes are on the flash.
func (b *board) used(t testing.TB) (n int) {
	t.Helper()
	b.walk(t, func(_ string, text []byte) { n += len(text) })
	return n
}

func (b *board) walk(t testing.TB, visit func(path string, text []byte)) {
	t.Helper()
	flash := os.DirFS(b.dir)
	err := fs.WalkDir(flash, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(flash, path)
		visit(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A story is what happened in a number of starts.
type story struct {
	text   string
	starts []string // how each ended: idle or reset
	raised []string // exceptions that reached the REPL
}

func (s story) resets() (n int) {
	for _, end := range s.starts {
		if end == "reset" {
			n++
		}
	}
	return n
}

// start starts the board so many times. The options are those of tests/board.py.
func (b *board) start(t testing.TB, times int, options ...string) story {
	t.Helper()
	program := abs(t, "../tests/board.py")
	out, err := python(t, b.dir, b.heap, append([]string{program, fmt.Sprint(times)}, options...)...)
	s := story{text: out}
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#start ") && len(words) == 3:
			s.starts = append(s.starts, words[2])
		case strings.HasPrefix(line, "#raised "):
			s.raised = append(s.raised, strings.Join(words[1:], " "))
		}
	}
	if err != nil || len(s.starts) != times {
		t.Fatalf("%d of %d starts, %v\n%s", len(s.starts), times, err, tail(out))
	}
	return s
}

// abs returns the absolute path of a path.
func abs(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tail is the end of a text that may be long.
func tail(text string) string {
	const enough = 4000
	if len(text) <= enough {
		return text
	}
	return "...\n" + text[len(text)-enough:]
}

// differ says how two trees differ, "" if they do not.
func differ(got, want tree) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(got.with(want))) {
		g, inGot := got[name]
		w, inWant := want[name]
		switch {
		case !inGot:
			lines = append(lines, name+" is missing")
		case !inWant:
			lines = append(lines, name+" should not be there")
		case g != w:
			lines = append(lines, fmt.Sprintf("%s is %.60q, should be %.60q", name, g, w))
		}
	}
	return strings.Join(lines, "; ")
}
