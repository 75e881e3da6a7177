package pysyntax

import (
	"bytes"
	"sync"
)

// checker checks what the grammar cannot say: names, targets, and where a statement may stand.
type checker struct {
	parser
	visits  []visit
	waiting []*scope
}

// visit checks a node in its scope; it is one of the functions below or in expression.go and target.go.
type visit func(c *checker, s *scope, n int32)

// table holds, for each rule, what is done with its nodes. Where there is nothing, the children are visited.
type table struct {
	visits []visit
	after  []action
}

var tables = sync.OnceValue(func() table {
	g := micropython()
	t := table{make([]visit, len(g.names)), make([]action, len(g.names))}
	for name, visit := range visits() {
		t.visits[g.rule(name)] = visit
	}
	for name, action := range actions {
		t.after[g.rule(name)] = action
	}
	return t
})

func visits() map[string]visit {
	return map[string]visit{
		"if": (*checker).branches, "while": (*checker).loop, "for": (*checker).loop, "try": (*checker).try,
		"except": (*checker).except, "item": (*checker).withItem, "async": (*checker).async,
		"decorated": (*checker).decorated, "def": (*checker).def, "class": (*checker).class,
		"lambda": (*checker).lambda, "plainlambda": (*checker).lambda,
		"break": (*checker).jump, "continue": (*checker).jump, "return": (*checker).leave, "yield": (*checker).leave,
		"module": (*checker).imported, "alias": (*checker).imported, "from": (*checker).from,
		"global": (*checker).declare, "nonlocal": (*checker).declare, "del": (*checker).del,
		"expression": (*checker).expression, "named": (*checker).walrus,
		"or": (*checker).chain, "and": (*checker).chain, "power": (*checker).power, "call": (*checker).call,
		"braces": (*checker).braces, "members": (*checker).members, "star": (*checker).star,
		"argument": (*checker).argument, "attribute": func(*checker, *scope, int32) {},
	}
}

func newChecker(src []byte) *checker {
	t := tables()
	return &checker{
		parser: parser{
			lex: newLexer(src, 0), src: src, g: micropython(), after: t.after,
			consts: map[string]value{}, typed: map[string]value{}, folded: map[int32]folded{}, uses: map[feature]int32{},
		},
		visits: t.visits,
	}
}

// statement checks a statement of the module and all that stands in it.
func (c *checker) statement(module *scope, root int32) {
	c.visit(module, root)
	for len(c.waiting) > 0 && c.err == nil {
		s := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.enterScope(s)
	}
}

func (c *checker) enterScope(s *scope) {
	if s.kind == comprehensionScope {
		c.comprehension(s, s.body)
		return
	}
	c.visit(s, s.body)
}

func (c *checker) visit(s *scope, n int32) {
	if n == 0 || c.err != nil {
		return
	}
	node := &c.nodes[n]
	if node.rule == noRule {
		if node.kind == tokName {
			s.use(string(c.text(n)))
		}
		c.children(s, n)
		return
	}
	if visit := c.visits[node.rule]; visit != nil {
		visit(c, s, n)
		return
	}
	c.children(s, n)
}

func (c *checker) children(s *scope, n int32) {
	c.siblings(s, c.nodes[n].first)
}

func (c *checker) siblings(s *scope, n int32) {
	for ; n != 0; n = c.nodes[n].next {
		c.visit(s, n)
	}
}

// branches skips what a constant condition makes unreachable.
func (c *checker) branches(s *scope, n int32) {
	for n = c.nodes[n].first; n != 0; n = c.nodes[n].next {
		if c.isToken(n, "else") {
			c.visit(s, c.nth(n, 2))
			return
		}
		condition, body := c.nth(n, 1), c.nth(n, 3)
		v, folds := c.constant(condition)
		if !folds {
			c.visit(s, condition)
		}
		if !folds || v.truth == isTrue {
			c.visit(s, body)
		}
		if folds && v.truth != isFalse {
			return
		}
		n = body
	}
}

func (c *checker) loop(s *scope, n int32) {
	first := c.nodes[n].first
	condition, body := c.nth(first, 1), c.nth(first, 3)
	if c.is(n, "for") {
		c.visit(s, c.nth(first, 3))
		c.target(s, condition, assigning)
		condition, body = 0, c.nth(first, 5)
	}
	v, folds := c.constant(condition)
	if !folds {
		c.visit(s, condition)
	}
	if !folds || v.truth == isTrue {
		s.loops++
		c.visit(s, body)
		s.loops--
	}
	c.siblings(s, c.nodes[body].next)
}

func (c *checker) try(s *scope, n int32) {
	bare := int32(0)
	for child := c.nodes[n].first; child != 0; child = c.nodes[child].next {
		if !c.is(child, "except") {
			continue
		}
		if bare != 0 {
			c.complain(bare, "'except:' catches all that is left and must be the last one")
			return
		}
		if c.isToken(c.nth(c.nodes[child].first, 1), ":") {
			bare = child
		}
	}
	c.children(s, n)
}

func (c *checker) except(s *scope, n int32) {
	for child := c.nodes[n].first; child != 0; child = c.nodes[child].next {
		if c.isToken(child, "as") {
			child = c.nodes[child].next
			s.bind(string(c.text(child)))
			continue
		}
		c.visit(s, child)
	}
}

func (c *checker) withItem(s *scope, n int32) {
	first := c.nodes[n].first
	c.visit(s, first)
	c.target(s, c.nth(first, 2), assigning)
}

func (c *checker) async(s *scope, n int32) {
	statement := c.nth(c.nodes[n].first, 1)
	if c.is(statement, "def") {
		c.function(s, statement, true)
		return
	}
	if !s.async {
		c.complain(n, "'async %s' outside of an async function", c.text(c.nodes[statement].first))
		return
	}
	c.visit(s, statement)
}

// decorated passes over the bodies of native functions: other compilers than the one for bytecode judge those.
func (c *checker) decorated(s *scope, n int32) {
	native := false
	child := c.nodes[n].first
	for ; c.is(child, "decorator"); child = c.nodes[child].next {
		dotted := c.nth(c.nodes[child].first, 1)
		path := c.nodes[dotted].first
		if string(c.text(path)) != "micropython" {
			c.visit(s, path)
			c.visit(s, c.nodes[dotted].next)
			continue
		}
		name := c.text(c.nth(path, 2))
		if c.nth(path, 2) == 0 || c.nth(path, 3) != 0 || !emitter(name) {
			c.complain(dotted, "micropython has the decorators bytecode, native, viper, and asm_thumb and its like")
			return
		}
		native = native || string(name) != "bytecode"
	}
	definition := child
	if c.is(child, "asyncdef") {
		definition = c.nth(c.nodes[child].first, 1)
	}
	if native && !c.is(definition, "class") {
		s.bind(string(c.text(c.nth(c.nodes[definition].first, 1))))
		return
	}
	if c.is(definition, "def") {
		c.function(s, definition, definition != child)
		return
	}
	c.visit(s, definition)
}

func emitter(name []byte) bool {
	return bytes.HasPrefix(name, []byte("asm_")) || string(name) == "native" || string(name) == "viper" || string(name) == "bytecode"
}

func (c *checker) jump(s *scope, n int32) {
	if s.loops == 0 {
		c.complain(n, "'%s' outside of a loop", c.text(n))
	}
}

func (c *checker) leave(s *scope, n int32) {
	word := c.text(c.nodes[n].first)
	if string(word) == "return" && s.kind != functionScope || !s.runs() {
		c.complain(n, "'%s' outside of a function", word)
		return
	}
	c.children(s, n)
}
