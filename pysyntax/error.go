package pysyntax

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is the first thing in a file that MicroPython does not compile.
type Error struct {
	File    string
	Line    int    // counted from 1
	Column  int    // in characters, counted from 1
	Message string // what was expected or refused
	Source  string // the line, without its end; cut to a window around the column if it is very long

	offset int // of the column, in the file
	mark   int // of the column, in Source
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Excerpt returns what Error does, then the line and, below its column, a caret. Each line ends in a newline.
func (e *Error) Excerpt() string {
	var text, caret strings.Builder
	for i, char := range e.Source {
		shown := printable(char)
		text.WriteString(shown)
		if i < e.mark {
			caret.WriteString(blanks(char, shown))
		}
	}
	return fmt.Sprintf("%s\n    %s\n    %s^\n", e, text.String(), caret.String())
}

// printable keeps control characters, which could drive the terminal, and broken bytes from being shown as they are.
func printable(char rune) string {
	if char == '\t' || unicode.IsPrint(char) {
		return string(char)
	}
	return strings.Trim(fmt.Sprintf("%+q", char), "'")
}

// blanks returns what takes the room of a character: a tab that of a tab, and two blanks that of a wide character.
func blanks(char rune, shown string) string {
	switch {
	case char == '\t':
		return "\t"
	case len(shown) != utf8.RuneLen(char):
		return strings.Repeat(" ", len(shown))
	case unicode.In(char, unicode.Mn, unicode.Me):
		return ""
	case wide(char):
		return "  "
	}
	return " "
}

// wide tells whether a terminal gives a character two columns: most of East Asian Width W and F, by block.
func wide(char rune) bool {
	return char >= 0x1100 && char <= 0x115F || char >= 0x2E80 && char <= 0xA4CF && char != 0x303F ||
		char >= 0xAC00 && char <= 0xD7A3 || char >= 0xF900 && char <= 0xFAFF || char >= 0xFE30 && char <= 0xFE6F ||
		char >= 0xFF00 && char <= 0xFF60 || char >= 0xFFE0 && char <= 0xFFE6 || char >= 0x1F300 && char <= 0x1FAFF ||
		char >= 0x20000 && char <= 0x3FFFD
}

const window = 160 // bytes of a line that are shown at most

// locate fills in line, column and source from the offset.
func (e *Error) locate(src []byte) {
	e.offset = min(e.offset, len(src))
	var start int
	e.Line, start = lineOf(src, e.offset)
	end := start + len(src[start:])
	if i := bytes.IndexAny(src[start:], "\r\n"); i >= 0 {
		end = start + i
	}
	e.offset = min(e.offset, end)
	e.Column = utf8.RuneCount(src[start:e.offset]) + 1
	if end-start > window {
		start = runeStart(src, max(start, e.offset-window/2))
		end = runeStart(src, min(end, start+window))
	}
	e.mark = e.offset - start
	e.Source = strings.ToValidUTF8(string(src[start:e.offset]), "\uFFFD")
	e.mark = len(e.Source)
	e.Source += strings.ToValidUTF8(string(src[e.offset:end]), "\uFFFD")
}

// lineOf counts lines as MicroPython does: they end in \n, \r or \r\n.
func lineOf(src []byte, offset int) (line, start int) {
	line = 1
	for i := range offset {
		if src[i] == '\n' || src[i] == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			line, start = line+1, i+1
		}
	}
	return line, start
}

func runeStart(src []byte, offset int) int {
	for range utf8.UTFMax - 1 {
		if offset > 0 && offset < len(src) && !utf8.RuneStart(src[offset]) {
			offset--
		}
	}
	return offset
}
