package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/source"
)

// A checkOutcome is the answer to check.
type checkOutcome struct {
	Files   []fileOutcome    `json:"files"`
	Size    int64            `json:"size"` // bytes
	Skipped []skippedOutcome `json:"skipped,omitempty"`
	Syntax  string           `json:"syntax"` // who decided what compiles, or that nobody did
}

type fileOutcome struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

type skippedOutcome struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

func (o *checkOutcome) lines() []string {
	lines := []string{}
	for _, s := range o.Skipped {
		lines = append(lines, skipLine(s))
	}
	lines = append(lines, "syntax: "+o.Syntax)
	return append(lines, "ok: "+count(len(o.Files), "file")+", "+size(o.Size))
}

func runCheck(ctx context.Context, c *call) (outcome, error) {
	set, err := c.collect(ctx, c.args)
	if err != nil {
		return nil, err
	}
	o := &checkOutcome{Files: fileOutcomes(set.Manifest("", layout.Tag{}, layout.Prefix).Files), Size: set.Size()}
	o.Skipped, o.Syntax = skippedOutcomes(set.Skipped), c.decided()
	return o, nil
}

func fileOutcomes(files []layout.File) []fileOutcome {
	outcomes := make([]fileOutcome, len(files))
	for i, f := range files {
		outcomes[i] = fileOutcome{f.Name, f.Size, f.SHA256}
	}
	return outcomes
}

func skippedOutcomes(skipped []source.Skipped) (outcomes []skippedOutcome) {
	for _, s := range skipped {
		outcomes = append(outcomes, skippedOutcome{s.Path, s.Why})
	}
	return outcomes
}

// collect reads and checks the files of the command line, or else those of otactl.toml. Warnings are printed; with
// --strict they are errors.
func (c *call) collect(ctx context.Context, args []string) (source.Set, error) {
	set, errs := c.gather(ctx, args)
	return set, errors.Join(append(errs, c.judge(set.Warnings))...)
}

// gather is collect for who judges himself.
func (c *call) gather(ctx context.Context, args []string) (source.Set, []error) {
	signed := c.keys.isSet() || c.publicKeys.isSet() || c.secrets.signKey != ""
	o := source.Options{Flat: c.flat, AllowSecret: c.allowSecret, Signed: signed}
	if err := c.appoint(ctx); err != nil {
		return source.Set{}, []error{err}
	}
	if c.syntax != nil {
		o.Judge = func(files []source.File) ([]error, []source.Warning) { return c.syntax.Files(ctx, files) }
	}
	if c.dir.isSet() {
		o.Dir = c.dir.path(home(c.env))
	}
	if len(args) == 0 && c.files.isSet() {
		args = c.files.many
		if !c.dir.isSet() {
			o.Base = shorter(c.env.Dir, c.files.base)
		}
	}
	set, err := source.Collect(args, o)
	if c.syntax != nil {
		c.warn(c.syntax.Notes())
	}
	if c.mpy && err == nil {
		set, err = c.syntax.Compiled(set)
	}
	var errs []error
	for _, one := range flatten(err) {
		errs = append(errs, &SourceError{one})
	}
	return set, errs
}

// shorter is a folder relative to the current one, if that is shorter; "" for the current one itself.
func shorter(cwd, dir string) string {
	rel, err := filepath.Rel(cwd, dir)
	switch {
	case err != nil || len(rel) >= len(dir):
		return dir
	case rel == ".":
		return ""
	}
	return rel + string(os.PathSeparator)
}
