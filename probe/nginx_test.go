package probe

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/serve"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

// published publishes a release with the real verbs into a folder, which is returned with it.
func published(t testing.TB) (root string, r Release) {
	t.Helper()
	root = t.TempDir()
	_, r = tagFiles(someFiles)
	publishTo(t, root, r.Tag.String(), someFiles)
	return root, r
}

func publishTo(t testing.TB, root, tag string, files map[string]string) {
	t.Helper()
	fs, err := local.Open(root, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st := posix.New(fs)
	defer st.Close()
	req := publish.Request{Project: project, Kind: layout.Prefix}
	if req.Tag, err = layout.ParseTag(tag); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		req.Set.Files = append(req.Set.Files, source.File{Name: name, Path: name, Data: []byte(text)})
	}
	slices.SortFunc(req.Set.Files, func(a, b source.File) int { return strings.Compare(a.Name, b.Name) })
	req.Who.Time = time.Now()
	if _, err := publish.Run(context.Background(), st, req); err != nil {
		t.Fatal(err)
	}
}

// A server block like that of README, with lines added in front of its locations, to that of version, and to that of the rest.
func block(server, version, rest string) string {
	const pointer, others = `location ~ /version$ {`, `location / {`
	return strings.NewReplacer(
		"gzip off;", "gzip off; "+server, pointer, pointer+" "+version, others, others+" "+rest,
	).Replace(testserver.NginxServer)
}

// without takes lines out of README's block.
func without(lines ...string) string {
	text := testserver.NginxServer
	for _, line := range lines {
		text = strings.Replace(text, line, "", 1)
	}
	return text
}

const (
	dots    = `location ~ /\. { return 404; }`
	noCache = `add_header Cache-Control "no-cache";`
)

// A misconfigured nginx, and what is found.
var misconfigured = []struct {
	name  string
	block string
	spoil func(t *testing.T, root string)
	found []string
}{
	{"nothing", testserver.NginxServer, nil, nil},
	{"chunked", block("", `add_header Transfer-Encoding chunked;`, ""), nil, []string{"error answer", "error chunked"}},
	{"no length", block("sub_filter_types *; sub_filter nothing nothing;", "", ""), nil, []string{"error no-length", "info no-range"}},
	{
		"to https", block("", "return 301 https://$host$request_uri;", "return 301 https://$host$request_uri;"), nil,
		[]string{"error answer", "error redirect"},
	}, // nobody answers there
	{"to a path", block("absolute_redirect off;", "",
		"rewrite ^/sample/(v[^x]*)$ /sample/x/$1 redirect; rewrite ^/sample/x/(.*)$ /sample/$1 break;"), nil, []string{"error redirect"}},
	{
		"compressed", strings.Replace(testserver.NginxServer, "gzip off;", "gzip_static always;", 1), compressAll,
		[]string{"error compressed", "error encoded"},
	},
	{"CR LF", block(`sub_filter_types *; sub_filter_once off; sub_filter "\n" "\r\n";`, "", ""), nil, []string{"error line-ends", "error no-length"}},
	{
		"transcoded", "charset_map iso-8859-1 utf-8 { E9 C3A9; }\n" + block("charset_types *; source_charset utf-8; charset iso-8859-1;", "", ""), nil,
		[]string{"error no-length", "error transcoded", "info no-range"},
	},
	{"a page for what is missing", block("", "", "try_files $uri /index.html;"), func(t *testing.T, root string) {
		write(t, root, "index.html", "<html>welcome</html>")
	}, []string{"error not-found"}},
	{
		"version for an hour", strings.Replace(testserver.NginxServer, noCache, `add_header Cache-Control "public, max-age=3600";`, 1), nil,
		[]string{"error frozen"},
	},
	{"version expires", strings.Replace(testserver.NginxServer, noCache, `expires 1h;`, 1), nil, []string{"error frozen"}},
	{"version for ever", strings.Replace(testserver.NginxServer, noCache, `add_header Cache-Control immutable;`, 1), nil, []string{"error frozen"}},
	{"version for a moment", strings.Replace(testserver.NginxServer, noCache, `add_header Cache-Control "max-age=5";`, 1), nil, []string{"warning cached"}},
	{"version says nothing", without(noCache), nil, []string{"warning cached"}},
	{"a stale edge", "map $connection $edge { ~[02468]$ v1.0.0; default v1.0.1; }\n" + block("", `return 200 "$edge\n";`, ""), nil, []string{"error stale"}},
	{"another folder", testserver.NginxServer, func(t *testing.T, root string) {
		publishTo(t, root, "v1.0.2", map[string]string{"boot.py": "b", "main.py": "m"})
	}, []string{"error stale"}},
	{"modes of a file", testserver.NginxServer, func(t *testing.T, root string) { chmod(t, root, "v1.0.1_main.py", 0o600) }, []string{"error forbidden"}},
	{"modes of version", testserver.NginxServer, func(t *testing.T, root string) { chmod(t, root, "version", 0o600) }, []string{"error forbidden"}},
	{"modes of the folder", testserver.NginxServer, func(t *testing.T, root string) { chmod(t, root, "", 0o700) }, []string{"error forbidden"}},
	{"a password", block("auth_basic a; auth_basic_user_file /srv/ota/users;", "", ""), func(t *testing.T, root string) {
		write(t, root, "users", "ann:{PLAIN}secret\n")
	}, []string{"error password"}},
	{"the log", without(dots), func(t *testing.T, root string) {
		for _, name := range []string{".otactl", ".otactl/log", ".otactl/log/00000001", ".otactl/log/00000001/entry"} {
			chmod(t, root, name, 0o755)
		}
	}, []string{"error log"}},
	{"no ranges", block("max_ranges 0;", "", ""), nil, []string{"info no-range"}},
	{"another manifest", testserver.NginxServer, func(t *testing.T, root string) {
		write(t, root, project+"/v1.0.1.manifest", "otactl 1\nproject other\nversion v1.0.1\nfile "+strings.Repeat("0", 64)+" 0 a\n")
	}, []string{"error manifest"}},
	{"no manifest", testserver.NginxServer, func(t *testing.T, root string) { remove(t, root, "v1.0.1.manifest") }, []string{"error missing"}},
	{"other bytes", testserver.NginxServer, func(t *testing.T, root string) {
		write(t, root, project+"/v1.0.1_main.py", "print('other')\n")
	}, []string{"error bytes"}},
	{"a file is missing", testserver.NginxServer, func(t *testing.T, root string) { remove(t, root, "v1.0.1_boot.py") }, []string{"error missing"}},
	{"a limit", block("", "", "limit_except HEAD { deny all; }"), nil, []string{"error forbidden"}},
	{"broken", block("", "", "return 503;"), nil, []string{"error server-error"}},
	{"two lines", block("", `return 200 "v1.0.1\nbuilt today\n";`, ""), nil, []string{"error version"}},
	{"a byte-order mark", block("", `return 200 "`+"\ufeff"+`v1.0.1\n";`, ""), nil, []string{"error version"}},
	{
		"a portal", block(`location ^~ /sample/ { add_header Cache-Control no-cache; return 200 "<html></html>"; }`, "", ""), nil,
		[]string{"error not-found", "error version"},
	},
}

