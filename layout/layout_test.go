package layout_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

func TestParseKind(t *testing.T) {
	for _, kind := range []layout.Kind{layout.Prefix, layout.Directory} {
		if got, err := layout.ParseKind(string(kind)); got != kind || err != nil {
			t.Errorf("%q: %q, %v", kind, got, err)
		}
	}
	for _, text := range []string{"", "Prefix", "dir", "directory "} {
		if kind, err := layout.ParseKind(text); err == nil || kind != "" {
			t.Errorf("%q is taken for %q", text, kind)
		}
	}
}

func TestParseProjectReasons(t *testing.T) {
	for _, test := range []struct{ text, message string }{
		{"", `project "": is empty`},
		{"a/b", `project "a/b": '/' is not allowed: only A-Z a-z 0-9 . _ -`},
		{"..", `project "..": does not start with a letter or a digit`},
		{strings.Repeat("a", 65), `project "` + strings.Repeat("a", 64) + `...": longer than 64 characters`},
	} {
		project, err := layout.ParseProject(test.text)
		var projectErr *layout.ProjectError
		if !errors.As(err, &projectErr) || err.Error() != test.message || project != "" {
			t.Errorf("%q: %q, %v\nshould be %s", test.text, project, err, test.message)
		}
	}
}

func TestPaths(t *testing.T) {
	project, tag := layout.Project("sample"), mustTag(t, "v1.0.0")
	for _, test := range []struct{ got, want string }{
		{project.Pointer(), "sample/version"},
		{project.Manifest(tag), "sample/v1.0.0.manifest"},
		{project.File(layout.Prefix, tag, "lib/util.py"), "sample/v1.0.0_lib/util.py"},
		{project.File(layout.Directory, tag, "lib/util.py"), "sample/v1.0.0/lib/util.py"},
		{project.Log(), "sample/.otactl/log"},
		{project.Entry(1), "sample/.otactl/log/00000001/entry"},
		{project.Entry(99999999), "sample/.otactl/log/99999999/entry"},
		{project.Tombstones(), "sample/.otactl/pruned"},
		{project.Tombstone(tag), "sample/.otactl/pruned/v1.0.0"},
		{string(layout.PointerContent(tag)), "v1.0.0\n"},
	} {
		if test.got != test.want {
			t.Errorf("%q should be %q", test.got, test.want)
		}
	}
}

func TestParseSeq(t *testing.T) {
	for text, want := range map[string]int{"00000001": 1, "00000042": 42, "99999999": 99999999} {
		if seq, ok := layout.ParseSeq(text); seq != want || !ok {
			t.Errorf("%q: %d, %v", text, seq, ok)
		}
	}
	for _, text := range []string{
		"", "1", "00000000", "0000001", "000000001", "100000000", "+0000001", "-0000001", " 0000001", "0000001 ", "0000_001", "0x000001",
		"0000000a", "٠٠٠٠", "99999999999999999999", "00000001/", "tmp.0001",
	} {
		if seq, ok := layout.ParseSeq(text); ok || seq != 0 {
			t.Errorf("%q is taken for %d", text, seq)
		}
	}
}

// No two places of a project have one path, whatever tags and names are chosen.
func TestPlacesAreUnique(t *testing.T) {
	tags := []string{"1.0.0", "v1.0.0", "1.0.0-a", "1.0.0-manifest", "1.0.0-a.b"}
	names := []string{"a", "_a", "a_b", "b/c", "manifest", "x.manifest", "v1.0.0_a", "1.0.0-a/b", "1.0.0.manifest"}
	seen := map[string]layout.Place{}
	for _, text := range tags {
		tag := mustTag(t, text)
		places := []layout.Place{{Tag: tag}}
		for _, name := range names {
			places = append(places, layout.Place{Tag: tag, Kind: layout.Prefix, Name: name}, layout.Place{Tag: tag, Kind: layout.Directory, Name: name})
		}
		for _, place := range places {
			path := pathOf(place)
			if other, taken := seen[path]; taken {
				t.Errorf("%q is %+v and %+v", path, place, other)
			}
			seen[path] = place
			if got, ok := layout.ParsePlace(path); !ok || pathOf(got) != path || got.Name != place.Name || got.Kind != place.Kind {
				t.Errorf("%q: %+v, %v, should be %+v", path, got, ok, place)
			}
		}
	}
}

// pathOf is where a place is, relative to the project's folder.
func pathOf(place layout.Place) string {
	const project = layout.Project("p")
	path := project.Manifest(place.Tag)
	if !place.IsManifest() {
		path = project.File(place.Kind, place.Tag, place.Name)
	}
	return strings.TrimPrefix(path, "p/")
}

func TestPointerText(t *testing.T) {
	for _, test := range []struct{ pointer, want string }{
		{"v1.0.0\n", "v1.0.0"},
		{"v1.0.0", "v1.0.0"},
		{" \t\r\n\v\fv1.0.0 \t\r\n\v\f", "v1.0.0"},
		{"", ""},
		{"\n", ""},
		{"v1.0.0\nv1.0.1\n", "v1.0.0\nv1.0.1"},
		{"\ufeffv1.0.0\n", "\ufeffv1.0.0"},
		{"v1.0.0\u00a0\n", "v1.0.0\u00a0"}, // MicroPython does not strip it: devices ask for this
		{"v1.0.0\xff\xfe\n", "v1.0.0\ufffd"},
	} {
		if got := layout.PointerText([]byte(test.pointer)); got != test.want {
			t.Errorf("%q: %q, should be %q", test.pointer, got, test.want)
		}
	}
}

func TestPointerContentIsItsText(t *testing.T) {
	for _, text := range []string{"v1.0.0", "1.0.0-rc.1"} {
		content := layout.PointerContent(mustTag(t, text))
		if layout.PointerText(content) != text || slices.Contains(content, '\r') {
			t.Errorf("%q does not read as %q", content, text)
		}
	}
}
