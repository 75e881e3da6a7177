package judge

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/source"
)

// Compiled returns a set, whose files were judged by this judge, with each .py compiled in place of its source: lib/a.mpy
// for lib/a.py. boot.py and main.py stay, because MicroPython runs only those. Its errors are *[source.CompileError].
func (j *Judge) Compiled(set source.Set) (source.Set, error) {
	var errs []error
	taken := map[string]string{} // name in the release, in lower case -> path
	files := make([]source.File, 0, len(set.Files))
	for _, f := range set.Files {
		if staysSource(f.Name) {
			taken[strings.ToLower(f.Name)] = f.Path
			files = append(files, f)
		}
	}
	for _, f := range set.Files {
		if staysSource(f.Name) {
			continue
		}
		compiled, reason := j.compiled(f)
		other, clash := taken[strings.ToLower(compiled.Name)]
		switch {
		case reason != "":
		case clash:
			reason = "would be " + compiled.Name + " in the release, and so would " + other
		default:
			reason = nameReason(compiled.Name)
		}
		if reason != "" {
			errs = append(errs, &source.CompileError{Path: f.Path, Reason: reason})
			continue
		}
		taken[strings.ToLower(compiled.Name)] = f.Path
		files = append(files, compiled)
		set.Warnings = append(set.Warnings, note(f, 0, source.NotText)...)
	}
	slices.SortFunc(files, func(a, b source.File) int { return strings.Compare(a.Name, b.Name) })
	set.Files = files
	return set, errors.Join(errs...)
}

// staysSource reports what is not compiled.
func staysSource(name string) bool {
	return path.Ext(name) != ".py" || name == "boot.py" || name == "main.py"
}

// compiled is a source compiled, or why there is none.
func (j *Judge) compiled(f source.File) (c source.File, reason string) {
	c = source.File{Name: strings.TrimSuffix(f.Name, ".py") + ".mpy", Path: f.Path, Data: j.mpy[f.Name]}
	if c.Data == nil {
		reason = j.silent[f.Name]
		if reason == "" {
			reason = j.String() + " was not asked"
		}
		return c, "was not compiled: " + reason
	}
	if arch := architecture(c.Data); arch != "" {
		return c, "has native code, and was compiled for " + arch
	}
	return c, ""
}

// nameReason says why a name is none, or "".
func nameReason(name string) string {
	if err := layout.CheckName(name); err != nil {
		return err.Error()
	}
	return ""
}
