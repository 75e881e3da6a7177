// Package pysyntax tells whether MicroPython can compile a source file, and if not, where and why.
//
//	if err := pysyntax.Check("boot.py", src); err != nil {
//		fmt.Print(err.(*pysyntax.Error).Excerpt()) // boot.py:3:5: expected ':', found the end of the line ...
//	}
//
// A file passes in five layers: bytes become tokens (lex.go, text.go, number.go), tokens become trees by a grammar in
// a table (grammar.go, which ebnf.go reads and parse.go follows), constant expressions are folded (constant.go), and
// each scope is checked for the rules that hold across statements (check.go, expression.go, target.go, scope.go). What
// is said of an error is decided apart from finding it (explain.go).
//
// The language is MicroPython's, not CPython's: Python 3.4 with f-strings, async, := and annotations. It is the union
// of what the versions from 1.20 up to the newest compile; CheckVersions tells what only some of them do (versions.go).
// A file that passes may still fail on a device that lacks a module, memory, or the emitter for its native code.
package pysyntax

import "bytes"

// Check returns nil if some MicroPython from 1.20 on compiles src, else an *Error for the first thing that none does. The
// name is only repeated in the error. Check never panics; its time and memory grow with the length of src, not with its depth.
func Check(name string, src []byte) error {
	_, err := check(name, src)
	return err
}

func check(name string, src []byte) (*checker, error) {
	c := newChecker(src)
	if err := c.file(); err != nil {
		err.File = name
		err.locate(src)
		return nil, err
	}
	return c, nil
}

// file checks statement by statement, so that memory is needed for the longest one and not for all of them.
func (c *checker) file() *Error {
	if err := c.preamble(); err != nil {
		return err
	}
	module := &scope{kind: moduleScope, names: map[string]binding{}}
	c.advance()
	for c.tok.kind != tokEnd {
		if c.tok.kind == tokNewline {
			c.advance()
			continue
		}
		root, ok := c.tree("statement")
		if !ok {
			return c.err
		}
		c.statement(module, root)
		if c.err != nil {
			return c.err
		}
	}
	return c.disagreement()
}

// preamble refuses what an editor may put before the first statement: MicroPython takes the mark for a part of a name.
func (c *checker) preamble() *Error {
	switch {
	case bytes.HasPrefix(c.lex.src, []byte("\xef\xbb\xbf")):
		return &Error{Message: "the file begins with a byte order mark, which MicroPython takes for a part of the first name: save it as UTF-8 without BOM"}
	case bytes.HasPrefix(c.lex.src, []byte("\xff\xfe")), bytes.HasPrefix(c.lex.src, []byte("\xfe\xff")):
		return &Error{Message: "the file is UTF-16: save it as UTF-8 without BOM"}
	}
	return nil
}
