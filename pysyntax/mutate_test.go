package pysyntax

import (
	"math/rand/v2"
	"strings"
)

// writer writes programs by the grammar, so most keep its rules and many break those of the compiler.
type writer struct {
	random *rand.Rand
	text   strings.Builder
	indent int
	depth  int
}

func generate(random *rand.Rand) string {
	w := &writer{random: random}
	for range 1 + random.IntN(4) {
		w.write(&production{op: opRule, rule: micropython().rule("statement")})
	}
	return w.text.String()
}

// words stand for names and so on. Numbers are small: the compiler computes 9 ** 9 ** 9.
var words = map[kind][]string{
	tokName:   {"a", "b", "c", "x", "y", "self", "X", "_X", "const", "super", "micropython", "print"},
	tokNumber: {"0", "1", "2", "0.5", "2j", "07"},
	tokString: {
		`"a"`, `'b'`, `""`, `b"c"`, `r"\d"`, `f"{x}"`, `f"{x!r:>{y}}"`, `f"{a['b']}{x=}"`, `"""d"""`, `"\x41\n"`, `f"{a:{b}} {c, }"`,
		`t"{x}"`, `rf"{x}"`, `f"{}"`, `f"{f'{x}'}"`, `f"{{"`,
	},
}

func (w *writer) write(p *production) {
	switch p.op {
	case opToken:
		w.token(p.kind)
	case opRule:
		w.depth++
		if p.rule == micropython().rule("block") {
			w.depth += 9
			defer func() { w.depth -= 9 }()
		}
		w.write(w.shallow(micropython().bodies[p.rule]))
		w.depth--
	case opSequence:
		for _, part := range p.parts {
			w.write(part)
		}
	case opChoice:
		w.write(p.parts[w.random.IntN(len(p.parts))])
	case opOptional, opRepeat, opRest:
		for range w.often(p) {
			if p.op == opRest {
				w.token(p.kind)
			}
			w.write(p.parts[0])
		}
		if p.op == opRest && w.random.IntN(20) == 0 {
			w.token(p.kind)
		}
	}
}

// shallow takes a short way where the program has become deep: the last alternative, as the grammar is written.
func (w *writer) shallow(p *production) *production {
	if p.op != opChoice || w.depth < 30 && w.text.Len() < 1000 {
		return p
	}
	for _, choice := range p.parts {
		if choice.op == opToken && choice.kind == tokName {
			return choice
		}
	}
	if p == micropython().bodies[micropython().rule("block")] {
		return p.parts[0]
	}
	return p.parts[len(p.parts)-1]
}

func (w *writer) often(p *production) int {
	switch {
	case w.depth >= 30, w.text.Len() >= 1000, w.random.IntN(5) > 0:
		return 0
	case p.op == opOptional:
		return 1
	}
	return 1 + w.random.IntN(2)
}

func (w *writer) token(k kind) {
	switch k {
	case tokNewline:
		w.text.WriteString("\n" + strings.Repeat("  ", w.indent))
		return
	case tokIndent:
		w.indent++
		w.text.WriteString("  ")
		return
	case tokDedent:
		w.indent--
		text := strings.TrimSuffix(w.text.String(), "  ")
		w.text.Reset()
		w.text.WriteString(text)
		return
	}
	word := spellings[k]
	if choice, ok := words[k]; ok {
		word = choice[w.random.IntN(len(choice))]
	}
	w.text.WriteString(word + " ")
}

// mutate deletes, repeats, swaps, replaces or adds one to three tokens; blanks count as tokens at the start of a line.
func mutate(random *rand.Rand, source string, spare []string) string {
	pieces := split(source)
	for range 1 + random.IntN(2)*random.IntN(3) {
		if len(pieces) < 2 {
			break
		}
		i := random.IntN(len(pieces))
		other := spare[random.IntN(len(spare))]
		switch random.IntN(6) {
		case 0:
			pieces = append(pieces[:i:i], pieces[i+1:]...)
		case 1:
			pieces = append(pieces[:i+1:i+1], pieces[i:]...)
		case 2:
			j := random.IntN(len(pieces))
			pieces[i], pieces[j] = pieces[j], pieces[i]
		case 3:
			j := min(i+1, len(pieces)-1)
			pieces[i], pieces[j] = pieces[j], pieces[i]
		case 4:
			pieces[i] = other
		case 5:
			pieces = append(pieces[:i:i], append([]string{other}, pieces[i:]...)...)
		}
	}
	return strings.Join(pieces, "")
}

// split cuts a source into tokens, each with the blanks, comments and newlines before it.
func split(source string) []string {
	l := newLexer([]byte(source), 0)
	var pieces []string
	for end := int32(0); ; {
		t := l.next()
		if t.kind == tokEnd || t.kind == tokBroken {
			return append(pieces, source[end:])
		}
		if t.end > end {
			pieces = append(pieces, source[end:t.end])
			end = t.end
		}
	}
}

// chunks cuts a source into its top-level statements.
func chunks(source string) []string {
	var all []string
	start := 0
	c := newChecker([]byte(source))
	for c.advance(); c.tok.kind != tokEnd; {
		if _, ok := c.tree("statement"); !ok {
			return all
		}
		all = append(all, source[start:c.tok.pos])
		start = int(c.tok.pos)
	}
	return all
}
