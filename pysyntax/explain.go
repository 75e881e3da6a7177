package pysyntax

import (
	"bytes"
	"fmt"
	"strings"
)

// refuse says that one of a set was expected in place of the next token.
func (p *parser) refuse(set kindSet) bool {
	p.expected.join(set)
	if p.tok.kind == tokBroken {
		p.err = p.lex.err
		p.err.Message += p.cut()
		return false
	}
	if open := p.lex.brackets; len(open) > 0 && p.tok.kind == tokEnd && !p.inField {
		return p.fail(open[len(open)-1], "%s is never closed", spelled(open[len(open)-1].kind))
	}
	for _, hint := range hints {
		if hint.when(p) {
			return p.fail(p.tok, "%s", strings.Replace(hint.say, "%s", p.found(), 1)+p.stillOpen())
		}
	}
	message := fmt.Sprintf("expected %s, found %s", p.wanted(), p.found())
	if p.expected.has(tokIndent) {
		message = "expected an indented block after " + p.opener()
	}
	return p.fail(p.tok, "%s", message+p.stillOpen()+p.cut())
}

// stillOpen names the bracket of an earlier line that makes the compiler read on.
func (p *parser) stillOpen() string {
	if len(p.lex.brackets) == 0 || p.inField {
		return ""
	}
	bracket := p.lex.brackets[len(p.lex.brackets)-1]
	if bracket.pos == p.tok.pos || !bytes.ContainsAny(p.src[bracket.pos:p.tok.pos], "\r\n") {
		return ""
	}
	return "; still open is " + p.lex.opened(bracket)
}

// opener names the line that a block is to follow.
func (p *parser) opener() string {
	header := p.header
	if p.tok.kind <= tokDedent { // which begin no line
		header = p.lineStart
	}
	line, _ := lineOf(p.src, int(header.pos))
	return fmt.Sprintf("'%s' of line %d", p.src[header.pos:header.end], line)
}

// cut explains what may have gone wrong at the end of an f-string's expression.
func (p *parser) cut() string {
	if p.inField && (p.tok.kind <= tokDedent || p.tok.kind == tokBroken || int(p.tok.end-p.lex.base) == len(p.lex.src)) {
		return "; the braces of an f-string end at the first '}', ':' or '!r' that is not in [] or {}, even in quotes or parentheses"
	}
	return ""
}

func (p *parser) fail(at token, format string, args ...any) bool {
	p.err = &Error{offset: int(at.pos), Message: fmt.Sprintf(format, args...)}
	return false
}

// opened says where a bracket was opened.
func (l *lexer) opened(bracket token) string {
	line, start := lineOf(l.src, int(bracket.pos-l.base))
	return fmt.Sprintf("%s of line %d, column %d", spelled(bracket.kind), line, int(bracket.pos-l.base)-start+1)
}

func spelled(k kind) string { return "'" + spellings[k] + "'" }

// found names the next token.
func (p *parser) found() string {
	switch p.tok.kind {
	case tokEnd:
		return "the end of the file"
	case tokNewline:
		return "the end of the line"
	case tokIndent:
		return "an indented line"
	case tokDedent:
		return "the end of the block"
	case tokName:
		return fmt.Sprintf("name %q", p.src[p.tok.pos:p.tok.end])
	case tokNumber:
		return fmt.Sprintf("number %s", p.src[p.tok.pos:min(p.tok.end, p.tok.pos+20)])
	case tokString:
		return "a string"
	}
	return spelled(p.tok.kind)
}

// telling are the tokens worth naming if they were expected, the most telling first.
var telling = []string{"else", "in", "import", ",", ")", "]", "}", ":", "=", "(", "NAME", "NEWLINE", "def", "except", "finally", "END"}

// wanted names what was expected. Behind an expression almost anything could follow: only what ends it is named.
func (p *parser) wanted() string {
	if p.expected.has(tokName) && p.expected.has(tokNumber) {
		return "an expression"
	}
	var words []string
	operator := p.expected.has(kinds["+"])
	if operator && p.expected.has(tokNewline) {
		words = append(words, "an operator")
	}
	for _, name := range telling {
		if p.expected.has(kinds[name]) && (!operator || !p.usual(name)) {
			words = append(words, wordFor(name))
		}
	}
	words = words[:min(len(words), 3)]
	switch len(words) {
	case 0:
		return "an operator"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// usual tells whether a token can follow many an expression, and so says little of what is missing here.
func (p *parser) usual(name string) bool {
	switch name {
	case "(", "=":
		return true
	case ",":
		return p.expected.has(tokNewline) || p.expected.has(kinds[":"]) || !p.expected.has(kinds["<"])
	case ":":
		return p.expected.has(tokNewline)
	case "in":
		return p.expected.has(kinds["<"])
	}
	return false
}

func wordFor(name string) string {
	switch name {
	case "NAME":
		return "a name"
	case "NEWLINE":
		return "the end of the line"
	case "END":
		return "the end of the file"
	}
	return "'" + name + "'"
}

// descriptions say what cannot be a target.
var descriptions = map[string]string{
	"NUMBER": "a number", "STRING": "a string", "strings": "a string", "list": "a list", "braces": "a dictionary or set",
	"lambda": "a lambda", "negation": "'not'", "or": "'or'", "and": "'and'", "comparison": "a comparison", "star": "a single starred name",
	"test": "a conditional expression", "yield": "'yield'", "group": "what is in these parentheses", "named": "':='",
	"stars": "several things", "members": "several things",
}

func (c *checker) describe(n int32) string {
	node := c.nodes[n]
	if node.rule == noRule && node.kind != tokNumber && node.kind != tokString {
		return string(c.text(n))
	}
	if c.is(n, "power") {
		last := node.first
		for c.nodes[last].next != 0 {
			last = c.nodes[last].next
		}
		switch {
		case c.isToken(node.first, "await"):
			return "'await'"
		case c.is(last, "call"):
			return "the result of a call"
		case c.is(last, "attribute"):
			return "an attribute"
		case c.is(last, "index"):
			return "an element"
		}
	}
	name := c.g.names[node.rule]
	if node.rule == noRule {
		name = spellings[node.kind]
	}
	if text, ok := descriptions[name]; ok {
		return text
	}
	return "the result of an operator"
}

// line returns that of a token, from the token on.
func (p *parser) line(t token) []byte {
	rest := p.src[t.pos:]
	if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
		rest = rest[:i]
	}
	return bytes.TrimSpace(rest)
}
