package pysyntax

// kind says what a token is: one of those below, or an index of spellings.
type kind uint8

const (
	tokEnd kind = iota
	tokNewline
	tokIndent
	tokDedent
	tokName
	tokNumber
	tokString
	tokConst // a name that const() gave a value: what stands for it is the value, which nothing can be assigned to
	tokBroken
	firstSpelled
)

// spellings are the operators and keywords; names of other kinds of tokens, as the grammar has them, come first.
var spellings = [...]string{
	"END", "NEWLINE", "INDENT", "DEDENT", "NAME", "NUMBER", "STRING", "CONST", "BROKEN",
	"+", "-", "*", "**", "/", "//", "%", "@", "<<", ">>", "&", "|", "^", "~", ":=", "<", ">", "<=", ">=", "==", "!=",
	"(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=", "->", "...",
	"+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", ">>=", "<<=", "**=",
	"False", "None", "True", "__debug__", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
	"del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
	"nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
}

var kinds = func() map[string]kind {
	index := make(map[string]kind, len(spellings))
	for i, spelling := range spellings {
		index[spelling] = kind(i)
	}
	return index
}()

// kindSet is a set of kinds; there are fewer than 128.
type kindSet [2]uint64

func (s *kindSet) add(k kind)         { s[k/64] |= 1 << (k % 64) }
func (s *kindSet) join(other kindSet) { s[0], s[1] = s[0]|other[0], s[1]|other[1] }
func (s *kindSet) has(k kind) bool    { return s[k/64]&(1<<(k%64)) != 0 }

func setOf(names ...string) kindSet {
	var set kindSet
	for _, name := range names {
		set.add(kinds[name])
	}
	return set
}

// token is a piece of the source, from pos up to end.
type token struct {
	kind     kind
	prefix   prefix // of a string
	fresh    bool   // whether it is the first of its line
	pos, end int32
	uses     featureSet
	fields   []span // what stands between the braces of an f-string
}

type span struct{ pos, end int32 }
