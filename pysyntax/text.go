package pysyntax

import "bytes"

// prefix is what stands before the quotes of a string.
type prefix uint8

const (
	rawText prefix = 1 << iota
	byteText
	formatText
	templateText
)

// prefixes are lower case, and of two letters only these.
var prefixes = map[string]prefix{
	"u": 0, "r": rawText, "b": byteText, "rb": rawText | byteText, "br": rawText | byteText,
	"f": formatText, "rf": rawText | formatText, "fr": rawText | formatText,
	"t": templateText, "rt": rawText | templateText, "tr": rawText | templateText,
}

// text reads a string of which the opening quote is next, and finds its fields if it is an f-string or a t-string.
func (l *lexer) text(start int, p prefix) token {
	quote := l.src[l.pos : l.pos+1]
	if triple := bytes.Repeat(quote, 3); bytes.HasPrefix(l.src[l.pos:], triple) {
		quote = triple
	}
	l.pos += len(quote)
	t := token{prefix: p}
	formats := 0 // of a t-string's fields that are open
	for !bytes.HasPrefix(l.src[l.pos:], quote) {
		char := l.at(0)
		switch {
		case l.pos >= len(l.src):
			l.fail(start, "this string is never closed: it began with %s", quote)
		case isNewline(char) && len(quote) == 1:
			l.fail(start, "this string is not closed in its line: %s is missing, or three of them around a string of several lines", quote)
		case char == '\\':
			l.escape(p)
		case (char == '{' || char == '}') && p&(formatText|templateText) != 0:
			l.brace(&t, &formats)
		default:
			l.pos++
		}
		if l.err != nil {
			return token{kind: tokBroken}
		}
	}
	if formats > 0 {
		return l.fail(start, "a field of this t-string is never closed by }")
	}
	switch {
	case p&templateText != 0:
		t.uses.add(template)
	case p&formatText != 0 && p&rawText != 0:
		t.uses.add(rawFormat)
	}
	if p&formatText != 0 && bytes.HasSuffix(l.src[:l.pos], []byte("{{")) {
		t.uses.add(lastBrace)
	}
	l.pos += len(quote)
	t.kind, t.pos, t.end = tokString, l.base+int32(start), l.base+int32(l.pos)
	return t
}

// brace passes one of { and } in an f-string, where a lone } means itself, or in a t-string, where it does not.
func (l *lexer) brace(t *token, formats *int) {
	template := t.prefix&templateText != 0
	switch char := l.at(0); {
	case char == '{' && l.at(1) != '{':
		field, ok := l.field(t)
		if ok && field.end > field.pos {
			t.fields = append(t.fields, field)
		}
		if ok && template && l.src[l.pos-1] == ':' {
			*formats++
		}
	case char == '}' && template && *formats > 0:
		*formats--
		l.pos++
	case char == '}' && template && l.at(1) != '}':
		l.fail(l.pos, "this } of the t-string closes nothing; write }} for a brace")
	case char == '{' || template:
		l.pos += 2
	default:
		l.pos++
	}
}

var hexDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// escape passes a backslash and what belongs to it.
func (l *lexer) escape(p prefix) {
	char := l.at(1)
	if char == '\r' && l.at(2) == '\n' {
		l.pos++
	}
	digits, hex := hexDigits[char]
	switch {
	case p&rawText != 0:
		if p&templateText != 0 && (char == '{' || char == '}') {
			l.pos--
		}
	case char == 'N':
		l.fail(l.pos, `MicroPython has no \N{...}: write \u and the number of the character`)
		return
	case hex && (char == 'x' || p&byteText == 0):
		text := l.src[min(l.pos+2, len(l.src)):min(l.pos+2+digits, len(l.src))]
		if len(text) < digits || !only(text, "0123456789abcdefABCDEF") {
			l.fail(l.pos, `\%c needs %d hexadecimal digits`, char, digits)
			return
		}
		if char == 'U' && string(bytes.ToUpper(text)) > "0010FFFF" {
			l.fail(l.pos, `there is no character above \U0010FFFF`)
			return
		}
	case p&byteText != 0 && char >= '4' && char <= '7' && isOctal(l.at(2)) && isOctal(l.at(3)):
		l.fail(l.pos, `a byte is at most \377`)
		return
	}
	l.pos = min(l.pos+2, len(l.src))
}

func isOctal(char byte) bool { return char >= '0' && char <= '7' }

// field reads {expression}, {expression=}, and as far as the colon of {expression!r:format}: what follows it is read as
// text of the string, with fields of its own. The compiler looks for the end without regard to quotes and parentheses.
func (l *lexer) field(t *token) (span, bool) {
	start := l.pos
	l.pos++
	end, depth := -1, 0
	for ; end < 0; l.pos++ {
		switch char := l.at(0); {
		case l.pos >= len(l.src):
			l.fail(start, "this { of the string is never closed by }; write {{ for a brace")
			return span{}, false
		case char == '[' || char == '{':
			depth++
		case char == ']' || char == '}' && depth != 0: // ] may take it below 0, and then nothing ends the field
			depth--
		case depth == 0 && l.fieldEnds(0):
			end = l.pos
		}
	}
	l.pos = end
	if l.at(0) == '=' {
		l.pos++
	}
	if l.at(0) == '!' {
		l.pos += 2
		if t.prefix&formatText != 0 {
			t.uses.add(conversion)
		}
	}
	l.pos++
	field := span{l.base + int32(start), l.base + int32(end) + 1}
	empty := len(bytes.TrimSpace(l.src[start+1:end])) == 0
	if empty && t.prefix&templateText != 0 {
		l.fail(start, "a field of a t-string needs an expression")
		return span{}, false
	}
	if end == start+1 { // up to 1.27 {} is a field that format() fills
		t.uses.add(emptyField)
		return span{}, true
	}
	return field, true
}

// fieldEnds tells whether the expression ends at a character: at }, :, !r, !s, or at the = of {x=}.
func (l *lexer) fieldEnds(ahead int) bool {
	switch l.at(ahead) {
	case '}', ':':
		return true
	case '!':
		return (l.at(ahead+1) == 'r' || l.at(ahead+1) == 's') && (l.at(ahead+2) == '}' || l.at(ahead+2) == ':')
	case '=':
		return l.at(ahead+1) != '=' && l.fieldEnds(ahead+1)
	}
	return false
}
