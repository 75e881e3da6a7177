package probe

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// How a requests module treats an answer with a Location.
type redirects int

const (
	refused  redirects = iota // NotImplementedError
	absolute                  // what is no whole URL is an error
	relative                  // "/path" too
)

// A generation is the requests module of some firmware: what an original client makes its requests with. The table
// says all that they differ in.
type generation struct {
	firmware  string
	version   string // of HTTP
	sorted    bool   // header lines come out of a dict, in the order of MicroPython's hashes
	redirects redirects
	keepsHost bool // sends the old Host to where a redirect leads
	anyCase   bool // takes headers in any case; else Location and Transfer-Encoding as they are written here
	framed    bool // reads by Content-Length or by chunks; else to the end of the connection, and never chunks
	timeouts  bool // takes a timeout, which clients since v1.2 give
}

// generations is the table, oldest first. It was read off urequests and requests of micropython-lib at the commits that
// the firmware was built with, and compared with them running on MicroPython (originals_test.go).
var generations = []generation{
	{firmware: "1.19", version: "1.0", redirects: refused},
	{firmware: "1.20 to 1.23", version: "1.0", redirects: absolute, timeouts: true},
	{firmware: "1.24", version: "1.0", sorted: true, redirects: absolute, keepsHost: true, timeouts: true},
	{firmware: "1.25 to 1.28", version: "1.0", sorted: true, redirects: absolute, timeouts: true},
	{
		firmware: "of today (requests 2026)", version: "1.1", sorted: true, redirects: relative, anyCase: true, framed: true,
		timeouts: true,
	},
}

// oldest sends what forms[0] sends, and follows what most follow.
var oldest = generations[1]

// forms are those that send different bytes.
var forms = []generation{oldest, generations[3], generations[4]}

// who is hit by what a generation gets.
func (g generation) who() string {
	if g.framed {
		return "original clients with requests " + g.firmware
	}
	return originalClients
}

// request is what goes over the wire.
func (g generation) request(path, host, auth string) string {
	lines := []string{"Host: " + host, "Connection: close"}
	switch {
	case auth != "":
		lines = []string{lines[0], "Authorization: " + auth, lines[1]}
	case g.sorted:
		lines[0], lines[1] = lines[1], lines[0]
	}
	return "GET " + path + " HTTP/" + g.version + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// A reply is what requests.get returns, or raises.
type reply struct {
	status int
	body   []byte
	raised string // by getting the body, or before that; "" for nothing
	to     string // where it leads, until it is followed
}

// deepest is how many redirects are followed; on a device the stack ends sooner or later.
const deepest = 10

// get is requests.get(url).
func (g generation) get(ctx context.Context, r *recorder, url, auth string) reply {
	host := ""
	for range deepest {
		at, path, err := parseURL(url)
		if err != nil {
			return reply{raised: err.Error()}
		}
		if host == "" || !g.keepsHost {
			host = at.host
		}
		if !at.same(r.site.at) {
			auth = "" // a device would send it; nobody else shall learn the password from us
		}
		reply := g.parse(r.get(ctx, at, g.request(path, host, auth)))
		if reply.to == "" || reply.raised != "" {
			return reply
		}
		if url = reply.to; strings.HasPrefix(url, "/") && g.redirects == relative {
			url = at.scheme + "://" + at.host + ":" + at.port + url
		}
	}
	return reply{raised: "RuntimeError: maximum recursion depth exceeded"}
}

// parseURL takes a URL apart at its slashes, and no better.
func parseURL(url string) (at address, path string, err error) {
	parts := strings.SplitN(url, "/", 4)
	if len(parts) < 3 {
		return at, "", exception("ValueError: need more than 2 values to unpack")
	}
	scheme := strings.TrimSuffix(parts[0], ":")
	if parts[0] != "http:" && parts[0] != "https:" {
		return at, "", exception("ValueError: Unsupported protocol: " + parts[0])
	}
	if len(parts) == 4 {
		path = parts[3]
	}
	if strings.ContainsAny(url, "\r\n") {
		return at, "", exception("ValueError: a line feed in a URL")
	}
	return newAddress(scheme, parts[2]), "/" + path, nil
}

// parse reads an answer as the module does.
func (g generation) parse(a answer) (r reply) {
	if !a.dialed {
		return reply{raised: fmt.Sprintf("OSError: %v", a.err)}
	}
	s := &stream{a.raw, a.err}
	f, err := g.head(s, &r)
	if err == nil && r.to == "" {
		r.body, err = g.body(s, f)
	}
	if err != nil {
		r.raised = err.Error()
	}
	return r
}

// A framing says where a body ends: after so many bytes, after the last chunk, or with the connection.
type framing struct {
	length  int // -1 if it was not told
	chunked bool
}

func (g generation) head(s *stream, r *reply) (framing, error) {
	f := framing{length: -1}
	line, err := s.readline()
	if err != nil {
		return f, err
	}
	words := bytes.Fields(line)
	if len(words) < 2 {
		return f, exception("ValueError: HTTP error: BadStatusLine")
	}
	if r.status, err = number(words[1], 10); err != nil {
		return f, err
	}
	for {
		line, err = s.readline()
		if err != nil || len(line) == 0 || string(line) == "\r\n" {
			return f, err
		}
		if err := g.header(line, r, &f); err != nil {
			return f, err
		}
	}
}

// header takes one line.
func (g generation) header(line []byte, r *reply, f *framing) error {
	name := string(line)
	if g.anyCase {
		name = strings.ToLower(name)
	}
	is := func(prefix string) bool {
		if g.anyCase {
			prefix = strings.ToLower(prefix)
		}
		return strings.HasPrefix(name, prefix)
	}
	switch {
	case is("Transfer-Encoding:") && bytes.Contains(line, []byte("chunked")):
		if f.chunked = true; !g.framed {
			return exception("ValueError: Unsupported " + strings.TrimSpace(string(line)))
		}
	case is("Location:") && (r.status < 200 || r.status > 299):
		to, err := g.location(line, r.status)
		if err != nil {
			return err
		}
		r.to = to
	}
	if !isText(line) {
		return errText
	}
	_, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return exception("ValueError: need more than 1 values to unpack")
	}
	if g.framed && strings.HasPrefix(strings.ToLower(name), "content-length:") {
		n, err := number(value, 10)
		f.length = n
		return err
	}
	return nil
}

func (g generation) location(line []byte, status int) (string, error) {
	switch {
	case g.redirects == refused:
		return "", exception("NotImplementedError: Redirects not yet supported")
	case status != 301 && status != 302 && status != 303 && status != 307 && status != 308:
		return "", exception(fmt.Sprintf("NotImplementedError: Redirect %d not yet supported", status))
	case len(line) < 12:
		return "", nil
	}
	return string(line[10 : len(line)-2]), nil // whatever stands there
}

func (g generation) body(s *stream, f framing) ([]byte, error) {
	switch {
	case f.chunked:
		return chunks(s)
	case f.length >= 0:
		return s.readn(f.length)
	}
	return s.read()
}

func chunks(s *stream) (body []byte, err error) {
	for {
		line, err := s.readline()
		if err != nil {
			return body, err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := number(size, 16)
		if err != nil || n == 0 {
			return body, err
		}
		data, err := s.readn(n)
		if err != nil {
			return body, err
		}
		body = append(body, data...)
		if _, err := s.readline(); err != nil {
			return body, err
		}
	}
}
