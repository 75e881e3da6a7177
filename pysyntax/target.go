package pysyntax

// deed is what a statement does to its targets.
type deed string

const (
	assigning deed = "assign to"
	deleting  deed = "delete"
)

func (c *checker) del(s *scope, n int32) {
	c.target(s, c.nth(c.nodes[n].first, 1), deleting)
}

// expression checks the statements that begin with an expression: targets and what is assigned to them.
func (c *checker) expression(s *scope, n int32) {
	first := c.nodes[n].first
	second := c.nodes[first].next
	switch inner := c.nodes[second].first; {
	case c.is(second, "augmented"):
		c.visit(s, c.nodes[inner].next)
		c.single(s, first)
	case c.is(second, "annotated"):
		if value := c.nth(inner, 3); value != 0 {
			c.visit(s, value)
			c.target(s, first, assigning)
		} else if name := c.bare(first); c.nodes[name].kind == tokName && c.nodes[name].rule == noRule {
			s.bind(string(c.text(name)))
		}
	default:
		c.assignments(s, first, second)
	}
}

// assignments checks a = b = c, the value first.
func (c *checker) assignments(s *scope, target, rest int32) {
	last := rest
	for c.nodes[last].next != 0 {
		last = c.nodes[last].next
	}
	c.visit(s, c.nth(c.nodes[last].first, 1))
	for {
		c.target(s, target, assigning)
		if rest == last {
			return
		}
		target = c.nth(c.nodes[rest].first, 1)
		rest = c.nodes[rest].next
	}
}

// single checks the target of += and its like.
func (c *checker) single(s *scope, n int32) {
	inner := c.bare(n)
	if c.is(inner, "group") || c.is(inner, "list") || c.is(inner, "stars") {
		c.complain(n, "only one thing can be the target here, not %s", c.describe(inner))
		return
	}
	c.target(s, n, assigning)
}

// target checks what a statement assigns to or deletes.
func (c *checker) target(s *scope, n int32, do deed) {
	if n == 0 || c.err != nil {
		return
	}
	node := c.nodes[n]
	switch c.g.names[node.rule] {
	case "":
		c.name(s, n, do)
	case "power":
		last := node.first
		for c.nodes[last].next != 0 {
			last = c.nodes[last].next
		}
		if c.isToken(node.first, "await") || !c.is(last, "index") && !c.is(last, "attribute") {
			c.complain(n, "cannot %s %s", do, c.describe(n))
			return
		}
		c.visit(s, n)
	case "group", "list":
		c.enclosed(s, n, do)
	case "stars", "targets":
		c.each(s, node.first, do)
	case "or", "and":
		if whole, _ := c.decided(n); whole != n {
			c.target(s, whole, do)
			return
		}
		fallthrough
	default:
		c.complain(n, "cannot %s %s", do, c.describe(n))
	}
}

func (c *checker) name(s *scope, n int32, do deed) {
	node := c.nodes[n]
	text := string(c.text(n))
	c.rebound(n)
	switch {
	case node.kind == tokConst:
		c.complain(n, "cannot %s %q: const() made it a constant, for the rest of the file", do, text)
	case node.kind != tokName:
		c.complain(n, "cannot %s %s", do, c.describe(n))
	case !node.bound || text[0] != '_': // _NAME = const() leaves no variable
		s.bind(text)
	}
}

// rebound notes a name that is a constant for some versions, where those need a variable.
func (c *checker) rebound(n int32) {
	if n = c.bare(n); c.nodes[n].typed {
		c.note(typedConstBound, c.nodes[n].pos)
	}
}

// enclosed checks a target in parentheses or square brackets.
func (c *checker) enclosed(s *scope, n int32, do deed) {
	inner := c.nth(c.nodes[n].first, 1)
	list := c.is(n, "list")
	switch {
	case list && do == deleting,
		!list && c.nodes[inner].next == 0,
		c.is(inner, "star") && !list,
		c.is(inner, "members") && c.is(c.nth(c.nodes[inner].first, 1), "comprehension"):
		c.complain(n, "cannot %s %s", do, c.describe(n))
	case c.is(inner, "members"):
		c.each(s, c.nodes[inner].first, do)
	case list && c.nodes[inner].next != 0:
		c.each(s, inner, do)
	case !list:
		c.target(s, inner, do)
	}
}

// each checks targets with commas between them, of which one may have a star.
func (c *checker) each(s *scope, n int32, do deed) {
	stars := 0
	for ; n != 0 && c.err == nil; n = c.nodes[n].next {
		switch {
		case c.isToken(n, ",") || c.isToken(n, "]"):
		case c.is(n, "star") && do == assigning:
			if stars++; stars > 1 {
				c.complain(n, "a second target with a star")
			}
			c.target(s, c.nth(c.nodes[n].first, 1), do)
		default:
			c.target(s, n, do)
		}
	}
}
