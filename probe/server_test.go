package probe

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
)

const project = "sample"

// A request is one that a server has got.
type request struct {
	path   string
	framed bool   // HTTP/1.1
	host   string // of the Host line
	auth   string
	base   string // of the server
}

// A behaviour writes exactly what it likes in answer to a request, for something whose right content is known; nil if there
// is nothing. What it returns is whether the connection then stays open until the client goes.
type behaviour func(c *net.TCPConn, r request, content []byte) (stays bool)

// rawServer serves files (by path, with a slash in front) as a behaviour does, and returns its URL.
func rawServer(t testing.TB, files map[string]string, b behaviour) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	base := "http://" + l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerRaw(conn.(*net.TCPConn), base, files, b)
		}
	}()
	return base
}

func answerRaw(c *net.TCPConn, base string, files map[string]string, b behaviour) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	got, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	host := got.Host
	r := request{path: got.URL.Path, framed: got.ProtoMinor == 1, host: host, auth: got.Header.Get("Authorization"), base: base}
	var content []byte
	if text, ok := files[strings.TrimPrefix(r.path, "/real")]; ok {
		content = []byte(text)
	}
	if b(c, r, content) {
		_, _ = in.ReadByte()
		return
	}
	_ = c.CloseWrite()
	_, _ = in.ReadByte() // until the client has read all and goes
}

// tagFiles are the files of a release v1.0.1, with its manifest and the pointer.
func tagFiles(files map[string]string) (map[string]string, Release) {
	tag, _ := layout.ParseTag("v1.0.1")
	m := layout.Manifest{Project: project, Tag: tag, Kind: layout.Prefix}
	served := map[string]string{"/" + project + "/version": "v1.0.1\n"}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		m.Files = append(m.Files, layout.File{Name: name, Size: int64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))})
		served["/"+m.Project.File(m.Kind, tag, name)] = text
	}
	served["/"+m.Project.Manifest(tag)] = string(m.Bytes())
	return served, Listed(m, m.Bytes())
}

var someFiles = map[string]string{"boot.py": "print('boot')\nstart('é')\n", "main.py": "print('main')\n" + strings.Repeat("# some more\n", 40)}

func site(t testing.TB, base string, change ...func(*Config)) *Site {
	t.Helper()
	c := Config{URL: base, Silence: 5 * time.Second, Now: time.Now, Random: rand.Reader}
	for _, f := range change {
		f(&c)
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func live(t testing.TB, s *Site, known *Release) Report {
	t.Helper()
	report, err := Live(context.Background(), s, project, known)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// codes are the codes of findings, each with its severity.
func codes(r Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, string(f.Severity)+" "+f.Code)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func dump(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, f := range r.Fates {
		fmt.Fprintf(&b, "%s: %s: %s\n", f.Client, f.Verdict, f.Why)
	}
	return b.String()
}
