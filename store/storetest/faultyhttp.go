package storetest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// A FaultyHTTP carries the requests of a store and stops at one that writes. It implements [http.RoundTripper].
type FaultyHTTP struct {
	fault
	http.RoundTripper
}

// FaultyRequests makes what carries requests stop at the n-th that writes, counted from 1. Requests that are under way at the
// same time end as they would.
func FaultyRequests(n int, when When, kind Kind) *FaultyHTTP {
	return &FaultyHTTP{fault: fault{n: n, when: when, kind: kind}}
}

var errNoAnswer = errors.New("the connection was lost by the test")

// RoundTrip implements http.RoundTripper.
func (f *FaultyHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if f.look() != nil {
			return nil, errNoAnswer
		}
		return f.RoundTripper.RoundTrip(r)
	}
	stop, err := f.next(r.Method+" "+r.URL.Path, r.ContentLength > 0)
	switch {
	case err != nil:
		return nil, errNoAnswer
	case !stop:
		return f.RoundTripper.RoundTrip(r)
	}
	switch f.when {
	case After:
		answer, err := f.RoundTripper.RoundTrip(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return nil, errNoAnswer
	case Torn:
		half := *r
		data, _ := io.ReadAll(io.LimitReader(r.Body, r.ContentLength/2))
		half.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data), &cut{}))
		_, _ = f.RoundTripper.RoundTrip(&half)
		return nil, errNoAnswer
	}
	if f.kind == Dies {
		return nil, errNoAnswer
	}
	return full(r), nil
}

// A cut body ends too early.
type cut struct{}

func (*cut) Read([]byte) (int, error) { return 0, errNoAnswer }

// full is what a store answers that has no room.
func full(r *http.Request) *http.Response {
	const text = "<Error><Code>QuotaExceeded</Code><Message>the bucket is full</Message></Error>"
	return &http.Response{
		Status: "507 Insufficient Storage", StatusCode: http.StatusInsufficientStorage, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r,
	}
}
