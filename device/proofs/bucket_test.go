package proofs

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/otactl/otactl/internal/cli"
	who "github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store/s3"
)

// policy is what otactl prints for a bucket.
func policy(t testing.TB, target string) string {
	t.Helper()
	var out, errs bytes.Buffer
	exit := cli.Main(t.Context(), cli.Env{
		Args:      []string{"init", "--s3", "--to", target},
		LookupEnv: func(string) (string, bool) { return "", false }, Unsetenv: func(string) error { return nil },
		Stdout: &out, Stderr: &errs, Dir: t.TempDir(), Now: time.Now,
		OpenTerminal: func() (*os.File, error) { return nil, os.ErrNotExist },
	})
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs.String())
	}
	return out.String()
}

// TestBucket lets devices update from a bucket by anonymous HTTP, which a real server allows by the policy that otactl prints: a real
// MicroPython with otactl's client, and original clients as package probe and the test servers know them.
func TestBucket(t *testing.T) {
	t.Parallel()
	server := testserver.Versitygw(t, policy(t, "s3://fleet/ota"))
	target, err := s3.ParseURL(server.URL("ota"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.New(target, s3.Options{
		Credentials: credentials.NewStaticV4(testserver.S3AccessKey, testserver.S3SecretKey, ""), Headers: layout.Headers,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	base := server.Endpoint() + "/" + server.Bucket + "/ota"
	call := calls[len(calls)-3] // of v2.1.0
	for _, kind := range []layout.Kind{layout.Prefix, layout.Directory} {
		t.Run(string(kind), func(t *testing.T) {
			name := layout.Project("sample") // that the boards run
			b := newBoard(t, client(t), running("v1.0.0", originalFiles(base, call.update, call.check, 0)))
			for i := 1; i < 3; i++ {
				text := map[layout.Kind]string{layout.Prefix: "v1.0.", layout.Directory: "v2.0."}[kind] + string(rune('0'+i))
				files := originalFiles(base, call.update, call.check, i)
				publishTo(t, s, name, kind, text, files)
				if told := b.start(t, 4, "naps=3"); differ(b.files(t), running(text, files)) != "" {
					t.Fatalf("%s\n%s", differ(b.files(t), running(text, files)), tail(told.text))
				}
				device := testserver.Device{Base: base, Project: name, Kind: kind, Files: []string{"boot.py", "main.py"}}
				tag, got, err := device.Update()
				if err != nil || tag.String() != text || string(got[0]) != files["boot.py"] || string(got[1]) != files["main.py"] {
					t.Errorf("an original client gets %s, %v", tag, err)
				}
			}
			wantOriginals(t, base, name)
		})
	}
}

func publishTo(t *testing.T, s *s3.Store, name layout.Project, kind layout.Kind, text string, files tree) {
	t.Helper()
	tag, err := layout.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	var set source.Set
	for _, file := range []string{"boot.py", "main.py"} {
		set.Files = append(set.Files, source.File{Name: file, Path: file, Data: []byte(files[file])})
	}
	_, err = publish.Run(t.Context(), s, publish.Request{
		Project: name, Tag: tag, Kind: kind, Set: set, AllowLayoutChange: true, Who: who.Who{Time: time.Now(), By: "test"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantOriginals checks that every original client of every firmware updates, and that nobody sees more than that.
func wantOriginals(t *testing.T, base string, name layout.Project) {
	t.Helper()
	site, err := probe.Open(probe.Config{URL: base, Silence: 5 * time.Second, Now: time.Now, Random: rand.Reader})
	report, probeErr := probe.Live(t.Context(), site, name, nil)
	if err := errors.Join(err, probeErr); err != nil || len(report.Fates) == 0 {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		t.Error(f)
	}
	for _, f := range report.Fates {
		if f.Verdict != probe.Updates {
			t.Errorf("%+v", f)
		}
	}
}
