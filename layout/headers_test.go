package layout

import "testing"

func TestHeaders(t *testing.T) {
	const kept = "public, max-age=31536000, immutable"
	for name, want := range map[string][2]string{
		"demo/version":                     {"text/plain", "no-cache"},
		"demo/v1.0.0.manifest":             {"application/octet-stream", kept},
		"demo/v1.0.0_main.py":              {"application/octet-stream", kept},
		"demo/v1.0.0/lib/main.py":          {"application/octet-stream", kept},
		"demo/.otactl/log/00000001/entry":  {"application/octet-stream", "no-cache"},
		"demo/.otactl/pruned/v1.0.0":       {"application/octet-stream", "no-cache"},
		"demo/readme.txt":                  {"application/octet-stream", "no-cache"},
		".well-known/v1.0.0.manifest":      {"application/octet-stream", "no-cache"},
		"demo/v1.0.0-rc.manifest.manifest": {"application/octet-stream", "no-cache"},
	} {
		if contentType, cache := Headers(name); contentType != want[0] || cache != want[1] {
			t.Errorf("%s: %s, %s; want %s", name, contentType, cache, want)
		}
	}
}
