package layout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

func TestCheckNameReasons(t *testing.T) {
	for _, test := range []struct{ name, reason string }{
		{"", "is empty"},
		{strings.Repeat("a", 129), "longer than 128 characters"},
		{"a//b", "has an empty part between slashes"},
		{"/a", "has an empty part between slashes"},
		{"../a", `has a part ".."`},
		{"a/.", `has a part "."`},
		{"a/.b", "a part starts with a dot, which web servers hide"},
		{"a.", "a part ends in a dot, which FAT file systems drop"},
		{"a b", `' ' is not allowed: devices put names into the URL as they are, so only A-Z a-z 0-9 . _ - work`},
		{"VERSION", "reserved: the device keeps its version there"},
		{"version/a", "reserved: the device keeps its version there"},
		{"tmp/a", "reserved: original clients download into it"},
		{"micropython_ota.py", "reserved: the update client cannot be part of a release: it could not revert itself"},
		{"lib/micropython_ota.mpy", "reserved: the update client cannot be part of a release: it could not revert itself"},
		{"micropython_ota/a", "reserved: a folder of this name hides the update client"},
	} {
		err := layout.CheckName(test.name)
		var nameErr *layout.NameError
		if !errors.As(err, &nameErr) || nameErr.Reason != test.reason {
			t.Errorf("%q: %v\nshould say: %s", test.name, err, test.reason)
		}
	}
}

func TestCheckNamesCollisions(t *testing.T) {
	const folder = "the first is a file and also a folder of the second"
	for _, test := range []struct {
		names []string
		want  layout.CollisionError
	}{
		{[]string{"b", "a.py", "A.py"}, layout.CollisionError{A: "a.py", B: "A.py", Reason: "differ only in case, and FAT devices have one of them"}},
		{[]string{"a.py", "a.py"}, layout.CollisionError{A: "a.py", B: "a.py", Reason: "are the same"}},
		{[]string{"a", "a/b"}, layout.CollisionError{A: "a", B: "a/b", Reason: folder}},
		{[]string{"a/b/c", "x", "a/b"}, layout.CollisionError{A: "a/b", B: "a/b/c", Reason: folder}},
		{[]string{"A/b", "a"}, layout.CollisionError{A: "a", B: "A/b", Reason: folder}},
	} {
		err := layout.CheckNames(test.names)
		var collision *layout.CollisionError
		if !errors.As(err, &collision) || *collision != test.want {
			t.Errorf("%q: %v\nshould be %v", test.names, err, &test.want)
		}
	}
	if err := layout.CheckNames(nil); err != nil {
		t.Errorf("no names collide with nothing: %v", err)
	}
}

func TestErrorsQuote(t *testing.T) {
	err := layout.CheckName("a\x1b[31m")
	if strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q lets a control byte through to a terminal", err)
	}
}
