package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
)

// A web is a server root in memory, which tests break.
type web struct {
	mu     sync.Mutex
	files  map[string]string
	misses int
	server *httptest.Server
	spoil  func(name, content string) string
}

func newWeb(t *testing.T, spoil func(name, content string) string) *web {
	t.Helper()
	w := &web{files: map[string]string{}, spoil: spoil}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	return w
}

// ServeHTTP implements http.Handler.
func (w *web) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	name := strings.TrimPrefix(r.URL.Path, "/"+string(project)+"/")
	content, ok := w.files[name]
	if !ok {
		w.misses++
	}
	w.mu.Unlock()
	if !ok {
		http.NotFound(out, r)
		return
	}
	if w.spoil != nil {
		content = w.spoil(name, content)
	}
	_, _ = out.Write([]byte(content))
}

func (w *web) put(contents map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(w.files, contents)
}

func (w *web) missed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.misses
}

var twoReleases = map[string]files{
	firstTag:  {"boot.py": "boot\n", "main.py": "main 1\n"},
	secondTag: {"boot.py": "boot\n", "main.py": "main 2\n"},
}

// release is what has to be there for a tag, without the pointer.
func release(tag string) map[string]string {
	t, _ := layout.ParseTag(tag)
	m := layout.Manifest{Project: project, Tag: t, Kind: layout.Prefix}
	contents := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(twoReleases[tag])) {
		text := twoReleases[tag][name]
		m.Files = append(m.Files, layout.File{Name: name, Size: int64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))})
		contents[tag+"_"+name] = text
	}
	contents[tag+".manifest"] = string(m.Bytes())
	return contents
}

// publish makes a release live.
func (w *web) publish(tag string) func(context.Context) error {
	return func(context.Context) error {
		w.put(release(tag))
		w.put(map[string]string{"version": tag + "\n"})
		return nil
	}
}

// plan is an update of 12 devices.
func (w *web) plan(requests int64) plan {
	return plan{
		server: netip.MustParseAddrPort(w.server.Listener.Addr().String()), devices: 6, patience: 10 * time.Second, requests: requests,
		releases: twoReleases, changes: []change{
			{says: "first", live: firstTag, do: w.publish(firstTag)},
			{says: "second", live: secondTag, share: 1, do: w.publish(secondTag)},
		},
	}
}

// With nothing broken nothing is noticed.
func TestRight(t *testing.T) {
	o, err := play(t.Context(), newWeb(t, nil).plan(maxRequests))
	if err != nil || o.Failed > 0 {
		t.Errorf("%v, %q", err, o.Failures)
	}
}

// Each thing that a server may do wrong is noticed, by the kinds of devices that it hits.
func TestNotices(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(name, content string) string
		failed int      // of 6 originals and 6 others
		sees   []string // each in some failure
	}{
		{"mixture", func(name, content string) string {
			if name == secondTag+"_main.py" {
				return twoReleases[firstTag]["main.py"]
			}
			return content
		}, 12, []string{"original", "it runs v1.0.1, and main.py is that of v1.0.0", "otactl's client", "main.py of v1.0.1: not what the manifest says"}},
		{"half a file", func(name, content string) string {
			if name == secondTag+"_main.py" {
				return content[:3]
			}
			return content
		}, 12, []string{"it runs v1.0.1, and main.py is of no release (3 bytes)"}},
		{"half a version", func(name, content string) string {
			if name == "version" && content == secondTag+"\n" {
				return "v1."
			}
			return content
		}, 12, []string{`version holds "v1.", which is no release`}},
		{"another manifest", func(name, content string) string {
			if name == secondTag+".manifest" {
				return release(firstTag)[firstTag+".manifest"]
			}
			return content
		}, 6, []string{"otactl's client", "not the manifest of this release"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := play(t.Context(), newWeb(t, c.spoil).plan(maxRequests))
			if err != nil || o.Failed != c.failed {
				t.Errorf("%d failed, want %d; %v", o.Failed, c.failed, err)
			}
			notices(t, o, c.sees...)
		})
	}
}

// A publisher that changes version before the files are there is noticed, also if they come a moment later. An original that
// replaces file by file is left with a mixture.
func TestNoticesEarlyFlip(t *testing.T) {
	w := newWeb(t, nil)
	p := w.plan(maxRequests)
	p.changes[1].do = func(ctx context.Context) error {
		w.put(map[string]string{"version": secondTag + "\n", secondTag + "_boot.py": "boot 2\n"})
		for w.missed() < 12 {
			if err := ctx.Err(); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		w.put(release(secondTag))
		return nil
	}
	p.releases = map[string]files{firstTag: twoReleases[firstTag], secondTag: {"boot.py": "boot 2\n", "main.py": "main 2\n"}}
	o, err := play(t.Context(), p)
	if err != nil || o.Failed != 12 {
		t.Errorf("%d failed; %v", o.Failed, err)
	}
	notices(t, o, "404 Not Found", "it runs v1.0.0, and boot.py is that of v1.0.1")
}

// A device that does not come to what is live at the end is noticed.
func TestNoticesStale(t *testing.T) {
	w := newWeb(t, nil)
	f := newFleet(w.plan(maxRequests))
	devices, err := f.devicesOf()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publish(firstTag)(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(f.ended)
	for _, d := range devices {
		f.live(t.Context(), d)
	}
	o := f.outcome(devices)
	if o.Failed != len(devices) {
		t.Errorf("%d failed", o.Failed)
	}
	notices(t, o, `it runs "v1.0.0" at the end, and not v1.0.1`)
}

func notices(t *testing.T, o outcome, sees ...string) {
	t.Helper()
	all := strings.Join(o.Failures, "\n")
	for _, text := range sees {
		if !strings.Contains(all, text) {
			t.Errorf("nobody saw %q:\n%s", text, all)
		}
	}
}
