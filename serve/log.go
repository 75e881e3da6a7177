package serve

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	sent   int64 // bytes of the body
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(data)
	r.sent += int64(n)
	return n, err
}

// combined is one line of an access log: host, user, time, request, status, bytes of the body, referrer, user agent.
func combined(r *http.Request, answer *recorder, start time.Time) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	user, _, _ := r.BasicAuth()
	return fmt.Sprintf(`%s - %s [%s] "%s %s %s" %d %d "%s" "%s"`,
		host, strings.ReplaceAll(field(user), " ", `\x20`), start.Format("02/Jan/2006:15:04:05 -0700"),
		field(r.Method), field(r.RequestURI), field(r.Proto), answer.status, answer.sent, field(r.Referer()), field(r.UserAgent()))
}

// field makes what a client sent safe between quotes, as nginx does. Nothing is a dash.
func field(text string) string {
	if text == "" {
		return "-"
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
