package storetest

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
)

// A carrier stands between a store and the network.
type carrier func(r *http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func carry(r *http.Request) (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }

// through opens a store whose requests go through a carrier.
func through(t *testing.T, server *testserver.S3, prefix string, c carrier) *s3.Store {
	t.Helper()
	return openS3(t, server, prefix, func(o *s3.Options) { o.Transport, o.Wait = c, 20*time.Millisecond })
}

// at makes something of the n-th request that matches, counted from 1.
func at(n int, match func(*http.Request) bool, do carrier) carrier {
	var mu sync.Mutex
	count := 0
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		hit := match(r)
		if hit {
			count++
		}
		hit = hit && count == n
		mu.Unlock()
		if hit {
			return do(r)
		}
		return carry(r)
	}
}

// puts matches writes of an object.
func puts(name string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, name) }
}

// unanswered lets a request take effect, and loses the answer.
func unanswered(r *http.Request) (*http.Response, error) {
	answer, err := carry(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	return nil, errNoAnswer
}

// A claim or a flip whose answer is lost is found to be ours; the same request again is answered by 412, and that is no conflict.
func TestS3LostAnswers(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	for _, name := range []string{"/entry", "/version", "/v1.0.0_000.py", "/v1.0.0.manifest"} {
		s := through(t, server, server.Prefix(), at(1, puts(name), unanswered))
		c, err := plan(t.Context(), s, "v1.0.0\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), planned(c, release("v1.0.0", 2, "data"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantContent(t, s, append(release("v1.0.0", 2, "data"), object("demo/version", "v1.0.0\n"))...)
	}
}

// Who does not know whether the pointer was changed says so, whether it was or not; and who could not send the claim says that it was not.
func TestS3Unknown(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	for _, last := range []carrier{unanswered, func(*http.Request) (*http.Response, error) { return nil, errNoAnswer }} {
		var dead atomic.Bool
		s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
			if dead.Load() {
				return nil, errNoAnswer
			}
			if puts("/version")(r) {
				dead.Store(true)
				return last(r)
			}
			return carry(r)
		})
		err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")})
		if !is[*store.UnknownError](err) {
			t.Errorf("got %v", err)
		}
	}
}

func is[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

// A server that always fails to change the pointer is an error of the connection, and no race that is lost again and again.
func TestS3NeverFlips(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
		if puts("/version")(r) {
			return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		return carry(r)
	})
	for range 10 {
		c, err := plan(t.Context(), s, "v1.0.0\n")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Commit(t.Context(), c)
		if is[*store.ConnError](err) {
			return
		}
		wantError(t, "a lost flip", err, store.ErrFenced)
	}
	t.Error("it has no end")
}
