package layout

import (
	"path"
	"strings"
)

// The headers of docs/FORMAT.md, section 8.
const (
	changing  = "no-cache"
	immutable = "public, max-age=31536000, immutable"
)

// Headers returns the Content-Type and the Cache-Control of what lies under a name, relative to the server root.
func Headers(name string) (contentType, cacheControl string) {
	first, rel, _ := strings.Cut(name, "/")
	if path.Base(name) == pointerName {
		return "text/plain", changing
	}
	_, err := ParseProject(first)
	if _, ok := ParsePlace(rel); ok && err == nil {
		return "application/octet-stream", immutable
	}
	return "application/octet-stream", changing
}
