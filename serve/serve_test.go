package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/serve"
)

const forEver = "public, max-age=31536000, immutable"

// A server is one that runs until the test ends or stop is called.
type server struct {
	base string
	stop func() error // ends it and returns what Run returns
	mu   sync.Mutex
	log  []string
}

// start serves what files, a map of names to contents, says.
func start(t *testing.T, o serve.Options, files map[string]string) (*server, string) {
	t.Helper()
	if o.Grace == 0 {
		o.Grace = time.Minute
	}
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{base: serve.URL(l.Addr(), o.Certificate != nil)}
	o.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)) }
	o.Log = func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, line)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve.Run(ctx, l, root, o) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = s.stop() })
	return s, dir
}

var sample = map[string]string{
	"sample/version":                      "v1.0.0\n",
	"sample/v1.0.0.manifest":              "otactl 1\n",
	"sample/v1.0.0_main.py":               "print(1)\n",
	"sample/v1.0.0_empty.py":              "",
	"sample/v1.0.0/lib/util.py":           "x = 1\n",
	"sample/.otactl/log/00000001/entry":   "{}\n",
	"sample/.otactl/log/00000001/version": "v1.0.1\n",
	"client/package.json":                 "{}\n",
	".secret":                             "secret\n",
}

// raw sends a request as it is and returns the answer.
func raw(t *testing.T, base, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	method, _, _ := strings.Cut(request, " ")
	if _, err := io.WriteString(conn, request+"\r\nHost: ota.example.org\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestOriginalDevice(t *testing.T) {
	s, _ := start(t, serve.Options{}, sample)
	for kind, name := range map[layout.Kind]string{layout.Prefix: "main.py", layout.Directory: "lib/util.py"} {
		device := testserver.Device{Base: s.base, Project: "sample", Kind: kind, Files: []string{name}}
		tag, contents, err := device.Update()
		if err != nil || tag.String() != "v1.0.0" || len(contents[0]) == 0 {
			t.Errorf("%s: %v, %q, %v", kind, tag, contents, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	s, _ := start(t, serve.Options{}, sample)
	for path, cache := range map[string]string{
		"/sample/version":            "no-cache",
		"/sample/v1.0.0.manifest":    forEver,
		"/sample/v1.0.0_main.py":     forEver,
		"/sample/v1.0.0_empty.py":    forEver,
		"/sample/v1.0.0/lib/util.py": forEver,
		"/client/package.json":       "no-cache",
		"/sample/version?x=1":        "no-cache",
	} {
		for _, protocol := range []string{"HTTP/1.0", "HTTP/1.1"} {
			want := sample[strings.TrimSuffix(path[1:], "?x=1")]
			response, body := raw(t, s.base, "GET "+path+" "+protocol+"\r\nAccept-Encoding: gzip")
			if response.StatusCode != http.StatusOK || body != want || response.Header.Get("Cache-Control") != cache {
				t.Errorf("%s: %s %q, %q", path, response.Status, body, response.Header)
			}
			if response.ContentLength != int64(len(want)) || response.TransferEncoding != nil {
				t.Errorf("%s by %s: length %d, %v", path, protocol, response.ContentLength, response.TransferEncoding)
			}
			head, body := raw(t, s.base, "HEAD "+path+" "+protocol)
			if head.StatusCode != http.StatusOK || body != "" || head.ContentLength != int64(len(want)) {
				t.Errorf("HEAD %s: %s %q, length %d", path, head.Status, body, head.ContentLength)
			}
		}
	}
	if response, _ := raw(t, s.base, "GET /sample/version HTTP/1.0"); response.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("version: %q", response.Header)
	}
}

// What is not for devices is not there, however it is spelled.
func TestNotFound(t *testing.T) {
	s, dir := start(t, serve.Options{}, sample)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"absolute": outside, "up": "../../" + filepath.Base(filepath.Dir(outside)) + "/outside", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, "sample", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "sample/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/", "", "/sample", "/sample/", "/sample/v1.0.0", "/sample/v1.0.0/", "/nothing", "/sample/v1.0.1_main.py",
		"/.secret", "/%2esecret", "/%2Esecret", "/sample/../.secret", "/sample/%2e%2e/.secret", "//.secret", "/./.secret",
		"/sample/.otactl/log/00000001/entry", "/sample/%2eotactl/log/00000001/entry", "/sample%2f.otactl%2flog/00000001/entry",
		"/sample//.otactl/log/00000001/entry", "/sample/.otactl/log/00000001/version", "/sample/x/../version", "/sample/./version",
		"/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/sample//version", "//sample/version", "/sample/version/",
		`/sample\.otactl`, "/sample/%5c.otactl", "/sample/version%00", "/sample/absolute", "/sample/up", "/sample/loop", "/sample/pipe",
	} {
		if path == "" {
			path = "http://ota.example.org"
		}
		response, body := raw(t, s.base, "GET "+path+" HTTP/1.0")
		if response.StatusCode != http.StatusNotFound || response.ContentLength != int64(len(body)) || response.Header.Get("Cache-Control") != "" {
			t.Errorf("%s: %s %q %q", path, response.Status, body, response.Header)
		}
	}
}

func TestMethods(t *testing.T) {
	s, dir := start(t, serve.Options{}, sample)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
		response, _ := raw(t, s.base, method+" /sample/version HTTP/1.1\r\nContent-Length: 0")
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s %q", method, response.Status, response.Header)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "sample/version")); string(data) != "v1.0.0\n" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestRange(t *testing.T) {
	s, _ := start(t, serve.Options{}, sample)
	response, body := raw(t, s.base, "GET /sample/v1.0.0_main.py HTTP/1.1\r\nRange: bytes=6-")
	if response.StatusCode != http.StatusPartialContent || body != "1)\n" || response.Header.Get("Content-Range") != "bytes 6-8/9" {
		t.Errorf("%s %q %q", response.Status, body, response.Header)
	}
	if response, _ := raw(t, s.base, "GET /sample/v1.0.0_main.py HTTP/1.1\r\nRange: bytes=9-"); response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %s", response.Status)
	}
}

// Two versions of one length, written within a second, must not look the same; nor is half of one of use.
func TestVersionIsAnsweredInFull(t *testing.T) {
	s, dir := start(t, serve.Options{}, sample)
	first, _ := raw(t, s.base, "GET /sample/version HTTP/1.1")
	if first.Header.Get("Last-Modified") != "" || first.Header.Get("ETag") != "" {
		t.Errorf("%q", first.Header)
	}
	info, err := os.Stat(filepath.Join(dir, "sample/version"))
	if err != nil {
		t.Fatal(err)
	}
	changed := info.ModTime().UTC().Add(time.Second).Format(http.TimeFormat)
	for _, line := range []string{"If-Modified-Since: " + changed, "If-None-Match: *", "Range: bytes=2-3", "If-Match: \"x\""} {
		if response, body := raw(t, s.base, "GET /sample/version HTTP/1.1\r\n"+line); response.StatusCode != http.StatusOK || body != "v1.0.0\n" {
			t.Errorf("%s: %s %q", line, response.Status, body)
		}
	}
	if response, _ := raw(t, s.base, "GET /sample/v1.0.0_main.py HTTP/1.1\r\nIf-Modified-Since: "+changed); response.StatusCode != http.StatusNotModified {
		t.Errorf("a file of a release: %s", response.Status)
	}
}

func TestBasicAuth(t *testing.T) {
	s, _ := start(t, serve.Options{User: "device", Password: "s3cret:x"}, sample)
	for userinfo, status := range map[string]int{
		"": 401, "device:s3cret:x@": 200, "device:s3cret@": 401, "Device:s3cret:x@": 401, "device:@": 401, ":s3cret:x@": 401, "device:s3cret:xx@": 401,
	} {
		for path, found := range map[string]int{"/sample/version": 200, "/.secret": 404} {
			response, err := http.Get(strings.Replace(s.base, "http://", "http://"+userinfo, 1) + path)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			want := status
			if status == 200 {
				want = found
			}
			if response.StatusCode != want {
				t.Errorf("%q %s: %s, want %d", userinfo, path, response.Status, want)
			}
			if asks := response.Header.Get("WWW-Authenticate") != ""; asks != (want == 401) {
				t.Errorf("%q: %q", userinfo, response.Header)
			}
		}
	}
}

func TestTLS(t *testing.T) {
	authority := httptest.NewUnstartedServer(nil) // for its certificate
	authority.StartTLS()
	defer authority.Close()
	s, _ := start(t, serve.Options{Certificate: &authority.TLS.Certificates[0]}, sample)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Certificate())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: version}}}
		response, err := client.Get(s.base + "/sample/version")
		if err != nil || response.ContentLength != 7 || response.TLS.Version != version {
			t.Fatalf("%s: %v", s.base, err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
	}
}

