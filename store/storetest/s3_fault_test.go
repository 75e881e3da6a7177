package storetest

import (
	"context"
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

// A publisher that comes to the flip too late leaves the pointer alone.
func TestS3Late(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	prefix := server.Prefix()
	sent := 0
	s := openS3(t, server, prefix, func(o *s3.Options) {
		o.Window = 50 * time.Millisecond
		o.Transport = carrier(func(r *http.Request) (*http.Response, error) {
			if puts("/version")(r) {
				sent++
			}
			answer, err := carry(r)
			if puts("/entry")(r) { // the publisher is paused
				time.Sleep(100 * time.Millisecond)
			}
			return answer, err
		})
	})
	err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")})
	if !is[*store.ConnError](err) || is[*store.UnknownError](err) || sent > 0 {
		t.Errorf("%d sent: %v", sent, err)
	}
	wantAbsent(t, s, "demo/version")
}

// A change waits for the one before it, as long as that may still take effect: else the log would tell that it did not.
func TestS3Waits(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	prefix := server.Prefix()
	reached, goOn := make(chan struct{}), make(chan struct{})
	slow := through(t, server, prefix, at(1, puts("/version"), func(r *http.Request) (*http.Response, error) {
		close(reached)
		<-goOn
		return carry(r)
	}))
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- slow.Commit(context.Background(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("1"), Next: []byte("v1.0.0\n")})
	}()
	<-reached
	looks := make(chan struct{}, 1000)
	other := openS3(t, server, prefix, func(o *s3.Options) {
		o.Wait = time.Minute
		o.Transport = carrier(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/version") {
				looks <- struct{}{}
			}
			return carry(r)
		})
	})
	go func() {
		second <- other.Commit(context.Background(), store.Commit{Project: "demo", Seq: 2, Entry: []byte("2"), Next: []byte("v2.0.0\n")})
	}()
	for range 2 { // it waits
		select {
		case <-looks:
		case err := <-second:
			t.Fatalf("the second does not wait: %v", err)
		}
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-second; !errors.Is(err, store.ErrChanged) {
		t.Errorf("the second: %v", err)
	}
	wantContent(t, other, object("demo/version", "v1.0.0\n"))
	wantAbsent(t, other, "demo/.otactl/log/00000002/entry")
}

// A flip that arrives when others have gone on does nothing.
func TestS3Fenced(t *testing.T) {
	t.Parallel()
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		prefix := server.Prefix()
		reached, goOn := make(chan struct{}), make(chan struct{})
		slow := through(t, server, prefix, at(2, puts("/version"), func(r *http.Request) (*http.Response, error) {
			close(reached)
			<-goOn
			return carry(r)
		}))
		mustCommit(t, slow, "v1.0.0\n")
		done := make(chan error, 1)
		go func() {
			done <- slow.Commit(context.Background(), store.Commit{
				Project: "demo", Seq: 2, Entry: []byte("2"), Old: []byte("v1.0.0\n"), Next: []byte("v2.0.0\n"),
			})
		}()
		<-reached
		mustCommit(t, through(t, server, prefix, carry), "v3.0.0\n")
		close(goOn)
		wantError(t, "the slow one", <-done, store.ErrFenced)
		wantContent(t, slow, object("demo/version", "v3.0.0\n"))
	})
}

// A claim that nobody can make live any more is passed over.
func TestS3DeadClaim(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	prefix := server.Prefix()
	lost := func(*http.Request) (*http.Response, error) { return nil, errNoAnswer }
	dead := through(t, server, prefix, func(r *http.Request) (*http.Response, error) {
		if puts("/version")(r) {
			return lost(r)
		}
		return carry(r)
	})
	err := dead.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("1"), Next: []byte("v1.0.0\n")})
	if !is[*store.UnknownError](err) {
		t.Fatal(err)
	}
	s := through(t, server, prefix, carry)
	if err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 2, Entry: []byte("2"), Next: []byte("v2.0.0\n")}); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, object("demo/version", "v2.0.0\n"))
}
