package pysyntax

// chain visits the operands of and, or that the compiler does not leave out.
func (c *checker) chain(s *scope, n int32) {
	_, end := c.decided(n)
	for child := c.nodes[n].first; ; child = c.nodes[child].next {
		c.visit(s, child)
		if child == end {
			return
		}
	}
}

// power checks an operand with its calls, indexes and attributes.
func (c *checker) power(s *scope, n int32) {
	first := c.nodes[n].first
	if c.isToken(first, "await") && !s.runs() {
		c.complain(n, "'await' outside of a function%s", inComprehension(s))
		return
	}
	call := c.nodes[first].next
	if s.kind == functionScope && s.params == 0 && string(c.text(first)) == "super" && c.is(call, "call") && c.isToken(c.nth(c.nodes[call].first, 1), ")") {
		c.complain(n, "super() in a function without parameters: there is no self")
		return
	}
	c.children(s, n)
}

func inComprehension(s *scope) string {
	if s.kind == comprehensionScope {
		return "; a comprehension is not a part of the function that it stands in"
	}
	return ""
}

// call checks the order of arguments.
func (c *checker) call(s *scope, n int32) {
	var keyword, double bool
	position := 0
	for child := c.nodes[n].first; child != 0 && c.err == nil; child = c.nodes[child].next {
		if c.nodes[child].rule == noRule && c.nodes[child].kind >= firstSpelled && !literal.has(c.nodes[child].kind) {
			continue // brackets and commas
		}
		position++
		first := c.nodes[child].first
		switch {
		case !c.is(child, "argument"):
			if double {
				c.complain(child, "a positional argument after one with **")
			}
			if keyword {
				c.complain(child, "a positional argument after a keyword argument")
			}
		case c.isToken(first, "*") && double:
			c.complain(child, "an argument with * after one with **")
		case c.isToken(first, "*") && position > lastStar:
			c.complain(child, "an argument with * behind more than %d others", lastStar-1)
		case c.isToken(first, "*") && keyword:
			c.note(starBehindKeyword, c.nodes[child].pos)
		case c.isToken(first, "**"):
			double = true
		case c.isToken(c.nodes[first].next, "="):
			keyword = true
		}
		c.visit(s, child)
	}
}

const lastStar = 30 // the compiler notes in the bits of a small integer of 32-bit boards which arguments have stars

var literal = setOf("None", "True", "False", "...", "__debug__")

// argument checks the other forms than a mere expression: *x, **x, name=x, name := x, x for x in y.
func (c *checker) argument(s *scope, n int32) {
	first := c.nodes[n].first
	second := c.nodes[first].next
	switch {
	case c.isToken(second, ":="):
		c.walrus(s, n)
	case c.is(second, "comprehension"):
		c.comprehended(s, n, second)
	case c.isToken(second, "="):
		if name := c.bare(first); c.nodes[name].rule != noRule || c.nodes[name].kind != tokName {
			c.complain(first, "before the '=' of an argument stands a name, not %s", c.describe(first))
			return
		}
		c.rebound(first)
		c.visit(s, c.nodes[second].next)
	default:
		c.visit(s, second)
	}
}

// walrus checks name := value. Within a comprehension the name belongs to what is around it.
func (c *checker) walrus(s *scope, n int32) {
	first := c.nodes[n].first
	name := c.bare(first)
	c.visit(s, c.nth(first, 2))
	if c.nodes[name].rule != noRule || c.nodes[name].kind != tokName {
		c.complain(first, "':=' assigns to a name, not to %s", c.describe(name))
		return
	}
	c.rebound(name)
	text := string(c.text(name))
	if s.kind != comprehensionScope {
		s.bind(text)
		return
	}
	if s.outer.kind == moduleScope {
		if was, ok := s.declare(text, global); !ok {
			c.complain(name, "%q is %s in this comprehension before ':=' makes it global", text, was)
		}
		return
	}
	if s.names[text] == local {
		c.complain(name, "%q belongs to this comprehension: ':=' cannot assign to it", text)
		return
	}
	s.names[text] = nonlocal
	if s.outer.kind == classScope && !s.encloses(text) {
		c.complain(name, "':=' in a comprehension of a class has no function to assign in")
		return
	}
	for outer := s.outer; outer != nil; outer = outer.outer {
		if outer.runs() {
			outer.bind(text)
			return
		}
	}
}

// comprehended visits what a comprehension takes from outside, and leaves the rest for later.
func (c *checker) comprehended(s *scope, n, comprehension int32) {
	clause := c.nodes[comprehension].first
	c.visit(s, c.nth(c.nodes[clause].first, 3))
	c.waiting = append(c.waiting, &scope{kind: comprehensionScope, names: map[string]binding{}, outer: s, body: n})
}

// comprehension checks the scope that a comprehension is.
func (c *checker) comprehension(s *scope, n int32) {
	element := c.nodes[n].first
	comprehension := element
	for !c.is(comprehension, "comprehension") {
		comprehension = c.nodes[comprehension].next
	}
	for part := c.nodes[comprehension].first; part != 0; part = c.nodes[part].next {
		words := c.nodes[part].first
		if c.is(part, "filter") {
			c.visit(s, c.nth(words, 1))
			continue
		}
		if part != c.nodes[comprehension].first {
			c.visit(s, c.nth(words, 3))
		}
		c.target(s, c.nth(words, 1), assigning)
	}
	for ; element != comprehension; element = c.nodes[element].next {
		c.visit(s, element)
	}
}

// members checks what stands in parentheses or square brackets.
func (c *checker) members(s *scope, n int32) {
	if second := c.nth(c.nodes[n].first, 1); c.is(second, "comprehension") {
		c.comprehended(s, n, second)
		return
	}
	c.children(s, n)
}

// braces checks that a dictionary is not a set.
func (c *checker) braces(s *scope, n int32) {
	first := c.nth(c.nodes[n].first, 1)
	if second := c.nodes[first].next; c.is(second, "comprehension") {
		c.comprehended(s, n, second)
		return
	}
	for child := first; c.nodes[child].next != 0; child = c.nodes[child].next {
		if c.isToken(child, ",") {
			continue
		}
		switch {
		case c.is(first, "entry") && !c.is(child, "entry"):
			c.complain(child, "every entry of a dictionary is key: value")
		case !c.is(first, "entry") && c.is(child, "entry"):
			c.complain(child, "key: value in braces that began as a set")
		}
		c.visit(s, child)
	}
}

// star is visited only where a starred expression is no target.
func (c *checker) star(_ *scope, n int32) {
	c.complain(n, "'*' unpacks only among targets and arguments, not here")
}
