package proofs

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// A life is what tests/logic.py prints of a board, and what must come out.
var life = []struct{ part, runs, resets string }{
	{"install", "v1.0.0", "1"},
	{"update", "v1.0.1", "1"},      // although the connection is cut
	{"noise", "v1.0.1", "3"},       // the application polls, and nothing holds it back: every random byte is 0
	{"unconfirmed", "v1.0.1", "2"}, // comes, and goes
	{"rejected", "v1.0.1", "0"},
	{"confirmed", "v1.0.4", "1"},
	{"back", "v1.0.0", "1"},
}

// TestMicroPythons lets the client live in each MicroPython that is there, with a network that tests/logic.py plays, and
// judge the vectors.
func TestMicroPythons(t *testing.T) {
	releases := map[string]tree{"v1.0.0": oldFiles, "v1.0.1": newFiles}
	for _, tag := range []string{"v1.0.2", "v1.0.3", "v1.0.4"} {
		releases[tag] = newFiles.with(tree{"lib/util.py": "version = '" + tag + "'\n", "more.py": large(5)})
	}
	folder := tree{}
	for tag, files := range releases {
		for name, text := range release(t, layout.Prefix, tag, files) {
			folder["server/"+name] = text
		}
	}
	for name, text := range sources(t).with(tree{"boot.py": bootPy}) {
		folder["flash/"+name] = text
	}
	inputs, list := vectorFiles(t)
	for _, build := range []string{unix, "1.20", "1.23", "newest"} {
		t.Run("life/"+build, func(t *testing.T) {
			t.Parallel()
			checkLife(t, releases, runIn(t, build, newBoard(t, folder).dir, "logic.py"))
		})
		t.Run("vectors/"+build, func(t *testing.T) {
			t.Parallel()
			b := newBoard(t, sources(t), inputs)
			out := ""
			for _, part := range portions(inputs) {
				b.write(t, tree{"list": part})
				out += runIn(t, build, b.dir, "vectors.py")
			}
			checkVectors(t, list, out)
		})
	}
}

// portions divides the list of tests/vectors.py so that a MicroPython that cannot collect garbage, as 1.20, has room for each.
func portions(inputs tree) (parts []string) {
	const most = 150_000
	part, weight := "", 0
	for line := range strings.Lines(inputs["list"]) {
		name, _, _ := strings.Cut(line, " ")
		if weight > most {
			parts = append(parts, part)
			part, weight = "", 0
		}
		part += line
		weight += len(inputs[name]) + 500
	}
	return append(parts, part)
}

func checkLife(t *testing.T, releases map[string]tree, out string) {
	t.Helper()
	for _, part := range life {
		line := "#part " + part.part + " " + digest(running(part.runs, releases[part.runs])) + " " + part.resets + "\n"
		if !strings.Contains(out, line) {
			t.Errorf("not %s with %s resets", part.runs, line)
		}
	}
	if !strings.Contains(out, "#ranges 1 ") {
		t.Error("the download was not resumed")
	}
	if t.Failed() {
		t.Log(tail(out))
	}
}

// unix names the unix port. The others are WebAssembly builds.
const unix = "unix"

// runIn runs a program of ../tests in a MicroPython whose current folder is dir, or in memory a copy of it.
func runIn(t testing.TB, build, dir, program string) string {
	t.Helper()
	if build == unix {
		out, err := python(t, dir, 256, abs(t, filepath.Join("../tests", program)))
		if err != nil {
			t.Fatalf("%v\n%s", err, tail(out))
		}
		return out
	}
	node := testserver.Need(t, "node")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, "../tests/wasm.mjs", tool(t, filepath.Join("wasm", build)), dir, program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(string(out)))
	}
	return string(out)
}
