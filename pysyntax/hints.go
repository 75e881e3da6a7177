package pysyntax

import (
	"bytes"
	"strings"
)

// hints are what newcomers from CPython, from Python 2, and from a merge write; the first that fits is what is said. %s is
// the token that is wrong.
var hints = []struct {
	when func(p *parser) bool
	say  string
}{
	{func(p *parser) bool { return p.tok.fresh && conflict(p.line(p.tok)) }, "a merge conflict is not resolved here"},
	{func(p *parser) bool { return p.tok.kind == tokIndent }, "this line is indented more than the one before, which opens no block"},
	{starts("match", ":"), "MicroPython has no match statement: write if, elif, else"},
	{starts("case", ":"), "MicroPython has no match statement: write if, elif, else"},
	{starts("type", ""), "MicroPython has no type statement: assign to the name"},
	{starts("print", ""), "print is a function: put parentheses around what it prints"},
	{starts("exec", ""), "exec is a function: put parentheses around what it executes"},
	{stray("else"), "%s is to follow a block of if, for, while or try, as far to the left as its first line"},
	{stray("elif"), "%s is to follow a block of if or elif, as far to the left as its first line"},
	{stray("except"), "%s is to follow a block of try or except, as far to the left as its first line"},
	{stray("finally"), "%s is to follow a block of try, as far to the left as its first line"},
	{clause("else", "if"), "write elif for else if"},
	{clause("except", "*"), "MicroPython has no except*"},
	{clause("except", ","), "put several exceptions in parentheses: except (A, B):"},
	{func(p *parser) bool { return clause("@", "")(p) && !p.expected.has(tokNumber) }, "a decorator is a name, which may have dots and one call"},
	{clause("raise", ","), "write raise Error(value)"},
	{clause("with", "as"), "MicroPython has no parentheses around several 'as' of with"},
	{clause("def", "/"), "MicroPython has no positional-only parameters: leave out '/'"},
	{clause("lambda", "/"), "MicroPython has no positional-only parameters: leave out '/'"},
	{clause("def", "["), "MicroPython has no type parameters"},
	{clause("class", "["), "MicroPython has no type parameters"},
	{follows("", "async"), "MicroPython has no asynchronous comprehensions: write a loop"},
	{follows("", ":="), "put parentheses around an assignment with ':='"},
	{func(p *parser) bool { return p.inField && follows("", "=")(p) }, "the '=' of an f-string's {x=} stands right before '}', ':' or '!r'; to compare, write '=='"},
	{func(p *parser) bool { return follows("", "=")(p) && p.expected.has(kinds[":="]) }, "'=' assigns in a statement of its own: to compare, write '==', or ':=' to assign within an expression"},
	{follows("<", ">"), "'<>' is not an operator: write '!='"},
	{follows("&", "&"), "'&&' is not an operator: write 'and'"},
	{follows("|", "|"), "'||' is not an operator: write 'or'"},
	{follows("++", "NEWLINE"), "'++' is not an operator: write '+= 1'"},
	{follows("--", "NEWLINE"), "'--' is not an operator: write '-= 1'"},
	{stars("*"), "MicroPython does not unpack with '*' here"},
	{stars("**"), "MicroPython does not unpack with '**' here: write a call, or update()"},
	{prefixed, "MicroPython does not know this prefix of a string: there are r b rb br u f rf fr t rt tr, in lower case"},
	{keyword, "%s is a keyword and cannot be a name"},
}

// starts tells whether a statement begins with a name, ends as given, and is wrong right behind the name or at its end.
func starts(word, end string) func(p *parser) bool {
	return func(p *parser) bool {
		line := p.line(p.lineStart)
		rest, ok := bytes.CutPrefix(line, []byte(word))
		if !ok || len(rest) > 0 && (isName(rest[0]) || isDigit(rest[0])) || !bytes.HasSuffix(line, []byte(end)) {
			return false
		}
		return p.prev.pos == p.lineStart.pos || end != "" && p.tok.kind == tokNewline
	}
}

// stray tells whether a statement is wrong from its first word on.
func stray(word string) func(p *parser) bool {
	return func(p *parser) bool { return p.tok.pos == p.lineStart.pos && spellings[p.tok.kind] == word }
}

// clause tells whether a clause that begins with a word is wrong at a token.
func clause(word, at string) func(p *parser) bool {
	return func(p *parser) bool {
		start := spellings[p.lineStart.kind]
		if word == "lambda" {
			return follows("", at)(p) && p.expected.has(tokName) && bytes.Contains(p.line(p.lineStart), []byte("lambda"))
		}
		return start == word && (at == "" || follows("", at)(p))
	}
}

// follows tells whether a token is wrong, and what stands before it.
func follows(before, at string) func(p *parser) bool {
	return func(p *parser) bool {
		return spellings[p.tok.kind] == at && strings.HasSuffix(string(p.src[:p.prev.end]), before)
	}
}

func stars(spelling string) func(p *parser) bool {
	return func(p *parser) bool { return follows("", spelling)(p) && p.expected.has(tokNumber) }
}

func prefixed(p *parser) bool {
	return p.tok.kind == tokString && p.prev.kind == tokName && p.prev.end == p.tok.pos
}

func keyword(p *parser) bool {
	return p.tok.kind >= kinds["False"] && p.expected.has(tokName) && !p.expected.has(tokNumber)
}

// conflict tells whether a line is one of those that git leaves in a file.
func conflict(line []byte) bool {
	for _, marker := range []string{"<<<<<<<", "=======", ">>>>>>>", "|||||||"} {
		if bytes.HasPrefix(line, []byte(marker)) {
			return true
		}
	}
	return false
}
