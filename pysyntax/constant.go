package pysyntax

import (
	"bytes"
	"math/bits"
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
		if n, _ = p.decided(n); p.nodes[n].rule == node.rule {
			return value{}, false
		}
		return p.constant(n)
	case "signed", "xor", "bitand", "expr", "shift", "sum", "product", "power":
		return p.constantOperation(node)
	}
	return value{}, false
}

func (p *parser) leaf(n int32) (value, bool) {
	node := p.nodes[n]
	switch spellings[node.kind] {
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
	return value{sort: real, truth: truthOf(!only([]byte(mantissa), "0."))}
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
	for child := p.nodes[inner].first; child != 0; child = p.nodes[child].next {
		if p.isToken(child, ",") {
			continue
		}
		if _, ok := p.constant(child); !ok {
			return value{}, false
		}
	}
	return value{sort: object, truth: isTrue}, true
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

// constantOperation folds the operators on numbers.
func (p *parser) constantOperation(n node) (value, bool) {
	if p.g.names[n.rule] == "signed" {
		v, ok := p.constant(p.nodes[n.first].next)
		return unary(spellings[p.nodes[n.first].kind], v, ok)
	}
	left, ok := p.constant(n.first)
	for child := p.nodes[n.first].next; ok && child != 0; child = p.nodes[child].next {
		operator, operand := child, p.nodes[child].next
		if p.is(child, "exponent") {
			operator = p.nodes[child].first
			operand = p.nodes[operator].next
		} else {
			child = operand
		}
		var right value
		if right, ok = p.constant(operand); ok {
			left, ok = binary(left, spellings[p.nodes[operator].kind], right)
		}
	}
	return left, ok
}

func unary(operator string, v value, ok bool) (value, bool) {
	if !ok || v.sort == object || v.sort == real && operator == "~" {
		return value{}, false
	}
	if v.sort == real || !v.known {
		return value{sort: v.sort, truth: v.truth & truth(len(operator)-1)}, true
	}
	switch operator {
	case "-":
		v.int64 = -v.int64
	case "~":
		v.int64 = ^v.int64
	}
	return small(v.int64), true
}

// binary tells whether the compiler folds an operation, and the result if that is a small number.
func binary(a value, operator string, b value) (value, bool) {
	if a.sort == object || b.sort == object || operator == "@" {
		return value{}, false
	}
	if a.sort == real || b.sort == real {
		_, folds := map[string]bool{"+": true, "-": true, "*": true, "/": true, "//": true, "%": true, "**": true}[operator]
		return value{sort: real}, folds
	}
	switch operator {
	case "/", "//", "%":
		if b.truth == isFalse {
			return value{}, false
		}
	case "<<", ">>":
		if b.known && b.int64 < 0 {
			return value{}, false
		}
	}
	if operator == "/" || !a.known || !b.known {
		return value{sort: integer}, true
	}
	n, exact := calculate(a.int64, operator, b.int64)
	if !exact {
		return value{sort: integer}, true
	}
	return small(n), true
}

// calculate is exact or says that it is not.
func calculate(a int64, operator string, b int64) (int64, bool) {
	narrow := func(n int64) bool { return n > -1<<31 && n < 1<<31 }
	switch operator {
	case "|":
		return a | b, true
	case "&":
		return a & b, true
	case "^":
		return a ^ b, true
	case ">>":
		return a >> min(b, 63), true
	case "<<":
		return a << min(b, 63), a >= 0 && b < int64(bits.LeadingZeros64(uint64(a)))
	case "+":
		return a + b, narrow(a) && narrow(b)
	case "-":
		return a - b, narrow(a) && narrow(b)
	case "*":
		return a * b, narrow(a) && narrow(b)
	case "//":
		return (a - modulo(a, b)) / b, narrow(a) && narrow(b)
	case "%":
		return modulo(a, b), narrow(a) && narrow(b)
	}
	return 0, false
}

// modulo has the sign of b, as in Python.
func modulo(a, b int64) int64 { return (a%b + b) % b }
