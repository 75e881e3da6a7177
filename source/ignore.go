package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const (
	ignoreName = ".otaignore"
	maxIgnore  = 64 << 10 // bytes
)

// ignoreRules are the lines of an .otaignore. What the grammar has means what it means to git:
//
//   - One pattern a line. White space at its end is dropped; empty lines and those that start with # are none.
//   - * stands for any characters but /, ? for one of them.
//   - A pattern with a / at its start or inside is matched against the whole path from the folder of the .otaignore, one
//     without against the last part of each path.
//   - A / at the end restricts a pattern to folders.
//   - ! at the start takes back what an earlier line lists. The last line that matches decides. What is in a folder that
//     is skipped cannot be taken back: it is not looked at.
//
// There is no more to it: a line with **, [, ] or \ is refused, for a line that is misread would publish what it was
// written to hold back.
type ignoreRules []ignoreRule

type ignoreRule struct {
	pattern  string
	line     int
	anchored bool // matches the whole path
	dirOnly  bool
	negate   bool
}

// readIgnore reads the .otaignore of a folder, which may be absent.
func readIgnore(d folder) (ignoreRules, []error) {
	data, err := d.read(ignoreName, maxIgnore)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{err}
	}
	return parseIgnore(d.at(ignoreName), string(data))
}

func parseIgnore(file, text string) (rules ignoreRules, errs []error) {
	line := 0
	for pattern := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line++
		pattern = strings.TrimRight(pattern, " \t\r\n")
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		rule, reason := parseRule(pattern)
		if reason != "" {
			errs = append(errs, &TextError{file, line, reason})
			continue
		}
		rule.line = line
		rules = append(rules, rule)
	}
	return rules, errs
}

func parseRule(pattern string) (r ignoreRule, reason string) {
	for _, no := range []string{"**", "[", "]", `\`} {
		if strings.Contains(pattern, no) {
			return r, fmt.Sprintf("%q is not supported in patterns", no)
		}
	}
	r.pattern, r.negate = strings.CutPrefix(pattern, "!")
	r.pattern, r.dirOnly = strings.CutSuffix(r.pattern, "/")
	r.anchored = strings.Contains(r.pattern, "/")
	r.pattern = strings.TrimPrefix(r.pattern, "/")
	if path.Clean("/"+r.pattern) != "/"+r.pattern || r.pattern == "" {
		return r, fmt.Sprintf("the pattern %q can match nothing", pattern)
	}
	return r, ""
}

// match returns the line that keeps a path out, as ".otaignore:3"; "" for none. The folders above must not be kept out.
func (rules ignoreRules) match(name string, isDir bool) (why string) {
	for _, r := range rules {
		if !r.matches(name, isDir) {
			continue
		}
		why = ""
		if !r.negate {
			why = fmt.Sprintf("%s:%d", ignoreName, r.line)
		}
	}
	return why
}

func (r ignoreRule) matches(name string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	if !r.anchored {
		name = path.Base(name)
	}
	ok, err := path.Match(r.pattern, name)
	return err == nil && ok // err: parseRule lets no bad pattern through
}
