package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/serve"
)

// fetch is what a device does: a request by HTTP/1.0, with further header lines.
func fetch(t *testing.T, base, path string, lines ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := append([]string{"GET " + path + " HTTP/1.0", "Host: ota.example.org"}, lines...)
	if _, err := io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// The nginx configuration in README sends the headers of FORMAT.md, section 8.
func TestReadmeNginx(t *testing.T) {
	if got := block(t, "\n## Web server\n", "nginx"); got != testserver.NginxServer {
		t.Errorf("testserver has another server block than README:\n%s", testserver.NginxServer)
	}
	root := t.TempDir()
	shell(t, sample(t), "otactl publish v1.0.0 boot.py main.py --project prefix --to "+root)
	shell(t, sample(t), "otactl publish v1.0.0 boot.py main.py --project directory --layout directory --to "+root)
	base := testserver.Nginx(t, root)
	sendsHeaders(t, base)
}

// otactl serve sends what the web servers do that README shows.
func TestServeHeaders(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, args := range []string{"prefix", "directory --layout directory"} {
		shell(t, sample(t), "otactl publish v1.0.0 boot.py main.py --to "+dir+" --project "+args)
	}
	server := httptest.NewServer(serve.Handler(root, serve.Options{Now: time.Now, Log: func(string) {}}))
	defer server.Close()
	sendsHeaders(t, server.URL)
}

// sendsHeaders checks that a web server the headers of FORMAT.md, section 8, for the projects prefix and directory.
func sendsHeaders(t *testing.T, base string) {
	t.Helper()
	const none, forEver = "", "public, max-age=31536000, immutable"
	for _, c := range []struct {
		path   string
		status int
		cache  string
	}{
		{"/prefix/version", http.StatusOK, "no-cache"},
		{"/prefix/v1.0.0_boot.py", http.StatusOK, forEver},
		{"/prefix/v1.0.0.manifest", http.StatusOK, forEver},
		{"/directory/version", http.StatusOK, "no-cache"},
		{"/directory/v1.0.0/main.py", http.StatusOK, forEver},
		{"/prefix/v1.0.1_boot.py", http.StatusNotFound, none},
		{"/nothing/version", http.StatusNotFound, none},
		{"/prefix/.otactl/log/00000001/entry", http.StatusNotFound, none},
		{"/prefix/%2eotactl/log/00000001/entry", http.StatusNotFound, none},
		{"/prefix//.otactl/log/00000001/entry", http.StatusNotFound, none},
		{"/prefix/.otactl/version", http.StatusNotFound, none},
	} {
		response, body := fetch(t, base, c.path, "Accept-Encoding: gzip")
		if response.StatusCode != c.status {
			t.Errorf("%s: %s", c.path, response.Status)
		}
		if cache := response.Header.Get("Cache-Control"); cache != c.cache {
			t.Errorf("%s: Cache-Control %q", c.path, cache)
		}
		if response.ContentLength != int64(len(body)) || response.TransferEncoding != nil {
			t.Errorf("%s: length %d, %v, of %d bytes", c.path, response.ContentLength, response.TransferEncoding, len(body))
		}
		if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
			t.Errorf("%s: Content-Encoding %q", c.path, encoding)
		}
	}
	if response, _ := fetch(t, base, "/prefix/version"); response.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("version: Content-Type %q", response.Header.Get("Content-Type"))
	}
}

