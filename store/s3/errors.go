package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/otactl/otactl/store"
)

// A TimeoutError reports a request that got no answer in time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer for %v", e.After) }

// An AnswerError is what the store said when it did not do what it was asked for.
type AnswerError struct {
	Status int
	Code   string // its word for it, such as NoSuchBucket; may be ""
	Text   string
}

func (e *AnswerError) Error() string {
	said := strconv.Itoa(e.Status)
	if e.Code != "" {
		said = strconv.Quote(e.Code)
	}
	if e.Text != "" {
		said += " " + strconv.Quote(e.Text)
	}
	return "the store answers " + said
}

// A TagError says that a write was refused that asked for the entity tag that an object has.
type TagError struct{ Tag string }

func (e *TagError) Error() string {
	return fmt.Sprintf("the store does not know the entity tag %q that it gives for this object: something between here and there may change it", e.Tag)
}

// errUnmet says that the condition of a write did not hold: nothing was written.
var errUnmet = errors.New("the condition does not hold")

// A lostError says that nobody knows whether the request took effect. Another one may be answered.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// lost reports whether it is not known what became of a request.
func lost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// judge tells what a failed request means: errUnmet, fs.ErrNotExist, a *lostError, or an *AnswerError, which says that nothing
// was done and nothing will be.
func judge(method string, err error) error {
	said, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok || said.StatusCode == 0 {
		return &lostError{reason(err)}
	}
	answer := &AnswerError{said.StatusCode, brief(said.Code), brief(said.Message)}
	switch {
	case said.Code == "NoSuchBucket":
		return answer
	case said.StatusCode == http.StatusPreconditionFailed:
		return errUnmet
	case said.StatusCode == http.StatusNotFound && method == http.MethodPut: // If-Match, and there is nothing
		return errUnmet
	case said.StatusCode == http.StatusNotFound:
		return fs.ErrNotExist
	case passing(said):
		return &lostError{answer}
	}
	return answer
}

// passing reports whether the same request may be answered otherwise: it was damaged on its way, came too late, or the store
// is busy with it, with something else, or with itself.
func passing(said minio.ErrorResponse) bool {
	switch said.Code {
	case "BadDigest", "RequestTimeout", "IncompleteBody", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return true
	}
	switch said.StatusCode {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	case http.StatusConflict, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return said.StatusCode >= 500 || said.StatusCode < 300
}

// declined reports whether it is certain that a request that may work later has done nothing: it was not sent, or the store
// says so.
func declined(err error) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	answer, ok := errors.AsType[*AnswerError](err)
	return ok && (answer.Status/100 == 4 || answer.Code == "SlowDown")
}

// brief cuts a text of the server.
func brief(text string) string {
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

// reason leaves out of an error of package net/http what repeats the URL.
func reason(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err
}

// explain turns what a request failed with in the end into what package store promises.
func (s *Store) explain(ctx context.Context, op, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %q: %w", op, name, fs.ErrNotExist)
	case errors.Is(err, store.ErrShort):
		return err
	}
	for _, known := range []func(error) bool{is[*store.TooLargeError], is[*store.RefusedError], is[*store.ConnError]} {
		if known(err) {
			return err
		}
	}
	said := fmt.Errorf("%s %q: %w", op, name, err)
	if lost(err) && !hopeless(err) && !errors.Is(err, errDamaged) {
		return &store.ConnError{Target: s.target.String(), Err: said}
	}
	return &store.RefusedError{Target: s.target.String(), Err: said}
}

func is[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

// hopeless reports whether it is of no use to ask again although there was no answer: who answers is not whom we trust.
func hopeless(err error) bool {
	_, wrong := errors.AsType[*tls.CertificateVerificationError](err)
	return wrong || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
