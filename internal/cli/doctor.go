package cli

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/store"
)

const doctorName = "doctor"

func doctorFlags() []ucli.Flag {
	return []ucli.Flag{flagText("layout", "KIND", "prefix (TAG_name, the default) or directory (TAG/name)")}
}

// A doctorOutcome is the answer to doctor.
type doctorOutcome struct {
	Checks []checkLine `json:"checks"`

	code  int // of the first failure
	count int // of failures
}

type checkLine struct {
	Level string `json:"level"`
	Area  string `json:"area"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

func newDoctorOutcome(lines []doctor.Line) *doctorOutcome {
	o := &doctorOutcome{Checks: []checkLine{}}
	for _, l := range lines {
		code := doctorCodes[l.Kind]
		if l.Err != nil {
			a := adviseOn(doctorName, l.Err)
			code = a.code
			if l.Fix == "" {
				l.Fix = strings.Join(a.hints, "; ")
			}
		}
		o.Checks = append(o.Checks, checkLine{string(l.Level), string(l.Area), l.Text, l.Fix})
		if l.Level != doctor.Fail {
			continue
		}
		if o.count++; o.count == 1 {
			o.code = code
		}
	}
	if o.code == exitProtected { // nothing was asked for that could have been refused: it is damaged
		o.code = exitDifferent
	}
	return o
}

// doctorCodes are the exit codes of failures that no error came of.
var doctorCodes = map[doctor.Kind]int{
	doctor.Wrong: exitUsage, doctor.Refused: exitRefused, doctor.Different: exitDifferent, doctor.Unreachable: exitUnreachable,
}

func (o *doctorOutcome) lines() (lines []string) {
	for _, c := range o.Checks {
		text := strings.ReplaceAll(c.Text, "\n", "; ")
		lines = append(lines, fmt.Sprintf("%-4s  %-7s  %s", c.Level, c.Area, text))
		if c.Fix != "" {
			lines = append(lines, "      -> "+c.Fix)
		}
	}
	return lines
}

// A doctorError says that something does not work. What it is stands in the outcome.
type doctorError struct{ code, count int }

func (e *doctorError) Error() string {
	if e.count == 1 {
		return "1 check failed"
	}
	return fmt.Sprintf("%d checks failed", e.count)
}

// onDoctor gives a run the exit code of its first failure.
func onDoctor(_ string, err error) *advice {
	if e, ok := err.(*doctorError); ok { //nolint:errorlint // nobody wraps it
		return advise(e.code)
	}
	return nil
}

func runDoctor(ctx context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	o, err := c.examine(ctx)
	if err != nil {
		return nil, err
	}
	if o.count > 0 {
		return o, &doctorError{o.code, o.count}
	}
	return o, nil
}

// examine makes all checks: first those of this machine, then those elsewhere.
func (c *call) examine(ctx context.Context) (*doctorOutcome, error) {
	settings := doctor.Settings{Values: c.values(), Over: c.overruled()}
	request := doctor.Request{URL: c.url.text, Original: !c.noOriginal, Now: c.env.Now, Repair: repair}
	if c.config != nil {
		settings.File = c.config.path
	}
	note := func(err error) {
		settings.Errs = append(settings.Errs, flatten(err)...)
	}
	note(c.settingsErr)
	var err error
	if c.project.isSet() {
		request.Project, err = c.parseProject()
		note(err)
	}
	if c.layout != "" {
		request.Kind, err = c.kind()
		note(err)
	}
	calls, err := c.each()
	note(err)
	if c.to.isSet() && err == nil {
		t, err := parseTarget(c.to, c.env)
		note(err)
		if request.Target, settings.Folder = t.String(), c.onlyFolders(calls); err == nil {
			request.Open = c.open
		}
	}
	request.Site, err = c.site()
	note(err)
	request.Client, err = ownClient()
	note(err)

	lines := doctor.CheckSettings(settings)
	files, need := c.checkFiles(ctx)
	keys, err := c.checkKeys(ctx)
	if err != nil {
		return nil, err
	}
	request.Need, request.Signers = need, keys.Public
	lines = append(append(lines, files...), doctor.CheckKeys(keys)...)
	if request.Project != "" {
		elsewhere, err := elsewhere(ctx, calls, request)
		if err != nil {
			return nil, err
		}
		lines = append(lines, elsewhere...)
	}
	return newDoctorOutcome(lines), nil
}

// values are the settings that can contradict each other. Of a secret only that it is there.
func (c *call) values() map[string]string {
	values := map[string]string{
		"project": c.project.text, "to": c.to.text, "url": c.url.text, "http-user": c.httpUser, "host-key": c.hostKey.text,
		"known-hosts": c.known.text, "identity": c.identity.text, "key": strings.Join(c.keys.many, " "),
	}
	if c.secrets.signKey != "" {
		values[signKeyVariable] = "set"
	}
	return values
}

// overruled are the settings of otactl.toml that do not count here.
func (c *call) overruled() (over []doctor.Overruled) {
	for _, s := range []struct {
		name string
		now  setting
	}{{"project", c.project}, {"to", c.to}, {"url", c.url}, {"host-key", c.hostKey}, {"known-hosts", c.known}, {"identity", c.identity}} {
		file := c.config.lookup(s.name)
		if len(file) > 0 && !s.now.inFile() && !slices.Equal(s.now.many, file) && !strings.HasPrefix(s.now.origin, "--") {
			over = append(over, doctor.Overruled{Name: s.name, By: s.now.origin})
		}
	}
	return over
}

// checkFiles checks the files that publish would take, if otactl.toml names them, and says who judges files.
func (c *call) checkFiles(ctx context.Context) (lines []doctor.Line, need int64) {
	judged := func() doctor.Line {
		return doctor.Line{Level: doctor.OK, Area: doctor.Files, Text: "syntax: " + c.decided()}
	}
	if !c.files.isSet() {
		if err := c.appoint(ctx); err != nil {
			return []doctor.Line{doctor.Failed(doctor.Files, err)}, 0
		}
		return []doctor.Line{judged()}, 0
	}
	set, errs := c.gather(ctx, nil)
	var warnings []string
	for _, w := range set.Warnings {
		warnings = append(warnings, w.String())
	}
	lines = doctor.CheckFiles(len(set.Files), set.Size(), errs, warnings)
	if c.syntax != nil || c.noSyntaxCheck { // else nobody could be appointed
		lines = append(lines, judged())
	}
	return lines, set.Size()
}

// checkKeys reads the keys that are here. Its error is that of ctx.
func (c *call) checkKeys(ctx context.Context) (keys doctor.Keys, err error) {
	if keys.Public, err = c.signers(); err != nil {
		keys.Errs = append(keys.Errs, err)
	}
	if name := c.identity.path(home(c.env)); name != "" {
		keys.Identity = keyFile(c.identity.text, name)
	}
	add := func(key doctor.Key, private []*sign.Key, err error) {
		if err != nil {
			keys.Errs = append(keys.Errs, err)
		}
		for _, k := range private {
			key.Public = append(key.Public, k.Public())
		}
		if err == nil {
			keys.Signing = append(keys.Signing, key)
		}
	}
	if !c.keys.isSet() && c.secrets.signKey != "" {
		private, err := c.parseKeys(ctx, signKeyVariable, []byte(c.secrets.signKey))
		add(doctor.Key{Name: signKeyVariable}, private, err)
	}
	for _, name := range c.keys.many {
		s := setting{text: name, base: c.keys.base, origin: c.keys.origin}
		text, err := c.readKeyFile(s)
		if err != nil {
			add(doctor.Key{}, nil, err)
			continue
		}
		private, err := c.parseKeys(ctx, "key "+name, text)
		add(keyFile(name, s.path(home(c.env))), private, err)
	}
	return keys, ctx.Err()
}

// keyFile is a key by its file.
func keyFile(name, path string) doctor.Key {
	info, err := os.Stat(path)
	if err != nil {
		return doctor.Key{Name: name} // whoever reads it says why
	}
	return doctor.Key{Name: name, Mode: info.Mode(), IsFile: info.Mode().IsRegular()}
}

// examineNew is what otactl doctor would say in this folder, with the variables that are set.
func (c *call) examineNew(ctx context.Context) (*doctorOutcome, error) {
	as := ucli.NewContext(nil, flag.NewFlagSet(doctorName, flag.ContinueOnError), nil)
	for _, command := range c.commands() {
		if command.Name == doctorName {
			as.Command = command
		}
	}
	s, err := newSettings(c.env, as)
	return (&call{runner: c.runner, settings: s, settingsErr: err}).examine(ctx)
}

// Try implements store.Trier.
func (w *watched) Try(ctx context.Context, project string, now func() time.Time) (store.Trial, error) {
	start := time.Now()
	w.now("trying out what a publish does")
	trial, err := w.Store.(store.Trier).Try(ctx, project, now)
	w.trace(start, err, "try out %q", project)
	return trial, err
}
