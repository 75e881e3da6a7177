package proofs

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A hostile server answers each device by a strategy of its own, which chance made: sometimes it is honest, sometimes it
// mixes, cuts and forges what it has. It has all that was ever signed, and keys of its own, but not the key of the fleet.
type hostile struct {
	*httptest.Server
	good    map[string]tree // releases of the project that are signed, by their tags: the whole root
	bad     tree            // a root with releases that the device must never run
	signed  []string        // their tags
	tags    []string        // of both
	lines   []string        // signature lines of all manifests
	devices sync.Map        // strategy -> *strategy
	used    sync.Map        // names of what was done -> true
}

// A strategy is how a server treats one device.
type strategy struct {
	*rand.Rand
	mask   string   // what it says is the live release, as a whole; "" for the truth
	wrong  []string // what goes wrong besides: version, manifest, file, answer
	honest float64  // how often these do not
	live   string
}

// Masks are releases that the server has, or could make, in place of the one that was asked for.
var masks = []string{"", "", "", "another project", "another tag", "evil, signed by a stranger", "evil, not signed", "evil, under a good signature", "evil, without a manifest", "evil, in place of good files"}

func newStrategy(k uint64) *strategy {
	s := &strategy{Rand: rand.New(rand.NewPCG(4, k))}
	s.mask = pick(s, masks)
	s.honest = pick(s, []float64{0, 0.3, 0.6, 0.8, 0.9})
	s.wrong = pick(s, [][]string{{}, {"version"}, {"manifest"}, {"file"}, {"file"}, {"answer"}, {"version", "manifest", "file", "answer"}})
	return s
}

func newHostile(t testing.TB, good map[string]tree, bad tree) *hostile {
	t.Helper()
	h := &hostile{good: good, bad: bad}
	for tag, root := range good {
		h.signed = append(h.signed, tag)
		h.collect(root)
	}
	h.collect(bad)
	slices.Sort(h.signed)
	slices.Sort(h.tags) // what chance does must be the same in each run
	h.tags = slices.Compact(h.tags)
	slices.Sort(h.lines)
	h.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

// collect takes the tags and signatures of a root.
func (h *hostile) collect(root tree) {
	for path, text := range root {
		if tag, ok := strings.CutSuffix(path[strings.Index(path, "/")+1:], ".manifest"); ok {
			h.tags = append(h.tags, tag)
			if i := strings.Index(text, "signature "); i >= 0 {
				h.lines = append(h.lines, text[i:])
			}
		}
	}
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	words := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	k, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil || len(words) < 3 {
		http.NotFound(w, r)
		return
	}
	made, _ := h.devices.LoadOrStore(k, newStrategy(k))
	s := made.(*strategy) // a device asks one thing after the other
	content := h.content(s, words[1], words[2])
	h.answer(s, w, r, content)
}

// did remembers that something was done, for the test to see that all of it was.
func (h *hostile) did(what string) { h.used.Store(what, true) }

func (s *strategy) isHonest(about string) bool {
	return !slices.Contains(s.wrong, about) || s.Float64() < s.honest
}

func pick[T any](s *strategy, list []T) T { return list[s.IntN(len(list))] }

// answer sends a content, in one of the ways in which servers can.
func (h *hostile) answer(s *strategy, w http.ResponseWriter, r *http.Request, content []byte) {
	if s.isHonest("answer") {
		good(w, r, content)
		return
	}
	ways := []string{"status", "status with content", "chunked", "longer", "shorter", "without length", "206", "no ranges", "redirect", "poison", "cut", "noise", "endless"}
	way := pick(s, ways)
	h.did(way)
	switch way {
	case "status":
		http.Error(w, "no", pick(s, []int{403, 404, 404, 416, 500, 204, 304}))
	case "status with content":
		w.WriteHeader(pick(s, []int{201, 203, 206, 226, 300, 404, 403, 503}))
		_, _ = w.Write(content)
	case "chunked":
		chunked(1+s.IntN(900))(w, r, content)
	case "longer":
		text(ok+"Content-Length: {more}\r\n\r\n{}")(w, r, content)
	case "shorter":
		text(ok+"Content-Length: {less}\r\n\r\n{}")(w, r, content)
	case "without length":
		text(pick(s, []string{ok, "HTTP/1.0 200 OK\r\n"})+"\r\n{}")(w, r, content)
	case "206":
		partial(w, r, content)
	case "no ranges":
		_, _ = w.Write(content)
	case "redirect":
		h.redirect(s, w, r)
	case "poison":
		poison(content, h.manifest(s, project, s.live))(w, r, nil)
	case "cut":
		part(s.IntN(len(content)+1))(w, r, content)
	case "noise":
		text(string(s.mutate(fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", ok, len(content), content))))(w, r, nil)
	case "endless":
		endless(ok+pick(s, []string{"X: ", "\r\n", "Content-Length: 99999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}), "20\r\n"+strings.Repeat("v", 32)+"\r\n")(w, r, nil)
	}
}

// redirect sends the device to something else that is there.
func (h *hostile) redirect(s *strategy, w http.ResponseWriter, r *http.Request) {
	name := pick(s, []string{"version", pick(s, h.tags) + ".manifest", pick(s, h.tags) + "_main.py", pick(s, h.tags) + "_boot.py"})
	folder := strings.Join(strings.SplitN(r.URL.Path, "/", 3)[:2], "/")
	to := pick(s, []string{r.URL.Path, name, folder + "/other/" + name, "http://" + r.Host + folder + "/sample/" + name, "//" + r.Host + folder + "/other/" + name})
	moved(pick(s, []int{301, 302, 307, 308}), "Location", constant(to))(w, r, nil)
}

// poison answers well and sends, on the same connection, what the device will take for the answer to its next request.
func poison(content, next []byte) handler {
	return raw(func(c *net.TCPConn, _ []byte) {
		for _, body := range [][]byte{content, next} {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}
