package pysyntax

import "bytes"

// number reads as far as letters, digits and dots go, as the compiler does: 1if is not 1 and if.
func (l *lexer) number() token {
	start := l.pos
	power := l.at(0) != '0' || l.at(1) == 0 || !only([]byte{l.at(1)}, "xXoObB")
	for {
		char := l.at(0)
		switch {
		case power && (char == 'e' || char == 'E') && (l.at(1) == '+' || l.at(1) == '-'):
			l.pos += 2
		case isDigit(char) || char == '.' || isName(char) && char < 0x80:
			l.pos++
		default:
			text := l.src[start:l.pos]
			if !isNumber(text) {
				return l.fail(start, "%q is not a number", text)
			}
			t := l.token(tokNumber, start)
			if text[0] == '0' && only(text, "0123456789_") && !only(text, "0_") {
				t.uses.add(leadingZero)
			}
			return t
		}
	}
}

// isNumber accepts 0777, and underscores anywhere behind the first digit.
func isNumber(text []byte) bool {
	text = bytes.ReplaceAll(text, []byte("_"), nil)
	if len(text) > 1 && text[0] == '0' {
		switch text[1] {
		case 'x', 'X':
			return only(text[2:], "0123456789abcdefABCDEF")
		case 'o', 'O':
			return only(text[2:], "01234567")
		case 'b', 'B':
			return only(text[2:], "01")
		}
	}
	if last := text[len(text)-1]; last == 'j' || last == 'J' {
		text = text[:len(text)-1]
	}
	mantissa := text
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exponent := text[i+1:]
		if len(exponent) > 0 && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if !only(exponent, "0123456789") {
			return false
		}
		mantissa = text[:i]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	return only(whole, "0123456789") && (len(fraction) == 0 || only(fraction, "0123456789")) ||
		len(whole) == 0 && only(fraction, "0123456789")
}

func only(text []byte, chars string) bool {
	return len(text) > 0 && len(bytes.TrimLeft(text, chars)) == 0
}
