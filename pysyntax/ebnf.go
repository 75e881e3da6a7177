package pysyntax

import (
	"fmt"
	"strings"
	"sync"
)

// rule is the name of a rule of the grammar as a number, and so says what a node is. Leaves have noRule.
type rule uint8

const noRule rule = 0

// production is what a rule stands for, or a part of that.
type production struct {
	op    op
	kind  kind // of opToken, and the separator of opRest
	rule  rule // of opRule
	parts []*production
	first kindSet // what it may begin with
}

type op uint8

const (
	opToken op = iota
	opRule
	opSequence
	opChoice
	opOptional // and the two below: may be empty
	opRepeat
	opRest
)

// language is the grammar, ready to be followed.
type language struct {
	names  []string
	bodies []*production
	thin   []bool // no node for one child
	level  []bool
	byName map[string]rule
	spines [][]*spine // of each rule at each kind of token
}

// micropython reads the grammar; a mistake in it panics, in any test.
var micropython = sync.OnceValue(func() *language {
	g := &language{names: []string{""}, bodies: []*production{nil}, thin: []bool{false}, level: []bool{false}, byName: map[string]rule{}}
	var bodies []string
	for line := range strings.Lines(strings.TrimSpace(grammar)) {
		head, body, _ := strings.Cut(line, " : ")
		name, marks, _ := strings.Cut(strings.TrimSpace(head), " ")
		g.byName[name] = rule(len(g.names))
		g.names = append(g.names, name)
		g.thin = append(g.thin, strings.Contains(marks, "?"))
		g.level = append(g.level, strings.Contains(marks, "^"))
		bodies = append(bodies, body)
	}
	for _, body := range bodies {
		r := reader{g, strings.Fields(body)}
		g.bodies = append(g.bodies, r.choice())
	}
	for _, body := range g.bodies[1:] {
		g.prepare(body)
	}
	g.spines = make([][]*spine, len(g.names))
	for r := range g.names {
		g.spines[r] = make([]*spine, len(spellings))
		for k := range spellings {
			if r > 0 && g.bodies[r].first.has(kind(k)) {
				g.spines[r][k] = g.spineOf(rule(r), kind(k))
			}
		}
	}
	return g
})

func (g *language) rule(name string) rule {
	r, ok := g.byName[name]
	if !ok {
		panic("the grammar has no rule " + name)
	}
	return r
}

// reader reads the right side of a rule.
type reader struct {
	g     *language
	words []string
}

func (r *reader) choice() *production {
	parts := []*production{r.sequence()}
	for len(r.words) > 0 && r.words[0] == "|" {
		r.words = r.words[1:]
		parts = append(parts, r.sequence())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &production{op: opChoice, parts: parts}
}

func (r *reader) sequence() *production {
	var parts []*production
	for len(r.words) > 0 && !strings.Contains("|)]}", r.words[0]) {
		parts = append(parts, r.item())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &production{op: opSequence, parts: parts}
}

func (r *reader) item() *production {
	word := r.words[0]
	r.words = r.words[1:]
	switch {
	case strings.Contains("( [ { {, {;", word):
		inner := r.choice()
		r.words = r.words[1:] // what closes it
		if word == "(" {
			return inner
		}
		return &production{op: brackets[word], kind: kinds[word[1:]], parts: []*production{inner}}
	case strings.HasPrefix(word, "'"):
		return &production{op: opToken, kind: mustKind(strings.Trim(word, "'"))}
	case strings.ToUpper(word) == word:
		return &production{op: opToken, kind: mustKind(word)}
	}
	return &production{op: opRule, rule: r.g.rule(word)}
}

var brackets = map[string]op{"[": opOptional, "{": opRepeat, "{,": opRest, "{;": opRest}

func mustKind(name string) kind {
	k, ok := kinds[name]
	if !ok {
		panic(fmt.Sprintf("the grammar has no token %q", name))
	}
	return k
}

// prepare computes what a production and all its parts may begin with.
func (g *language) prepare(p *production) {
	g.firsts(p)
	for _, part := range p.parts {
		g.prepare(part)
	}
}

// firsts computes what a production may begin with; the grammar has no rule that begins with itself.
func (g *language) firsts(p *production) kindSet {
	if p.first != (kindSet{}) {
		return p.first
	}
	switch p.op {
	case opToken, opRest:
		p.first.add(p.kind)
	case opRule:
		p.first = g.firsts(g.bodies[p.rule])
	case opSequence:
		for _, part := range p.parts {
			p.first.join(g.firsts(part))
			if part.op < opOptional {
				break
			}
		}
	default:
		for _, part := range p.parts {
			p.first.join(g.firsts(part))
		}
	}
	return p.first
}
