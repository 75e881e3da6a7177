package proofs

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
)

// A handler answers a request for something whose right content is known; nil if there is nothing.
type handler func(w http.ResponseWriter, r *http.Request, content []byte)

// A site is a server root on a server that can do wrong in any way.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	root   tree
	fault  func(path string) handler // the handler of a request, nil for a right answer
	log    []request
	conns  map[string]bool // addresses of the clients' ends
	passed int             // faults that happened
}

// A request is one that a site has seen.
type request struct {
	path, auth, span string
}

// newSite serves a root.
func newSite(t testing.TB, roots ...tree) *site {
	t.Helper()
	s := &site{root: tree{}, conns: map[string]bool{}}
	for _, root := range roots {
		maps.Copy(s.root, root)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	s.log = append(s.log, request{path, r.Header.Get("Authorization"), r.Header.Get("Range")})
	s.conns[r.RemoteAddr] = true
	answer := handler(good)
	if s.fault != nil {
		if fault := s.fault(path); fault != nil {
			answer = fault
			s.passed++
		}
	}
	var content []byte
	if text, found := s.root[strings.TrimSuffix(path, movedSuffix)]; found {
		content = []byte(text)
	}
	s.mu.Unlock()
	answer(w, r, content)
}

// good answers as a good server does.
func good(w http.ResponseWriter, r *http.Request, content []byte) {
	if content == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// put replaces what lies on the site.
func (s *site) put(files tree) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.root, files)
}

// spoil makes each request go wrong to which the function gives a handler; nil mends the site.
func (s *site) spoil(fault func(path string) handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
	s.passed = 0
	s.log = nil
	s.conns = map[string]bool{}
}

// seen returns the requests since then, and how many of them went wrong.
func (s *site) seen() (log []request, conns, passed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log), len(s.conns), s.passed
}

// spanOf returns the range that was asked for of a file, the first time.
func spanOf(log []request, name string) string {
	for _, r := range log {
		if strings.HasSuffix(r.path, name) {
			return r.span
		}
	}
	return ""
}

// release returns a release with a manifest, as otactl publishes it, without the pointer.
func release(t testing.TB, kind layout.Kind, tag string, files tree) tree {
	t.Helper()
	parsed, err := layout.ParseTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	m := layout.Manifest{Project: project, Tag: parsed, Kind: kind}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		m.Files = append(m.Files, layout.File{Name: name, Size: int64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))})
	}
	root := handMade(t, kind, tag, files)
	root[m.Project.Manifest(parsed)] = string(m.Bytes())
	return root
}

// handMade returns a release as people made it before otactl.
func handMade(t testing.TB, kind layout.Kind, tag string, files tree) tree {
	t.Helper()
	parsed, err := layout.ParseTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	root := tree{}
	for name, text := range files {
		root[layout.Project(project).File(kind, parsed, name)] = text
	}
	return root
}

const project = "sample"

// pointer returns the file that makes a tag live.
func pointer(tag string) tree { return tree{project + "/version": tag + "\n"} }
