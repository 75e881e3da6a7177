package layout_test

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

func FuzzParseTag(f *testing.F) {
	for _, v := range readVectors(f, "tags.jsonl") {
		f.Add(string(v.input(f)), "v1.0.0")
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		tag, err := layout.ParseTag(text)
		if err != nil {
			return
		}
		if tag.String() != text || len(text) > layout.MaxTag || !isPlain(text, ".-") || !fs.ValidPath(text) {
			t.Fatalf("%q was taken for %q", text, tag)
		}
		u, err := layout.ParseTag(other)
		if err != nil {
			return
		}
		if c := tag.Compare(u); c != -u.Compare(tag) || (c == 0) != (strings.TrimPrefix(text, "v") == strings.TrimPrefix(other, "v")) {
			t.Fatalf("%q and %q compare as %d and %d", text, other, c, u.Compare(tag))
		}
	})
}

func FuzzParseProject(f *testing.F) {
	for _, v := range readVectors(f, "projects.jsonl") {
		f.Add(string(v.input(f)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		project, err := layout.ParseProject(text)
		if err == nil && (string(project) != text || !isPlain(text, "._-") || text[0] == '.' || !fs.ValidPath(text)) {
			t.Fatalf("%q was taken for %q", text, project)
		}
	})
}

func FuzzCheckName(f *testing.F) {
	for _, v := range readVectors(f, "names.jsonl") {
		f.Add(v.names(f)[0])
	}
	f.Fuzz(func(t *testing.T, name string) {
		if layout.CheckName(name) != nil {
			return
		}
		if !fs.ValidPath(name) || name == "." || strings.Contains("/"+name, "/.") || !isPlain(name, "/._-") || len(name) > layout.MaxName {
			t.Fatalf("%q is no path that a device can ask for", name)
		}
	})
}

func FuzzCheckNames(f *testing.F) {
	for _, v := range readVectors(f, "names.jsonl") {
		f.Add(strings.Join(v.names(f), "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, "\n")
		if layout.CheckNames(names) != nil {
			return
		}
		// Each pair on its own, the slow way.
		for i, a := range names {
			for j, b := range names {
				a, b := strings.ToLower(a), strings.ToLower(b)
				if i != j && (a == b || strings.HasPrefix(a, b+"/")) {
					t.Fatalf("%q and %q are accepted together", names[i], names[j])
				}
			}
		}
		slices.Reverse(names)
		if err := layout.CheckNames(names); err != nil {
			t.Fatalf("%q is refused in the other order: %v", text, err)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	for _, v := range readVectors(f, "places.jsonl") {
		f.Add(v.Path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		place, ok := layout.ParsePlace(path)
		if !ok {
			return
		}
		if pathOf(place) != path || !fs.ValidPath(path) {
			t.Fatalf("%q was taken for %+v, which is %q", path, place, pathOf(place))
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	for _, v := range readVectors(f, "manifests.jsonl") {
		if data := v.input(f); len(data) < 10_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := layout.ParseManifest(data)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Bytes(), data) {
			t.Fatalf("%q became %q", data, m.Bytes())
		}
		m.Signatures = nil
		if !layout.SameRelease(data, m.Bytes()) {
			t.Fatalf("%q is another release without its signatures", data)
		}
		for _, file := range m.Files {
			if layout.CheckName(file.Name) != nil || file.Size < 0 {
				t.Fatalf("%q lists %+v", data, file)
			}
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-02T12:00:00Z","action":"publish","from":"v1.0.0","to":"v1.0.1","tags":["v1.0.1"]}`))
	f.Add([]byte(`{"time":"9999-12-31T23:59:59-23:59","action":"adopt","releases":[{"tag":"v1.0.0","layout":"prefix","files":["a"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := layout.ParseEntry(data)
		if err != nil {
			return
		}
		first := e.Bytes()
		back, err := layout.ParseEntry(first)
		if err != nil || !bytes.Equal(back.Bytes(), first) {
			t.Fatalf("%q became %q and then %q, %v", data, first, back.Bytes(), err)
		}
		if back.From != e.From || back.To != e.To || !back.Time.Equal(e.Time) || len(back.Tags) != len(e.Tags) {
			t.Fatalf("%+v became %+v", e, back)
		}
	})
}

func FuzzPointerText(f *testing.F) {
	f.Add([]byte("v1.0.0\n"))
	f.Fuzz(func(t *testing.T, pointer []byte) {
		text := layout.PointerText(pointer)
		back, err := layout.ParseEntry(layout.Entry{Time: noon, Action: layout.Publish, To: text}.Bytes())
		if err != nil || back.To != text {
			t.Fatalf("%q became %q, %v", text, back.To, err)
		}
	})
}

// isPlain reports whether text has only ASCII letters, digits and these characters.
func isPlain(text, others string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(letters+others, r) })
}
