package doctor_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/source"
)

// publishTo publishes files.
func publishTo(t *testing.T, r doctor.Request, tag string, kind layout.Kind, at time.Time, files ...source.File) {
	t.Helper()
	st, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := layout.ParseTag(tag)
	if err == nil {
		_, err = publish.Run(t.Context(), st, publish.Request{
			Project: r.Project, Tag: parsed, Kind: kind, Set: source.Set{Files: files},
			Who: release.Who{Time: at, By: "ann@desk"},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func file(name, text string) source.File {
	return source.File{Name: name, Path: name, Data: []byte(text)}
}

// seen has a request look at a URL too.
func seen(t *testing.T, r doctor.Request, url string) doctor.Request {
	t.Helper()
	site, err := probe.Open(probe.Config{URL: url, Silence: 5 * time.Second, Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	r.Site, r.URL = site, url
	return r
}

func TestReleases(t *testing.T) {
	heavy := strings.Repeat("# text\n", 7000)
	for name, c := range map[string]struct {
		kind  layout.Kind
		files []source.File
		after func(dir string, r *doctor.Request) error
		want  []string
	}{
		"Well": {files: []source.File{file("main.py", "print(1)\n")}},
		"Folder": {
			files: []source.File{file("lib/util.py", "x = 1\n"), file("main.py", "print(1)\n")},
			want:  []string{"warn clients: v1.0.0: lib/util.py: original clients cannot install a file in a folder"},
		},
		"Binary": {
			files: []source.File{file("logo.bin", "\xff\x00")},
			want:  []string{"warn clients: v1.0.0: logo.bin: original clients cannot install a file that is not text"},
		},
		"Heavy": {
			files: []source.File{file("font.py", heavy), file("main.py", "print(1)\n")},
			want:  []string{"warn clients: v1.0.0: font.py: original clients take it into memory whole"},
		},
		"NoOriginal": {
			files: []source.File{file("lib/util.py", heavy)},
			after: func(_ string, r *doctor.Request) error { r.Original = false; return nil },
		},
		"Layout": {
			kind: layout.Directory, files: []source.File{file("main.py", "print(1)\n")},
			after: func(_ string, r *doctor.Request) error { r.Kind = layout.Prefix; return nil },
			want:  []string{"warn clients: devices have layout directory, and prefix is set"},
		},
		"Changed": {
			files: []source.File{file("main.py", "print(1)\n")},
			after: func(dir string, _ *doctor.Request) error {
				return os.WriteFile(filepath.Join(dir, "demo/v1.0.0_main.py"), []byte("print(2)\n"), 0o644)
			},
			want: []string{"fail release: demo/v1.0.0_main.py"},
		},
		"Damaged": {
			files: []source.File{file("main.py", "print(1)\n")},
			after: func(dir string, _ *doctor.Request) error {
				return os.WriteFile(filepath.Join(dir, "demo/v1.0.0.manifest"), []byte("nonsense"), 0o644)
			},
			want: []string{`fail release: "demo/v1.0.0.manifest" is damaged`},
		},
		"NoTag": {
			files: []source.File{file("main.py", "print(1)\n")},
			after: func(dir string, _ *doctor.Request) error {
				return os.WriteFile(filepath.Join(dir, "demo/version"), []byte("latest\n"), 0o644)
			},
			want: []string{`fail release: version holds "latest"`},
		},
		"OtherProject": {
			files: []source.File{file("main.py", "print(1)\n")},
			after: func(_ string, r *doctor.Request) error { r.Project = "demp"; return nil },
			want:  []string{"warn release: project demp is not there; there are: demo"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := public(t)
			r := request(dir)
			kind := c.kind
			if kind == "" {
				kind = layout.Prefix
			}
			publishTo(t, r, "v1.0.0", kind, time.Now(), c.files...)
			if c.after != nil {
				if err := c.after(dir, &r); err != nil {
					t.Fatal(err)
				}
			}
			unchanged(t, dir, func() { run(t, r, c.want...) })
		})
	}
}

// A publisher whose clock is wrong.
func TestLogOfTomorrow(t *testing.T) {
	dir := public(t)
	publishTo(t, request(dir), "v1.0.0", layout.Prefix, time.Now().Add(26*time.Hour), file("main.py", "print(1)\n"))
	run(t, request(dir), `warn release: the last change, of "ann@desk", is dated 26h0m0s from now`)
}

func TestWeb(t *testing.T) {
	for name, c := range map[string]struct {
		block string // of nginx; "": the one of README
		spoil func(dir string) error
		want  []string
		kind  doctor.Kind
	}{
		"Well": {},
		"WrongFolder": {
			block: strings.Replace(testserver.NginxServer, "root /srv/ota;", "root /srv/ota; rewrite ^/(.*) /x/$1 break;", 1),
			want:  []string{"fail url: demo/version: it is not found (status 404"},
			kind:  doctor.Different,
		},
		"Forbidden": {
			spoil: func(dir string) error { return os.Chmod(filepath.Join(dir, "demo/v1.0.0_main.py"), 0o600) },
			want:  []string{"fail release: demo/v1.0.0_main.py", "fail url: demo/v1.0.0_main.py: the web server may not read it, or does not want to (status 403"},
			kind:  doctor.Different,
		},
		"OpenLog": {
			block: strings.Replace(testserver.NginxServer, `location ~ /\. { return 404; }`, "", 1),
			spoil: func(dir string) error { // by an umask of an older server, say
				return filepath.WalkDir(filepath.Join(dir, "demo/.otactl"), func(name string, _ os.DirEntry, err error) error {
					if err != nil {
						return err
					}
					return os.Chmod(name, 0o755)
				})
			},
			want: []string{"fail url: demo/.otactl/log/00000001/entry: everybody can read who published what"},
			kind: doctor.Different,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := public(t)
			publishTo(t, request(dir), "v1.0.0", layout.Prefix, time.Now(), file("main.py", "print(1)\n"))
			block := c.block
			if block == "" {
				block = testserver.NginxServer
			}
			r := seen(t, request(dir), "http://"+testserver.NginxWith(t, dir, block))
			if c.spoil != nil {
				if err := c.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			lines := run(t, r, c.want...)
			for _, l := range lines {
				if l.Level == doctor.Fail && (l.Kind != c.kind || l.Fix == "") {
					t.Errorf("%+v", l)
				}
			}
			r.Open = nil // the same from outside
			run(t, r, c.want[max(0, len(c.want)-1):]...)
		})
	}
}

// Before the first release a web server that answers is well.
func TestWebBeforeFirst(t *testing.T) {
	dir := public(t)
	run(t, seen(t, request(dir), testserver.Nginx(t, dir)))
}

func TestNoWebServer(t *testing.T) {
	dir := public(t)
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	lines := run(t, seen(t, request(dir), url), "fail url: "+url+": nothing answers there")
	if last := lines[len(lines)-1]; last.Kind != doctor.Unreachable {
		t.Errorf("%+v", last)
	}
}

// A release that becomes live while the web server is asked is no trouble.
func TestWebBesidePublish(t *testing.T) {
	dir := public(t)
	r := request(dir)
	publishTo(t, r, "v1.0.0", layout.Prefix, time.Now(), file("main.py", "print(1)\n"))
	n := 1
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/version") && n == 1 {
			n++
			publishTo(t, r, fmt.Sprintf("v1.0.%d", n), layout.Prefix, time.Now(), file("main.py", "print(2)\n"))
		}
		if strings.Contains(req.URL.Path, "/.") {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	lines := run(t, seen(t, r, server.URL))
	if last := lines[len(lines)-1]; !strings.Contains(last.Text, "devices get v1.0.2") {
		t.Errorf("%+v", last)
	}
}

func TestNoTarget(t *testing.T) {
	r := request("")
	r.Open = nil
	lines, err := doctor.Run(context.Background(), r)
	if err != nil || len(lines) != 1 || lines[0].Level != doctor.Warn {
		t.Errorf("%v, %v", lines, err)
	}
}
