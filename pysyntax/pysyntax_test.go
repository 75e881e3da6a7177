package pysyntax

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write our verdicts into testdata/snippets; the test against the compiler judges them")

// snippets returns the sources in testdata/snippets, by file. A line has a source in quotes, and ok or an error.
func snippets(t testing.TB) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("testdata/snippets/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no snippets: %v", err)
	}
	sources := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				t.Fatalf("%s:%d: no source in quotes", name, i+1)
			}
			source, _ := strconv.Unquote(quoted)
			sources[name] = append(sources[name], source)
		}
	}
	return sources
}

func verdict(source string) string {
	warnings, err := CheckVersions("", []byte(source))
	if err != nil {
		return strings.TrimPrefix(err.Error(), ":")
	}
	text := "ok"
	for _, w := range warnings {
		text += ", but " + strings.TrimPrefix(w.String(), ":")
	}
	return text
}

func quote(source string) string {
	if strconv.CanBackquote(source) {
		return "`" + source + "`"
	}
	return strconv.QuoteToASCII(source)
}

// TestSnippets holds the messages to the letter.
func TestSnippets(t *testing.T) {
	for name, sources := range snippets(t) {
		var got strings.Builder
		for _, source := range sources {
			fmt.Fprintf(&got, "%s %s\n", quote(source), verdict(source))
		}
		if *update {
			if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(want), "\n")
		for i, line := range strings.Split(got.String(), "\n") {
			if line != lines[i] {
				t.Errorf("%s:%d:\n got %s\nwant %s", name, i+1, line, lines[i])
			}
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"plain", "x = 1\nif x = 2: pass\n", "boot.py:2:6: '=' assigns in a statement of its own: to compare, write '==', or ':=' to assign within an expression\n    if x = 2: pass\n         ^\n"},
		{"tabs", "if x:\n\tif\ty = 2: pass\n", "boot.py:2:7: '=' assigns in a statement of its own: to compare, write '==', or ':=' to assign within an expression\n    \tif\ty = 2: pass\n    \t  \t  ^\n"},
		{"wide", "'名前' = 1\n", "boot.py:1:1: cannot assign to a string\n    '名前' = 1\n    ^\n"},
		{"behind wide", "print('名é') 1\n", "boot.py:1:13: expected an operator or the end of the line, found number 1\n    print('名é') 1\n                 ^\n"},
		{"combining", "'e\u0301' 1\n", "boot.py:1:6: expected an operator or the end of the line, found number 1\n    'e\u0301' 1\n        ^\n"},
		{"not UTF-8", "'\xff' 1\n", "boot.py:1:5: expected an operator or the end of the line, found number 1\n    '\uFFFD' 1\n        ^\n"},
		{"terminal", "'\x1b[2J' 1\n", "boot.py:1:8: expected an operator or the end of the line, found number 1\n    '\\x1b[2J' 1\n              ^\n"},
		{"last line", "f(1,\n", "boot.py:1:2: '(' is never closed\n    f(1,\n     ^\n"},
		{"other ends", "x\r\ny\rz 1\r\n", "boot.py:3:3: expected an operator or the end of the line, found number 1\n    z 1\n      ^\n"},
		{"empty line", "if x:\n", "boot.py:2:1: expected an indented block after 'if' of line 1\n    \n    ^\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var err *Error
			if !errors.As(Check("boot.py", []byte(test.source)), &err) {
				t.Fatal("accepted")
			}
			if got := err.Excerpt(); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestExcerptOfLongLine(t *testing.T) {
	var err *Error
	if !errors.As(Check("main.py", []byte("x = '"+strings.Repeat("é", 100_000)+"' 1 + '"+strings.Repeat("é", 100_000)+"'\n")), &err) {
		t.Fatal("accepted")
	}
	if err.Column != 100_008 || len(err.Excerpt()) > 600 || !strings.Contains(err.Excerpt(), "é' 1 +") {
		t.Errorf("column %d\n%s", err.Column, err.Excerpt())
	}
	lines := strings.Split(err.Excerpt(), "\n")
	if at := strings.Index(lines[1], "1 +"); len([]rune(lines[1][:at])) != strings.Index(lines[2], "^") {
		t.Errorf("the caret is elsewhere:\n%s", err.Excerpt())
	}
}

// TestHostile gives what no editor writes. Each file is read to its end or refused, quickly, in memory that its size bounds.
func TestHostile(t *testing.T) {
	const many = 1_000_000
	for _, test := range []struct{ name, source, want string }{
		{"brackets", strings.Repeat("(", many), "more than 500 nested brackets"},
		{"mixed brackets", strings.Repeat("([{", many/3), "more than 500"},
		{"closing brackets", strings.Repeat(")", many), "')' closes nothing"},
		{"indentation", indented(3000), "more than 500"},
		{"not", strings.Repeat("not ", many) + "x", "more than 500"},
		{"490 times not", strings.Repeat("not ", 490) + "x", "ok"},
		{"510 times not", strings.Repeat("not ", 510) + "x", "more than 500"},
		{"490 brackets", strings.Repeat("(", 490) + strings.Repeat(")", 490), "ok"},
		{"490 blocks", indented(490) + strings.Repeat(" ", 490) + "pass", "ok"},
		{"signs", strings.Repeat("-", many) + "x", "more than 500"},
		{"powers", strings.Repeat("x**", many) + "x", "more than 500"},
		{"lambdas", strings.Repeat("lambda:", many) + "x", "more than 500"},
		{"conditions", strings.Repeat("x if x else ", many) + "x", "more than 500"},
		{"f-strings", strings.Repeat(`f"{`, many), ""},
		{"braces of an f-string", `f"` + strings.Repeat("{x}", many/10) + `"`, "ok"},
		{"calls", "x" + strings.Repeat("()", many/10), "ok"},
		{"attributes", "x" + strings.Repeat(".x", many/10), "ok"},
		{"sum", strings.Repeat("x+", many/10) + "x", "ok"},
		{"strings", strings.Repeat("'' ", many/10), "ok"},
		{"assignments", strings.Repeat("x=", many/10) + "x", "ok"},
		{"elif", "if x: pass\n" + strings.Repeat("elif x: pass\n", many/10), "ok"},
		{"dedents", strings.Repeat("if x:\n if x:\n  x\n", many/20), "ok"},
		{"a list", "x = [" + strings.Repeat("1,\n", many/5) + "]", "ok"},
		{"statements", strings.Repeat("x = 1\n", many/10), "ok"},
		{"a long line", "x = '" + strings.Repeat("x", 10*many) + "'", "ok"},
		{"a long name", strings.Repeat("x", 10*many), "ok"},
		{"a long number", strings.Repeat("9", 10*many), "ok"},
		{"a large power", "X = const(9 ** 9 ** 9 ** 9 << 999999999)", "ok"},
		{"newlines", strings.Repeat("\n", 10*many), "ok"},
		{"blanks", strings.Repeat(" ", 10*many), "ok"},
		{"continued lines", strings.Repeat("\\\n", 5*many), "ok"},
		{"NUL", strings.Repeat("\x00", 10*many), "NUL"},
		{"not UTF-8", "x = '" + strings.Repeat("\xff\xfe\x80", many) + "'", "ok"},
		{"UTF-16", "\xff\xfex\x00", "UTF-16"},
		{"BOM", "\xef\xbb\xbfx = 1", "byte order mark"},
		{"a never closed string", "x = '''" + strings.Repeat("x\n", 5*many), "never closed"},
		{"names in a scope", "def f():\n x = 1\n" + strings.Repeat(" x\n", many/10), "ok"},
		{"constants", "X = const(1)\n" + strings.Repeat("f(X)\n", many/10), "ok"},
		{"nested constants", "if " + strings.Repeat("(1 and ", 450) + "x" + strings.Repeat(")", 450) + ": pass", "ok"},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			if got := verdict(test.source); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			} else if took > time.Second {
				t.Logf("took %v", took)
			}
		})
	}
}

