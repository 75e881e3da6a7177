package layout_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

const (
	sumOne = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806" // of "one\n"
	sumTwo = "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a" // of "two\n"

	head      = "otactl 1\nproject sample\nversion v1.0.1\n"
	bootLine  = "file " + sumOne + " 4 boot.py\n"
	mainLine  = "file " + sumTwo + " 4 main.py\n"
	signature = "signature rsa-sha256 0123456789abcdef AAECAw==\n"
)

func TestManifestBytes(t *testing.T) {
	m := layout.Manifest{
		Project:    "sample",
		Tag:        mustTag(t, "v1.0.1"),
		Kind:       layout.Directory,
		Files:      []layout.File{{Name: "boot.py", Size: 4, SHA256: sumOne}, {Name: "main.py", Size: 4, SHA256: sumTwo}},
		Extra:      []string{"delta v1.0.0 main.py"},
		Signatures: []string{strings.TrimSuffix(signature, "\n")},
	}
	want := head + "layout directory\n" + bootLine + mainLine + "delta v1.0.0 main.py\n" + signature
	if got := string(m.Bytes()); got != want {
		t.Errorf("is\n%sshould be\n%s", got, want)
	}
	parsed, err := layout.ParseManifest([]byte(want))
	if err != nil || !reflect.DeepEqual(parsed, m) {
		t.Errorf("is %+v, %v\nshould be %+v", parsed, err, m)
	}
	if m.Size() != 8 {
		t.Errorf("size is %d", m.Size())
	}
}

// Bytes must not write into a slice that belongs to the caller.
func TestManifestBytesLeavesSlicesAlone(t *testing.T) {
	extra := []string{"x", "kept"}
	layout.Manifest{Extra: extra[:1], Signatures: []string{"signature"}}.Bytes()
	if extra[1] != "kept" {
		t.Errorf("overwritten by %q", extra[1])
	}
}

func TestManifestKind(t *testing.T) {
	for lines, want := range map[string]layout.Kind{"": layout.Prefix, "layout directory\n": layout.Directory} {
		m, err := layout.ParseManifest([]byte(head + lines + bootLine))
		if err != nil || m.Kind != want {
			t.Errorf("%q: %q, %v", lines, m.Kind, err)
		}
	}
}

func TestParseManifestReasons(t *testing.T) {
	const release = head + bootLine + mainLine
	for _, test := range []struct{ data, message string }{
		{"", "line 1: does not end in a line feed"},
		{"otactl 1\nproject sample", "line 2: does not end in a line feed"},
		{"<html>\n", `line 1: is not "otactl 1"`},
		{"otactl 1\n", `line 2: is not "project NAME"`},
		{"otactl 1\nproject ..\n", `line 2: project "..": does not start with a letter or a digit`},
		{"otactl 1\nproject a\n", `line 3: is not "version TAG"`},
		{"otactl 1\nproject a\nversion 1\n", `line 3: tag "1": not MAJOR.MINOR.PATCH`},
		{head, `line 4: is not "file SHA256 SIZE NAME"`},
		{head + "layout prefix\n" + bootLine, `line 4: is not "file SHA256 SIZE NAME"`},
		{head + bootLine + "file x 4 y\n", `line 5: is not "file SHA256 SIZE NAME"`},
		{head + mainLine + bootLine, "line 5: file names are not in ascending order"},
		{head + bootLine + strings.Replace(mainLine, "main", ".", 1), `line 5: file name "..py": a part starts with a dot, which web servers hide`},
		{head + strings.Replace(bootLine, "boot", "MAIN", 1) + mainLine, `line 5: file names "MAIN.py" and "main.py": differ only in case, and FAT devices have one of them`},
		{head + "\n" + bootLine, "line 4: is empty"},
		{head + " " + bootLine, "line 4: has a blank too many"},
		{head + "x " + strings.Repeat("y", 899) + "\n", "line 4: is longer than 900 bytes"},
		{strings.ReplaceAll(release, "\n", "\r\n"), "line 1: has the byte 0x0d"},
		{release + "X\n", `line 6: "X" may not stand here`},
		{release + "x\n" + bootLine, `line 7: "file" may not stand here`},
		{release + signature + "x\n", `line 7: is not "signature rsa-sha256 KEYID BASE64"`},
		{release + strings.Repeat(signature, 5), "line 10: more than 4 signatures"},
		{strings.Repeat("x\n", layout.MaxManifest), "line 1: the manifest is longer than 65536 bytes"},
	} {
		m, err := layout.ParseManifest([]byte(test.data))
		var manifestErr *layout.ManifestError
		if !errors.As(err, &manifestErr) || err.Error() != "manifest "+test.message {
			t.Errorf("%.100q: %v\nshould be manifest %s", test.data, err, test.message)
		}
		if err != nil && m.Files != nil {
			t.Errorf("%.100q: files beside an error", test.data)
		}
	}
}

func TestTooManyFilesNamesTheLine(t *testing.T) {
	parts := [][2]any{{head, 1.0}, {"file " + sumOne + " 4 f#\n", 501.0}}
	_, err := layout.ParseManifest(assemble(parts))
	if err == nil || err.Error() != "manifest line 504: more than 500 files" {
		t.Error(err)
	}
}

func TestSameRelease(t *testing.T) {
	const release = head + bootLine
	const other = "signature rsa-sha256 fedcba9876543210 AAAA\n"
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{release, release, true},
		{release, release + signature, true},
		{release + signature, release + other, true},
		{release + signature + other, release + other, true},
		{release, release + mainLine, false},
		{release + "x\n" + signature, release + signature, false},
		{release + "x signature y\n", release + "x signature z\n", false},
		{release + "x\nsignatures y\n", release + "x\nsignatures z\n", false},
		{release, head + mainLine, false},
	} {
		if got := layout.SameRelease([]byte(test.a), []byte(test.b)); got != test.same {
			t.Errorf("same release should be %v:\n%s\n%s", test.same, test.a, test.b)
		}
	}
}
