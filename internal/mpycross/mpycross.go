// Package mpycross runs MicroPython's own compiler, mpy-cross, where there is one.
//
// It is a program of somebody else, found on the PATH: it may hang, print rubbish, or be something else that has its name.
// Every run has a time limit, what it prints and writes is bounded, and it sees no variable of ours. What it says of a
// source is a [SyntaxError], what keeps it from saying anything a [BrokenError].
package mpycross

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limits of one run. mpy-cross needs some milliseconds; a wrapper in a script language on a busy machine, a second.
const (
	Timeout   = 20 * time.Second
	maxPrint  = 64 << 10 // bytes of each stream
	maxOutput = 16 << 20 // bytes of a compiled file: what a file of a release may have
)

// A Compiler is an mpy-cross that has said its name.
type Compiler struct {
	Path    string
	Version string // of MicroPython, such as "v1.22.2"

	env     []string
	timeout time.Duration
}

// A BrokenError reports that an mpy-cross gave no verdict.
type BrokenError struct {
	Path   string
	Reason string
	Hangs  bool // it would do so again
}

func (e *BrokenError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }

// A SyntaxError is what mpy-cross says of a source that it does not compile.
type SyntaxError struct {
	Line    int    // from 1; 0 if it does not say
	Message string // such as "SyntaxError: invalid syntax"
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Find returns the first mpy-cross in the folders of a PATH, "" if there is none. Relative folders are skipped: what they
// hold may come with a repository. If one is there that cannot be run, and no other, that is a *[BrokenError].
func Find(path string) (string, error) {
	var broken error
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, "mpy-cross")
		found, err := exec.LookPath(file)
		if err == nil {
			return found, nil
		}
		if info, serr := os.Stat(file); serr == nil && info.Mode().IsRegular() && broken == nil {
			broken = &BrokenError{Path: file, Reason: "is not executable"}
		}
	}
	return "", broken
}

// banner is what mpy-cross --version prints. CircuitPython's says so before, and after the number.
var banner = regexp.MustCompile(`^MicroPython (\S{1,64}) on [^\n;]{1,64}; mpy-cross emitting mpy v([0-9]{1,3})(?:\.[0-9]{1,3})?\s*$`)

// Open asks an mpy-cross for its version, and refuses one that does not make .mpy files of version 6. Its errors are
// *[BrokenError] and that of a ctx that is done. The environment is that of the process, without the variables of otactl
// and of buckets, in which there may be secrets.
func Open(ctx context.Context, path string, environ []string) (*Compiler, error) {
	return open(ctx, path, environ, Timeout)
}

func open(ctx context.Context, path string, environ []string, timeout time.Duration) (*Compiler, error) {
	c := &Compiler{Path: path, timeout: timeout}
	for _, v := range environ {
		if !strings.HasPrefix(v, "OTACTL_") && !strings.HasPrefix(v, "AWS_") {
			c.env = append(c.env, v)
		}
	}
	r, err := c.run(ctx, os.TempDir(), "--version")
	if err != nil {
		return nil, err
	}
	m := banner.FindStringSubmatch(r.stdout)
	switch {
	case r.code != 0 || m == nil:
		return nil, c.broken("--version is not answered as mpy-cross does (%s)", r.said())
	case m[2] != "6":
		return nil, c.broken("makes .mpy files of version %s, and devices with MicroPython 1.19 or later need version 6", m[2])
	}
	c.Version = m[1]
	return c, nil
}

// String names the compiler and its version.
func (c *Compiler) String() string { return fmt.Sprintf("mpy-cross %s (%s)", c.Version, c.Path) }

// Compile compiles a source under a name, which is that in tracebacks. The result depends on nothing else. Its errors are
// *[SyntaxError], *[BrokenError], and that of a ctx that is done.
func (c *Compiler) Compile(ctx context.Context, name string, src []byte) (mpy []byte, err error) {
	dir, err := os.MkdirTemp("", "otactl-mpy-")
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nobody needs it, whatever is left
	in, out := filepath.Join(dir, "in.py"), filepath.Join(dir, "out.mpy")
	if err := os.WriteFile(in, src, 0o600); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	r, err := c.run(ctx, dir, "-O0", "-s", name, "-o", out, in) // from -O3 on, tracebacks have no lines
	switch {
	case err != nil:
		return nil, err
	case r.code != 0:
		return nil, c.verdict(r)
	}
	return c.output(out, r)
}

// output reads what was compiled.
func (c *Compiler) output(path string, r result) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, c.broken("writes no file (%s)", r.said())
	case !info.Mode().IsRegular():
		return nil, c.broken("writes no regular file")
	case info.Size() > maxOutput:
		return nil, c.broken("writes more than %d MiB", maxOutput>>20)
	}
	mpy, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err.(*fs.PathError).Err) //nolint:errorlint,forcetypeassert // os says so
	}
	if len(mpy) < 4 || mpy[0] != 'M' || mpy[1] != 6 {
		return nil, c.broken("writes what is not a .mpy file of version 6")
	}
	return mpy, nil
}

// Of a traceback the last place and the last line count. The name in it is that of -s or of the file, depending on which
// part of the compiler speaks.
var (
	place  = regexp.MustCompile(`(?m)^\s*File ".*", line ([0-9]{1,9})`)
	raised = regexp.MustCompile(`(?m)^([A-Za-z]+(?:Error|Exception))(:[^\n]*)?\s*$`)
)

// noVerdict are what ends a run for a reason that is not in the source: the host's memory, or that mpy-cross was not told
// for which processor native code is to be.
var noVerdict = regexp.MustCompile(`^(MemoryError|RuntimeError|SyntaxError: invalid (arch|micropython decorator)$)`)

// verdict makes an error of a run that failed.
func (c *Compiler) verdict(r result) error {
	places, lines := place.FindAllStringSubmatch(r.stderr, -1), raised.FindAllStringSubmatch(r.stderr, -1)
	if r.code != 1 || len(lines) == 0 || !strings.HasPrefix(r.stderr, "Traceback ") {
		return c.broken("%s", r.said())
	}
	last := lines[len(lines)-1]
	e := &SyntaxError{Message: strings.TrimSpace(last[1] + last[2])}
	if noVerdict.MatchString(e.Message) {
		return c.broken("%s", e.Message)
	}
	if len(places) > 0 {
		e.Line, _ = strconv.Atoi(places[len(places)-1][1]) // nine digits at most
	}
	return e
}

func (c *Compiler) broken(format string, args ...any) error {
	return &BrokenError{Path: c.Path, Reason: fmt.Sprintf(format, args...)}
}
