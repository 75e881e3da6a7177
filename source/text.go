package source

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// checkEncoding reports the first thing because of which a file is not plain UTF-8 text.
func checkEncoding(f File) []error {
	if bytes.HasPrefix(f.Data, []byte("\ufeff")) {
		return []error{&TextError{f.Path, 1, "starts with a byte-order mark, which MicroPython does not skip"}}
	}
	if i := firstInvalid(f.Data); i >= 0 {
		return []error{&TextError{f.Path, lineAt(f.Data, i), fmt.Sprintf("not UTF-8 (byte 0x%02x)", f.Data[i])}}
	}
	if i := bytes.IndexByte(f.Data, 0); i >= 0 {
		return []error{&TextError{f.Path, lineAt(f.Data, i), "a NUL byte"}}
	}
	return nil
}

// firstInvalid returns the index of the first byte that is not UTF-8, or -1.
func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// lineAt is the number, from 1, of the line that a byte is in.
func lineAt(data []byte, i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }

// checkConflicts reports each marker that begins a merge conflict, and each that ends one that does not begin. The line
// of = signs between them is no evidence on its own: it may underline a heading in a docstring.
func checkConflicts(f File) (errs []error) {
	open, n := false, 0
	for line := range bytes.Lines(f.Data) {
		n++
		begins, ends := isMarker(line, "<<<<<<<"), isMarker(line, ">>>>>>>")
		if begins || ends && !open {
			errs = append(errs, &TextError{f.Path, n, fmt.Sprintf("merge-conflict marker %q", line[:7])})
		}
		open = begins || open && !ends
	}
	return errs
}

// isMarker reports whether a line is a marker of git: alone, or with a label after a blank.
func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(bytes.TrimRight(rest, "\r\n")) == 0 || rest[0] == ' ')
}
