package judge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/judge"
	"github.com/otactl/otactl/internal/mpycross"
	"github.com/otactl/otactl/source"
)

func file(name, text string) source.File {
	return source.File{Name: name, Path: "src/" + name, Data: []byte(text)}
}

func text(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	return errors.Join(errs...).Error()
}

// compiler is a program that answers as mpy-cross does, and then does what a script says.
func compiler(t *testing.T, script string) *mpycross.Compiler {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mpy-cross")
	head := "#!/bin/sh\n[ $1 != --version ] || exec echo 'MicroPython v1.22.2 on 2024-02-22; mpy-cross emitting mpy v6.2'\n"
	if err := os.WriteFile(path, []byte(head+script), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := mpycross.Open(t.Context(), path, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// All files are judged, and what is said comes in their order.
func TestOrder(t *testing.T) {
	var files []source.File
	var want []string
	for i := range 200 {
		name := fmt.Sprintf("f%03d.py", i)
		if i%3 == 0 {
			files = append(files, file(name, "x = 1\n"))
			continue
		}
		files = append(files, file(name, "x = 1\nif\n"))
		want = append(want, "src/"+name+":2:")
	}
	errs, warnings := judge.New(nil).Files(t.Context(), files)
	if len(errs) != len(want) || len(warnings) != 0 {
		t.Fatalf("%d errors and %d warnings, want %d and none", len(errs), len(warnings), len(want))
	}
	for i, err := range errs {
		if !strings.HasPrefix(err.Error(), want[i]) {
			t.Fatalf("error %d is %v, want %s", i, err, want[i])
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"M\x06\x00\x1f", ""},
		{"M\x06\x03\x1e and more", ""},
		{"", "0 bytes are no compiled module"},
		{"M\x06\x00", "3 bytes are no compiled module"},
		{"C\x06\x00\x1f", "compiled for CircuitPython"},
		{"X\x06\x00\x1f", `begins with "X"`},
		{"M\x05\x00\x1f", "a compiled module of version 5"},
		{"M\xff\x00\x1f", "a compiled module of version 255"},
		{"M\x06\x00\x00", "small integers of 0 bits"},
		{"M\x06\x00\xff", "small integers of 255 bits"},
		{"M\x06\x00\x3f", "warning: src/a.mpy: was compiled for small integers of 63 bits"},
		{"M\x06\x05\x1f", "warning: src/a.mpy: has native code for x86, .mpy version 6.1"},
		{"M\x06\x2a\x1f", "warning: src/a.mpy: has native code for xtensawin, .mpy version 6.2"},
		{"M\x06\x6e\x1f", "warning: src/a.mpy: has native code for rv32imc, .mpy version 6.2"}, // with flags of the architecture
		{"M\x06\x3c\x1f", "warning: src/a.mpy: has native code for an architecture that otactl does not know (15)"},
	} {
		errs, warnings := judge.New(nil).Files(t.Context(), []source.File{file("a.mpy", c.data)})
		got := text(errs)
		for _, w := range warnings {
			got += "warning: " + w.String()
		}
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q: %q, want %q", c.data, got, c.want)
		}
	}
}

// What only some versions compile passes with a warning, unless mpy-cross says what its version makes of it. One that
// refuses it is no bug of otactl. What boards know and mpy-cross does not is left to otactl.
func TestVersions(t *testing.T) {
	says := func(what string) string {
		return `printf 'Traceback (most recent call last):\n  File "in.py", line 1\nSyntaxError: ` + what + `\n' >&2; exit 1`
	}
	const tstring, errno = "x = t'{y}'\n", "X = const(errno.EIO)\n"
	const since = "src/a.py:1:5: t-strings compile from MicroPython 1.28 on; older devices refuse this file"
	const boards = "src/a.py:1:11: constants of modules in const() compile on most boards; mpy-cross and small boards, such as the ESP8266, refuse this file"
	for name, c := range map[string]struct{ script, src, err, warnings, notes string }{
		"no mpy-cross":    {"", tstring, "", since, ""},
		"it compiles":     {`printf 'M\006\000\037' >"$5"`, tstring, "", "", ""},
		"it refuses":      {says("invalid syntax"), tstring, "src/a.py:1: SyntaxError: invalid syntax, says mpy-cross v1.22.2", "", since},
		"it says nothing": {"kill -9 $$", tstring, "", since, "gives no verdict"},
		"boards":          {"", errno, "", boards, ""},
		"it is no board":  {says("not a constant"), errno, "", boards, "gives no verdict, so otactl's own check decides: SyntaxError: not a constant"},
		"not that":        {says("invalid syntax"), errno, "src/a.py:1: SyntaxError: invalid syntax", "", boards},
	} {
		t.Run(name, func(t *testing.T) {
			j := judge.New(nil)
			if c.script != "" {
				j = judge.New(compiler(t, c.script))
			}
			errs, warnings := j.Files(t.Context(), []source.File{file("a.py", c.src)})
			for _, pair := range [][2]string{{text(errs), c.err}, {list(warnings), c.warnings}, {list(j.Notes()), c.notes}} {
				if !strings.Contains(pair[0], pair[1]) || pair[1] == "" && pair[0] != "" {
					t.Errorf("%q, want %q", pair[0], pair[1])
				}
			}
		})
	}
}

func list(warnings []source.Warning) (all string) {
	for _, w := range warnings {
		all += w.String()
	}
	return all
}

// The two may differ: mpy-cross is right, and otactl says that it was wrong.
func TestOverruled(t *testing.T) {
	says := func(what string) string {
		return `printf 'Traceback (most recent call last):\n` + what + `\n' >&2; exit 1`
	}
	const accepts, good, bad = `printf 'M\006\000\037' >"$5"`, "x = 1\ny = 2\n", "x = 1\nif\n"
	for name, c := range map[string]struct {
		script, src, err string
		note             string
	}{
		"both take it":   {accepts, good, "", ""},
		"both refuse it": {says(`  File "in.py", line 1\nSyntaxError: no`), bad, "src/a.py:2:3: ", ""},
		"ours alone":     {accepts, bad, "", "src/a.py:2: mpy-cross compiles it, and otactl's own check would refuse it: "},
		"theirs alone": {
			says(`  File "in.py", line 2\nSyntaxError: no`), good, "src/a.py:2: SyntaxError: no, says mpy-cross v1.22.2",
			"src/a.py:2: otactl's own check finds nothing here, and mpy-cross does; that is a bug of otactl",
		},
		"viper types":      {says(`  File "in.py", line 2, in f\nViperTypeError: no`), good, "src/a.py:2: ViperTypeError: no, says mpy-cross v1.22.2", ""},
		"no verdict, good": {says("MemoryError:"), good, "", "gives no verdict, so otactl's own check decides: MemoryError:"},
		"no verdict, bad":  {"kill -9 $$", bad, "src/a.py:2:3: ", "decides: signal: killed, and it says nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			j := judge.New(compiler(t, c.script))
			errs, warnings := j.Files(t.Context(), []source.File{file("a.py", c.src)})
			if got := text(errs); !strings.HasPrefix(got, c.err) || c.err == "" && got != "" || len(warnings) != 0 {
				t.Errorf("error %q, want %q; warnings %v", got, c.err, warnings)
			}
			notes := list(j.Notes())
			if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("note %q, want %q", notes, c.note)
			}
		})
	}
}