func TestNginx(t *testing.T) {
	for _, c := range misconfigured {
		t.Run(c.name, func(t *testing.T) {
			root, release := published(t)
			if c.spoil != nil {
				c.spoil(t, root)
			}
			base := "http://" + testserver.NginxWith(t, root, strings.ReplaceAll(c.block, "/srv/ota/", root+"/"))
			report := live(t, site(t, base), &release)
			if got := codes(report); !slices.Equal(got, c.found) {
				t.Errorf("%q, want %q\n%s", got, c.found, dump(report))
			}
		})
	}
}

// TestUnknown knows nothing but what the server says.
func TestUnknown(t *testing.T) {
	root, _ := published(t)
	report := live(t, site(t, testserver.Nginx(t, root)), nil)
	if len(report.Findings) > 0 || len(report.Fates) != len(originals())+1 {
		t.Errorf("\n%s", dump(report))
	}
	if report := live(t, site(t, testserver.Nginx(t, t.TempDir())), nil); !slices.Contains(codes(report), "error missing") {
		t.Errorf("\n%s", dump(report))
	}
}

func TestPassword(t *testing.T) {
	root, release := published(t)
	write(t, root, "users", "ann:{PLAIN}s3cret\n")
	base := "http://" + testserver.NginxWith(t, root,
		strings.ReplaceAll(block("auth_basic a; auth_basic_user_file /srv/ota/users;", "", ""), "/srv/ota/", root+"/"))
	for word, want := range map[string][]string{"s3cret": {"warning no-password"}, "hunter2": {"error password", "warning no-password"}} {
		report := live(t, site(t, base, func(c *Config) { c.User, c.Password = "ann", word }), &release)
		if got := codes(report); !slices.Equal(got, want) {
			t.Errorf("%q, want %q\n%s", got, want, dump(report))
		}
		if strings.Contains(dump(report), word) {
			t.Error("the password is in the report")
		}
	}
}

func TestServe(t *testing.T) {
	dir, release := published(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	server := httptest.NewServer(serve.Handler(root, serve.Options{Now: time.Now, Log: func(string) {}}))
	defer server.Close()
	if report := live(t, site(t, server.URL), &release); len(report.Findings) > 0 {
		t.Errorf("\n%s", dump(report))
	}
}

// Next asks for the files of a release that is not live, and not for version.
func TestNext(t *testing.T) {
	root, release := published(t)
	publishTo(t, root, "v1.0.2", map[string]string{"boot.py": "b", "main.py": "m"})
	s := site(t, testserver.Nginx(t, root))
	report, err := Next(context.Background(), s, release)
	if err != nil || len(report.Findings) > 0 || len(report.Fates) != 5 {
		t.Errorf("%v\n%s", err, dump(report))
	}
	chmod(t, root, "v1.0.1_boot.py", 0o600)
	report, err = Next(context.Background(), site(t, s.URL), release)
	if got := codes(report); err != nil || !slices.Equal(got, []string{"error forbidden"}) {
		t.Errorf("%v, %q\n%s", err, got, dump(report))
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, root, name string, mode os.FileMode) {
	t.Helper()
	if os.Geteuid() != 0 {
		testserver.NeedRoot(t) // else nginx runs as the owner, who may read all
	}
	if err := os.Chmod(filepath.Join(root, project, name), mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, project, name)); err != nil {
		t.Fatal(err)
	}
}

func compressAll(t *testing.T, root string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, project, "v*.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, "", f+".gz", gzipped(string(data)))
	}
	for _, name := range []string{"version", "v1.0.1.manifest"} { // gzip_static always asks for them
		data, err := os.ReadFile(filepath.Join(root, project, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, root, project+"/"+name+".gz", string(data))
	}
}
