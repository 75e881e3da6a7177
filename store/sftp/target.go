package sftp

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// A Target is a folder on a server.
type Target struct {
	User string // "": from ssh_config, else the local user
	Host string // as typed: may be a name that only ssh_config knows
	Port int    // 0: from ssh_config, else 22
	Path string // absolute, or relative to the home folder; never empty
}

// A URLError reports a URL that is no [Target]. It never holds a password.
type URLError struct {
	URL    string // without what may be secret
	Reason string
}

func (e *URLError) Error() string { return fmt.Sprintf("target %q: %s", e.URL, e.Reason) }

// ParseURL parses sftp://[user@]host[:port]/path. A path that starts with /~/ is relative to the home folder. Parts are
// %-decoded. Its errors are of type *[URLError].
func ParseURL(raw string) (Target, error) {
	refuse := func(format string, args ...any) (Target, error) {
		return Target{}, &URLError{redact(raw), fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(raw)
	if err != nil { // its text repeats the URL
		return refuse("not a URL of the form sftp://user@host:port/path")
	}
	if _, has := u.User.Password(); has {
		return refuse("has a password, which would end up in logs and shell histories")
	}
	switch {
	case u.Scheme != "sftp":
		return refuse("does not start with sftp://")
	case u.Hostname() == "":
		return refuse("has no host")
	case u.RawQuery != "":
		key, _, _ := strings.Cut(strings.Split(u.RawQuery, "&")[0], "=")
		return refuse("unknown query key %q", key)
	case u.Fragment != "" || u.ForceQuery:
		return refuse("has a # or a ?; in a path they are written %%23 and %%3F")
	case u.Path == "":
		return refuse("has no path; /~/ is the home folder")
	}
	for _, part := range []string{u.User.Username(), u.Hostname(), u.Path} {
		if strings.ContainsFunc(part, unicode.IsControl) {
			return refuse("has a control character")
		}
	}
	port, err := parsePort(u.Port())
	if err != nil {
		return refuse("%v", err)
	}
	return Target{u.User.Username(), u.Hostname(), port, serverPath(u.Path)}, nil
}

// parsePort parses a port; "" is 0.
func parsePort(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("port %q is not between 1 and 65535", text)
	}
	return port, nil
}

func serverPath(p string) string {
	if p == "/~" {
		return "."
	}
	if rest, ok := strings.CutPrefix(p, "/~/"); ok {
		return path.Clean(strings.TrimLeft(rest, "/"))
	}
	return path.Clean(p)
}

// redact cuts out of a URL what may be secret: everything between :// and the last @ if there is a colon in it, and what
// stands behind a ? or a #.
func redact(raw string) string {
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + len("://")
	}
	if end := strings.LastIndex(raw, "@"); end > start && strings.ContainsAny(raw[start:end], ":/?#") {
		raw = raw[:start] + "***" + raw[end:]
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	return raw
}

// String returns the target as a URL, as far as it is known.
func (t Target) String() string {
	host := t.Host
	if t.Port != 0 {
		host = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	u := url.URL{Scheme: "sftp", Host: host, Path: t.Path}
	if !path.IsAbs(t.Path) {
		u.Path = path.Join("/~", t.Path)
	}
	if t.User != "" {
		u.User = url.User(t.User)
	}
	return u.String()
}
