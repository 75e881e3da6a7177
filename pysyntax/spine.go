package pysyntax

// spine is what a rule comes to if it is entered at a token of some kind: the rules that each begin with the next and
// may end with it, as those of the operators do. Most operands stand alone; then nothing but the bottom has to be
// followed.
type spine struct {
	bottom *production
	levels []level // the innermost first
	first  kindSet // what continues any of them
}

// level is a rule of a spine: what may follow its first child.
type level struct {
	rule  rule
	rest  []*production
	first kindSet
}

// spineOf returns the spine of a rule at a kind of token, or nil if there is no use in one.
func (g *language) spineOf(r rule, at kind) *spine {
	s := &spine{}
	part := &production{op: opRule, rule: r}
	for part.op == opRule && g.thin[part.rule] && !g.level[part.rule] && g.names[part.rule] != "atom" {
		next, rest, ok := corner(g.bodies[part.rule], at)
		if !ok {
			break
		}
		if len(rest) > 0 {
			l := level{rule: part.rule, rest: rest}
			for _, p := range rest {
				l.first.join(p.first)
			}
			s.first.join(l.first)
			s.levels = append([]level{l}, s.levels...)
		}
		part = next
	}
	if part.op != opRule || part.rule == r {
		return nil
	}
	s.bottom = part
	return s
}

// corner returns the part that a production begins with at a kind of token, and the rest, if all of that can be left out.
func corner(p *production, at kind) (first *production, rest []*production, ok bool) {
	if p.op == opChoice {
		for _, part := range p.parts {
			if part.first.has(at) {
				return corner(part, at)
			}
		}
		return nil, nil, false
	}
	parts := []*production{p}
	if p.op == opSequence {
		parts = p.parts
	}
	for len(parts) > 0 && parts[0].op >= opOptional && !parts[0].first.has(at) {
		parts = parts[1:]
	}
	if len(parts) == 0 || parts[0].op != opRule {
		return nil, nil, false
	}
	for _, part := range parts[1:] {
		if part.op < opOptional {
			return nil, nil, false
		}
	}
	return parts[0], parts[1:], true
}

// climb follows a spine.
func (p *parser) climb(s *spine) bool {
	head, last, pos := p.head, p.last, p.tok.pos
	p.head, p.last = 0, 0
	if !p.follow(s.bottom) {
		return false
	}
	child := p.head
	if !s.first.has(p.tok.kind) {
		p.expected.join(s.first)
		p.head, p.last = head, last
		p.append(child)
		return true
	}
	for _, l := range s.levels {
		if !l.first.has(p.tok.kind) {
			p.expected.join(l.first)
			continue
		}
		p.head, p.last = child, child
		for _, part := range l.rest {
			if !p.follow(part) {
				return false
			}
		}
		if action := p.after[l.rule]; action != nil && !action(p, child) {
			return false
		}
		p.nodes = append(p.nodes, node{rule: l.rule, pos: pos, end: p.prev.end, first: child})
		child = int32(len(p.nodes) - 1)
	}
	p.head, p.last = head, last
	p.append(child)
	return true
}
