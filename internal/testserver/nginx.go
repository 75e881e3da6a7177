package testserver

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// NginxServer is the server block that README recommends: the headers of docs/FORMAT.md, and nothing below a dot name. The
// test of README compares them, so what README shows is what [Nginx] serves.
const NginxServer = `server {
	listen 80;
	server_name ota.example.org;
	root /srv/ota;
	gzip off;

	location ~ /\. { return 404; }
	location ~ /version$ {
		default_type text/plain;
		add_header Cache-Control "no-cache";
		etag off; if_modified_since off;  # two tags of one length within a second would look the same
	}
	location / { add_header Cache-Control "public, max-age=31536000, immutable"; }
}
`

// nginxConfig is what a server block needs around it. It compresses all that it may, as some distributions do: a server
// block must not rely on what stands around it.
const nginxConfig = `%[1]s
daemon off;
worker_processes 1;
pid %[2]s/pid;
error_log %[2]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	default_type application/octet-stream;
	gzip on;
	gzip_http_version 1.0;
	gzip_min_length 1;
	gzip_types *;
	%[3]s
}
`

// Nginx serves root as devices see it and returns the base URL, without a slash at its end. Started by root, its worker is
// another user, so that a file or a folder that only its owner may read is a 403. The folders above root are made
// passable for that user; root itself is left alone.
func Nginx(t testing.TB, root string) string {
	t.Helper()
	return "http://" + NginxWith(t, root, NginxServer)
}

// NginxWith is [Nginx] with another server block, which says "listen 80", plain or with ssl, and "root /srv/ota;" as
// [NginxServer] does. What stands above the block is of the http block. It returns host:port.
func NginxWith(t testing.TB, root, block string) string {
	t.Helper()
	nginx := Need(t, "nginx")
	makePassable(t, filepath.Dir(root))
	dir := tempDir(t)
	l := listen(t)
	addr := l.Addr().String()
	user := ""
	if os.Geteuid() == 0 {
		user = "user nobody nogroup;"
	}
	server := strings.NewReplacer("listen 80", "listen "+addr, "root /srv/ota;", "root "+root+";").Replace(block)
	config := writeFile(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(nginxConfig, user, dir, server))
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	// nginx takes over a socket that listens already, as in an upgrade of its binary: no port has to be guessed.
	errorLog := filepath.Join(dir, "error.log")
	cmd := exec.Command(nginx, "-p", dir, "-e", errorLog, "-c", config)
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.ExtraFiles = []*os.File{socket}
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	logOnFailure(t, errorLog)
	_ = socket.Close()
	_ = l.Close()                                     // if nginx dies now, clients are refused and do not wait
	if err := answers("http://" + addr); err != nil { // with ssl too: that it wants to be spoken to otherwise
		t.Fatalf("nginx: %v", err)
	}
	return addr
}

func answers(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Close = true
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// makePassable lets everybody pass through dir and the folders above it, as far as they are temporary ones: those of
// package testing belong to one user.
func makePassable(t testing.TB, dir string) {
	t.Helper()
	temp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for ; strings.HasPrefix(dir, temp+"/"); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, info.Mode().Perm()|0o111); err != nil {
			t.Fatal(err)
		}
	}
}
