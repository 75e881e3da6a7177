package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxAnswer bounds an answer that is no object: a page of a list has 1000 names of at most 1 KiB each, escaped.
const maxAnswer = 16 << 20

// maxIdle is how many connections are kept: publish asks for so many sizes at once.
const maxIdle = 128

// newWire makes connections as many as there are requests at once, and leaves contents as they are.
func newWire() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}
}

// A transport looks on: it traces, learns what the server's clock says, and bounds what a server can make us read.
type transport struct{ *Store }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	if late(r.Context(), start) { // it is signed already: if this machine is paused from here on, the store finds it too old
		return nil, context.DeadlineExceeded
	}
	p, _ := r.Context().Value(pulseKey{}).(*pulse)
	if p != nil {
		if p.requests++; p.requests > maxPages {
			return nil, errors.New("the list has no end")
		}
		if r.Body != nil {
			ours := *r
			ours.Body = &beating{r.Body, p}
			r = &ours
		}
	}
	answer, err := t.o.Transport.RoundTrip(r)
	t.trace(r, answer, err, time.Since(start))
	if err != nil {
		if p != nil {
			p.stop(err) // or minio-go waits before it does not try again
		}
		return answer, err
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		t.skew.Store(int64(at.Sub(start)))
	}
	if r.Method != http.MethodGet || r.URL.RawQuery != "" || answer.StatusCode >= 300 {
		answer.Body = &bounded{answer.Body, maxAnswer}
	}
	if p != nil {
		answer.Body = &beating{answer.Body, p}
	}
	return answer, nil
}

// late reports whether the time of a request is over, by either clock: after a pause of this machine or process its timer may
// come later than the request.
func late(ctx context.Context, now time.Time) bool {
	end, ok := ctx.Deadline()
	return ok && (now.After(end) || now.Round(0).After(end.Round(0)))
}

// trace says what was asked for and what became of it. Headers and queries, where secrets are, are not said.
func (t *transport) trace(r *http.Request, answer *http.Response, err error, took time.Duration) {
	if t.o.Trace == nil {
		return
	}
	result := "no answer"
	if err == nil {
		result = answer.Status
	}
	for _, condition := range []string{"If-Match", "If-None-Match"} {
		if r.Header.Get(condition) != "" {
			result = strings.ToLower(condition) + ": " + result
		}
	}
	t.o.Trace(fmt.Sprintf("%s %q: %q (%d ms)", r.Method, r.URL.Path, result, took.Milliseconds()))
}

// A pulse ends a request when nothing happens for a while.
type pulse struct {
	timer    *time.Timer
	every    time.Duration
	requests int // that it has been of: a list may have many pages
	stop     context.CancelCauseFunc
}

type pulseKey struct{}

// maxPages bounds a list, whose pages may be empty.
const maxPages = 4096

// A beating body keeps a request alive while it is sent or received.
type beating struct {
	io.ReadCloser
	*pulse
}

func (b *beating) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.timer.Reset(b.every)
	}
	return n, err
}

// A bounded body ends with an error when it gets too long.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
