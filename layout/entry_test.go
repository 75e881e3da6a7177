package layout_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestEntryBytes(t *testing.T) {
	for _, test := range []struct {
		entry layout.Entry
		want  string
	}{
		{
			layout.Entry{Time: noon, Action: layout.Adopt},
			`{"time":"2026-01-02T12:00:00Z","action":"adopt","from":"","to":""}`,
		},
		{
			layout.Entry{
				Time: noon, Action: layout.Publish, From: "v1.0.0", To: "v1.0.1", Tags: []string{"v1.0.1"}, Manifest: sumOne,
				By: "ann@desk", Note: "<b>&\"\n", Commit: "abc", URL: "https://ci.example.org/1?a=b&c=d",
			},
			`{"time":"2026-01-02T12:00:00Z","action":"publish","from":"v1.0.0","to":"v1.0.1","tags":["v1.0.1"],"manifest":"` + sumOne +
				`","by":"ann@desk","note":"<b>&\"\n","commit":"abc","url":"https://ci.example.org/1?a=b&c=d"}`,
		},
		{
			layout.Entry{
				Time: noon, Action: layout.Adopt, From: "v0.9.0", To: "v0.9.0",
				Releases: []layout.HandMade{{Tag: "v0.9.0", Kind: layout.Prefix, Names: []string{"main.py"}}},
			},
			`{"time":"2026-01-02T12:00:00Z","action":"adopt","from":"v0.9.0","to":"v0.9.0","releases":[{"tag":"v0.9.0","layout":"prefix","files":["main.py"]}]}`,
		},
	} {
		data := test.entry.Bytes()
		if string(data) != test.want+"\n" {
			t.Errorf("is\n%sshould be\n%s", data, test.want)
		}
		back, err := layout.ParseEntry(data)
		if err != nil || !reflect.DeepEqual(back, test.entry) {
			t.Errorf("came back as %+v, %v", back, err)
		}
	}
}

func TestParseEntry(t *testing.T) {
	e, err := layout.ParseEntry([]byte(`{"time":"2026-01-02T13:00:00+01:00","action":"later","from":"a","to":"b","mood":"good"}`))
	want := layout.Entry{Time: noon, Action: "later", From: "a", To: "b"}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("%+v, %v\nshould be %+v", e, err, want)
	}
	for _, data := range []string{
		"", "\n", "null", "[]", `"x"`, "{}", `{"action":""}`, `{"action":1}`, `{"action":"publish"`, `{"action":"publish"}x`, `{"action":"publish"}{}`,
		`{"action":"publish","time":"yesterday"}`, `{"action":"publish","time":1}`, `{"action":"publish","tags":"v1.0.0"}`,
		`{"action":"publish","time":"9999-12-31T23:59:59-01:00"}`, `{"action":"publish","time":"0000-01-01T00:00:00+01:00"}`,
		strings.Repeat("[", 100_000),
	} {
		if e, err := layout.ParseEntry([]byte(data)); err == nil || !reflect.DeepEqual(e, layout.Entry{}) || !strings.HasPrefix(err.Error(), "log entry: ") {
			t.Errorf("%.60q: %+v, %v", data, e, err)
		}
	}
}

// What devices may see as the live text comes back from an entry as it was, whatever bytes it had: that is how the log
// tells which changes took effect.
func TestPointerTextSurvivesAnEntry(t *testing.T) {
	for _, pointer := range []string{"v1.0.0\n", "", "\xff\xfev\x001\x00", "a\u2028b", "\ufeffv1.0.0", "<&>", "\\u0000", "\xed\xa0\x80"} {
		e := layout.Entry{Time: noon, Action: layout.Rollback, From: layout.PointerText([]byte(pointer))}
		back, err := layout.ParseEntry(e.Bytes())
		if err != nil || back.From != e.From {
			t.Errorf("%q: %q became %q, %v", pointer, e.From, back.From, err)
		}
	}
}

func TestEntryIsOneLine(t *testing.T) {
	data := layout.Entry{Time: noon, Action: layout.Publish, Note: "a\nb\r\n"}.Bytes()
	if strings.Count(string(data), "\n") != 1 || !json.Valid(data) {
		t.Errorf("%q", data)
	}
}