func TestAccessLog(t *testing.T) {
	s, _ := start(t, serve.Options{}, sample)
	raw(t, s.base, "GET /sample/version HTTP/1.0\r\nUser-Agent: micro\"\\\xff\r\nReferer: http://example.org/\r\nAuthorization: Basic YSBiOmM=")
	raw(t, s.base, "GET /sample/.otactl HTTP/1.1")
	raw(t, s.base, "HEAD /sample/version HTTP/1.1")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`127.0.0.1 - a\x20b [02/Jan/2026:03:04:05 +0100] "GET /sample/version HTTP/1.0" 200 7 "http://example.org/" "micro\x22\x5C\xFF"`,
		`127.0.0.1 - - [02/Jan/2026:03:04:05 +0100] "GET /sample/.otactl HTTP/1.1" 404 10 "-" "-"`,
		`127.0.0.1 - - [02/Jan/2026:03:04:05 +0100] "HEAD /sample/version HTTP/1.1" 200 0 "-" "-"`,
	}
	if !slices.Equal(s.log, want) {
		t.Errorf("\n%s\nshould be\n%s", strings.Join(s.log, "\n"), strings.Join(want, "\n"))
	}
}

// A transfer that runs when the server is to stop comes to its end, and nobody else is let in.
func TestStop(t *testing.T) {
	large := strings.Repeat("x", 32<<20) // more than fits between two sockets
	s, _ := start(t, serve.Options{}, map[string]string{"sample/v1.0.0_large.bin": large})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /sample/v1.0.0_large.bin HTTP/1.0\r\n\r\n")
	reader := bufio.NewReader(conn)
	if _, err := reader.ReadByte(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.stop() }()
	for {
		other, err := net.Dial("tcp", conn.RemoteAddr().String())
		if err != nil {
			break
		}
		other.Close()
	}
	rest, err := io.ReadAll(reader)
	if err != nil || !bytes.HasSuffix(rest, []byte("xxx")) || bytes.Count(rest, []byte("x")) < len(large) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A transfer that never ends does not keep the server.
func TestStopIsBounded(t *testing.T) {
	s, _ := start(t, serve.Options{Grace: 50 * time.Millisecond}, map[string]string{"sample/v1.0.0_large.bin": strings.Repeat("x", 32<<20)})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /sample/v1.0.0_large.bin HTTP/1.0\r\n\r\n")
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var cut *serve.CutError
	if err := s.stop(); !errors.As(err, &cut) {
		t.Error(err)
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct {
		addr  net.TCPAddr
		isTLS bool
		want  string
	}{
		{net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, false, `^http://127\.0\.0\.1:8080$`},
		{net.TCPAddr{IP: net.IPv6loopback, Port: 80}, true, `^https://\[::1\]:80$`},
		{net.TCPAddr{IP: net.IPv6unspecified, Port: 8080}, false, `^http://[0-9.]+:8080$`},
		{net.TCPAddr{IP: net.IPv4zero, Port: 8080}, false, `^http://[0-9.]+:8080$`},
	} {
		got := serve.URL(&c.addr, c.isTLS)
		if !regexp.MustCompile(c.want).MatchString(got) || strings.Contains(got, "0.0.0.0") {
			t.Errorf("%s: %s, want %s", c.addr.String(), got, c.want)
		}
	}
}
