package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/layout"
)

// answer names what is wrong with an answer that somebody got, and reports whether there is a whole file to look at.
func (c *check) answer(name string, v view, who string) bool {
	if v.status == 0 || v.err != nil && v.status != 200 {
		c.broken(name, v, who)
		return false
	}
	if v.status != 200 {
		c.status(name, v, who)
		return false
	}
	if v.chunks && who == originalClients {
		c.report.add(chunked.at(name, ""))
	}
	if e := v.header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		c.report.add(encoded.by(who).at(name, fmt.Sprintf("%q", e)))
	}
	if v.err != nil {
		c.broken(name, v, who)
		return false
	}
	if v.length < 0 && !v.chunks {
		c.report.add(noLength.by(who).at(name, ""))
	}
	return true
}

// broken names why an answer is none.
func (c *check) broken(name string, v view, who string) {
	detail := fmt.Sprint(v.err)
	switch {
	case errors.Is(v.err, errKeptOpen):
		if who == originalClients {
			c.report.add(keptOpen.at(name, ""))
		}
	case errors.Is(v.err, errNoLength):
		c.report.add(noLength.by(who).at(name, ""))
	case errors.Is(v.err, errSilent):
		c.report.add(silent.by(who).at(name, ""))
	case errors.Is(v.err, errEndless):
		c.report.add(endless.by(who).at(name, ""))
	case errors.Is(v.err, errEarly):
		c.report.add(truncated.by(who).at(name, detail))
	default:
		c.report.add(stopped.by(who).at(name, detail))
	}
}

// status names why an answer is not 200.
func (c *check) status(name string, v view, who string) {
	detail := statusText(v.status)
	switch {
	case v.status == 401 && c.site.auth == "":
		c.report.add(password.at(name, ""))
	case v.status == 401:
		c.report.add(wrongPassword.at(name, ""))
	case v.status == 403:
		c.report.add(forbidden.by(who).at(name, detail))
	case v.status == 404 || v.status == 410:
		c.report.add(missing.by(who).at(name, detail))
	case v.status >= 500:
		c.report.add(serverBroken.at(name, detail))
	case v.status/100 == 3 && v.header.Get("Location") != "" && who != own:
		c.redirect(name, v.header.Get("Location"))
	default:
		c.report.add(otherStatus.by(who).at(name, detail))
	}
}

// redirect names who cannot follow. With original clients it is the form of the URL that decides.
func (c *check) redirect(name, to string) {
	who := originalClients + " on firmware 1.19, and on 1.24 to another host"
	if !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") {
		who = originalClients + " on every firmware to 1.28"
	}
	c.report.add(redirected.by(who).at(name, fmt.Sprintf("to %q", to)))
}

// content compares a body with what was published.
func (c *check) content(name string, v view, f layout.File) {
	if d := differs(v.body, f); d != nil {
		c.report.add(d.finding.by(allDevices).at(name, d.why))
	}
}

// again is how often version is asked for once more: of several servers behind one name each may get its turn.
const again = 4

// pointer looks at version, as everybody asks for it, and more than once.
func (c *check) pointer(ctx context.Context, known *Release) (tag layout.Tag, ok bool) {
	name := c.project.Pointer()
	ok = true
	var texts []string
	see := func(v view, who string) {
		if !c.answer(name, v, who) {
			ok = false
			return
		}
		c.age(name, v)
		texts = append(texts, strings.Trim(string(v.body), blanks))
	}
	for _, form := range c.forms() {
		see(look(c.ask(ctx, form, name)), form.who())
	}
	s := c.own(ctx)
	defer s.close()
	see(s.get(name, 0, limit(0)), own)
	for range again {
		see(c.poll(ctx), c.poller())
	}
	if len(texts) == 0 {
		return tag, false
	}
	return c.agree(name, texts, known)
}

// poll asks for version anew, as most devices do.
func (c *check) poll(ctx context.Context) view {
	name := c.project.Pointer()
	if c.site.OwnOnly {
		s := c.own(ctx)
		defer s.close()
		return s.get(name, 0, limit(0))
	}
	text := oldest.request(c.site.path(name), c.site.at.host, c.site.auth)
	return look(c.site.exchange(ctx, c.site.at, text, limit(0)))
}

func (c *check) poller() string {
	if c.site.OwnOnly {
		return own
	}
	return originalClients
}

// agree compares what was answered, and with what the target says.
func (c *check) agree(name string, texts []string, known *Release) (tag layout.Tag, ok bool) {
	first := texts[0]
	for _, text := range texts {
		if text != first {
			c.report.add(stale.at(name, fmt.Sprintf("%.40q, and then %.40q", first, text)))
			break
		}
	}
	if known != nil && slices.Contains(texts, known.Tag.String()) {
		return known.Tag, true
	}
	tag, err := layout.ParseTag(first)
	if err != nil {
		c.report.add(badVersion.at(name, fmt.Sprintf("%.40q", first)))
		return tag, false
	}
	if known != nil && !known.Tag.IsZero() && known.Tag.String() != first {
		c.report.add(stale.at(name, fmt.Sprintf("%.40q, and the target has %s", first, known.Tag)))
	}
	return tag, true
}

// ranges asks for the second half of the largest file, as a client does that goes on with a download.
func (c *check) ranges(ctx context.Context, r Release) {
	var f layout.File
	for _, g := range r.Files {
		if g.Size > f.Size {
			f = g
		}
	}
	if f.Size < 2 {
		return
	}
	s := c.own(ctx)
	defer s.close()
	name, start := r.path(f.Name), f.Size/2
	v, whole := s.get(name, start, limit(f.Size)), look(c.ask(ctx, oldest, name))
	switch {
	case whole.status != 200 || int64(len(whole.body)) != f.Size || v.err != nil && v.status == 0: // that was said already
	case v.status == 200:
		c.report.add(noRange.at(name, ""))
	case v.status != 206 || v.err != nil || !bytes.Equal(v.body, whole.body[start:]):
		c.report.add(badRange.at(name, statusText(v.status)))
	}
}
