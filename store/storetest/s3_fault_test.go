package storetest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

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

// everythingIn returns what a bucket holds.
func everythingIn(t *testing.T, server *testserver.S3) (all string) {
	t.Helper()
	client, err := minio.New(server.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(testserver.S3AccessKey, testserver.S3SecretKey, ""), Region: "us-east-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	for o := range client.ListObjects(t.Context(), server.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		all += o.Key + " " + o.ETag + "\n"
	}
	return all
}

// A store that ignores either condition, or both, is refused before anything is written, and nothing is there that was not.
func TestS3IgnoresConditions(t *testing.T) {
	t.Parallel()
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		wasGood := server.Prefix() // is not any more
		create(t, openS3(t, server, wasGood, nil), release("v1.0.0", 2, "data")...)
		for _, headers := range [][]string{{"If-None-Match"}, {"If-Match"}, {"If-None-Match", "If-Match"}} {
			for _, prefix := range []string{wasGood, server.Prefix()} {
				before := released(everythingIn(t, server))
				s := through(t, server, prefix, func(r *http.Request) (*http.Response, error) { return strip(r, headers...) })
				wantIgnores(t, s.Create(t.Context(), release("v1.0.0", 2, "other")))
				wantIgnores(t, s.Commit(t.Context(), store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")}))
				if after := released(everythingIn(t, server)); after != before {
					t.Errorf("%s ignored: before\n%s\nafter\n%s", headers, before, after)
				}
			}
		}
		if left := everythingIn(t, server); strings.Count(left, "/probe") > 0 {
			t.Errorf("left:\n%s", left)
		}
	})
}

func wantIgnores(t *testing.T, err error) {
	t.Helper()
	if !is[*store.RefusedError](err) || !is[*s3.ConditionError](err) {
		t.Errorf("got %v, want that conditions are ignored", err)
	}
}

// strip sends a request without some headers, signed anew: so the server never hears of them.
func strip(r *http.Request, headers ...string) (*http.Response, error) {
	r = r.Clone(r.Context())
	for _, h := range append(headers, "Authorization") {
		r.Header.Del(h)
	}
	return carry(signer.SignV4(*r, testserver.S3AccessKey, testserver.S3SecretKey, "", "us-east-1"))
}

// released is what of a bucket is no probe.
func released(all string) (rest string) {
	for line := range strings.Lines(all) {
		if !strings.Contains(line, "/.otactl/probe ") {
			rest += line
		}
	}
	return rest
}

// Content that is damaged on its way is refused by a real server, although nothing but the content is wrong.
func TestS3WrongChecksum(t *testing.T) {
	t.Parallel()
	server := testserver.Versitygw(t, "")
	var damaged int
	damage := func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/demo/v1.0.0_a") {
			damaged++
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(strings.NewReader("wrong"))
		}
		return carry(r)
	}
	s := through(t, server, "damaged", damage)
	err := s.Create(t.Context(), []store.Object{object("demo/v1.0.0_a", "right")})
	if err == nil || damaged == 0 {
		t.Errorf("%d damaged: %v", damaged, err)
	}
	t.Log(err)
	wantAbsent(t, s, "demo/v1.0.0_a")
}

// The server compares the checksum that is kept with the object too, not only the signature.
func TestS3WrongKeptChecksum(t *testing.T) {
	t.Parallel()
	server := testserver.Versitygw(t, "")
	core, err := minio.NewCore(server.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(testserver.S3AccessKey, testserver.S3SecretKey, ""), Region: "us-east-1", TrailingHeaders: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = core.PutObject(t.Context(), server.Bucket, "x", strings.NewReader("right"), 5, "", "", minio.PutObjectOptions{
		UserMetadata: map[string]string{"x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, DisableContentSha256: true,
	})
	if err == nil {
		t.Error("it was taken")
	}
}

// at makes something of the n-th request that matches, counted from 1.
func at(n int, match func(*http.Request) bool, do carrier) carrier {
	var mu sync.Mutex
	count := 0
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		if match(r) {
			count++
		} else {
			mu.Unlock()
			return carry(r)
		}
		now := count
		mu.Unlock()
		if now == n {
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
		dead := false
		s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
			if dead {
				return nil, errNoAnswer
			}
			if dead = puts("/version")(r); dead {
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
	if !is[*store.ConnError](err) || sent > 0 {
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
	<-looks
	<-looks // it waits
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

// otactl doctor finds a good store good and leaves nothing, and finds what a store lacks.
func TestS3Try(t *testing.T) {
	t.Parallel()
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		before := everythingIn(t, server)
		trial, err := openS3(t, server, "good", nil).Try(t.Context(), "demo", time.Now)
		if err != nil || len(trial.Steps) != int(store.StepSync)+1 || len(trial.Left) > 0 {
			t.Errorf("%+v, %v", trial, err)
		}
		for _, step := range trial.Steps {
			if step.Err != nil {
				t.Error(step)
			}
		}
		for header, want := range map[string]store.StepName{
			"If-None-Match": store.StepPlace, "If-Match": store.StepReplace, "X-Amz-Meta-Otactl-Writer": store.StepClaim,
		} {
			s := through(t, server, "bad", func(r *http.Request) (*http.Response, error) { return strip(r, header) })
			trial, err := s.Try(t.Context(), "demo", time.Now)
			if err != nil || trial.Steps[want].Err == nil {
				t.Errorf("without %s: %+v, %v", header, trial.Steps, err)
			}
		}
		if after := everythingIn(t, server); after != before {
			t.Errorf("left:\n%s", after)
		}
	})
}