func TestCompiled(t *testing.T) {
	j := judge.New(compiler(t, `printf 'M\006\000\037%s' "$3" >"$5"`))
	set := source.Set{Files: []source.File{
		file("a.json", "{}"), file("boot.py", "x = 1\n"), file("lib/boot.py", "x = 1\n"), file("main.py", "x = 1\n"), file("z.py", "x = 1\n"),
	}}
	errs, _ := j.Files(t.Context(), set.Files)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	got, err := j.Compiled(set)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range got.Files {
		names = append(names, f.Name+"="+string(f.Data))
	}
	want := "a.json={} boot.py=x = 1\n lib/boot.mpy=M\x06\x00\x1flib/boot.py main.py=x = 1\n z.mpy=M\x06\x00\x1fz.py"
	if strings.Join(names, " ") != want || len(got.Warnings) != 2 {
		t.Errorf("%q, %v", names, got.Warnings)
	}
}

func TestCompiledRefuses(t *testing.T) {
	j := judge.New(compiler(t, `case "$3" in native.py) printf 'M\006\012\037' >"$5";; silent.py) exit 9;; *) printf 'M\006\000\037' >"$5"; esac`))
	long := strings.Repeat("n", 125) + ".py"
	set := source.Set{Files: []source.File{
		file("A.mpy", "M\x06\x00\x1f"), file("a.py", ""), file("native.py", ""), file(long, ""), file("silent.py", ""),
	}}
	if errs, _ := j.Files(t.Context(), set.Files); len(errs) > 0 {
		t.Fatal(errs)
	}
	_, err := j.Compiled(set)
	want := []string{
		"src/a.py: would be a.mpy in the release, and so would src/A.mpy",
		"src/native.py: has native code, and was compiled for x64",
		"src/" + long + `: file name "`,
		"src/silent.py: was not compiled: exit status 9, and it says nothing",
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range want {
		if len(lines) != len(want) || !strings.HasPrefix(lines[i], want[i]) {
			t.Fatalf("%q, want %q", lines, want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	j := judge.New(compiler(t, "sleep 1000"))
	time.AfterFunc(100*time.Millisecond, cancel)
	errs, _ := j.Files(ctx, []source.File{file("a.py", ""), file("b.py", ""), file("c.py", "")})
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Error(errs)
	}
}
