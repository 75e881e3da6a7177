package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Severity says how much a finding matters.
type Severity string

const (
	Error   Severity = "error"   // some device does not get what was published, or somebody gets what is not for him
	Warning Severity = "warning" // it may come to that
	Info    Severity = "info"    // it works, and could work better
)

// A Finding is one thing that is wrong: who is hit, why, and how to mend it.
type Finding struct {
	Code     string
	Severity Severity
	Who      string
	Path     string // relative to the server root; "" if it is about the server
	More     int    // how many further paths it is about
	Why      string
	Detail   string // what was seen, quoted where it comes from the server
	Fix      string

	paths []string
}

const (
	allDevices      = "all devices"
	originalClients = "original clients"
)

func (f Finding) hits(who string) bool { return f.Who == who || f.Who == allDevices }

// at is the finding about one path.
func (f Finding) at(path, detail string) Finding {
	f.Path, f.Detail, f.paths = path, detail, []string{path}
	return f
}

// by is the finding about those who are hit.
func (f Finding) by(who string) Finding {
	if f.Who == "" {
		f.Who = who
	}
	return f
}

// String is one line.
func (f Finding) String() string {
	where := f.Path
	if f.More > 0 {
		where += fmt.Sprintf(" and %d more", f.More)
	}
	if where != "" {
		where = " " + where
	}
	detail := ""
	if f.Detail != "" {
		detail = " (" + f.Detail + ")"
	}
	return fmt.Sprintf("%s %s%s: %s: %s%s; %s", f.Severity, f.Code, where, f.Who, f.Why, detail, f.Fix)
}

// A Report is what was found, the worst first, and what becomes of each kind of device.
type Report struct {
	Findings []Finding
	Fates    []Fate
}

// Failed reports whether something is wrong.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
}

// A ReportError is returned by what does not go on after a report with errors.
type ReportError struct{ Report Report }

func (e *ReportError) Error() string {
	var lines []string
	for _, f := range e.Report.Findings {
		if f.Severity == Error {
			lines = append(lines, strings.TrimPrefix(f.String(), string(Error)+" "))
		}
	}
	return strings.Join(lines, "\n")
}

// add adds a finding, or another path or other devices to one that is there.
func (r *Report) add(f Finding) {
	i := slices.IndexFunc(r.Findings, func(g Finding) bool { return g.Code == f.Code && g.Why == f.Why })
	if i < 0 {
		r.Findings = append(r.Findings, f)
		return
	}
	g := &r.Findings[i]
	if g.Who != f.Who {
		g.Who = merged(g.Who, f.Who)
	}
	if !slices.Contains(g.paths, f.Path) {
		g.paths = append(g.paths, f.Path)
		g.More = len(g.paths) - 1
	}
}

// merged are both.
func merged(a, b string) string {
	switch {
	case a == allDevices || b == allDevices || a == own || b == own:
		return allDevices
	}
	return originalClients
}

