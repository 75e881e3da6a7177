package probe

import (
	"bytes"
	"errors"
	"strconv"
)

// An exception is what Python would raise.
type exception string

func (e exception) Error() string { return string(e) }

// A stream is a socket in Python, over what was recorded.
type stream struct {
	rest []byte
	end  error // how the record ends; nil for the end of the connection
}

// fails is what a read raises behind the last byte; nil at the end of the connection, where it returns what there is.
func (s *stream) fails() error {
	switch {
	case s.end == nil:
		return nil
	case errors.Is(s.end, errSilent):
		return exception("OSError: timed out (without a timeout: waits for ever)")
	case errors.Is(s.end, errEndless):
		return exception("MemoryError")
	}
	return exception("OSError: " + s.end.Error())
}

// readline returns a line with its line feed, or what there is at the end.
func (s *stream) readline() ([]byte, error) {
	i := bytes.IndexByte(s.rest, '\n')
	if i < 0 {
		line := s.rest
		s.rest = nil
		return line, s.fails()
	}
	line := s.rest[:i+1]
	s.rest = s.rest[i+1:]
	return line, nil
}

// read reads to the end of the connection.
func (s *stream) read() ([]byte, error) {
	all := s.rest
	s.rest = nil
	return all, s.fails()
}

// readn reads n bytes, which is a ValueError if there are fewer.
func (s *stream) readn(n int) ([]byte, error) {
	if n < 0 {
		return nil, exception("ValueError: negative length")
	}
	if n > len(s.rest) {
		if err := s.fails(); err != nil {
			return nil, err
		}
		return nil, exception("ValueError: Connection closed before body complete")
	}
	data := s.rest[:n]
	s.rest = s.rest[n:]
	return data, nil
}

// number is int(text): blanks around are no matter.
func number(text []byte, base int) (int, error) {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), base, 32)
	if err != nil {
		return 0, exception("ValueError: invalid syntax for integer")
	}
	return int(n), nil
}

// isText reports whether MicroPython decodes bytes as UTF-8: it counts the bytes of each character, and no more.
func isText(data []byte) bool {
	need := 0
	for _, c := range data {
		switch {
		case need > 0 && c&0xc0 == 0x80:
			need--
		case need > 0 || c >= 0xf8:
			return false
		case c >= 0xf0:
			need = 3
		case c >= 0xe0:
			need = 2
		case c >= 0xc0:
			need = 1
		case c >= 0x80:
			return false
		}
	}
	return need == 0
}

var errText = exception("UnicodeError")

const blanks = " \t\n\r\v\f"
