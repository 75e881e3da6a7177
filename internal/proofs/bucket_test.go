package proofs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
	"github.com/otactl/otactl/store/storetest"
)

// bucket opens what lies below a prefix. Nobody waits long for a publisher that was stopped.
func bucket(t testing.TB, server *testserver.S3, prefix string, change func(*s3.Options)) *s3.Store {
	t.Helper()
	o := s3.Options{
		Credentials: credentials.NewStaticV4(testserver.S3AccessKey, testserver.S3SecretKey, ""),
		Headers:     layout.Headers, Pause: time.Microsecond, Wait: 20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	target, err := s3.ParseURL(server.URL(prefix))
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.New(target, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Devices see one whole release at every moment, wherever a verb on a bucket is stopped; and the same command again completes it.
func TestEveryVerbStoppedAtEveryRequest(t *testing.T) {
	server := testserver.FakeS3(t)
	for _, v := range verbs() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			template := server.Prefix()
			if v.setup != nil {
				v.setup(t, bucket(t, server, template, nil))
			}
			fresh := func(t *testing.T) func(*testing.T) storetest.Requests {
				prefix := server.Prefix()
				server.Copy(t, template, prefix)
				return func(t *testing.T) storetest.Requests {
					return func(tap func(http.RoundTripper) http.RoundTripper) store.Store {
						return bucket(t, server, prefix, func(o *s3.Options) { o.Transport = tap(http.DefaultTransport) })
					}
				}
			}
			faults := storetest.EveryLostRequest(t, fresh, storetest.Scenario{
				Act:   func(ctx context.Context, s store.Store) error { return v.act(ctx, t, s) },
				Check: func(t *testing.T, s store.Store) { wantLive(t, s, v.kind, v.before, v.after) },
				Done:  func(t *testing.T, s store.Store) { v.done(t, s) },
			})
			t.Logf("%d faults", faults)
		})
	}
}

// Devices that ask a bucket as fast as they can, by anonymous HTTP, never get anything but whole releases.
func TestLiveBucket(t *testing.T) {
	t.Parallel()
	exit, policy, stderr := otactl(t, nil, "init", "--s3", "--to", "s3://fleet/ota")
	if exit != 0 {
		t.Fatal(stderr)
	}
	server := testserver.Versitygw(t, policy)
	s := bucket(t, server, "ota", nil)
	defer s.Close()
	mustPublish(t, s, layout.Prefix, "v1.0.0", 1)
	w := watchAt(t, server.Endpoint()+"/"+server.Bucket+"/ota", layout.Prefix)
	change(t, s, layout.Prefix, w)
	w.stop(t)
}

// Otactl refuses a store that ignores conditions, with the exit code for what is of no use to try again, and leaves nothing there.
func TestBucketWithoutConditions(t *testing.T) {
	t.Parallel()
	server := testserver.FakeS3(t)
	upstream, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream)
		r.Out.Header.Del("If-Match")
		r.Out.Header.Del("If-None-Match")
	}})
	defer proxy.Close()
	file := filepath.Join(t.TempDir(), "main.py")
	if err := os.WriteFile(file, []byte("print(1)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"AWS_ACCESS_KEY_ID": testserver.S3AccessKey, "AWS_SECRET_ACCESS_KEY": testserver.S3SecretKey}
	for addr, want := range map[string]int{proxy.Listener.Addr().String(): 7, server.Addr: 0} {
		prefix := server.Prefix()
		exit, _, stderr := otactl(t, keys, "publish", "v1.0.0", file, "--flat", "--project", string(project), "--to", server.URL(prefix, addr))
		left, err := bucket(t, server, prefix, nil).List(t.Context(), ".")
		if exit != want || (len(left) == 0) != (want == 7) || err != nil {
			t.Errorf("exit %d, %v, %v: %s", exit, left, err, stderr)
		}
		if want == 7 && !strings.Contains(stderr, "ignores conditions") {
			t.Error(stderr)
		}
	}
}
