package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const own = "otactl's client"

// Bounds of the own client: device/micropython_ota_http.py.
const (
	ownLine    = 512
	ownHeaders = 64
	ownHops    = 4
)

// A session is one connection of otactl's client, as long as the server keeps it.
type session struct {
	ctx  context.Context //nolint:containedctx // a session lives no longer than the call that opened it
	site *Site
	conn *patient
	at   address
	in   *bufio.Reader
}

func (c *check) own(ctx context.Context) *session { return &session{ctx: ctx, site: c.site} }

func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is owed to it
	}
	s.conn = nil
}

// A view is an answer as it is meant.
type view struct {
	status int
	header http.Header
	body   []byte
	length int64 // Content-Length; -1 without
	chunks bool
	err    error // what a client stops at; nil if the answer is whole
}

// get asks for a file, from a byte on, and follows redirects as the client does.
func (s *session) get(name string, start, max int64) view {
	at, path := s.site.at, s.site.path(name)
	for range ownHops {
		v := s.send(at, path, start, max)
		to := v.header.Get("Location")
		if v.err != nil || v.status/100 != 3 || to == "" {
			return v
		}
		at, path = follow(at, path, to)
	}
	return view{header: http.Header{}, err: errors.New("too many redirects")}
}

// follow resolves where a redirect leads.
func follow(at address, path, to string) (address, string) {
	switch scheme, rest, ok := strings.Cut(to, "://"); {
	case ok:
		host, path, _ := strings.Cut(rest, "/")
		return newAddress(strings.ToLower(scheme), host), "/" + path
	case strings.HasPrefix(to, "//"):
		host, path, _ := strings.Cut(to[2:], "/")
		return newAddress(at.scheme, host), "/" + path
	case strings.HasPrefix(to, "/"):
		return at, to
	}
	return at, path[:strings.LastIndexByte(path, '/')+1] + to
}

// request is what goes over the wire.
func (s *session) request(at address, path string, start int64) string {
	text := "GET " + path + " HTTP/1.1\r\nHost: " + at.text + "\r\n"
	if s.site.auth != "" && at.same(s.site.at) {
		text += "Authorization: " + s.site.auth + "\r\n"
	}
	if start > 0 {
		text += fmt.Sprintf("Range: bytes=%d-\r\n", start)
	}
	return text + "\r\n"
}

// send sends one request: a connection that the server kept and then closed is made again.
func (s *session) send(at address, path string, start, max int64) view {
	for {
		kept := s.conn != nil && s.at.same(at)
		err := s.connect(at, kept)
		if err == nil {
			_, err = io.WriteString(s.conn, s.request(at, path, start))
		}
		var v view
		if err == nil {
			s.conn.until = latest(max)
			v, err = s.receive(max)
		}
		if err == nil {
			return v
		}
		s.close()
		if !kept || s.ctx.Err() != nil {
			return view{header: http.Header{}, err: err}
		}
	}
}

func (s *session) connect(at address, kept bool) (err error) {
	if kept {
		return s.ctx.Err()
	}
	s.close()
	if at.scheme != "http" && at.scheme != "https" {
		return fmt.Errorf("it leads to %q", at.scheme)
	}
	conn, err := s.site.dial(s.ctx, at)
	if err != nil {
		return err
	}
	s.conn = &patient{Conn: conn, silence: s.site.Silence}
	s.at, s.in = at, bufio.NewReader(s.conn)
	return conn.SetWriteDeadline(time.Now().Add(time.Minute))
}

func (s *session) line() (string, error) {
	var line []byte
	for len(line) < ownLine {
		b, err := s.in.ReadByte()
		if err != nil {
			return "", whole(err)
		}
		if b == '\n' {
			return string(bytes.TrimSpace(line)), nil
		}
		line = append(line, b)
	}
	return "", fmt.Errorf("a header line is longer than %d bytes: %.40q", ownLine, line)
}

var errEarly = errors.New("the connection ends before the answer does")

// whole is the error of an answer that ends too early.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEarly
	}
	return err
}

// receive reads the head of an answer, and what errors come before its end. Those of the body are in the view.
func (s *session) receive(max int64) (v view, err error) {
	line, err := s.line()
	if err != nil {
		return v, err
	}
	words := strings.Fields(line)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/1.") {
		return v, fmt.Errorf("the answer is no HTTP: %.40q", line)
	}
	v = view{header: http.Header{}, length: -1}
	v.status, _ = strconv.Atoi(words[1])
	if err := s.headers(&v); err != nil {
		return v, err
	}
	v.body, v.err = s.body(&v, max)
	if v.err != nil || words[0] == "HTTP/1.0" || strings.EqualFold(v.header.Get("Connection"), "close") || v.length < 0 && !v.chunks {
		s.close()
	}
	return v, nil
}

func (s *session) headers(v *view) error {
	for range ownHeaders {
		line, err := s.line()
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		key, value, _ := strings.Cut(line, ":")
		v.add(key, value)
		if strings.EqualFold(key, "Content-Length") && v.length < 0 {
			return fmt.Errorf("%q is no length", line)
		}
	}
	return fmt.Errorf("more than %d header lines", ownHeaders)
}

// add takes a header line.
func (v *view) add(key, value string) {
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	v.header.Add(key, value)
	switch strings.ToLower(key) {
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 62)
		if v.length = int64(n); err != nil {
			v.length = -1
		}
	case "transfer-encoding":
		v.chunks = true
	}
}

func (s *session) body(v *view, max int64) (body []byte, err error) {
	switch {
	case v.chunks:
		body, err = unchunk(s.in, max)
	case v.length > max:
		return nil, errEndless
	case v.length >= 0:
		body = make([]byte, v.length)
		_, err = io.ReadFull(s.in, body)
	case v.status > 206:
		return nil, nil
	default:
		return nil, errNoLength
	}
	if err != nil {
		err = whole(err)
	}
	return body, err
}

var errNoLength = errors.New("without a Content-Length nobody knows whether the answer is whole")

// ownFate is what becomes of a device with otactl's client: whatever is wrong, it stays. Everything that it fetches was
// fetched as it does, and what it stops at was noted.
func (c *check) ownFate() Fate {
	for _, f := range c.report.Findings {
		if f.Severity == Error && f.hits(own) {
			return Fate{Client: own, Verdict: Stays, Why: strings.TrimSpace(f.Path + " " + f.Detail)}
		}
	}
	return Fate{Client: own, Verdict: Updates}
}
