package proofs

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// What a device runs after a fault.
const (
	stays  = "old"
	moves  = "new"
	either = "old or new" // whole in any case
)

// A fault is something that a server does wrong when it is asked for version, for the manifest and for a file: again and
// again, unless times says how often. What the device must run then; "" is not tried.
type fault struct {
	name                    string
	wrong                   handler
	version, manifest, file string
	times                   int
}

const ok = "HTTP/1.1 200 OK\r\n"

// answers are the faults that any answer can have.
var answers = []fault{
	{"none", good, moves, moves, moves, 0},
	{"404", status(404), stays, stays, stays, 0},
	{"403", status(403), stays, stays, stays, 0},
	{"401", status(401), stays, stays, stays, 0},
	{"500", status(500), stays, stays, stays, 0},
	{"503 once", status(503), moves, moves, moves, 1},
	{"204", status(204), stays, stays, stays, 0},
	{"304", status(304), stays, stays, stays, 0},
	{"captive portal", page(portal), stays, stays, stays, 0},
	{"captive portal without length", text("HTTP/1.0 200 OK\r\n\r\n" + portal), stays, stays, stays, 0},
	{"empty page", page(""), stays, stays, stays, 0},
	{"closed at once", text(""), stays, stays, stays, 0},
	{"closed at once, once", text(""), moves, moves, moves, 1},
	{"closed in the status line", text("HTTP/1.1 20"), stays, stays, stays, 0},
	{"closed in the headers", text(ok + "Content-Le"), stays, stays, stays, 0},
	{"closed after the headers", part(0), stays, stays, stays, 0},
	{"dropped near the end", part(-3), stays, stays, either, 0}, // by ranges, it comes to the end some day
	{"dropped near the end, once", part(-3), moves, moves, moves, 1},
	{"truncated without length", text(ok + "\r\n{half}"), stays, stays, stays, 0},
	{"length too long, closed", text(ok + "Content-Length: {more}\r\n\r\n{}"), stays, stays, stays, 0},
	{"length too short", text(ok + "Content-Length: {less}\r\n\r\n{}"), stays, stays, stays, 0},
	{"length of 10^15", text(ok + "Content-Length: 1000000000000000\r\n\r\n{}"), stays, stays, stays, 0},
	{"length negative", text(ok + "Content-Length: -1\r\n\r\n{}"), stays, stays, stays, 0},
	{"length a word", text(ok + "Content-Length: many\r\n\r\n{}"), stays, stays, stays, 0},
	{"two lengths", text(ok + "Content-Length: {less}\r\nContent-Length: {n}\r\n\r\n{}"), either, either, either, 0},
	{"chunked", chunked(1000), moves, moves, moves, 0},
	{"chunked in bytes", chunked(1), moves, moves, moves, 0},
	{"chunked, cut", text(ok + "Transfer-Encoding: chunked\r\n\r\n2000\r\n{half}"), stays, stays, either, 0},
	{"chunked, cut between chunks", text(ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nv1.\r\n"), stays, stays, stays, 0},
	{"chunked, size a word", text(ok + "Transfer-Encoding: chunked\r\n\r\nmany\r\n{}\r\n0\r\n\r\n"), stays, stays, stays, 0},
	{"chunked, size negative", text(ok + "Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n"), stays, stays, stays, 0},
	{"chunked, endless chunks", endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1f\r\n"+strings.Repeat("v", 31)+"\r\n"), stays, stays, stays, 0},
	{"compressed unasked", zipped, stays, stays, stays, 0},
	{"206 of another range", partial, stays, stays, stays, 0},
	{"header lower case", text("HTTP/1.1 200 OK\r\ncontent-length:{n}\r\n\r\n{}"), moves, moves, moves, 0},
	{"redirect, relative", moved(302, "Location", besides), moves, moves, moves, 0},
	{"redirect 307, header lower case", moved(307, "location", besides), moves, moves, moves, 0},
	{"redirect, absolute", moved(301, "Location", absolute), moves, moves, moves, 0},
	{"redirect, relative to its folder", moved(302, "Location", sibling), moves, moves, moves, 0},
	{"redirect, with another letter case and blanks", moved(308, "LOCATION", padded), moves, moves, moves, 0},
	{"redirect, without a scheme", moved(303, "Location", func(r *http.Request) string { return "//" + r.Host + besides(r) }), moves, moves, moves, 0},
	{"redirect, three times", hops(3), moves, moves, moves, 0},
	{"redirect, four times", hops(4), stays, stays, stays, 0},
	{"redirect, loop", moved(302, "Location", itself), stays, stays, stays, 0},
	{"redirect to nowhere", moved(302, "X-Location", itself), stays, stays, stays, 0},
	{"redirect to another scheme", moved(302, "Location", constant("ftp://127.0.0.1/x")), stays, stays, stays, 0},
	{"redirect to a closed port", moved(302, "Location", constant("http://127.0.0.1:1/x")), stays, stays, stays, 0},
	{"redirect to IPv6", moved(302, "Location", constant("http://[::1]:1/x")), stays, stays, stays, 0},
	{"redirect to nonsense", moved(302, "Location", constant("http://:/")), stays, stays, stays, 0},
	{"reset before the answer", reset(0), stays, stays, stays, 0},
	{"reset in the body", reset(4), stays, stays, either, 0},
	{"reset in the body, once", reset(4), moves, moves, moves, 1},
	{"60 header lines", text(ok + strings.Repeat("X: y\r\n", 59) + "Content-Length: {n}\r\n\r\n{}"), moves, moves, moves, 0},
	{"66 header lines", text(ok + strings.Repeat("X: y\r\n", 65) + "Content-Length: {n}\r\n\r\n{}"), stays, stays, stays, 0},
	{"header line of 500 bytes", text(ok + "X: " + strings.Repeat("x", 495) + "\r\nContent-Length: {n}\r\n\r\n{}"), moves, moves, moves, 0},
	{"header line of 600 bytes", text(ok + "X: " + strings.Repeat("x", 595) + "\r\nContent-Length: {n}\r\n\r\n{}"), stays, stays, stays, 0},
	{"endless header line", endless(ok+"X: ", strings.Repeat("x", 999)), stays, stays, stays, 0},
	{"endless header lines", endless(ok, "X: "+strings.Repeat("x", 99)+"\r\n"), stays, stays, stays, 0},
	{"endless status line", endless("HTTP/1.1 ", strings.Repeat("2", 999)), stays, stays, stays, 0},
	{"endless body", endless(ok+"\r\n", strings.Repeat("v1.0.1\n", 99)), stays, stays, stays, 0},
	{"1 MB", page(strings.Repeat("v1.0.1\n", 150_000)), stays, stays, stays, 0},
	{"no HTTP", text("SSH-2.0-OpenSSH_9.2\r\n"), stays, stays, stays, 0},
	{"noise", text(strings.Repeat("\x00\xff\x80\r\n", 300)), stays, stays, stays, 0},
	{"a bit at the start", flip(0, 1), stays, stays, stays, 0},
	{"a bit at the end", flip(-2, 2), stays, stays, stays, 0},
}

// silences are the faults that a client has to wait for.
var silences = []fault{
	{"length too long, kept open", stall(ok + "Content-Length: {more}\r\n\r\n{}"), stays, stays, stays, 0},
	{"stall before the answer", stall(""), stays, stays, stays, 0},
	{"stall in the headers", stall(ok + "Content-"), stays, stays, stays, 0},
	{"stall in the body", stall(ok + "Content-Length: {n}\r\n\r\n{half}"), stays, stays, either, 0},
	{"byte by byte", drip(false), either, stays, stays, 0}, // a version is short enough
	{"byte by byte from the body on", drip(true), either, either, stays, 0},
}

func absolute(r *http.Request) string { return "http://" + r.Host + besides(r) }
func padded(r *http.Request) string   { return " " + besides(r) + " " }
func sibling(r *http.Request) string  { return path.Base(besides(r)) }
func itself(r *http.Request) string   { return r.URL.Path }

func constant(where string) func(*http.Request) string {
	return func(*http.Request) string { return where }
}

// TestFaults spoils each answer in each way.
func TestFaults(t *testing.T) {
	var seen tally
	t.Run("of", func(t *testing.T) {
		for _, f := range answers {
			f.test(t, spoiling{starts: starts, timeout: 1, hurry: 40, seen: &seen})
		}
	})
	seen.keep(t, "Faults", answers, version, manifest, file)
	seen.keepCosts(t, answers)
}

// TestSilence is about time: the clock of the board runs fast, so that what may take a minute takes a second.
func TestSilence(t *testing.T) {
	var seen tally
	t.Run("of", func(t *testing.T) {
		for _, f := range silences {
			f.test(t, spoiling{starts: 3, timeout: 0.1, hurry: 400, seen: &seen})
		}
	})
	seen.keep(t, "Slow servers", silences, version, manifest, file)
}

// What is spoilt.
const (
	version  = "version"
	manifest = "the manifest"
	file     = "a file"
)

func (f fault) test(t *testing.T, c spoiling) {
	c.wrong, c.times, c.partial = f.wrong, f.times, true
	for _, spoilt := range []struct{ what, at, want string }{
		{version, "version", f.version}, {manifest, "v1.0.1.manifest", f.manifest}, {file, "v1.0.1_main.py", f.file},
	} {
		c := c
		c.at, c.want = spoilt.at, spoilt.want
		if c.want != "" {
			t.Run(f.name+"/"+c.at, func(t *testing.T) {
				c.test(t)
				c.seen.put(t, f.name, spoilt.what, c.want)
			})
		}
	}
}

// TestCutPointer cuts an answer without length where what has come is another version, or a manifest with fewer files.
func TestCutAnswer(t *testing.T) {
	right := release(t, layout.Prefix, "v1.0.1", newFiles)[project+"/v1.0.1.manifest"]
	cut := right[:strings.LastIndex(strings.TrimSpace(right), "\n")+1]
	for _, start := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n"} {
		t.Run("version", always("version", text(start+"v1.0.1"), stays)) // of v1.0.12
		t.Run("manifest", always("v1.0.1.manifest", text(start+cut), stays))
	}
}

// Of version, as bytes.
var pointers = []struct {
	name, text, want string
}{
	{"as the original users write it", "v1.0.1", moves},
	{"with blanks around it", " \tv1.0.1\r\n\n", moves},
	{"byte-order mark", "\xef\xbb\xbfv1.0.1\n", stays},
	{"UTF-16", "\xff\xfev\x001\x00.\x000\x00.\x001\x00\n\x00", stays},
	{"two lines", "v1.0.1\nv1.0.2\n", stays},
	{"two lines, the same", "v1.0.1\nv1.0.1\n", stays},
	{"two words", "v1.0.1 v1.0.1\n", stays},
	{"empty", "", stays},
	{"blank", " \r\n\n", stays},
	{"1 MB of blanks", strings.Repeat(" ", 1<<20), stays},
	{"1 MB of blanks around it", strings.Repeat(" ", 1<<19) + "v1.0.1" + strings.Repeat("\n", 1<<19), stays},
	{"1 MB of digits", "v" + strings.Repeat("1", 1<<20), stays},
	{"NUL at its end", "v1.0.1\x00", stays},
	{"NUL inside", "v1.0\x00.1", stays},
	{"a path", "../sample/v1.0.1", stays},
	{"a parent", "..", stays},
	{"a query", "v1.0.1?", stays},
	{"encoded", "v1.0%2e1", stays},
	{"a header", "v1.0.1\r\nX: y\r\n", stays},
	{"a request", "v1.0.1 HTTP/1.1\r\nHost: evil\r\n\r\n", stays},
	{"quoted", "\"v1.0.1\"\n", stays},
	{"a word", "latest\n", stays},
	{"beyond ASCII", "v1.0.1\u00a0\n", stays},
	{"a release that is not there", "v1.0.2\n", stays},
	{"too long", "v1.0.1-" + strings.Repeat("a", 99), stays},
}

func TestVersions(t *testing.T) {
	for _, v := range pointers {
		t.Run(v.name, always("version", page(v.text), v.want))
	}
}

// TestManifestFaults serves every input of testdata/vectors that is no manifest as the manifest of the live release.
func TestManifestFaults(t *testing.T) {
	for i, v := range readVectors(t, "manifests.jsonl") {
		if !v.OK {
			t.Run(fmt.Sprint(i, " ", v.Why), always("v1.0.1.manifest", page(string(v.input(t))), stays))
		}
	}
}

// TestPathFaults serves manifests that are right but for the path of a file.
func TestPathFaults(t *testing.T) {
	for _, path := range []string{
		"../x", "/x", "./.ota/up", ".ota/up", ".OTA/go", ".Ota/i", "a/../../x", "a/..", "a//x", "a/./x", "boot.py/", "boot.py/x", "Boot.py", "MAIN.PY/x",
		"VERSION", "Version/x", "tmp/x", "micropython_ota.py", "lib/micropython_ota.mpy", "micropython_ota/__init__.py", "x\\y", "x:y", "x%2fy", "x~1",
		"x.", "x./y", "con:", "x y", "x?", "x#", "\u00e4", "x\x00",
	} {
		root := release(t, layout.Prefix, "v1.0.1", newFiles.with(tree{path: "text"}))
		manifest := root[project+"/v1.0.1.manifest"]
		t.Run(path, always("v1.0.1.manifest", page(manifest), stays))
	}
}

// TestOtherManifest serves valid manifests in place of the right one.
func TestOtherManifest(t *testing.T) {
	right := release(t, layout.Prefix, "v1.0.1", newFiles)[project+"/v1.0.1.manifest"]
	for name, manifest := range map[string]string{
		"of the old version":     release(t, layout.Prefix, "v1.0.0", oldFiles)[project+"/v1.0.0.manifest"],
		"of another version":     strings.Replace(right, "version v1.0.1", "version v1.0.2", 1),
		"of another spelling":    strings.Replace(right, "version v1.0.1", "version 1.0.1", 1),
		"of another project":     strings.Replace(right, "project sample", "project Sample", 1),
		"of a project with more": strings.Replace(right, "project sample", "project samples", 1),
		"twice":                  right + right,
	} {
		t.Run(name, always("v1.0.1.manifest", page(manifest), stays))
	}
	other := strings.Replace(right, "v1.0.1\n", "v1.0.1\nlayout directory\n", 1)
	t.Run("of the other layout", spoiling{ // whose files are not there
		at: "v1.0.1.manifest", wrong: page(other), want: stays, starts: starts, timeout: 1, hurry: 40, partial: true,
	}.test)
}
