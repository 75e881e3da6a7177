package sftp

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]Target{
		"sftp://host/srv/ota":                 {"", "host", 0, "/srv/ota"},
		"sftp://ann@host:2222/srv/ota/":       {"ann", "host", 2222, "/srv/ota"},
		"sftp://ann@[2001:db8::1]:2222/ota":   {"ann", "2001:db8::1", 2222, "/ota"},
		"sftp://[2001:db8::1]/ota":            {"", "2001:db8::1", 0, "/ota"},
		"sftp://host/~/ota":                   {"", "host", 0, "ota"},
		"sftp://host/~":                       {"", "host", 0, "."},
		"sftp://host/~/":                      {"", "host", 0, "."},
		"sftp://host/~ann/ota":                {"", "host", 0, "/~ann/ota"},
		"sftp://host/":                        {"", "host", 0, "/"},
		"sftp://host/a%20b/%E2%82%AC%3F%23":   {"", "host", 0, "/a b/€?#"},
		"sftp://ann%40corp@host/ota":          {"ann@corp", "host", 0, "/ota"},
		"sftp://host/srv//./x/../ota":         {"", "host", 0, "/srv/ota"},
		"sftp://host/~/x/../../ota":           {"", "host", 0, "../ota"},
		"sftp://host.example.org:22/~//a/./b": {"", "host.example.org", 22, "a/b"},
	} {
		got, err := ParseURL(raw)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                    `target "": does not start with sftp://`,
		"host:/ota":                           `target "host:/ota": does not start with sftp://`,
		"http://host/ota":                     `target "http://host/ota": does not start with sftp://`,
		"sftp:///ota":                         `target "sftp:///ota": has no host`,
		"sftp:host/ota":                       `target "sftp:host/ota": has no host`,
		"sftp://host":                         `target "sftp://host": has no path; /~/ is the home folder`,
		"sftp://host:0/ota":                   `target "sftp://host:0/ota": port "0" is not between 1 and 65535`,
		"sftp://host:99999/ota":               `target "sftp://host:99999/ota": port "99999" is not between 1 and 65535`,
		"sftp://host:ssh/ota":                 `target "sftp://host:ssh/ota": not a URL of the form sftp://user@host:port/path`,
		"sftp://ho st/ota":                    `target "sftp://ho st/ota": not a URL of the form sftp://user@host:port/path`,
		"sftp://host/ota?timeout=5":           `target "sftp://host/ota": unknown query key "timeout"`,
		"sftp://host/ota#1":                   `target "sftp://host/ota": has a # or a ?; in a path they are written %23 and %3F`,
		"sftp://host/a%00b":                   `target "sftp://host/a%00b": has a control character`,
		"sftp://host/a%2":                     `target "sftp://host/a%2": not a URL of the form sftp://user@host:port/path`,
		"sftp://ann:hunter2@host/ota":         `target "sftp://***@host/ota": has a password, which would end up in logs and shell histories`,
		"sftp://ann:@host/ota":                `target "sftp://***@host/ota": has a password, which would end up in logs and shell histories`,
		"sftp://ann:hunter2/x@host/ota":       `target "sftp://***@host/ota": not a URL of the form sftp://user@host:port/path`,
		"sftp://host/ota?password=hunter2":    `target "sftp://host/ota": unknown query key "password"`,
		"sftp://ann:hun%ter2@host/ota":        `target "sftp://***@host/ota": not a URL of the form sftp://user@host:port/path`,
		"sftp://ann:hunter2@host/ota?x=y":     `target "sftp://***@host/ota": has a password, which would end up in logs and shell histories`,
		"ssh://ann:hunter2@host/ota":          `target "ssh://***@host/ota": has a password, which would end up in logs and shell histories`,
		"ann:hunter2@host:/ota":               `target "***@host:/ota": does not start with sftp://`,
		"sftp://ann:hunter2#hunter2@host/ota": `target "sftp://***@host/ota": not a URL of the form sftp://user@host:port/path`,
	} {
		_, err := ParseURL(raw)
		var wrong *URLError
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", raw, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("sftp://ann:S3CRET@host:22/ota?x#y")
	f.Add("sftp://[::1]/~/S3CRET")
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := ParseURL(raw)
		if err == nil {
			again, err := ParseURL(target.String())
			if err != nil || again != target {
				t.Errorf("%q: %+v is written %q: %+v, %v", raw, target, target, again, err)
			}
		}
		if err != nil && !strings.Contains(raw, "S3CRET") {
			return
		}
		if _, err := ParseURL("sftp://ann:S3CRET" + raw + "@host/ota"); err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("the password is repeated: %v", err)
		}
	})
}
