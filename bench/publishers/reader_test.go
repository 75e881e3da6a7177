//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A publisher puts files a and b, and version, into a folder in which there is an older version.
type publisher struct {
	t   *testing.T
	dir string
}

func (p publisher) do(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p publisher) path(name string) string { return filepath.Join(p.dir, name) }

func (p publisher) write(name string) {
	p.do(os.WriteFile(p.path(name), []byte("content of "+name), 0o644))
}

func (p publisher) rename(from, to string) { p.do(os.Rename(p.path(from), p.path(to))) }

func (p publisher) link(from, to string) { p.do(os.Link(p.path(from), p.path(to))) }

func (p publisher) remove(name string) { p.do(os.Remove(p.path(name))) }

// whole puts a file there in one step.
func (p publisher) whole(names ...string) {
	for _, name := range names {
		p.write(".tmp")
		p.rename(".tmp", name)
	}
}

// What each publisher does wrong is noticed, and nothing else.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		publish func(publisher)
		want    Verdict
	}{
		"renames, version last": {func(p publisher) { p.whole("a", "b", pointer) }, Verdict{}},
		"links, version last": {func(p publisher) {
			p.write("folder/1")
			p.link("folder/1", "a")
			p.write("folder/2")
			p.link("folder/2", "b")
			p.whole(pointer)
		}, Verdict{}},
		"what is nobody's":       {func(p publisher) { p.write("c"); p.whole("a", "b", pointer); p.write("c"); p.remove("c") }, Verdict{}},
		"writes a file in place": {func(p publisher) { p.write("a"); p.whole("b", pointer) }, Verdict{Partial: true}},
		"appends to a file": {func(p publisher) {
			p.whole("a", "b")
			f, err := os.OpenFile(p.path("a"), os.O_APPEND|os.O_WRONLY, 0)
			p.do(err)
			_, err = f.WriteString("more")
			p.do(err)
			p.do(f.Close())
			p.whole(pointer)
		}, Verdict{Partial: true}},
		"writes version in place": {func(p publisher) { p.whole("a", "b"); p.write(pointer) }, Verdict{Partial: true}},
		"removes version":         {func(p publisher) { p.whole("a", "b"); p.remove(pointer); p.whole(pointer) }, Verdict{Absent: true}},
		"moves version away":      {func(p publisher) { p.whole("a", "b"); p.rename(pointer, "old"); p.whole(pointer) }, Verdict{Absent: true}},
		"version first":           {func(p publisher) { p.whole(pointer, "a", "b") }, Verdict{Early: true}},
		"version between":         {func(p publisher) { p.whole("a", pointer, "b") }, Verdict{Early: true}},
		"a file again afterwards": {func(p publisher) { p.whole("a", "b", pointer, "a") }, Verdict{Early: true}},
		"everything":              {func(p publisher) { p.remove(pointer); p.write(pointer); p.write("a") }, Verdict{true, true, true}},
	} {
		p := publisher{t, t.TempDir()}
		p.do(os.Mkdir(p.path("folder"), 0o755))
		p.write(pointer)
		w, err := watchFolder(p.dir)
		p.do(err)
		c.publish(p)
		events, err := w.end()
		p.do(err)
		if got := judge(events, []string{"a", "b"}, pointer); got != c.want {
			t.Errorf("%s: %+v, want %+v; events %v", name, got, c.want, events)
		}
	}
}