// A cache that asks whether version has changed is told so, even if time and length are the same.
func TestReadmeNginxRevalidation(t *testing.T) {
	root, when := t.TempDir(), time.Unix(1_700_000_000, 0)
	version := filepath.Join(root, "sample/version")
	put := func(text string) {
		if err := os.MkdirAll(filepath.Dir(version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(version, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(version, when, when); err != nil {
			t.Fatal(err)
		}
	}
	put("v1.0.0\n")
	base := testserver.Nginx(t, root)
	first, _ := fetch(t, base, "/sample/version")
	put("v1.0.1\n")
	for _, line := range []string{"If-None-Match: " + first.Header.Get("ETag"), "If-Modified-Since: " + first.Header.Get("Last-Modified")} {
		if response, body := fetch(t, base, "/sample/version", line); body != "v1.0.1\n" {
			t.Errorf("%s: %s, %q", line, response.Status, body)
		}
	}
}

// The account that README sets up may do nothing but SFTP, by sshd's own reading of the configuration.
func TestReadmeSshd(t *testing.T) {
	sshd, dir := testserver.Need(t, "sshd"), t.TempDir()
	key, config := filepath.Join(dir, "key"), filepath.Join(dir, "config")
	testserver.NewKey(t, "ed25519", key)
	if err := os.WriteFile(config, []byte(block(t, "\n## CI\n", "sshd_config")), 0o600); err != nil {
		t.Fatal(err)
	}
	for user, confined := range map[string]bool{"ota": true, "root": false} {
		out, err := exec.Command(sshd, "-T", "-f", config, "-h", key, "-C", "user="+user+",host=h,addr=192.0.2.1").CombinedOutput()
		if err != nil {
			t.Fatalf("sshd -T: %v\n%s", err, out)
		}
		for _, line := range []string{
			"forcecommand internal-sftp", "chrootdirectory /srv/sftp", "authorizedkeysfile /etc/ssh/authorized_keys/%u",
			"authenticationmethods publickey", "disableforwarding yes", "permittty no",
		} {
			if strings.Contains("\n"+string(out), "\n"+line+"\n") != confined {
				t.Errorf("%s: %q is not %v", user, line, confined)
			}
		}
	}
}

// The CI recipes run for protected tags only, hand the key to nobody but otactl, and publish.
func TestReadmeCI(t *testing.T) {
	github, gitlab := block(t, "On GitHub", "yaml"), block(t, "On GitLab", "yaml")
	for _, part := range []string{
		"\non:\n  push:\n    tags: [\"v*\"]\npermissions:\n  contents: read\njobs:\n", "    if: github.ref_protected\n",
		"    environment: ota\n", "persist-credentials: false\n", "      - run: otactl publish \"$GITHUB_REF_NAME\"\n        env:\n",
	} {
		if !strings.Contains(github, part) {
			t.Errorf("GitHub: no %q", part)
		}
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))[1]
	for _, part := range []string{
		"\n  image: golang:" + goVersion + "\n", "\n  environment: ota\n",
		"\n  rules:\n    - if: $CI_COMMIT_TAG =~ /^v/ && $CI_COMMIT_REF_PROTECTED == \"true\"\n  script:\n",
	} {
		if !strings.Contains(gitlab, part) {
			t.Errorf("GitLab: no %q", part)
		}
	}
	for _, bad := range []string{"pull_request", "merge_request", "workflow_dispatch", "branches", "write", "when:", "\t"} {
		if strings.Contains(github+gitlab, bad) {
			t.Errorf("a recipe has %q", bad)
		}
	}
	before, _, _ := strings.Cut(github, "otactl publish")
	if strings.Contains(before, "secrets.") || strings.Count(github, "secrets.") != 1 {
		t.Error("GitHub: a step before the publish gets a secret")
	}
	publishes(t, github, "GITHUB_REF_NAME", func(s *testserver.SSH) string { return "OTACTL_SSH_KEY=" + readFile(t, s.ClientKey) })
	publishes(t, gitlab, "CI_COMMIT_TAG", func(s *testserver.SSH) string { return "OTACTL_IDENTITY=" + s.ClientKey })
}

// publishes runs the last command of a recipe, with the variables that the recipe has, in a project that is set up as
// README says, but for the host.
func publishes(t *testing.T, recipe, tag string, key func(*testserver.SSH) string) {
	t.Helper()
	command := regexp.MustCompile(`otactl publish .*`).FindString(recipe)
	s, dir := testserver.Sshd(t, testserver.SshdOptions{}), sample(t)
	config := strings.ReplaceAll(block(t, "\n## Set up a project\n", "toml"), "sftp://ota@ota.example.org/ota", s.URL())
	if err := os.WriteFile(filepath.Join(dir, "otactl.toml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	hostKey := string(ssh.MarshalAuthorizedKey(s.HostKeys[0]))
	out := shell(t, dir, command, "HOME="+t.TempDir(), tag+"=v1.0.0", key(s), "OTACTL_HOST_KEY="+hostKey)
	if want := "sample: none -> v1.0.0 (3 files, 938 bytes)\n"; out != want {
		t.Errorf("%s: %s, want %s", command, out, want)
	}
	if got := readFile(t, filepath.Join(s.Root, "sample/version")); got != "v1.0.0\n" {
		t.Errorf("%s: version is %q", command, got)
	}
}