func (r *Report) sort() {
	rank := map[Severity]int{Error: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
}

// explain adds what the emulations ran into that no check has named.
func (r *Report) explain(auth bool) {
	named := r.Failed()
	for _, f := range r.Fates {
		switch {
		case f.Verdict == Updates:
		case f.inborn && auth && f.Why == "sends no password":
			r.add(noPassword.by(f.Client).at("", ""))
		case f.inborn:
			r.add(tooOld.by(f.Client).at("", f.Why))
		case !named:
			r.add(stopped.by(f.Client).at("", f.Why))
		}
	}
}

// The findings. Who is left open where it depends on who got the answer.
var (
	unreachable = Finding{
		Code: "unreachable", Severity: Error, Who: allDevices, Why: "nothing answers there",
		Fix: "is the web server up, and are name and port right?",
	}
	tlsVersion = Finding{
		Code: "tls-version", Severity: Error, Who: allDevices, Why: "the server speaks no TLS 1.2, and MicroPython nothing newer",
		Fix: "allow TLS 1.2",
	}
	untrusted = Finding{
		Code: "certificate", Severity: Error, Who: own + " where it was given ca", Why: "the certificate is not trusted",
		Fix: "send the whole chain of a certificate for this name; if devices were given another authority, name it with --ca",
	}
	expired = Finding{
		Code: "certificate-expired", Severity: Error, Who: own + " where it was given ca", Why: "the certificate is not valid today",
		Fix: "renew it",
	}
	expires = Finding{
		Code: "certificate-expires", Severity: Warning, Who: own + " where it was given ca", Why: "the certificate expires soon",
		Fix: "renew it, and see why that does not happen by itself",
	}
	redirected = Finding{
		Code: "redirect", Severity: Error, Why: "they cannot follow a redirect",
		Fix: "serve the files under the URL that devices have, over http:// too if they ask so",
	}
	password = Finding{
		Code: "password", Severity: Error, Who: allDevices, Why: "the server asks for a user and a password",
		Fix: "give otactl those of the devices (--http-user, OTACTL_HTTP_PASSWORD), and devices user and passwd",
	}
	wrongPassword = Finding{
		Code: "password", Severity: Error, Who: allDevices, Why: "the server refuses this user and password",
		Fix: "compare --http-user and OTACTL_HTTP_PASSWORD with what the web server has, and with what devices have",
	}
	noPassword = Finding{
		Code: "no-password", Severity: Warning, Why: "they send no password, and never update here",
		Fix: "update these devices by hand, or serve them without a password",
	}
	forbidden = Finding{
		Code: "forbidden", Severity: Error, Why: "the web server may not read it, or does not want to",
		Fix: "chmod 644 the file and 755 each folder above it, or look for a deny rule",
	}
	missing = Finding{
		Code: "missing", Severity: Error, Why: "it is not found",
		Fix: "does the web server serve the folder that --to names, and is the path in the URL right?",
	}
	serverBroken = Finding{
		Code: "server-error", Severity: Error, Who: allDevices, Why: "the server fails", Fix: "look into its error log",
	}
	otherStatus = Finding{
		Code: "status", Severity: Error, Why: "only status 200 counts", Fix: "serve it as a plain file",
	}
	chunked = Finding{
		Code: "chunked", Severity: Error, Who: originalClients + " on every firmware to 1.28", Why: "they refuse chunked answers",
		Fix: "serve plain files: no compression, filter or script, and a proxy that keeps Content-Length",
	}
	noLength = Finding{
		Code: "no-length", Severity: Error,
		Why: "without a Content-Length nobody knows whether an answer is whole: original clients install half of one",
		Fix: "serve plain files: no compression, filter or script on the way",
	}
	encoded = Finding{
		Code: "encoded", Severity: Error, Why: "the answer has a Content-Encoding, which nobody asked for and no device undoes",
		Fix: "turn compression off for this folder (nginx: gzip off; gzip_static off;)",
	}
	truncated = Finding{
		Code: "truncated", Severity: Error, Why: "the answer ends too early: original clients install it as it is",
		Fix: "look for limits and timeouts of the web server and of proxies",
	}
	keptOpen = Finding{
		Code: "kept-open", Severity: Error, Who: originalClients,
		Why: "the server does not close the connection as they ask it to, and they wait for that (v1.0 and v1.1 for ever)",
		Fix: "obey Connection: close",
	}
	silent = Finding{
		Code: "silent", Severity: Error, Why: "no answer comes in the time that a device waits", Fix: "look at the load of the web server",
	}
	endless = Finding{
		Code: "endless", Severity: Error, Why: "far more bytes come than were published", Fix: "is this the right server?",
	}
	compressed = Finding{
		Code: "compressed", Severity: Error, Why: "the file is not what was published: devices install the compressed bytes, or refuse them",
		Fix: "turn compression off for this folder (nginx: gzip off; gzip_static off;)",
	}
	lineEnds = Finding{
		Code: "line-ends", Severity: Error, Why: "the file is not what was published: its line ends were changed",
		Fix: "turn off what rewrites texts: FTP in ASCII mode, git's autocrlf, a filter of the web server",
	}
	transcoded = Finding{
		Code: "transcoded", Severity: Error, Why: "the file is not what was published: its encoding was changed",
		Fix: "turn off what rewrites texts (nginx: charset off;)",
	}
	otherBytes = Finding{
		Code: "bytes", Severity: Error, Why: "the file is not what was published",
		Fix: "purge caches; look for what rewrites files (minifiers, injected scripts); otactl verify tells whether the target is right",
	}
	badManifest = Finding{
		Code: "manifest", Severity: Error, Who: own, Why: "the manifest is not that of this release",
		Fix: "purge caches; otactl verify tells whether the target is right",
	}
	noManifest = Finding{
		Code: "no-manifest", Severity: Warning, Who: allDevices, Why: "the release has no manifest: what its files should be is not known",
		Fix: "if otactl published it, the web server does not serve it; else publish the next one with otactl",
	}
	badVersion = Finding{
		Code: "version", Severity: Error, Who: allDevices, Why: "version is not one line with a tag: original devices reset for ever",
		Fix: "is this the right URL, and does nothing on the way put a page in its place?",
	}
	stale = Finding{
		Code: "stale", Severity: Error, Who: allDevices, Why: "version is not the same everywhere",
		Fix: "purge caches of version, let none keep it, and see that each server behind the URL has the same files",
	}
	frozen = Finding{
		Code: "frozen", Severity: Error, Who: allDevices, Why: "caches may keep version, and devices behind one see no new release",
		Fix: "send Cache-Control: no-cache for version",
	}
	kept = Finding{
		Code: "cached", Severity: Warning, Who: allDevices, Why: "caches may keep version for a while",
		Fix: "send Cache-Control: no-cache for version",
	}
	softNotFound = Finding{
		Code: "not-found", Severity: Error, Who: originalClients,
		Why: "a file that does not exist is answered with 200: they install that answer",
		Fix: "answer 404: no index page, portal or router may stand in for a missing file",
	}
	openLog = Finding{
		Code: "log", Severity: Error, Who: "you", Why: "everybody can read who published what",
		Fix: "serve nothing whose name begins with a dot (nginx: location ~ /\\. { return 404; }; a bucket: otactl init --s3)",
	}
	openList = Finding{
		Code: "list", Severity: Error, Who: "you", Why: "everybody can list the bucket: all projects, releases and changes",
		Fix: "allow everybody s3:GetObject only, as otactl init --s3 prints it",
	}
	noRange = Finding{
		Code: "no-range", Severity: Info, Who: own, Why: "the server sends no part of a file: a download that breaks begins from the start",
		Fix: "allow Range requests",
	}
	badRange = Finding{
		Code: "range", Severity: Error, Who: own, Why: "the part of a file that was asked for is not the one that came",
		Fix: "mend Range requests, or ignore them",
	}
	tooOld = Finding{
		Code: "client", Severity: Warning, Why: "this release is not for them, whatever server it is on",
		Fix: "see the README, A fleet that runs the original",
	}
	stopped = Finding{
		Code: "answer", Severity: Error, Why: "they do not update", Fix: "compare the answer with that of otactl serve",
	}
)
