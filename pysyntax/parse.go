package pysyntax

import "fmt"

// node is a rule that was followed, with what it consists of, or a token. Nodes are numbered; 0 is none.
type node struct {
	rule     rule
	kind     kind
	prefix   prefix
	bound    bool  // of a name: it was given its value by const()
	typed    bool  // of a name: const() gave it a value before, with an annotation
	pos, end int32 // of a token, and of a rule from its first token to its last
	first    int32 // child; those of a string are its fields
	next     int32 // sibling
}

// parser follows the grammar and builds a tree.
type parser struct {
	lex      lexer
	tok      token // the next one
	prev     token // the last one that was taken
	g        *language
	nodes    []node
	last     int32            // child of the node that is being built, 0 if it has none yet
	head     int32            // its first child
	depth    int              // of levels
	expected kindSet          // what could have come, too, since the last token that was taken
	consts   map[string]value // that const() named, in the file so far
	typed    map[string]value // likewise, with an annotation: only some versions take them for constants
	folded   map[int32]folded // expressions that were looked at
	folding  featureSet       // what folding them takes
	uses     map[feature]int32
	err      *Error

	src       []byte   // the whole file, even while a field of an f-string is read
	inField   bool     // whether one is
	lineStart token    // the first token of the statement or clause
	header    token    // that of the one before
	after     []action // for each rule: what is looked at as soon as its children are known
}

// action is called with the first child; false stops.
type action func(p *parser, first int32) bool

// tree follows a rule from the next token on. It returns the root of the tree, whose nodes last until the next call.
func (p *parser) tree(name string) (int32, bool) {
	p.nodes = append(p.nodes[:0], node{})
	p.head, p.last = 0, 0
	if len(p.folded) > 0 {
		p.folded = map[int32]folded{}
	}
	if !p.enter(p.g.rule(name)) {
		return 0, false
	}
	return p.head, true
}

var startsLine = setOf("END", "NEWLINE", "INDENT", "DEDENT", ";")

// advance takes a token.
func (p *parser) advance() {
	p.prev = p.tok
	p.tok = p.lex.next()
	p.expected = kindSet{}
	if startsLine.has(p.prev.kind) && p.tok.kind > tokDedent {
		p.header, p.lineStart = p.lineStart, p.tok
	}
}

// follow matches the tokens with a production. If it returns false, err is set.
func (p *parser) follow(what *production) bool {
	switch what.op {
	case opToken:
		return p.take(what.kind)
	case opRule:
		return p.enter(what.rule)
	case opSequence:
		for _, part := range what.parts {
			if !p.follow(part) {
				return false
			}
		}
		return true
	case opChoice:
		for _, part := range what.parts {
			if part.first.has(p.tok.kind) {
				return p.follow(part)
			}
		}
		return p.refuse(what.first)
	}
	return p.optional(what)
}

// optional follows what may be left out.
func (p *parser) optional(what *production) bool {
	part := what.parts[0]
	for what.first.has(p.tok.kind) {
		if what.op == opRest {
			p.take(what.kind)
			if !part.first.has(p.tok.kind) {
				p.expected.join(part.first)
				return true
			}
		}
		if !p.follow(part) {
			return false
		}
		if what.op == opOptional {
			return true
		}
	}
	p.expected.join(what.first)
	return true
}

// enter follows a rule and makes a node of its children.
func (p *parser) enter(r rule) bool {
	if s := p.g.spines[r][p.tok.kind]; s != nil {
		return p.climb(s)
	}
	if !p.g.level[r] {
		return p.build(r)
	}
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.tok, "more than %d levels of nesting", maxNesting)
	}
	ok := p.build(r)
	p.depth--
	return ok
}

// build follows the body of a rule.
func (p *parser) build(r rule) bool {
	head, last := p.head, p.last
	p.head, p.last = 0, 0
	pos := p.tok.pos
	if !p.follow(p.g.bodies[r]) {
		return false
	}
	child := p.head
	if action := p.after[r]; action != nil && !action(p, child) {
		return false
	}
	p.head, p.last = head, last
	if p.g.thin[r] && child != 0 && p.nodes[child].next == 0 {
		p.append(child)
		return true
	}
	p.nodes = append(p.nodes, node{rule: r, pos: pos, end: p.prev.end, first: child})
	p.append(int32(len(p.nodes) - 1))
	return true
}

// append adds a node to the children of the one that is being built.
func (p *parser) append(child int32) {
	if p.last == 0 {
		p.head = child
	} else {
		p.nodes[p.last].next = child
	}
	p.last = child
}

// take makes a leaf of the next token, which must be of a kind.
func (p *parser) take(k kind) bool {
	if p.tok.kind != k {
		var set kindSet
		set.add(k)
		return p.refuse(set)
	}
	t := p.tok
	if k != tokNewline && k != tokIndent && k != tokDedent {
		p.nodes = append(p.nodes, node{kind: k, prefix: t.prefix, pos: t.pos, end: t.end})
		p.append(int32(len(p.nodes) - 1))
	}
	if p.inField && t.prefix&formatText != 0 {
		t.uses.add(nestedFormats)
	}
	if t.uses != 0 {
		p.noteAll(t.uses, t.pos)
	}
	p.advance()
	return len(t.fields) == 0 || p.fields(p.last, t.fields)
}

// fields parses the expressions in an f-string, each put into parentheses as the compiler does, and makes them children
// of the string.
func (p *parser) fields(text int32, fields []span) bool {
	if p.depth += maxNesting / maxFormats; p.depth > maxNesting {
		return p.fail(p.prev, "more than %d f-strings within each other", maxFormats)
	}
	outer := *p
	p.head, p.last = 0, 0
	for _, field := range fields {
		source := append([]byte{}, outer.lex.src[field.pos-outer.lex.base:field.end-outer.lex.base]...)
		source[0], source[len(source)-1] = '(', ')'
		p.lex = newLexer(source, field.pos)
		p.inField = true
		p.advance()
		if !p.enter(p.g.rule("field")) {
			return false
		}
	}
	nodes, head := p.nodes, p.head
	*p = outer
	p.nodes = nodes
	p.nodes[text].first = head
	p.depth -= maxNesting / maxFormats
	return true
}

const maxFormats = 10

// text returns what stands in the source for a node.
func (p *parser) text(n int32) []byte { return p.src[p.nodes[n].pos:p.nodes[n].end] }

// is tells whether a node, if it is one, was made by a rule.
func (p *parser) is(n int32, name string) bool {
	return n != 0 && p.g.names[p.nodes[n].rule] == name
}

// isToken tells whether a node is an operator or a keyword.
func (p *parser) isToken(n int32, spelling string) bool {
	return n != 0 && p.nodes[n].rule == noRule && spellings[p.nodes[n].kind] == spelling
}

// nth returns a sibling: the one after n is number 1. It is 0 if there are fewer.
func (p *parser) nth(n int32, number int) int32 {
	for ; number > 0 && n != 0; number-- {
		n = p.nodes[n].next
	}
	return n
}

// bare returns what stands in parentheses, if it is a single expression.
func (p *parser) bare(n int32) int32 {
	for p.is(n, "group") {
		inner := p.nth(p.nodes[n].first, 1)
		if p.nodes[inner].next == 0 || p.is(inner, "members") {
			return n
		}
		n = inner
	}
	return n
}

// complain refuses a node.
func (p *parser) complain(n int32, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{offset: int(p.nodes[n].pos), Message: fmt.Sprintf(format, args...)}
	}
}
