package source

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/otactl/otactl/layout"
)

// pythonChecks are what the text of a .py file must pass, in this order; a check may rely on those before it, so the first
// that finds something ends the list. Options.Judge comes after them.
var pythonChecks = []func(File) []error{checkEncoding, checkConflicts}

// problems are what keeps one file out of any release, and whether its text is good enough to be judged.
func problems(f File, o Options) (errs []error, readable bool) {
	if err := layout.CheckName(f.Name); err != nil {
		errs = append(errs, withPath(f.Path, f.Name, err))
	}
	if err := checkPrivateKey(f); err != nil && !allowsSecrets(f, o) {
		errs = append(errs, err)
	}
	if !isPython(f) {
		return errs, true
	}
	for _, check := range pythonChecks {
		if found := check(f); len(found) > 0 {
			return append(errs, found...), false
		}
	}
	return errs, true
}

// warnings are what one file may do and perhaps should not.
func warnings(f File, o Options) (ws []Warning) {
	ws = ForOriginals(f)
	if isBinary(f.Data) {
		return ws
	}
	if isPython(f) && isEmpty(f) {
		ws = append(ws, Warning{Path: f.Path, Text: "is empty"})
	}
	if !allowsSecrets(f, o) {
		ws = append(ws, findPasswords(f)...)
	}
	return ws
}

// ForOriginals are the reasons for which original clients cannot install a file.
func ForOriginals(f File) (ws []Warning) {
	if strings.Contains(f.Name, "/") {
		ws = append(ws, Warning{Path: f.Path, Text: "original clients cannot install a file in a folder"})
	}
	if isBinary(f.Data) {
		ws = append(ws, Warning{Path: f.Path, Text: NotText})
	}
	return ws
}

func isPython(f File) bool { return strings.HasSuffix(strings.ToLower(f.Name), ".py") }

// isEmpty lets an empty __init__.py pass: that is how Python spells a package.
func isEmpty(f File) bool {
	return len(bytes.TrimSpace(f.Data)) == 0 && !strings.HasSuffix("/"+f.Name, "/__init__.py")
}

// isBinary reports what original clients cannot decode as UTF-8, and NUL bytes, which no text has.
func isBinary(data []byte) bool { return !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 }
