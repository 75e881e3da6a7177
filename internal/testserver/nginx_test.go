package testserver

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

func write(t *testing.T, root, name, text string, mode os.FileMode) {
	t.Helper()
	name = filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestNginx(t *testing.T) {
	root := t.TempDir()
	write(t, root, "p/version", "v1.0.0\n", 0o644)
	write(t, root, "p/v1.0.0_a", "text", 0o644)
	write(t, root, "p/v1.0.0_b", "text", 0o600)
	write(t, root, "p/.otactl/log/00000001/entry", "text", 0o644)
	base := Nginx(t, root)
	forbidden := http.StatusForbidden
	if os.Geteuid() != 0 {
		forbidden = http.StatusOK
	}
	for _, c := range []struct {
		path   string
		status int
		cache  string
	}{
		{"/p/version", http.StatusOK, "no-cache"},
		{"/p/v1.0.0_a", http.StatusOK, "public, max-age=31536000, immutable"},
		{"/p/v1.0.0_b", forbidden, ""},
		{"/p/v1.0.0_c", http.StatusNotFound, ""},
		{"/p/.otactl/log/00000001/entry", http.StatusNotFound, ""},
	} {
		response, err := http.Get(base + c.path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s: %s", c.path, response.Status)
		}
		if cache := response.Header.Get("Cache-Control"); c.cache != "" && cache != c.cache {
			t.Errorf("%s: %s", c.path, cache)
		}
	}
}

func TestDevice(t *testing.T) {
	root := t.TempDir()
	write(t, root, "p/version", "v1.0.0\n", 0o644)
	write(t, root, "p/v1.0.0_a", "text a", 0o644)
	write(t, root, "p/v1.0.0/lib/b", "text b", 0o644)
	for kind, file := range map[layout.Kind]string{layout.Prefix: "a", layout.Directory: "lib/b"} {
		d := Device{Base: Nginx(t, root), Project: "p", Kind: kind, Files: []string{file}}
		tag, contents, err := d.Update()
		if err != nil {
			t.Fatal(err)
		}
		if tag.String() != "v1.0.0" || len(contents) != 1 || !strings.HasPrefix(string(contents[0]), "text ") {
			t.Errorf("%s: %v, %q", kind, tag, contents)
		}
	}
}

func TestDeviceRefuses(t *testing.T) {
	for _, answer := range []string{
		"",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
		"HTTP/1.1 200 OK\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
	} {
		if body, err := parseAnswer([]byte(answer)); err == nil {
			t.Errorf("%q: got %q", answer, body)
		}
	}
	root := t.TempDir()
	d := Device{Base: Nginx(t, root), Project: "p"}
	for _, version := range []string{"", "v1.0.0", "v1.0.0\n\n", "v1.0.0\nv1.0.1\n", "\ufeffv1.0.0\n", "latest\n"} {
		write(t, root, "p/version", version, 0o644)
		if tag, err := d.Poll(); err == nil {
			t.Errorf("%q: got %v", version, tag)
		}
	}
}

func TestSmallDisk(t *testing.T) {
	dir := SmallDisk(t, 64<<10)
	if err := os.WriteFile(filepath.Join(dir, "a"), make([]byte, 16<<10), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b"), make([]byte, 128<<10), 0o600); err == nil {
		t.Error("a file of 128 KiB on a disk of 64 KiB")
	}
}

func descendants(pid int) []int {
	pids := children(pid)
	for _, child := range pids {
		pids = append(pids, descendants(child)...)
	}
	return pids
}

func TestProcessesEnd(t *testing.T) {
	var pids []int
	t.Run("", func(t *testing.T) {
		Nginx(t, t.TempDir())
		s := Sshd(t, SshdOptions{Subsystem: SFTPServerPath(t)})
		if _, err := dialSFTP(t, s.Addr, s.Config(t)).Getwd(); err != nil {
			t.Error(err)
		}
		pids = descendants(os.Getpid())
		if len(pids) < 4 { // nginx and its worker, sshd, sftp-server
			t.Errorf("processes %v", pids)
		}
	})
	if slices.ContainsFunc(pids, running) {
		t.Error("a process has survived")
	}
}
