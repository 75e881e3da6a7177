package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// VersitygwVersion is the one that scripts/install-test-servers builds.
const VersitygwVersion = "v1.8.0"

// The credentials of all S3 servers here.
const (
	S3AccessKey = "otactl-test"
	S3SecretKey = "otactl-test-secret"
)

// An S3 is a bucket on an S3 server of loopback.
type S3 struct {
	Addr   string // host:port
	Bucket string
	count  atomic.Int64
	fake   *s3mem.Backend
}

// Endpoint is what clients connect to.
func (s *S3) Endpoint() string { return "http://" + s.Addr }

// Prefix returns one that no other call returns.
func (s *S3) Prefix() string { return fmt.Sprintf("root%d", s.count.Add(1)) }

// URL returns a target of otactl on it, behind another address if one is given.
func (s *S3) URL(prefix string, addr ...string) string {
	endpoint := s.Endpoint()
	if len(addr) > 0 {
		endpoint = "http://" + addr[0]
	}
	return fmt.Sprintf("s3://%s/%s?endpoint=%s", s.Bucket, prefix, endpoint)
}

// FakeS3 starts a server in this process. It is quick; it forgets Cache-Control and does not compare checksums.
func FakeS3(t testing.TB) *S3 {
	t.Helper()
	backend := s3mem.New()
	s := &S3{Bucket: "fleet", fake: backend}
	if err := backend.CreateBucket(s.Bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it answers some refusals twice
	server.Start()
	t.Cleanup(server.Close)
	s.Addr = server.Listener.Addr().String()
	return s
}

// Copy copies what lies below a prefix of a [FakeS3].
func (s *S3) Copy(t testing.TB, from, to string) {
	t.Helper()
	prefix := gofakes3.NewPrefix(new(from+"/"), nil)
	all, err := s.fake.ListBucket(s.Bucket, &prefix, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range all.Contents {
		o, err := s.fake.GetObject(s.Bucket, found.Key, nil)
		if err == nil {
			_, err = s.fake.PutObject(s.Bucket, to+strings.TrimPrefix(found.Key, from), o.Metadata, o.Contents, o.Size, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Versitygw starts versitygw on a folder: a process, and a bucket that everybody may read as the policy says that otactl init
// prints, if that is given.
func Versitygw(t testing.TB, policy string) *S3 {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(file), "../../.cache/versitygw", VersitygwVersion, "versitygw")
	if _, err := os.Stat(program); err != nil {
		Skip(t, "no versitygw here: scripts/install-test-servers")
	}
	dir := tempDir(t)
	s := &S3{Bucket: "fleet"}
	var err error
	for range 5 { // the port was free, and may be somebody else's by now
		if err = s.start(t, program, dir); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("versitygw: %v", err)
	}
	client, err := minio.New(s.Addr, &minio.Options{Creds: credentials.NewStaticV4(S3AccessKey, S3SecretKey, ""), Region: "us-east-1"})
	if err == nil {
		err = client.MakeBucket(t.Context(), s.Bucket, minio.MakeBucketOptions{})
	}
	if err == nil && policy != "" {
		err = client.SetBucketPolicy(t.Context(), s.Bucket, policy)
	}
	if err != nil {
		t.Fatalf("versitygw: %v", err)
	}
	return s
}

func (s *S3) start(t testing.TB, program, dir string) error {
	l := listen(t)
	s.Addr = l.Addr().String()
	_ = l.Close()
	var said bytes.Buffer
	cmd := exec.Command(program, "--port", s.Addr, "--health", "/health", "--keep-alive", "--quiet", "posix", dir)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + S3AccessKey, "ROOT_SECRET_KEY=" + S3SecretKey, "HOME=" + dir}
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := start(cmd)
	if err != nil {
		return err
	}
	ended := false
	up := poll(func() bool {
		select {
		case <-p.done:
			ended = true
			return true
		default:
		}
		return healthy(s.Endpoint() + "/health")
	})
	if ended || !up {
		p.kill()
		return errors.New(said.String())
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("versitygw:\n%s", said.String())
		}
	})
	return nil
}

func healthy(url string) bool {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
