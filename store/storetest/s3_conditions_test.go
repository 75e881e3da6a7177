package storetest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
)

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
		for _, headers := range [][]string{{"If-None-Match"}, {"If-Match"}, {"If-None-Match", "If-Match"}} {
			wasGood := server.Prefix() // is not any more
			create(t, openS3(t, server, wasGood, nil), release("v1.0.0", 2, "data")...)
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

// What was damaged on its way back, or on the server's disk, is not taken for what was published.
func TestS3ReadsDamaged(t *testing.T) {
	t.Parallel()
	server := testserver.Versitygw(t, "")
	good := openS3(t, server, "damaged", nil)
	create(t, good, object("demo/v1.0.0_a", "right"))
	bad := through(t, server, "damaged", func(r *http.Request) (*http.Response, error) {
		answer, err := carry(r)
		if err == nil && r.Method == http.MethodGet {
			_ = answer.Body.Close()
			answer.Body = io.NopCloser(strings.NewReader("wrong"))
			answer.Header.Del("X-Amz-Checksum-Type") // not all stores send it, and without it minio-go compares nothing
		}
		return answer, err
	})
	if data, err := bad.Read(t.Context(), "demo/v1.0.0_a", 10); err == nil {
		t.Errorf("it is read as %q", data)
	}
	if err := bad.Stream(t.Context(), "demo/v1.0.0_a", 5, io.Discard); err == nil {
		t.Error("it is streamed")
	}
	wantContent(t, good, object("demo/v1.0.0_a", "right"))
}

// Entity tags that come back changed, as a proxy that compresses makes them, are an error, and no race that is lost again and
// again: each time would claim a number.
func TestS3ChangedEntityTags(t *testing.T) {
	t.Parallel()
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		for _, change := range []func(string) string{
			func(tag string) string { return "W/" + tag },
			func(tag string) string { return strings.TrimSuffix(tag, `"`) + `-gzip"` },
			func(string) string { return "" },
		} {
			s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
				answer, err := carry(r)
				if err == nil {
					answer.Header.Set("ETag", change(answer.Header.Get("ETag")))
				}
				return answer, err
			})
			first := store.Commit{Project: "demo", Seq: 1, Entry: []byte("x"), Next: []byte("v1.0.0\n")}
			second := store.Commit{Project: "demo", Seq: 2, Entry: []byte("x"), Old: first.Next, Next: []byte("v1.1.0\n")}
			if err := s.Commit(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context(), second); !is[*store.RefusedError](err) || !is[*s3.TagError](err) {
				t.Errorf("got %v, want that the entity tag is wrong", err)
			}
		}
	})
}

// An object that somebody else has uploaded in parts can be read: what the store has for it is the sum of the sums of its parts.
func TestS3SumOfParts(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
		answer, err := carry(r)
		if err == nil && r.Method == http.MethodGet {
			answer.Header.Set("X-Amz-Checksum-Sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2")
		}
		return answer, err
	})
	create(t, s, object("demo/v1.0.0_a", "made by hand"))
	if data, err := s.Read(t.Context(), "demo/v1.0.0_a", 100); err != nil || string(data) != "made by hand" {
		t.Errorf("read %q, %v", data, err)
	}
}

// A trial that was refused has left nothing.
func TestS3TrialWithoutPermission(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	s := through(t, server, server.Prefix(), func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return carry(r)
		}
		return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	trial, err := s.Try(t.Context(), "demo", time.Now)
	if !is[*store.RefusedError](err) || len(trial.Left) > 0 {
		t.Errorf("left %q: %v", trial.Left, err)
	}
}
