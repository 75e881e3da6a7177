package source

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"x = 1\n", "\xef\xbb\xbf", "a\n\xff", "a\x00", "<<<<<<< a\n=======\n>>>>>>> b\n", ">>>>>>>", "-----BEGIN PRIVATE KEY-----", "\x30\x82\x01",
		"password = \"hunter2\"\n", "token: str = 'abc\\'d'", "AKIAABCDEFGHIJKLMNOP", "PuTTY-User-Key-File-2: ", "\r\n\r", "'''\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := File{Name: "a.py", Path: "a.py", Data: data}
		errs, readable := problems(file, Options{})
		warns := warnings(file, Options{})
		last := bytes.Count(data, []byte("\n")) + 1
		clean := utf8.Valid(data) && !bytes.Contains(data, []byte{0}) && !bytes.HasPrefix(data, []byte("\ufeff"))
		if encoding := checkEncoding(file); clean != (len(encoding) == 0) {
			t.Fatalf("clean: %v, but %v", clean, encoding)
		}
		if readable && !clean {
			t.Fatalf("to be judged, after %v", errs)
		}
		for _, err := range errs {
			var text *TextError
			var secret *SecretError
			if errors.As(err, &text) && (text.Line < 1 || text.Line > last) || errors.As(err, &secret) && secret.Line > last {
				t.Fatalf("%v, of %d lines", err, last)
			}
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("control bytes in %q", err)
			}
		}
		for _, w := range warns {
			if w.Line < 0 || w.Line > last || strings.ContainsAny(w.String(), "\n\r\x1b") {
				t.Fatalf("%q, of %d lines", w, last)
			}
		}
	})
}

// A large file of text is checked in much less time than it takes to send it.
func BenchmarkChecks(b *testing.B) {
	file := File{Name: "a.py", Path: "a.py", Data: bytes.Repeat([]byte("    value = sensors['outside'].read(\"celsius\", timeout=5)  # a comment\n"), 20_000)}
	b.SetBytes(int64(len(file.Data)))
	for b.Loop() {
		problems(file, Options{})
		warnings(file, Options{})
	}
}
