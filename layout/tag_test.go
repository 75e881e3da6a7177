package layout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

func TestParseTagReasons(t *testing.T) {
	for _, test := range []struct{ text, message string }{
		{"", `tag "": is empty`},
		{"1.0", `tag "1.0": not MAJOR.MINOR.PATCH`},
		{"V1.0.0", `tag "V1.0.0": not MAJOR.MINOR.PATCH`},
		{"v1.0.0+build", `tag "v1.0.0+build": has build metadata (+...), which web servers and object stores mangle`},
		{"v1.0.0-a.manifest", `tag "v1.0.0-a.manifest": ends in ".manifest", which names another release's manifest`},
		{"1.0.0-18446744073709551616", `tag "1.0.0-18446744073709551616": has a number above 18446744073709551615`},
		{"18446744073709551616.0.0", `tag "18446744073709551616.0.0": has a number above 18446744073709551615`},
		{"1.0.0\n", `tag "1.0.0\n": not MAJOR.MINOR.PATCH`},
		{strings.Repeat("1", 100), `tag "` + strings.Repeat("1", 64) + `...": longer than 64 characters`},
	} {
		tag, err := layout.ParseTag(test.text)
		var tagErr *layout.TagError
		if !errors.As(err, &tagErr) || err.Error() != test.message {
			t.Errorf("%q: %v\nshould be %s", test.text, err, test.message)
		}
		if !tag.IsZero() {
			t.Errorf("%q: a tag beside an error: %q", test.text, tag)
		}
	}
}

func TestTagKey(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"v1.0.0", "1.0.0", true},
		{"1.0.0-RC1", "1.0.0-rc1", true},
		{"v1.0.0-RC.V", "1.0.0-rc.v", true},
		{"1.0.0-v", "1.0.0", false},
		{"1.0.0-rc1", "1.0.0-rc.1", false},
		{"1.0.0", "1.0.1", false},
		{"1.11.0", "11.1.0", false},
	} {
		a, b := mustTag(t, test.a), mustTag(t, test.b)
		if (a.Key() == b.Key()) != test.same {
			t.Errorf("keys %q and %q: same should be %v", a.Key(), b.Key(), test.same)
		}
	}
}

func TestTagOther(t *testing.T) {
	for _, pair := range [][2]string{{"v1.0.0", "1.0.0"}, {"1.0.0-v.v", "v1.0.0-v.v"}} {
		a, b := mustTag(t, pair[0]), mustTag(t, pair[1])
		if a.Other().String() != pair[1] || b.Other().String() != pair[0] {
			t.Errorf("the other spelling of %s is %s and of %s is %s", a, a.Other(), b, b.Other())
		}
		if a.Other().Key() != a.Key() || a.Other().Compare(a) != 0 {
			t.Errorf("%s is another version than %s", a.Other(), a)
		}
	}
}

func TestTagPrerelease(t *testing.T) {
	for text, want := range map[string]bool{"v1.0.0": false, "1.0.0-0": true, "1.0.0-rc-1": true} {
		if mustTag(t, text).Prerelease() != want {
			t.Errorf("%s: pre-release should be %v", text, want)
		}
	}
	if !(layout.Tag{}).IsZero() || mustTag(t, "0.0.0").IsZero() {
		t.Error("only the zero Tag is zero, not 0.0.0")
	}
}