// indented returns blocks within each other.
func indented(levels int) string {
	var text strings.Builder
	for i := range levels {
		text.WriteString(strings.Repeat(" ", i) + "if x:\n")
	}
	return text.String()
}

// TestEveryPrefix cuts a file after each byte.
func TestEveryPrefix(t *testing.T) {
	for _, source := range samples(t) {
		for i := 0; i < len(source); i += 29 {
			_ = verdict(source[:i])
		}
	}
}

func TestTables(t *testing.T) {
	if len(spellings) > 128 {
		t.Error("a kindSet has room for 128")
	}
	if tables().visits == nil || len(micropython().names) > 255 {
		t.Error("a rule is a byte")
	}
}

func FuzzCheck(f *testing.F) {
	for _, sources := range snippets(f) {
		for _, source := range sources {
			f.Add([]byte(source))
		}
	}
	for _, source := range samples(f) {
		f.Add([]byte(source))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		before := bytes.Clone(source)
		warnings, err := CheckVersions("x", source)
		for _, w := range warnings {
			if w.Line < 1 || w.Column < 1 || err != nil {
				t.Errorf("%v, %v", w, err)
			}
		}
		if !bytes.Equal(before, source) {
			t.Fatal("the source was changed")
		}
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Message == "" || strings.Count(e.Excerpt(), "\n") != 3 {
			t.Errorf("%+v", e)
		}
	})
}

// samples returns the MicroPython of this project.
func samples(t testing.TB) []string {
	t.Helper()
	var sources []string
	for _, pattern := range []string{"../testdata/sample/*.py", "../testdata/sample/lib/*.py", "../device/*.py", "../device/tests/*.py", "../scripts/demo/*.py"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, string(source))
		}
	}
	if len(sources) < 15 {
		t.Fatalf("%d samples", len(sources))
	}
	return sources
}

// BenchmarkCheck reports, too, how much is checked in a second of one core's time: a busy machine does not change that.
func BenchmarkCheck(b *testing.B) {
	source := []byte(strings.Join(samples(b), "\n"))
	if err := Check("all", source); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	checked, before := 0, processor(b)
	for b.Loop() {
		_ = Check("all", source)
		checked += len(source)
	}
	b.ReportMetric(float64(checked)/1e6/(processor(b)-before).Seconds(), "MB/cpu-s")
}

// processor returns the time that the processor spent on this process.
func processor(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
