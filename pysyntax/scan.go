package pysyntax

import (
	"bytes"
	"unicode/utf8"
)

// scan returns the token that begins here, which is not a blank.
func (l *lexer) scan() token {
	start := l.pos
	switch char := l.at(0); {
	case isName(char):
		for isName(l.at(0)) || isDigit(l.at(0)) {
			l.pos++
		}
		return l.word(start)
	case isDigit(char) || char == '.' && isDigit(l.at(1)):
		return l.number()
	case char == '"' || char == '\'':
		return l.text(start, 0)
	}
	for length := min(int(longest[l.at(0)]), len(l.src)-l.pos); length > 0; length-- {
		if k, ok := kinds[string(l.src[l.pos:l.pos+length])]; ok {
			l.pos += length
			return l.bracket(l.token(k, start))
		}
	}
	return l.stray()
}

// longest has, for each byte, the length of the longest operator that begins with it.
var longest = func() (lengths [256]uint8) {
	for _, spelling := range spellings[firstSpelled:] {
		lengths[spelling[0]] = max(lengths[spelling[0]], uint8(min(len(spelling), 3)))
	}
	return lengths
}()

// word returns a name, a keyword, or the string that a word is the prefix of.
func (l *lexer) word(start int) token {
	word := l.src[start:l.pos]
	if quote := l.at(0); quote == '"' || quote == '\'' {
		if p, ok := prefixes[string(word)]; ok {
			return l.text(start, p)
		}
	}
	if k, ok := kinds[string(word)]; ok && k >= firstSpelled {
		return l.token(k, start)
	}
	return l.token(tokName, start)
}

var (
	closing = map[kind]kind{kinds["("]: kinds[")"], kinds["["]: kinds["]"], kinds["{"]: kinds["}"]}
	opens   = setOf("(", "[", "{")
	closes  = setOf(")", "]", "}")
)

// bracket keeps account of what is open, because newlines mean nothing between brackets.
func (l *lexer) bracket(t token) token {
	if opens.has(t.kind) {
		if l.brackets = append(l.brackets, t); len(l.brackets) > maxNesting {
			return l.fail(int(t.pos-l.base), "more than %d nested brackets", maxNesting)
		}
		return t
	}
	if !closes.has(t.kind) {
		return t
	}
	if len(l.brackets) == 0 {
		return l.fail(int(t.pos-l.base), "%s closes nothing", spelled(t.kind))
	}
	open := l.brackets[len(l.brackets)-1]
	l.brackets = l.brackets[:len(l.brackets)-1]
	if closing[open.kind] != t.kind {
		return l.fail(int(t.pos-l.base), "%s does not close %s", spelled(t.kind), l.opened(open))
	}
	return t
}

// stray names a character that no token begins with.
func (l *lexer) stray() token {
	char := l.at(0)
	rest := l.src[l.pos:]
	switch {
	case char == 0:
		return l.fail(l.pos, "a NUL byte, which only strings and comments may contain: is this a text file?")
	case char == '\\':
		return l.fail(l.pos, "a backslash must be the last character of its line")
	case char == '!':
		return l.fail(l.pos, "'!' means nothing but in '!=', and in f-strings as !r and !s: write 'not'")
	case char == '?' || char == '$' || char == '`':
		return l.fail(l.pos, "'%c' means nothing in Python", char)
	case bytes.HasPrefix(rest, []byte("\x1b")):
		return l.fail(l.pos, "an escape character, which only strings and comments may contain")
	}
	r, _ := utf8.DecodeRune(rest)
	return l.fail(l.pos, "the character %q means nothing in Python", r)
}
