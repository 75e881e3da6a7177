package mpycross

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mpy-cross")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const hello = `if [ "$1" = --version ]; then echo "MicroPython v1.22.2 on 2024-02-22; mpy-cross emitting mpy v6.2"; exit; fi
`

// node returns the compiler that scripts/install-micropython puts there: the real one, as WebAssembly.
func node(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/micropython/mpy-cross")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		testserver.Skip(t, "scripts/install-micropython was not run: %v", err)
	}
	return path
}

func TestCompile(t *testing.T) {
	c, err := Open(t.Context(), node(t), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	mpy, err := c.Compile(t.Context(), "lib/util.py", []byte("def f():\n    return 1\n"))
	if err != nil || !bytes.Contains(mpy, []byte("lib/util.py")) {
		t.Fatalf("%q, %v", mpy, err)
	}
	again, err := c.Compile(t.Context(), "lib/util.py", []byte("def f():\n    return 1\n"))
	if err != nil || !bytes.Equal(mpy, again) {
		t.Errorf("the same source gives other bytes, %v", err)
	}
	for src, want := range map[string]string{
		"x = 1\ndef f(:\n":        "^line 2: SyntaxError: invalid syntax$",
		"x = 1\n\nreturn 3\n":     "^line 3: SyntaxError: 'return' outside function$",
		"if 1:\nx = 2\n":          "^line 2: SyntaxError: invalid syntax$",
		"if 1:\n    x\n  y = 2\n": "^line [23]: IndentationError: unindent doesn't match any outer indent level$", // 2 from 1.22 on
	} {
		_, err := c.Compile(t.Context(), "lib/util.py", []byte(src))
		if e, ok := errors.AsType[*SyntaxError](err); !ok || !regexp.MustCompile(want).MatchString(e.Error()) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
	_, err = c.Compile(t.Context(), "a.py", []byte("import micropython\n@micropython.native\ndef f():\n    pass\n"))
	if e, ok := errors.AsType[*BrokenError](err); !ok || e.Reason != "SyntaxError: invalid arch" {
		t.Errorf("native code without a processor: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	folder := t.TempDir()
	for name, c := range map[string]struct{ path, want string }{
		"rubbish":       {script(t, "echo hello; echo world"), `--version is not answered as mpy-cross does (exit status 0, and it says "hello")`},
		"nothing":       {script(t, "exit 3"), "--version is not answered as mpy-cross does (exit status 3, and it says nothing)"},
		"control":       {script(t, `printf '\033[2J'`), `(exit status 0, and it says "\x1b[2J")`},
		"no end":        {script(t, "yes"), "does not end within 500ms"},
		"hangs":         {script(t, "sleep 1000"), "does not end within 500ms"},
		"circuitpython": {script(t, `echo "CircuitPython 9.0.0 on 2024-03-19; mpy-cross emitting mpy v6.2-CircuitPython"`), "not answered as mpy-cross does"},
		"old": {
			script(t, `echo "MicroPython v1.18 on 2022-01-17; mpy-cross emitting mpy v5"`),
			"makes .mpy files of version 5, and devices with MicroPython 1.19 or later need version 6",
		},
		"gone":   {gone, "cannot be run: no such file or directory"},
		"folder": {folder, "cannot be run: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := open(context.Background(), c.path, nil, 500*time.Millisecond)
			if name != "no end" && name != "hangs" {
				_, err = Open(context.Background(), c.path, os.Environ())
			}
			e, ok := errors.AsType[*BrokenError](err)
			if !ok || e.Path != c.path || !strings.Contains(e.Reason, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it takes %v", took)
			}
		})
	}
}

func TestCompileBroken(t *testing.T) {
	for text, want := range map[string]string{
		"exit 0":                          "writes no file (exit status 0, and it says nothing)",
		"echo oh; exit 7":                 `exit status 7, and it says "oh"`,
		"exit 1":                          "exit status 1, and it says nothing",
		"kill -9 $$":                      "signal: killed, and it says nothing",
		"echo SyntaxError: x >&2; exit 1": `exit status 1, and it says "SyntaxError: x"`,
		`printf 'Traceback (most recent call last):\nMemoryError: no\n' >&2; exit 1`: "MemoryError: no",
		`echo "print(1)" >"$5"`:  "writes what is not a .mpy file of version 6",
		`ln -s /etc/passwd "$5"`: "writes no regular file",
		`truncate -s 20M "$5"`:   "writes more than 16 MiB",
	} {
		c, err := Open(t.Context(), script(t, hello+text), os.Environ())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Compile(t.Context(), "a.py", []byte("x = 1\n"))
		if e, ok := errors.AsType[*BrokenError](err); !ok || e.Reason != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// What a wrapper has started does not outlive its time, and does not keep otactl waiting.
func TestTimeEndsChildren(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	_, err := open(t.Context(), script(t, "sleep 1000 & echo $! >"+pid+"; wait"), os.Environ(), time.Second)
	if _, ok := errors.AsType[*BrokenError](err); !ok {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it still runs: %s", stat)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, script(t, "sleep 1000"), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// It sees what the process sees, but for what concerns otactl and its buckets alone.
func TestEnvironment(t *testing.T) {
	path := script(t, `echo "MicroPython v$OTACTL_SSH_KEY$AWS_SECRET_ACCESS_KEY$COLOUR on 2024-02-22; mpy-cross emitting mpy v6.2"`)
	c, err := Open(t.Context(), path, []string{"OTACTL_SSH_KEY=secret", "AWS_SECRET_ACCESS_KEY=secret", "COLOUR=red"})
	if err != nil || c.String() != "mpy-cross vred ("+path+")" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestFind(t *testing.T) {
	good := filepath.Dir(script(t, ""))
	dull := filepath.Dir(script(t, ""))
	if err := os.Chmod(filepath.Join(dull, "mpy-cross"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(good))
	list := func(dirs ...string) string { return strings.Join(dirs, string(filepath.ListSeparator)) }
	for _, c := range []struct{ path, want, broken string }{
		{"", "", ""},
		{"/nope", "", ""},
		{list("", ".", filepath.Base(good)), "", ""},
		{list("/nope", good), filepath.Join(good, "mpy-cross"), ""},
		{list(dull, good), filepath.Join(good, "mpy-cross"), ""},
		{dull, "", filepath.Join(dull, "mpy-cross") + ": is not executable"},
	} {
		got, err := Find(c.path)
		if got != c.want || (err == nil) != (c.broken == "") || err != nil && err.Error() != c.broken {
			t.Errorf("%s: %q, %v", c.path, got, err)
		}
	}
}
