package probe

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzAnswer reads what a hostile server sends by all that read answers: none of them may panic, or make up more than came.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.0 200\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc",
		"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation:\r\n\r\n", "HTTP/1.1 302 Found\r\nlocation: http://\r\n\r\n", "\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		check := func(who string, body []byte) {
			if len(body) > len(raw) {
				t.Errorf("%s: %d bytes of %d", who, len(body), len(raw))
			}
		}
		for _, end := range []error{nil, errSilent, errEndless} {
			a := answer{raw: raw, dialed: true, err: end}
			for _, g := range generations {
				r := g.parse(a)
				check(g.firmware, r.body)
				if r.to != "" {
					_, _, _ = parseURL(r.to)
				}
			}
			check("look", look(a).body)
		}
		s := &session{in: bufio.NewReader(bytes.NewReader(raw))}
		if v, err := s.receive(1 << 20); err == nil && v.err == nil {
			check(own, v.body)
			follow(address{}, "/a", v.header.Get("Location"))
		}
	})
}
