package pysyntax

// actions are what must be known while parsing: a constant stands for its value from the line after on, wherever that
// line is.
var actions = map[string]action{"expression": (*parser).constants, "atom": (*parser).named, "strings": (*parser).joined}

// named makes a name that const() gave a value a constant.
func (p *parser) named(first int32) bool {
	node := &p.nodes[first]
	if node.kind == tokName && len(p.consts)+len(p.typed) > 0 {
		if _, ok := p.consts[string(p.text(first))]; ok {
			node.kind = tokConst
		}
		_, node.typed = p.typed[string(p.text(first))]
	}
	return true
}

// constants notices NAME = const(value), and NAME: annotation = const(value).
func (p *parser) constants(first int32) bool {
	assigned := p.nodes[first].next
	typed := p.is(assigned, "annotated")
	if !typed && !p.is(assigned, "assigned") || p.nodes[assigned].next != 0 {
		return true
	}
	target, value := p.bare(first), p.bare(p.nth(p.nodes[assigned].first, 1))
	if typed {
		value = p.bare(p.nth(p.nodes[assigned].first, 3))
	}
	if p.nodes[target].rule != noRule || p.nodes[target].kind != tokName && p.nodes[target].kind != tokConst || !p.is(value, "power") {
		return true
	}
	function := p.nodes[value].first
	call := p.nodes[function].next
	if string(p.text(function)) != "const" || !p.is(call, "call") || p.nodes[call].next != 0 {
		return true
	}
	return p.bind(target, p.nth(p.nodes[call].first, 1), typed)
}

// bind gives a name the value of the argument of const(). Some versions take no notice of a const() with an annotation:
// for those it is a call.
func (p *parser) bind(target, argument int32, typed bool) bool {
	p.folding = 0
	v, ok := p.constant(argument)
	ok = ok && p.isToken(p.nodes[argument].next, ")")
	name := string(p.text(target))
	switch {
	case ok && typed:
		p.typed[name] = v
	case ok:
		p.consts[name] = v
		p.nodes[target].bound = true
	case typed:
		p.note(typedConstValue, p.nodes[argument].pos)
		return true
	default:
		p.complain(argument, "const() takes a constant: a number, a string, another const() name, a tuple of these, or numbers with operators")
		return false
	}
	if typed {
		p.folding &= 1 << moduleConst
	}
	p.noteAll(p.folding, p.nodes[argument].pos)
	return true
}

// joined refuses neighbours that cannot become one string.
func (p *parser) joined(first int32) bool {
	formats := p.nodes[first].prefix & formatText
	for n := p.nodes[first].next; n != 0; n = p.nodes[n].next {
		if p.nodes[n].prefix&formats != 0 {
			p.note(joinedFormats, p.nodes[n].pos)
		}
		formats |= p.nodes[n].prefix & formatText
		was, is := p.nodes[first].prefix, p.nodes[n].prefix
		if was&byteText != is&byteText {
			p.complain(n, "a string cannot be joined with bytes: both need the prefix b, or none")
			return false
		}
		if was&templateText != 0 && !p.blank(first) || is&templateText != 0 && !p.blank(n) {
			p.complain(n, "a t-string cannot be joined with another string")
			return false
		}
	}
	return true
}

func (c *checker) def(s *scope, n int32) { c.function(s, n, false) }

// function checks parameters, binds the name, and leaves the body for later.
func (c *checker) function(s *scope, n int32, async bool) {
	inner := &scope{kind: functionScope, async: async, names: map[string]binding{}, outer: s}
	name := c.nth(c.nodes[n].first, 1)
	for child := name; child != 0; child = c.nodes[child].next {
		switch {
		case c.is(child, "parameters"), c.is(child, "parameter"):
			c.parameters(s, inner, child)
		case c.is(child, "block"):
			inner.body = child
		}
	}
	s.bind(string(c.text(name)))
	c.waiting = append(c.waiting, inner)
}

func (c *checker) lambda(s *scope, n int32) {
	inner := &scope{kind: lambdaScope, names: map[string]binding{}, outer: s}
	for child := c.nodes[n].first; child != 0; child = c.nodes[child].next {
		if c.is(child, "lparameters") {
			c.parameters(s, inner, child)
		}
		inner.body = child
	}
	c.waiting = append(c.waiting, inner)
}

// parameters checks order and names of parameters; their defaults belong to the scope outside.
func (c *checker) parameters(s, inner *scope, n int32) {
	var defaults, star, last bool
	for child := c.nodes[n].first; child != 0 && c.err == nil; child = c.nodes[child].next {
		if c.isToken(child, ",") {
			continue
		}
		name, value := c.nodes[child].first, int32(0)
		marked := c.isToken(name, "*") || c.isToken(name, "**")
		switch {
		case last:
			c.complain(child, "nothing may follow the parameter with **")
		case c.isToken(name, "*") && star:
			c.complain(child, "a second '*' among the parameters")
		}
		star = star || c.isToken(name, "*")
		last = c.isToken(name, "**")
		if marked {
			name = c.nodes[name].next
		}
		for part := name; part != 0; part = c.nodes[part].next {
			if c.isToken(part, "=") {
				value = c.nodes[part].next
			}
		}
		if defaults && !star && !marked && value == 0 {
			c.complain(child, "a parameter without a default value follows one that has one")
		}
		defaults = defaults || value != 0
		c.visit(s, value)
		c.parameter(inner, name)
	}
}

func (c *checker) parameter(inner *scope, name int32) {
	if name == 0 { // a lone *
		return
	}
	text := string(c.text(name))
	if inner.names[text] != 0 {
		c.complain(name, "a second parameter named %q", text)
	}
	inner.names[text] = local
	inner.params++
}

func (c *checker) class(s *scope, n int32) {
	inner := &scope{kind: classScope, names: map[string]binding{"__module__": local, "__qualname__": local}, outer: s}
	name := c.nth(c.nodes[n].first, 1)
	for child := c.nodes[name].next; child != 0; child = c.nodes[child].next {
		if c.is(child, "block") {
			inner.body = child
			continue
		}
		c.visit(s, child)
	}
	s.bind(string(c.text(name)))
	c.waiting = append(c.waiting, inner)
}

func (c *checker) declare(s *scope, n int32) {
	word := c.nodes[n].first
	as := global
	if c.isToken(word, "nonlocal") {
		as = nonlocal
	}
	if as == nonlocal && s.kind == moduleScope {
		c.complain(n, "'nonlocal' outside of a function")
		return
	}
	for name := c.nodes[word].next; name != 0; name = c.nodes[name].next {
		if c.isToken(name, ",") {
			continue
		}
		text := string(c.text(name))
		if was, ok := s.declare(text, as); !ok {
			c.complain(name, "%q is %s before it is declared %s", text, was, spellings[c.nodes[word].kind])
			return
		}
		if as == nonlocal && !s.encloses(text) {
			c.complain(name, "no function around this one has a variable %q", text)
			return
		}
	}
}

// imported binds the name of an import.
func (c *checker) imported(s *scope, n int32) {
	name := c.nodes[n].first
	if as := c.nth(name, 2); as != 0 {
		s.bind(string(c.text(as)))
		return
	}
	if c.is(name, "dotted") {
		name = c.nodes[name].first
	}
	s.bind(string(c.text(name)))
}

func (c *checker) from(s *scope, n int32) {
	for child := c.nodes[n].first; child != 0; child = c.nodes[child].next {
		if c.is(child, "alias") {
			c.visit(s, child)
		}
		if c.isToken(child, "*") && s.kind != moduleScope {
			c.complain(child, "'import *' stands only at module level")
		}
	}
}
