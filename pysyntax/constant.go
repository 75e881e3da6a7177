package pysyntax

import (
	"bytes"
	"strconv"
)

// value is what is known of a constant expression. The compiler folds such expressions: it leaves out the code that a
// constant condition makes unreachable, without a look at it, and const() takes nothing else.
type value struct {
	sort  sort
	truth truth
	known bool // whether number holds the value of an integer, which it does if it is small
	int64
}

type sort uint8

const (
	integer sort = iota
	real
	object // a string, a tuple, None, True, ...
)

type truth int8

const (
	isFalse truth = iota - 1
	uncertain
	isTrue
)

func truthOf(yes bool) truth {
	if yes {
		return isTrue
	}
	return isFalse
}

func small(n int64) value { return value{integer, truthOf(n != 0), true, n} }

// folded is whether an expression is constant, and its value if so.
type folded struct {
	value
	ok bool
}

// constant returns the value of an expression that the compiler folds. It looks at each node once: expressions within
// each other would take time without end.
func (p *parser) constant(n int32) (value, bool) {
	if p.nodes[n].rule == noRule {
		return p.leaf(n)
	}
	known, ok := p.folded[n]
	if !ok {
		known.value, known.ok = p.fold(n)
		p.folded[n] = known
	}
	return known.value, known.ok
}

func (p *parser) fold(n int32) (value, bool) {
	node := p.nodes[n]
	switch p.g.names[node.rule] {
	case "strings":
		whole := value{sort: object, truth: isFalse}
		for child := node.first; child != 0; child = p.nodes[child].next {
			v, ok := p.leaf(child)
			if !ok {
				return value{}, false
			}
			whole.truth = max(whole.truth, v.truth)
		}
		return whole, true
	case "group":
		return p.constantGroup(node.first)
	case "negation":
		v, ok := p.constant(p.nodes[node.first].next)
		return value{sort: object, truth: -v.truth}, ok
	case "or", "and":
		if whole, _ := p.decided(n); whole != n {
			return p.constant(whole)
		}
		return value{sort: object}, p.allConstant(node.first)
	case "signed", "xor", "bitand", "expr", "shift", "sum", "product", "power":
		return p.constantOperation(node)
	}
	return value{}, false
}

func (p *parser) leaf(n int32) (value, bool) {
	node := p.nodes[n]
	switch spellings[node.kind] {
	case "NAME":
		if node.typed {
			p.folding.add(typedConstUsed)
		}
		return p.typed[string(p.text(n))], node.typed
	case "NUMBER":
		return number(p.text(n)), true
	case "STRING":
		return value{sort: object, truth: truthOf(!p.blank(n))}, node.prefix&(formatText|templateText) == 0
	case "CONST":
		return p.consts[string(p.text(n))], true
	case "None", "False":
		return value{sort: object, truth: isFalse}, true
	case "True", "...":
		return value{sort: object, truth: isTrue}, true
	case "__debug__": // which the option -O makes false
		return value{sort: object, truth: uncertain}, true
	}
	return value{}, false
}

// blank tells whether a string is the empty one.
func (p *parser) blank(n int32) bool {
	quotes := bytes.TrimLeft(p.text(n), "rbuft")
	return len(quotes) == 2 || len(quotes) == 6 && bytes.Count(quotes, quotes[:1]) == 6
}

func number(text []byte) value {
	digits := string(bytes.ReplaceAll(text, []byte("_"), nil))
	if n, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return small(n)
	}
	zero := only(text, "0_")
	if zero {
		return small(0)
	}
	if _, err := strconv.ParseInt(digits, 10, 64); err == nil || only(text, "0123456789_") || bytes.HasPrefix(text, []byte("0")) && !bytes.ContainsAny(text, ".eEjJ") {
		return value{sort: integer, truth: isTrue}
	}
	mantissa := digits
	if i := bytes.IndexAny([]byte(digits), "eEjJ"); i >= 0 {
		mantissa = digits[:i]
	}
	v := value{sort: real, truth: truthOf(!only([]byte(mantissa), "0."))}
	if bytes.ContainsAny(text, "jJ") { // the compiler does not compute with these
		v.sort = object
	}
	return v
}

// constantGroup returns the value of what stands in parentheses: of a constant, or of a tuple of them.
func (p *parser) constantGroup(open int32) (value, bool) {
	inner := p.nodes[open].next
	if p.nodes[inner].kind == kinds[")"] && p.nodes[inner].rule == noRule {
		return value{sort: object, truth: isFalse}, true
	}
	if !p.is(inner, "members") {
		return p.constant(inner)
	}
	return value{sort: object, truth: isTrue}, p.allConstant(p.nodes[inner].first)
}

// allConstant tells whether a list of operands, or of what stands between commas, is.
func (p *parser) allConstant(n int32) bool {
	for ; n != 0; n = p.nodes[n].next {
		if p.isToken(n, ",") || p.isToken(n, "or") || p.isToken(n, "and") {
			continue
		}
		if _, ok := p.constant(n); !ok {
			return false
		}
	}
	return true
}

// decided returns what the compiler makes of a chain of and, or: the operands that decide nothing are left out, and all
// that stands behind one that decides. It returns the chain itself if more than one operand remains, and the operand
// at which it ends.
func (p *parser) decided(n int32) (whole, end int32) {
	decides := truthOf(p.is(n, "or"))
	var operands int
	for child := p.nodes[n].first; child != 0; child = p.nodes[child].next {
		if p.isToken(child, "or") || p.isToken(child, "and") {
			continue
		}
		end = child
		v, ok := p.constant(child)
		if ok && v.truth == -decides && p.nodes[child].next != 0 {
			continue
		}
		whole = child
		operands++
		if ok && v.truth == decides {
			break
		}
	}
	if operands > 1 {
		return n, end
	}
	return whole, end
}

// modules are those whose constants compilers on boards know, each with the sort of them.
var modules = map[string]sort{"errno": integer, "uctypes": integer, "machine": integer, "pyb": integer, "stm": integer, "math": real}

// moduleConstant tells whether a name and the attribute behind it are a constant of a module. Which names the modules have
// is only known of math; of the others any is taken that is written as constants are.
func (p *parser) moduleConstant(name int32) (value, bool) {
	attribute := p.nodes[name].next
	if p.nodes[name].rule != noRule || p.nodes[name].kind != tokName || !p.is(attribute, "attribute") {
		return value{}, false
	}
	sort, known := modules[string(p.text(name))]
	word := p.text(p.nth(p.nodes[attribute].first, 1))
	switch {
	case !known:
		return value{}, false
	case sort == real:
		p.folding.add(mathConst)
		return value{sort: real}, mathConstants[string(word)]
	}
	p.folding.add(moduleConst)
	return value{sort: integer}, bytes.Equal(word, bytes.ToUpper(word))
}

var mathConstants = map[string]bool{"e": true, "inf": true, "nan": true, "pi": true, "tau": true}
