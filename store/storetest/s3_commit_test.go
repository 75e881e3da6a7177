package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
)

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
	if !errors.Is(err, store.ErrFenced) { // verbs plan again
		t.Fatal(err)
	}
	s := through(t, server, prefix, carry)
	if err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 2, Entry: []byte("2"), Next: []byte("v2.0.0\n")}); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, object("demo/version", "v2.0.0\n"))
}

// A change of the pointer whose answer is lost is not sent again: a second copy could undo a rollback that came after the first.
// It is looked whether it comes.
func TestS3FlipsOnce(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	var sent, looks int
	var late func()
	s := openS3(t, server, server.Prefix(), func(o *s3.Options) {
		o.Transport = carrier(func(r *http.Request) (*http.Response, error) {
			version := strings.HasSuffix(r.URL.Path, "/version")
			switch {
			case puts("/version")(r):
				sent++
				body, err := io.ReadAll(r.Body)
				held := r.Clone(context.Background())
				held.Body = io.NopCloser(bytes.NewReader(body))
				late = func() { err = errors.Join(err, answered(carry(held))) }
				t.Cleanup(func() {
					if err != nil {
						t.Error(err)
					}
				})
				return nil, errNoAnswer
			case version && r.Method == http.MethodHead:
				if looks++; looks == 3 {
					late()
				}
			}
			return carry(r)
		})
	})
	err := s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("1"), Next: []byte("v1.0.0\n")})
	if err != nil || sent != 1 || looks != 3 {
		t.Errorf("%v; sent %d times, looked at %d times", err, sent, looks)
	}
}

func answered(answer *http.Response, err error) error {
	if err == nil {
		err = answer.Body.Close()
	}
	return err
}
