package probe

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// bearable is how long a cache may keep version before that is an error and not a warning.
const bearable = time.Minute

// age looks at how long caches may keep version.
func (c *check) age(name string, v view) {
	keep, says := freshness(v.header, c.site.Now())
	detail := fmt.Sprintf("Cache-Control %.60q", strings.Join(v.header.Values("Cache-Control"), ", "))
	switch {
	case says && keep > bearable:
		c.report.add(frozen.at(name, detail))
	case says && keep > 0:
		c.report.add(kept.at(name, detail))
	case !says:
		c.report.add(kept.at(name, "no Cache-Control"))
	}
}

// freshness is how long a shared cache may keep an answer without asking (RFC 9111). says is false if it is left to guess.
func freshness(h http.Header, now time.Time) (keep time.Duration, says bool) {
	directives := map[string]string{}
	for _, one := range strings.Split(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		directives[key] = strings.Trim(value, `" `)
	}
	for _, key := range []string{"no-cache", "no-store", "private"} {
		if _, ok := directives[key]; ok {
			return 0, true
		}
	}
	for _, key := range []string{"s-maxage", "max-age"} {
		if seconds, err := strconv.ParseUint(directives[key], 10, 31); err == nil {
			return time.Duration(seconds) * time.Second, true
		}
	}
	if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		return expires.Sub(now), true
	}
	if _, ok := directives["immutable"]; ok {
		return 365 * 24 * time.Hour, true
	}
	return 0, h.Get("Expires") != "" // one that is no date, like 0, has passed
}
