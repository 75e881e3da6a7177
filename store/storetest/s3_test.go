package storetest

import (
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
)

// bucket opens stores below a new prefix of a bucket for each test.
func bucket(server *testserver.S3, change func(*s3.Options)) Fresh[store.Store] {
	return func(*testing.T) func(*testing.T) store.Store {
		prefix := server.Prefix()
		return func(t *testing.T) store.Store { return openS3(t, server, prefix, change) }
	}
}

func openS3(t *testing.T, server *testserver.S3, prefix string, change func(*s3.Options)) *s3.Store {
	t.Helper()
	o := s3.Options{Credentials: credentials.NewStaticV4(testserver.S3AccessKey, testserver.S3SecretKey, ""), Pause: time.Millisecond}
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

func TestFakeS3(t *testing.T) {
	t.Parallel()
	Run(t, bucket(testserver.FakeS3(t), nil))
}

func TestVersitygw(t *testing.T) {
	t.Parallel()
	Run(t, bucket(testserver.Versitygw(t, ""), nil))
}
