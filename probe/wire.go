package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// A Config says where a web server is, and what it asks of devices.
type Config struct {
	URL            string         // of the server root, like http://ota.example.org
	User, Password string         // for Basic auth; both empty for none
	OwnOnly        bool           // no device runs an original client
	Roots          *x509.CertPool // who may vouch for the server; nil for the roots of this system
	Silence        time.Duration  // how long a device waits for the next byte: original clients for 5 s
	Now            func() time.Time
	Random         io.Reader
	Dial           func(ctx context.Context, network, address string) (net.Conn, error) // nil for that of package net
}

// A URLError reports a URL that cannot be that of a server root.
type URLError struct{ URL, Reason string }

func (e *URLError) Error() string { return fmt.Sprintf("url %q: %s", e.URL, e.Reason) }

// A Site is a server root as devices reach it.
type Site struct {
	Config

	at     address
	folder string // path of the server root, without a slash at its end
	auth   string // the value of Authorization; "" for none
	random io.Reader
}

// Open checks a configuration. It connects to nothing. Its errors are of type *[URLError].
func Open(c Config) (*Site, error) {
	shown, _, _ := strings.Cut(c.URL, "@") // what is behind it may follow a password
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, &URLError{shown, "is no URL"}
	case u.User != nil:
		return nil, &URLError{u.Redacted(), "has a user in it"}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, &URLError{c.URL, "does not begin with http:// or https://"}
	case u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Path, " \r\n"):
		return nil, &URLError{c.URL, "is not that of a folder"}
	case strings.Contains(u.Hostname(), ":"):
		return nil, &URLError{c.URL, "no device can ask for an address like this one"}
	case (c.User == "") != (c.Password == ""):
		return nil, &URLError{c.URL, "a user and a password are needed, or none of them"}
	}
	s := &Site{Config: c, folder: strings.TrimRight(u.EscapedPath(), "/"), random: c.Random}
	s.at = newAddress(u.Scheme, u.Host)
	if c.User != "" {
		s.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password))
	}
	return s, nil
}

func (s *Site) path(name string) string { return s.folder + "/" + name }
func (s *Site) url(name string) string  { return s.at.String() + s.path(name) }

// An address is one end of a connection.
type address struct {
	scheme string // http or https
	host   string // without a port
	port   string
	text   string // host and port as they stood in the URL
}

func newAddress(scheme, text string) address {
	a := address{scheme: scheme, host: text, text: text, port: "80"}
	if scheme == "https" {
		a.port = "443"
	}
	if host, port, ok := strings.Cut(text, ":"); ok {
		a.host, a.port = host, port
	}
	return a
}

func (a address) String() string { return a.scheme + "://" + a.text }
func (a address) same(b address) bool {
	return a.scheme == b.scheme && a.host == b.host && a.port == b.port
}

// An answer is what came back on a connection.
type answer struct {
	raw    []byte
	dialed bool
	err    error // why it ended; nil if the server closed the connection
}

var (
	errSilent  = errors.New("the server sends nothing more and keeps the connection open")
	errEndless = errors.New("more is sent than any release has")
)

// exchange sends a request and reads until the server closes, says nothing for too long, or has sent more than max bytes.
func (s *Site) exchange(ctx context.Context, at address, text string, max int64) answer {
	conn, err := s.dial(ctx, at)
	if err != nil {
		return answer{err: err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }() // nothing is owed to it
	a := answer{dialed: true}
	if _, a.err = io.WriteString(conn, text); a.err != nil {
		return a
	}
	a.raw, a.err = io.ReadAll(io.LimitReader(&patient{conn, s.Silence, latest(max)}, max))
	if a.err == nil && int64(len(a.raw)) == max {
		a.err = errEndless
	}
	return a
}

// latest is when so many bytes have come at the latest: an answer that drips would hold us for days.
func latest(max int64) time.Time {
	const slowest = 10_000 // bytes per second
	return time.Now().Add(time.Minute + time.Duration(max/slowest)*time.Second)
}

// A patient reader waits so long for the next byte, and no longer than until then for all of them.
type patient struct {
	net.Conn
	silence time.Duration
	until   time.Time
}

func (p *patient) Read(b []byte) (int, error) {
	next := time.Now().Add(p.silence)
	if next.After(p.until) {
		next = p.until
	}
	if err := p.SetReadDeadline(next); err != nil {
		return 0, err
	}
	n, err := p.Conn.Read(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSilent
	case errors.Is(err, io.ErrUnexpectedEOF): // TLS without a close_notify, of which devices take no notice
		err = io.EOF
	}
	return n, err
}

// dial connects as devices do: TLS 1.2 is the newest that MicroPython speaks, and original clients verify nothing. What a
// certificate is worth is looked at elsewhere.
func (s *Site) dial(ctx context.Context, at address) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: s.Silence}).DialContext
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(at.host, at.port))
	if err != nil || at.scheme != "https" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: at.host, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	hctx, cancel := context.WithTimeout(ctx, s.Silence)
	defer cancel()
	if err := secure.HandshakeContext(hctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}
