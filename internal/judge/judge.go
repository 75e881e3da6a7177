// Package judge decides whether MicroPython can use the files of a release: whether it compiles a .py, and loads a .mpy.
//
// A real mpy-cross decides where there is one, else package pysyntax. With mpy-cross both are asked: where they differ
// pysyntax is wrong, or knows a newer language, and that is told. Where mpy-cross gives no verdict, pysyntax decides.
package judge

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/internal/mpycross"
	"github.com/otactl/otactl/pysyntax"
	"github.com/otactl/otactl/source"
)

// A Judge judges files. It is good for one set of them.
type Judge struct {
	compiler *mpycross.Compiler
	hangs    atomic.Bool       // the compiler is not asked any more
	notes    []source.Warning  // see Notes
	mpy      map[string][]byte // what was compiled, by the name of the source
	silent   map[string]string // why the compiler said nothing of a source
}

// New makes a judge of a compiler; nil if there is none.
func New(compiler *mpycross.Compiler) *Judge {
	return &Judge{compiler: compiler, mpy: map[string][]byte{}, silent: map[string]string{}}
}

// String says who decides.
func (j *Judge) String() string {
	if j.compiler == nil {
		return "otactl's own check"
	}
	return j.compiler.String()
}

// Notes are what an author should know of how it was decided, and what is no fault of his files.
func (j *Judge) Notes() []source.Warning { return j.notes }

// Files judges all files at once: the .py and .mpy among them. Its errors are *[source.SyntaxError], in the order of the
// files, and what kept it from judging.
func (j *Judge) Files(ctx context.Context, files []source.File) (errs []error, warnings []source.Warning) {
	answers := make([]answer, len(files))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() (err error) {
			answers[i], err = j.file(gctx, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return []error{err}, nil
	}
	for i, a := range answers {
		if a.err != nil {
			errs = append(errs, a.err)
		}
		if a.mpy != nil {
			j.mpy[files[i].Name] = a.mpy
		}
		if a.silent != "" {
			j.silent[files[i].Name] = a.silent
		}
		j.notes = append(j.notes, a.notes...)
		warnings = append(warnings, a.warnings...)
	}
	return errs, warnings
}

// An answer is what there is to say of one file.
type answer struct {
	err      error // a refusal
	notes    []source.Warning
	warnings []source.Warning
	mpy      []byte
	silent   string
}

func (j *Judge) file(ctx context.Context, f source.File) (answer, error) {
	name := strings.ToLower(f.Name)
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case strings.HasSuffix(name, ".mpy"):
		return module(f), nil
	case !strings.HasSuffix(name, ".py"):
		return answer{}, nil
	case j.compiler == nil || j.hangs.Load():
		return own(f).answer(), nil
	}
	return j.compare(ctx, f)
}

// compare asks both.
func (j *Judge) compare(ctx context.Context, f source.File) (answer, error) {
	ours := own(f)
	mpy, err := j.compiler.Compile(ctx, f.Name, f.Data)
	if broken, ok := errors.AsType[*mpycross.BrokenError](err); ok {
		if broken.Hangs {
			j.hangs.Store(true)
		}
		return j.silence(f, ours, broken.Reason), nil
	}
	theirs, refused := errors.AsType[*mpycross.SyntaxError](err)
	if err != nil && !refused {
		return answer{}, err
	}
	return j.settle(f, ours, theirs, mpy), nil
}

// silence lets pysyntax decide where mpy-cross does not.
func (j *Judge) silence(f source.File, ours opinion, reason string) answer {
	a := ours.answer()
	a.notes, a.silent = note(f, 0, "%s gives no verdict, so otactl's own check decides: %s", j.compiler, reason), reason
	return a
}

// settle says what holds: mpy-cross is right. What it compiles is not held against other versions: people install the one
// of their devices.
func (j *Judge) settle(f source.File, ours opinion, theirs *mpycross.SyntaxError, mpy []byte) answer {
	switch {
	case theirs != nil && ours.err != nil: // ours says where, and what was expected
		return answer{err: ours.err}
	case theirs != nil && ours.boards && theirs.Message == notConstant: // it knows no modules, and boards do
		return j.silence(f, ours, theirs.Message)
	case theirs != nil && len(ours.warnings) > 0: // which say why
		return answer{err: j.overruled(f, theirs), notes: ours.warnings}
	case theirs != nil:
		return answer{err: j.overruled(f, theirs), notes: missed(f, theirs)}
	case ours.err != nil:
		return answer{mpy: mpy, notes: note(f, ours.err.Line, "mpy-cross compiles it, and otactl's own check would refuse it: %s%s:\n%s",
			ours.err.Message, report, ours.err.Excerpt)}
	}
	return answer{mpy: mpy}
}

const notConstant = "SyntaxError: not a constant"

const report = "; that is a bug of otactl: please report it, with this line, at https://github.com/otactl/otactl/issues"

// overruled is the refusal of mpy-cross alone, which knows no column.
func (j *Judge) overruled(f source.File, e *mpycross.SyntaxError) error {
	line := lineOf(f.Data, e.Line)
	if line != "" {
		line = "    " + line
	}
	return &source.SyntaxError{
		Path: f.Path, Line: e.Line, Message: e.Message + ", says mpy-cross " + j.compiler.Version, Excerpt: line,
	}
}

// missed tells of what pysyntax lets pass. The types of viper code are none of its business.
func missed(f source.File, e *mpycross.SyntaxError) []source.Warning {
	if strings.HasPrefix(e.Message, "ViperTypeError") {
		return nil
	}
	return note(f, e.Line, "otactl's own check finds nothing here, and mpy-cross does%s", report)
}

func note(f source.File, line int, format string, args ...any) []source.Warning {
	return []source.Warning{{Path: f.Path, Line: line, Text: fmt.Sprintf(format, args...)}}
}

// An opinion is the verdict of pysyntax.
type opinion struct {
	err      *source.SyntaxError
	warnings []source.Warning // of what not all versions compile
	boards   bool             // it depends on the board, too
}

func own(f source.File) (o opinion) {
	warnings, err := pysyntax.CheckVersions("", f.Data)
	for _, w := range warnings {
		o.warnings = append(o.warnings, source.Warning{Path: f.Path, Line: w.Line, Column: w.Column, Text: w.Message})
		o.boards = o.boards || w.Since == "" && w.Until == ""
	}
	e, ok := errors.AsType[*pysyntax.Error](err)
	if !ok {
		return o
	}
	excerpt := strings.TrimSuffix(strings.TrimPrefix(e.Excerpt(), e.Error()+"\n"), "\n")
	o.err = &source.SyntaxError{Path: f.Path, Line: e.Line, Column: e.Column, Message: e.Message, Excerpt: excerpt}
	return o
}

// answer is that of pysyntax alone.
func (o opinion) answer() answer {
	if o.err == nil {
		return answer{warnings: o.warnings}
	}
	return answer{err: o.err}
}

// lineOf is a line of a source, its beginning if it is long; "" if there is none.
func lineOf(src []byte, n int) string {
	const shown = 160
	for line := range strings.Lines(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(src))) {
		if n--; n == 0 {
			line = strings.TrimRight(line, "\n")
			return strings.ToValidUTF8(line[:min(len(line), shown)], "")
		}
	}
	return ""
}
