package probe

import (
	"context"
	"strings"

	"github.com/otactl/otactl/layout"
)

// A client is an original micropython_ota. The table says all that they differ in, as far as a server can see.
type client struct {
	version  string
	password bool // can send one
	timeout  bool // gives one to requests
	eager    bool // decodes a body whatever its status is
	staged   bool // puts files below tmp/ until all are there; else each replaces a live one at once
}

var clients = []client{
	{version: "v1.0 to v1.1"},
	{version: "v1.2 to v2.0", password: true, timeout: true, eager: true},
	{version: "v2.1", password: true, timeout: true, eager: true, staged: true},
}

// An original is an original client on some firmware.
type original struct {
	client
	generation
}

// originals are the pairs that work at all.
func originals() (all []original) {
	for _, g := range generations {
		for _, c := range clients {
			if g.timeouts || !c.timeout {
				all = append(all, original{c, g})
			}
		}
	}
	return all
}

func (o original) name() string {
	return "micropython_ota " + o.client.version + ", firmware " + o.firmware
}

// A Verdict is what becomes of a device.
type Verdict string

const (
	Updates Verdict = "updates" // to exactly what was published
	Stays   Verdict = "stays"   // on what it runs, and goes on asking
	Loops   Verdict = "loops"   // resets at each poll for ever, and updates never
	Rubbish Verdict = "rubbish" // runs what nobody published: altered files, or a mix of old and new ones
)

// A Fate is what becomes of one kind of device, and why.
type Fate struct {
	Client  string
	Verdict Verdict
	Why     string // "" if it updates
	inborn  bool   // the release is to blame, or the client, whatever the server does
}

func fate(v Verdict, why string) Fate { return Fate{Verdict: v, Why: why} }

// update lets an original client on an older release poll and update. Its list of files is that of the release.
func (o original) update(ctx context.Context, c *check, r Release) Fate {
	f := o.attempt(ctx, c, r)
	f.Client = o.name()
	return f
}

func (o original) attempt(ctx context.Context, c *check, r Release) Fate {
	if c.site.auth != "" && !o.password {
		return Fate{Verdict: Stays, Why: "sends no password", inborn: true}
	}
	if c.all {
		tag, f := o.poll(ctx, c)
		switch {
		case f != nil:
			return *f
		case r.Tag.IsZero() || tag != r.Tag.String():
			return o.elsewhere(c, tag)
		}
	}
	return o.install(ctx, c, r)
}

// poll is check_version: the text of the pointer, or what a device does that has none.
func (o original) poll(ctx context.Context, c *check) (tag string, f *Fate) {
	stay := func(why string) (string, *Fate) { f := fate(Stays, "version: "+why); return "", &f }
	reply := o.get(ctx, c.recorder, c.site.url(c.project.Pointer()), c.site.auth)
	switch {
	case reply.raised != "":
		return stay(reply.raised)
	case reply.status != 200:
		return stay(statusText(reply.status))
	case !isText(reply.body):
		return stay(errText.Error())
	}
	tag = strings.Trim(string(reply.body), blanks)
	// It is written down as it is, and of that the first line is compared with the whole.
	if first, _, _ := strings.Cut(tag, "\n"); strings.Trim(first, blanks) != tag {
		f := fate(Loops, "version has several lines, and never equals the first one that was stored")
		return tag, &f
	}
	return tag, nil
}

// elsewhere is what comes of a pointer that does not name the release.
func (o original) elsewhere(c *check, text string) Fate {
	if _, err := layout.ParseTag(text); err == nil {
		return fate(Stays, "version names another release")
	}
	if c.soft {
		return fate(Rubbish, "version is no tag, and what does not exist is answered with 200")
	}
	return fate(Loops, "version is no tag: no file is found under that name")
}

// install is ota_update once it knows the tag.
func (o original) install(ctx context.Context, c *check, r Release) Fate {
	missing, altered := "", ""
	written := 0
	for _, file := range r.Files {
		reply := o.get(ctx, c.recorder, c.site.url(r.path(file.Name)), c.site.auth)
		ok := reply.status == 200
		switch text := isText(reply.body); {
		case reply.raised != "":
			return o.broken(written, file.Name+": "+reply.raised)
		case (ok || o.eager) && !text:
			f := o.broken(written, file.Name+": "+errText.Error())
			f.inborn = ok && differs(reply.body, file) == nil
			return f
		case !ok:
			missing = file.Name + ": " + statusText(reply.status)
			continue
		case o.staged && strings.Contains(file.Name, "/"):
			f := o.broken(written, file.Name+": OSError: ENOENT, there is no such folder in tmp")
			f.inborn = true
			return f
		}
		written++
		if d := differs(reply.body, file); d != nil {
			altered = file.Name + ": " + d.why
		}
	}
	switch {
	case missing != "":
		return o.broken(written, missing)
	case altered != "":
		return fate(Rubbish, altered)
	}
	return fate(Updates, "")
}

// broken is an update that does not come to its end: the version stays the old one, and so the next poll resets again.
func (o original) broken(written int, why string) Fate {
	if written > 0 && !o.staged {
		return fate(Rubbish, "a mix of old and new files: "+why)
	}
	return fate(Loops, why)
}

// judge says what becomes of each kind of device.
func (c *check) judge(ctx context.Context, r Release) {
	for _, o := range originals() {
		if c.site.OwnOnly {
			break
		}
		if c.all || o.generation.version == oldest.version && !o.sorted {
			c.report.Fates = append(c.report.Fates, o.update(ctx, c, r))
		}
	}
	c.report.Fates = append(c.report.Fates, c.ownFate())
	c.report.explain(c.site.auth != "")
}
