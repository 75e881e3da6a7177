package source

import (
	"fmt"
	"strconv"
	"strings"
)

// An AmbiguousError reports a file whose name in the release could be one or another.
type AmbiguousError struct {
	Path   string
	Nested string // the name with its folders; "" if the path leads out of the working folder
	Flat   string // the base name
}

func (e *AmbiguousError) Error() string {
	if e.Nested == "" {
		return fmt.Sprintf("%s: has a folder part, which may belong to its name in the release or not", show(e.Path))
	}
	return fmt.Sprintf("%s: may be meant as %s or as %s in the release", show(e.Path), show(e.Nested), show(e.Flat))
}

// A NotRegularError reports something that is neither a regular file nor a folder. It was not opened.
type NotRegularError struct {
	Path string
	Kind string // what it is, such as "a named pipe"
}

func (e *NotRegularError) Error() string {
	return fmt.Sprintf("%s: not a regular file but %s", show(e.Path), e.Kind)
}

// An OutsideError reports a path that leads out of the folder that files may come from.
type OutsideError struct {
	Path   string
	Folder string
	Link   bool // by a symbolic link
}

func (e *OutsideError) Error() string {
	if e.Link {
		return fmt.Sprintf("%s: a symbolic link that is absolute or leads out of the folder %s", show(e.Path), show(e.Folder))
	}
	return fmt.Sprintf("%s: outside of the folder %s", show(e.Path), show(e.Folder))
}

// An EmptyError reports that there is nothing to publish.
type EmptyError struct {
	Folder  string // the folder without files; "" if there was no argument
	Skipped int    // how many files and folders in it are skipped
}

func (e *EmptyError) Error() string {
	switch {
	case e.Folder == "":
		return "no files to publish"
	case e.Skipped == 0:
		return fmt.Sprintf("%s: a folder without files", show(e.Folder))
	}
	return fmt.Sprintf("%s: a folder without files to publish (skipped: %d)", show(e.Folder), e.Skipped)
}

// A DuplicateError reports two files that would have one name in the release.
type DuplicateError struct {
	Name string
	A, B string // their paths
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s and %s: both would be %s in the release", show(e.A), show(e.B), show(e.Name))
}

// A LimitError reports more than a release may hold.
type LimitError struct {
	Path   string // "" if it is about all files
	Reason string
}

func (e *LimitError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return show(e.Path) + ": " + e.Reason
}

// A TextError reports a line that a text file must not have.
type TextError struct {
	Path   string
	Line   int // from 1
	Reason string
}

func (e *TextError) Error() string { return at(e.Path, e.Line) + ": " + e.Reason }

// A SyntaxError reports a .py that MicroPython does not compile, or a .mpy that it does not load.
type SyntaxError struct {
	Path         string
	Line, Column int    // from 1; 0 if that is not known
	Message      string // what was expected or refused
	Excerpt      string // the line, and below it a caret if the column is known; "" if the line is not
}

func (e *SyntaxError) Error() string {
	if e.Column == 0 {
		return at(e.Path, e.Line) + ": " + e.Message
	}
	return at(e.Path, e.Line) + ":" + strconv.Itoa(e.Column) + ": " + e.Message
}

// A CompileError reports a .py that was to be published compiled, and cannot be.
type CompileError struct {
	Path   string
	Reason string
}

func (e *CompileError) Error() string { return show(e.Path) + ": " + e.Reason }

// A SecretError reports a private key. Its value is in no field.
type SecretError struct {
	Path string
	Name string // in the release: what Options.AllowSecret takes
	Line int    // from 1; 0 if the whole file is the key
	Kind string // such as "RSA PRIVATE KEY"
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("%s: holds a private key (%s)", at(e.Path, e.Line), e.Kind)
}

// A PathError says which file an error is about that knows only a name in the release.
type PathError struct {
	Path string
	Err  error // *layout.NameError or *layout.CollisionError
}

func (e *PathError) Error() string { return show(e.Path) + ": " + e.Err.Error() }
func (e *PathError) Unwrap() error { return e.Err }

// at is a place in a file as compilers write it.
func at(path string, line int) string {
	if line == 0 {
		return show(path)
	}
	return show(path) + ":" + strconv.Itoa(line)
}

// show returns a path as it is if that cannot be misread, else quoted: a path may hold line feeds and control bytes.
func show(path string) string {
	if quoted := strconv.Quote(path); strings.ContainsAny(path, " :") || quoted != `"`+path+`"` {
		return quoted
	}
	return path
}
