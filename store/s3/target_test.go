package s3

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]Target{
		"s3://fleet":                       {Bucket: "fleet"},
		"s3://fleet/":                      {Bucket: "fleet"},
		"s3://fleet/a/b/?region=eu-west-1": {Bucket: "fleet", Prefix: "a/b", Region: "eu-west-1"},
		"s3://fleet/a%20b?endpoint=minio.example.org:9000": {
			Bucket: "fleet", Prefix: "a b", Endpoint: "https://minio.example.org:9000", PathStyle: true,
		},
		"s3://fleet?endpoint=http://[::1]:9000/&path-style=false": {Bucket: "fleet", Endpoint: "http://[::1]:9000"},
		"s3://fleet?path-style=true":                              {Bucket: "fleet", PathStyle: true},
	} {
		got, err := ParseURL(raw)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
		if again, err := ParseURL(got.String()); err != nil || again != want {
			t.Errorf("%s: as text %s: %+v, %v", raw, got, again, err)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	const secret = "geheim"
	for raw, says := range map[string]string{
		"s3://":                                  "has no bucket",
		"s3:///x":                                "has no bucket",
		"s3://Fleet":                             "no name of a bucket",
		"s3://fl":                                "no name of a bucket",
		"s3://fleet:80/x":                        "no name of a bucket",
		"s3://192.168.0.1/x":                     "no name of a bucket",
		"s3://fleet/a//b":                        "part of a prefix",
		"s3://fleet/../b":                        "part of a prefix",
		"s3://fleet/a%5Cb":                       "part of a prefix",
		"s3://fleet/a%00b":                       "part of a prefix",
		"s3://fleet/%zz":                         "not a URL",
		"s3://fleet/a#b":                         "has a #",
		"s3://key:" + secret + "@fleet/x":        "has credentials",
		"s3://key:a?" + secret + "@fleet/x":      "not a URL",
		"s3://key:a#" + secret + "@fleet/x":      "not a URL",
		"s3://fleet/a*":                          "part of a prefix",
		"s3://fleet/a%3F":                        "part of a prefix",
		"s3://fleet?" + secret + "=1":            "unknown query key",
		"s3://fleet?region=a&region=b":           "is there twice",
		"s3://fleet?region=a%20b":                "no name of a region",
		"s3://fleet?region=":                     "no name of a region",
		"s3://fleet?path-style=maybe":            "must be true or false",
		"s3://fleet?endpoint=":                   "has no host",
		"s3://fleet?endpoint=ftp://h":            "must with https:// or http://",
		"s3://fleet?endpoint=https://h/p":        "more than a host and a port",
		"s3://fleet?endpoint=k:" + secret + "@h": "the endpoint has credentials",
		"sftp://fleet/x":                         "does not start with s3://",
	} {
		_, err := ParseURL(raw)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", raw, err, says)
		} else if strings.Contains(err.Error(), secret) && says != "unknown query key" {
			t.Errorf("%s: tells the secret: %v", raw, err)
		}
	}
}

func TestPlain(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"": false, "https://h": false, "http://h": true, "http://10.0.0.1:9000": true, "http://localhost:9000": false, "http://127.0.0.1": false, "http://[::1]": false,
	} {
		if got := (Target{Endpoint: endpoint}).Plain(); got != want {
			t.Errorf("%q: %v", endpoint, got)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("s3://fleet/a/b?endpoint=http://h:1&region=r&path-style=true")
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := ParseURL(raw)
		if err != nil {
			return
		}
		if again, err := ParseURL(target.String()); err != nil || again != target {
			t.Errorf("%q: %+v as text %q: %+v, %v", raw, target, target, again, err)
		}
	})
}
