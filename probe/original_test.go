package probe

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// good answers as a good server does.
func good(c *net.TCPConn, _ request, content []byte) bool {
	return send(c, "Cache-Control: no-cache\r\n", content)
}

func send(c io.Writer, lines string, body []byte) bool {
	if body == nil {
		fmt.Fprint(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return false
	}
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s", len(body), lines, body)
	return false
}

// text answers a request with a text, in which {} is the content, {n} its length, {half} its first half, {chunks} its chunks,
// {url} where it lies too, and {path} the path of that.
func text(answer string) behaviour {
	return func(c *net.TCPConn, r request, content []byte) bool {
		if content == nil || strings.HasPrefix(r.path, "/real") {
			return good(c, r, content)
		}
		n := len(content)
		chunks := fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", n/2, content[:n/2], n-n/2, content[n/2:])
		fmt.Fprint(c, strings.NewReplacer("{}", string(content), "{n}", fmt.Sprint(n), "{half}", string(content[:n/2]),
			"{chunks}", chunks, "{url}", r.base+"/real"+r.path, "{path}", "/real"+r.path).Replace(answer))
		return false
	}
}

func isVersion(r request) bool { return strings.HasSuffix(r.path, "/version") }
func isMain(r request) bool    { return strings.HasSuffix(r.path, "_main.py") }
func isPython(r request) bool  { return strings.HasSuffix(r.path, ".py") }

// only behaves badly where a condition holds.
func only(where func(request) bool, b behaviour) behaviour {
	return func(c *net.TCPConn, r request, content []byte) bool {
		if where(r) {
			return b(c, r, content)
		}
		return good(c, r, content)
	}
}

// instead serves another content.
func instead(change func(string) string) behaviour {
	return func(c *net.TCPConn, r request, content []byte) bool {
		if content == nil {
			return good(c, r, nil)
		}
		return good(c, r, []byte(change(string(content))))
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

const keptOpenRow = "kept open"

const ok200 = "HTTP/1.1 200 OK\r\n"

// What becomes of devices with v1.0 to v2.0, which replace each file at once, and of those with v2.1. A row that begins
// with "=" is for both. U updates, S stays, L loops, R rubbish; one letter for each generation, oldest first: 1.19, 1.20,
// 1.24, 1.25, today. v1.2 and later do not run on 1.19.
var behaviours = []struct {
	name     string
	b        behaviour
	old, new string // of v1.0 to v2.0, of v2.1
	own      Verdict
}{
	{"good", good, "UUUUU", " UUUU", Updates},
	{"no length", text(ok200 + "\r\n{}"), "UUUUU", " UUUU", Stays},
	{"chunked", text(ok200 + "Transfer-Encoding: chunked\r\n\r\n{chunks}"), "SSSSU", " SSSU", Updates},
	{"chunked files", only(isPython, text(ok200+"Transfer-Encoding: chunked\r\n\r\n{chunks}")), "LLLLU", " LLLU", Updates},
	{"chunked main.py", only(isMain, text(ok200+"Transfer-Encoding: chunked\r\n\r\n{chunks}")), "RRRRU", " LLLU", Updates},
	{"chunked files in lower case", only(isPython, text(ok200+"transfer-encoding: chunked\r\n\r\n{chunks}")), "RRRRU", " RRRU", Updates},
	{"redirected", text("HTTP/1.1 302 Found\r\nLocation: {url}\r\n\r\n"), "SUUUU", " UUUU", Updates},
	{"redirected with a length", text("HTTP/1.1 301 Found\r\nContent-Length: 0\r\nLocation: {url}\r\n\r\n"), "SUUUU", " UUUU", Updates},
	{"redirected files", only(isPython, text("HTTP/1.1 307 Go\r\nContent-Length: 0\r\nLocation: {url}\r\n\r\n")), "LUUUU", " UUUU", Updates},
	{"redirected to a path", text("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {path}\r\n\r\n"), "SSSSU", " SSSU", Updates},
	{"redirected in lower case", text("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nlocation: {url}\r\n\r\n"), "SSSSU", " SSSU", Updates},
	{"redirected without a blank", text("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation:{url}\r\n\r\n"), "SSSSS", " SSSS", Updates},
	{"redirected in circles", func(c *net.TCPConn, r request, _ []byte) bool {
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s%s\r\n\r\n", r.base, r.path)
		return false
	}, "SSSSS", " SSSS", Stays},
	{"moved with status 300", text("HTTP/1.1 300 Choices\r\nContent-Length: 0\r\nLocation: {url}\r\n\r\n"), "SSSSS", " SSSS", Updates},
	{"redirected nowhere", text("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "SSSSS", " SSSS", Stays},
	{"half of main.py", only(isMain, text(ok200+"Content-Length: {n}\r\n\r\n{half}")), "RRRRR", " RRRL", Stays},
	{"half of version", only(isVersion, text(ok200+"Content-Length: {n}\r\n\r\n{half}")), "LLLLS", " LLLS", Stays},
	{"main.py is missing", only(isMain, func(c *net.TCPConn, r request, _ []byte) bool { return good(c, r, nil) }), "RRRRR", " LLLL", Stays},
	{"version is missing", only(isVersion, func(c *net.TCPConn, r request, _ []byte) bool { return good(c, r, nil) }), "SSSSS", " SSSS", Stays},
	{"files fail", only(isPython, text("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")), "LLLLL", " LLLL", Stays},
	{"a page for files", only(isPython, text(ok200+"Content-Length: 13\r\n\r\n<html></html>")), "RRRRR", " RRRR", Stays},
	{"a page for version", only(isVersion, text(ok200+"Content-Length: 13\r\n\r\n<html></html>")), "LLLLL", " LLLL", Stays},
	{"line ends changed", only(isPython, instead(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") })), "RRRRR", " RRRR", Stays},
	{"compressed", only(isPython, instead(gzipped)), "LLLLL", " LLLL", Stays},
	{"not UTF-8", only(isMain, instead(func(string) string { return "print('\xe9')\n" })), "RRRRR", " LLLL", Stays},
	{"version is empty", only(isVersion, instead(func(string) string { return "" })), "LLLLL", " LLLL", Stays},
	{"version of two lines", only(isVersion, instead(func(s string) string { return s + "hello\n" })), "LLLLL", " LLLL", Stays},
	{"version with a byte-order mark", only(isVersion, instead(func(s string) string { return "\ufeff" + s })), "LLLLL", " LLLL", Stays},
	{"version with CR LF", only(isVersion, instead(func(string) string { return " v1.0.1\r\n" })), "UUUUU", " UUUU", Updates},
	{"a header without a colon", text(ok200 + "Content-Length: {n}\r\nnonsense\r\n\r\n{}"), "SSSSS", " SSSS", Updates},
	{"header lines without CR", text("HTTP/1.1 200 OK\nContent-Length: {n}\n\n{}"), "SSSSS", " SSSS", Updates},
	{"a header in Latin-1", text(ok200 + "Content-Length: {n}\r\nServer: caf\xe9\r\n\r\n{}"), "SSSSS", " SSSS", Updates},
	{"a long header", text(ok200 + "Content-Length: {n}\r\nX-Policy: " + strings.Repeat("x", 600) + "\r\n\r\n{}"), "UUUUU", " UUUU", Stays},
	{"no status", text("HTTP/1.1\r\nContent-Length: {n}\r\n\r\n{}"), "SSSSS", " SSSS", Stays},
	{"status 203", text("HTTP/1.1 203 OK\r\nContent-Length: {n}\r\n\r\n{}"), "SSSSS", " SSSS", Stays},
	{"nothing", func(*net.TCPConn, request, []byte) bool { return false }, "SSSSS", " SSSS", Stays},
	{"reset in main.py", only(isMain, func(c *net.TCPConn, _ request, content []byte) bool {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content[:9])
		_ = c.SetLinger(0)
		_ = c.Close()
		return false
	}), "RRRRR", " LLLL", Stays},
	{keptOpenRow, func(c *net.TCPConn, r request, content []byte) bool { good(c, r, content); return true }, "SSSSU", " SSSU", Updates},
	{"another site for another Host", func(c *net.TCPConn, r request, content []byte) bool {
		if strings.HasPrefix(r.path, "/real") {
			return good(c, r, map[bool][]byte{true: content}[strings.HasPrefix(r.host, "localhost")])
		}
		if content == nil {
			return good(c, r, nil)
		}
		to := strings.Replace(r.base, "127.0.0.1", "localhost", 1)
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s/real%s\r\n\r\n", to, r.path)
		return false
	}, "SUSUU", " USUU", Updates},
}

var letters = map[Verdict]string{Updates: "U", Stays: "S", Loops: "L", Rubbish: "R"}

// The emulated clients come to what the real ones come to (originals_test.go).
func TestVerdicts(t *testing.T) {
	for _, row := range behaviours {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			files, release := tagFiles(someFiles)
			s := site(t, rawServer(t, files, row.b), func(c *Config) {
				if row.name == keptOpenRow { // where the end of each answer is waited for
					c.Silence = time.Second / 2
				}
			})
			report := live(t, s, &release)
			verdicts := map[string]Verdict{}
			for _, f := range report.Fates {
				verdicts[f.Client] = f.Verdict
			}
			for i, g := range generations {
				for j, c := range clients {
					want := map[bool]string{false: row.old, true: row.new}[c.staged][i : i+1]
					name := original{c, g}.name()
					if got, ok := verdicts[name]; ok && letters[got] != want || !ok && g.timeouts {
						t.Errorf("%d %d %s: %s, want %s", i, j, name, got, want)
					}
				}
			}
			if verdicts[own] != row.own {
				t.Errorf("%s: %s, want %s", own, verdicts[own], row.own)
			}
			wrong := row.own != Updates || strings.Trim(row.old+row.new, " U") != ""
			if wrong != report.Failed() {
				t.Error("found or not, against the verdicts")
			}
			if t.Failed() {
				t.Logf("\n%s", dump(report))
			}
		})
	}
}
