package pysyntax

import "math/bits"

// constantOperation folds the operators on numbers.
func (p *parser) constantOperation(n node) (value, bool) {
	if p.g.names[n.rule] == "signed" {
		v, ok := p.constant(p.nodes[n.first].next)
		v, ok = unary(spellings[p.nodes[n.first].kind], v, ok)
		p.fraction(v)
		return v, ok
	}
	child := p.nodes[n.first].next
	left, ok := p.moduleConstant(n.first)
	if ok {
		child = p.nodes[child].next
	} else {
		left, ok = p.constant(n.first)
	}
	for ; ok && child != 0; child = p.nodes[child].next {
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
			p.fraction(left)
		}
	}
	return left, ok
}

// fraction notes that an operator gave a value that is no integer.
func (p *parser) fraction(v value) {
	if v.sort == real {
		p.folding.add(fractionConst)
	}
}

func unary(operator string, v value, ok bool) (value, bool) {
	if !ok || v.sort == object || v.sort == real && operator == "~" {
		return value{}, false
	}
	if v.sort == real || !v.known {
		if operator == "~" {
			v.truth = uncertain
		}
		return value{sort: v.sort, truth: v.truth}, true
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
	if a.sort == object || b.sort == object || operator == "@" || divides(operator) && b.truth == isFalse {
		return value{}, false
	}
	if a.sort == real || b.sort == real {
		_, folds := map[string]bool{"+": true, "-": true, "*": true, "/": true, "//": true, "%": true, "**": true}[operator]
		return value{sort: real}, folds
	}
	switch operator {
	case "**":
		if b.known && b.int64 < 0 {
			return value{sort: real}, a.truth != isFalse
		}
	case "<<", ">>":
		if b.known && b.int64 < 0 {
			return value{}, false
		}
	}
	if operator == "/" {
		return value{sort: real}, true
	}
	if !a.known || !b.known {
		return value{sort: integer}, true
	}
	n, exact := calculate(a.int64, operator, b.int64)
	if !exact {
		return value{sort: integer}, true
	}
	return small(n), true
}

func divides(operator string) bool { return operator == "/" || operator == "//" || operator == "%" }

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
