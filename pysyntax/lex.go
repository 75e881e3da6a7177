package pysyntax

import (
	"bytes"
	"fmt"
)

// maxNesting bounds brackets, blocks, operators and all else that stands in itself, together. MicroPython gives up
// earlier, by the stack of its device; without a bound a hostile file could exhaust ours.
const maxNesting = 500

const tabWidth = 8 // the compiler lets a tab reach to the next multiple, which makes mixing tabs and blanks legal

// lexer cuts a source into tokens. Names may contain any byte from 0x80: so says the compiler.
type lexer struct {
	src      []byte
	base     int32 // what to add to a position in src: an f-string's field has a lexer of its own
	pos      int
	brackets []token // that are open
	indents  []int32 // columns of the open blocks
	dedents  int     // tokens yet to be returned
	column   int32   // of the first token of the line
	newline  bool    // whether what comes next is the first token of a line
	fresh    bool    // whether what comes next stands first in its line, brackets or not
	ended    bool    // whether the newline that a last line may lack was made up
	err      *Error
}

func newLexer(src []byte, base int32) lexer {
	l := lexer{src: src, base: base, newline: true, fresh: true}
	_, l.column = l.skip()
	return l
}

// next returns the next token. After an error it returns tokBroken, and err is set.
func (l *lexer) next() token {
	if l.dedents > 0 {
		l.dedents--
		return l.token(tokDedent, l.pos)
	}
	if !l.newline {
		end := token{kind: tokNewline, pos: l.base + int32(l.pos), end: l.base + int32(l.pos)}
		lines, column := l.skip()
		l.fresh = l.fresh || lines
		if lines && len(l.brackets) == 0 {
			l.newline, l.column = true, column
			return end
		}
	}
	if l.newline {
		l.newline = false
		if t, ok := l.dent(l.column); ok {
			return t
		}
	}
	if l.pos >= len(l.src) {
		return l.token(tokEnd, l.pos)
	}
	t := l.scan()
	t.fresh, l.fresh = l.fresh, false
	return t
}

// skip passes blanks, comments and continued lines, and newlines. It tells whether there were newlines, outside of
// brackets or within, and the column that it reached.
func (l *lexer) skip() (lines bool, column int32) {
	for {
		switch char := l.at(0); {
		case l.pos >= len(l.src) && !l.ended && len(l.src) > 0 && !isNewline(l.src[len(l.src)-1]):
			l.ended, lines, column = true, true, 0
		case l.pos >= len(l.src):
			return lines, 0
		case char == '\t':
			column += tabWidth - column%tabWidth
			l.pos++
		case char == ' ' || char == '\f' || char == '\v':
			column++
			l.pos++
		case char == '#':
			l.comment()
		case isNewline(char):
			l.pos += l.newlineLen()
			lines, column = true, 0
		case char == '\\' && l.continued():
			column = 0
		default:
			return lines, column
		}
	}
}

func (l *lexer) comment() {
	if i := bytes.IndexAny(l.src[l.pos:], "\r\n"); i >= 0 {
		l.pos += i
		return
	}
	l.pos = len(l.src)
}

// continued passes a backslash that ends a line, the last one even if it has no newline.
func (l *lexer) continued() bool {
	if l.pos+1 == len(l.src) {
		l.pos++
		l.ended = true
		return true
	}
	if isNewline(l.at(1)) {
		l.pos++
		l.pos += l.newlineLen()
		return true
	}
	return false
}

// dent compares a column with those of the open blocks, and returns INDENT or the first DEDENT if it differs.
func (l *lexer) dent(column int32) (token, bool) {
	top := len(l.indents) - 1
	switch {
	case column > l.indent(top):
		l.indents = append(l.indents, column)
		if len(l.indents) > maxNesting {
			return l.fail(l.pos, "more than %d nested blocks", maxNesting), true
		}
		return l.token(tokIndent, l.pos), true
	case column == l.indent(top):
		return token{}, false
	}
	for ; column < l.indent(top); top-- {
		l.dedents++
	}
	l.indents = l.indents[:top+1]
	if column != l.indent(top) {
		return l.fail(l.pos, "this line is indented less than the one before, but not as little as any line that it could continue%s", l.mixed()), true
	}
	l.dedents--
	return l.token(tokDedent, l.pos), true
}

func (l *lexer) indent(i int) int32 {
	if i < 0 {
		return 0
	}
	return l.indents[i]
}

// mixed explains an indentation that looks right in an editor.
func (l *lexer) mixed() string {
	if bytes.Contains(l.src, []byte("\n\t")) && bytes.Contains(l.src, []byte("\n ")) {
		return "; tabs and blanks are mixed in this file, and a tab counts up to the next multiple of 8 columns"
	}
	return ""
}

func (l *lexer) at(ahead int) byte {
	if l.pos+ahead < len(l.src) {
		return l.src[l.pos+ahead]
	}
	return 0
}

func (l *lexer) newlineLen() int {
	if l.at(0) == '\r' && l.at(1) == '\n' {
		return 2
	}
	return 1
}

// token returns the one from start up to where the lexer is.
func (l *lexer) token(k kind, start int) token {
	return token{kind: k, pos: l.base + int32(start), end: l.base + int32(l.pos)}
}

// fail notes what is wrong at a position of src, and ends the tokens.
func (l *lexer) fail(pos int, format string, args ...any) token {
	if l.err == nil {
		l.err = &Error{offset: int(l.base) + pos, Message: fmt.Sprintf(format, args...)}
	}
	l.dedents, l.pos = 0, len(l.src)
	return token{kind: tokBroken, pos: l.base + int32(pos), end: l.base + int32(pos)}
}

func isNewline(char byte) bool { return char == '\n' || char == '\r' }
func isDigit(char byte) bool   { return char >= '0' && char <= '9' }

func isName(char byte) bool {
	return char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z' || char == '_' || char >= 0x80
}
