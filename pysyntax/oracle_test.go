package pysyntax

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var (
	seed    = flag.Uint64("seed", 5, "of the mutations")
	folder  = flag.String("folder", "", "a folder of further .py files to ask the compiler about")
	mutants = flag.Int("mutants", 8000, "how many mutations the compiler is asked about")
)

// native are the decorators of compilers that the WebAssembly builds lack. To them their bodies are bytecode.
var native = regexp.MustCompile(`(@\s*micropython\s*\.\s*)(native|viper|asm_\w+)`)

// excused are verdicts of the oracle that do not count, with the reason.
var excused = []struct {
	reason string
	is     func(source, refusal string) bool
}{
	{"the bodies of native functions are checked for grammar only", func(source, refusal string) bool {
		return refusal != "" && native.MatchString(source)
	}},
	{"the device's memory or stack ended, not the language", func(_, refusal string) bool {
		return strings.HasPrefix(refusal, "MemoryError") || strings.HasPrefix(refusal, "RuntimeError")
	}},
	{"what a version leaves out, because it takes a condition for constant, may hold what others refuse: no warning", func(source, _ string) bool {
		return source == "X: int = const(0)\nif X: return" || source == "if 1.5 - 1.5: return"
	}},
	{"a byte order mark compiles as a part of a name, and the name is then undefined", func(source, _ string) bool {
		return strings.HasPrefix(source, "\ufeff")
	}},
}

// A compiler is a WebAssembly build of MicroPython.
type compiler struct {
	folder  string
	version float64
}

// TestAgainstCompiler asks three versions of MicroPython to compile the snippets, and mutations of this project's files
// and of generated programs. What one of them compiles may not be refused, and there is a warning if and only if another
// does not; and of what all refuse hardly anything may pass.
func TestAgainstCompiler(t *testing.T) {
	builds := []compiler{{build(t, "newest"), 1.29}, {build(t, "1.23"), 1.23}, {build(t, "1.20"), 1.21}} // the last is v1.20.0-239
	var written []string
	for _, sources := range snippets(t) {
		written = append(written, sources...)
	}
	slices.Sort(written)
	if len(written) < 400 {
		t.Errorf("%d snippets", len(written))
	}
	mutated := mutations(t, *mutants)
	for _, kind := range []struct {
		name    string
		sources []string
	}{{"snippets", written}, {"samples", samples(t)}, {"folder", files(t, *folder)}, {"mutations", mutated}} {
		compare(t, kind.name, kind.sources, builds)
	}
}

// files returns the Python files below a folder.
func files(t *testing.T, folder string) []string {
	var sources []string
	if folder == "" {
		return nil
	}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".py" {
			return err
		}
		source, err := os.ReadFile(path)
		sources = append(sources, string(source))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func mutations(t *testing.T, number int) []string {
	random := rand.New(rand.NewPCG(*seed, 0))
	var bases, spare, all []string
	for _, source := range samples(t) {
		bases = append(bases, chunks(source)...)
		spare = append(spare, split(source)...)
	}
	for i := range number {
		base := bases[random.IntN(len(bases))]
		if i%2 == 0 {
			base = generate(random)
			for i%8 != 0 && Check("", []byte(base)) != nil {
				base = generate(random)
			}
		}
		if i%4 != 0 { // else as it is
			base = mutate(random, base, spare)
		}
		all = append(all, base)
	}
	return all
}

func compare(t *testing.T, name string, sources []string, builds []compiler) {
	t.Helper()
	if len(sources) == 0 {
		return
	}
	sources = slices.DeleteFunc(slices.Clone(sources), func(source string) bool { return !utf8.ValidString(source) })
	start := time.Now()
	refusals := make([][]string, len(sources)) // of each source by each build
	for _, b := range builds {
		for i, refusal := range ask(t, b.folder, sources) {
			refusals[i] = append(refusals[i], refusal)
		}
	}
	var valid, invalid, falseRejects, falseAccepts, excuses, warned, between int
	for i, source := range sources {
		warnings, err := CheckVersions("x.py", []byte(source))
		compiles := slices.Contains(refusals[i], "")
		if compiles {
			valid++
		} else {
			invalid++
		}
		if len(warnings) > 0 {
			warned++
		}
		reason, excuse := excuse(source, refusals[i])
		switch {
		case err != nil && !compiles:
		case err == nil && foretold(warnings, refusals[i], builds):
			if !compiles { // what compiles only from 1.24 to 1.28 has no build to ask
				between++
			}
		case excuse:
			excuses++
			t.Logf("excused, %s: %q", reason, source)
		case compiles && err != nil:
			falseRejects++
			t.Errorf("false reject: %v\n%s", err, source)
		case compiles:
			t.Errorf("%v, but %q\n%s", warnings, refusals[i], source)
		default:
			falseAccepts++
			t.Logf("false accept: %s\n%s", refusals[i][0], source)
		}
	}
	t.Logf("%s: %d valid (%d with warnings), %d invalid (%d only to these versions); %d false rejects, %d false accepts (%.2f %%), %d excused; %v", name, valid, warned,
		invalid, between, falseRejects, falseAccepts, 100*float64(falseAccepts)/float64(max(1, invalid)), excuses, time.Since(start).Round(100*time.Millisecond))
	if 1000*falseAccepts > 3*invalid {
		t.Errorf("%s: more than 0.3 %% false accepts", name)
	}
}

func excuse(source string, refusals []string) (reason string, ok bool) {
	for _, e := range excused {
		if slices.ContainsFunc(refusals, func(refusal string) bool { return e.is(source, refusal) }) {
			return e.reason, true
		}
	}
	return "", false
}

// foretold tells whether the warnings name those builds that refuse a source, and no other.
func foretold(warnings []Warning, refusals []string, builds []compiler) bool {
	for i, b := range builds {
		excluded := slices.ContainsFunc(warnings, func(w Warning) bool {
			return w.Since != "" && version(w.Since) > b.version || w.Until != "" && version(w.Until) < b.version
		})
		if excluded != (refusals[i] != "") {
			return false
		}
	}
	return true
}

func version(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// ask returns for each source what a build of MicroPython says of it, nothing if it compiles.
func ask(t *testing.T, build string, sources []string) []string {
	t.Helper()
	plain := make([]string, len(sources))
	for i, source := range sources {
		plain[i] = native.ReplaceAllString(source, "${1}bytecode")
	}
	in, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/oracle.mjs", build)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", build, err)
	}
	var refusals []string
	if err := json.Unmarshal(out, &refusals); err != nil || len(refusals) != len(sources) {
		t.Fatalf("%d verdicts for %d sources: %v", len(refusals), len(sources), err)
	}
	return refusals
}

// build returns the folder of a WebAssembly build of MicroPython.
func build(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join("..", ".cache", "micropython", "wasm", version)
	_, err := os.Stat(filepath.Join(path, "micropython.mjs"))
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%v: scripts/install-micropython puts it there", err)
	}
	t.Skipf("%v: scripts/install-micropython puts it there", err)
	return ""
}
