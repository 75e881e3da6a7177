package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/otactl/otactl/layout"
)

// Handler answers requests for what lies below a root.
func Handler(root *os.Root, o Options) http.Handler {
	h := &handler{root, o}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &recorder{ResponseWriter: w}
		start := o.Now()
		h.answer(answer, r)
		o.Log(combined(r, answer, start))
	})
}

type handler struct {
	root *os.Root
	o    Options
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
	case !h.mayPass(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="otactl", charset="UTF-8"`)
		refuse(w, http.StatusUnauthorized)
	default:
		h.file(w, r)
	}
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// mayPass compares in a time that tells nothing about how much of a guess is right.
func (h *handler) mayPass(r *http.Request) bool {
	if h.o.User == "" && h.o.Password == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return equal(user, h.o.User)&equal(password, h.o.Password) == 1
}

func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// file sends a file. The path was decoded, so a dot or a slash that was encoded is seen as what it is.
func (h *handler) file(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if !isPublic(name) {
		refuse(w, http.StatusNotFound)
		return
	}
	f, changed, err := h.open(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		refuse(w, http.StatusForbidden)
		return
	case err != nil:
		refuse(w, http.StatusNotFound)
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	contentType, cacheControl := layout.Headers(name)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", cacheControl)
	if path.Base(name) == "version" {
		answerInFull(r)
		changed = time.Time{} // two tags of one length within a second would look the same
	}
	http.ServeContent(w, r, "", changed, f)
}

// isPublic reports whether a path may be looked at: one that leads nowhere but down, with no name that starts with a dot.
func isPublic(name string) bool {
	return fs.ValidPath(name) && !strings.Contains("/"+name, "/.") && !strings.ContainsAny(name, "\\\x00")
}

// open opens a regular file and nothing else: opening a named pipe would wait for somebody to write into it.
func (h *handler) open(name string) (f *os.File, changed time.Time, err error) {
	info, err := h.root.Stat(name)
	if err != nil {
		return nil, changed, err
	}
	if !info.Mode().IsRegular() {
		return nil, changed, fs.ErrNotExist
	}
	f, err = h.root.Open(name)
	return f, info.ModTime(), err
}

// answerInFull takes out of a request what could make the answer anything but the whole content.
func answerInFull(r *http.Request) {
	for _, header := range []string{
		"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range",
	} {
		r.Header.Del(header)
	}
}
