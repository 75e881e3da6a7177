package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/probe"
)

// A webOutcome is what devices get over HTTP.
type webOutcome struct {
	URL      string           `json:"url"`
	Findings []findingOutcome `json:"findings"`
	Devices  []deviceFate     `json:"devices"`

	report probe.Report
}

type findingOutcome struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Name     string `json:"name,omitempty"` // relative to the server root
	More     int    `json:"more,omitempty"` // how many further names
	Who      string `json:"who"`
	Why      string `json:"why"`
	Detail   string `json:"detail,omitempty"`
	Fix      string `json:"fix"`
}

type deviceFate struct {
	Client  string `json:"client"`
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
}

func newWebOutcome(url string, report probe.Report) *webOutcome {
	o := &webOutcome{URL: url, Findings: []findingOutcome{}, Devices: []deviceFate{}, report: report}
	for _, f := range report.Findings {
		o.Findings = append(o.Findings, findingOutcome{f.Code, string(f.Severity), f.Path, f.More, f.Who, f.Why, f.Detail, f.Fix})
	}
	for _, f := range report.Fates {
		o.Devices = append(o.Devices, deviceFate{f.Client, string(f.Verdict), f.Why})
	}
	return o
}

// lines are a line for each finding, and one for each verdict.
func (o *webOutcome) lines() (lines []string) {
	for _, f := range o.report.Findings {
		lines = append(lines, f.String())
	}
	if n := len(o.report.Fates); n > 1 && len(o.kinds(probe.Updates)) == n {
		return append(lines, fmt.Sprintf("%s: all %d kinds of device that were tried would update", o.URL, n))
	}
	for _, v := range []probe.Verdict{probe.Updates, probe.Stays, probe.Loops, probe.Rubbish} {
		if names := o.clients(v); len(names) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s", verdicts[v], strings.Join(names, "; ")))
		}
	}
	return lines
}

var verdicts = map[probe.Verdict]string{
	probe.Updates: "would update", probe.Stays: "would stay on what they run", probe.Loops: "would reset for ever",
	probe.Rubbish: "would run what nobody published",
}

// kinds are those with a verdict.
func (o *webOutcome) kinds(v probe.Verdict) (all []string) {
	for _, f := range o.report.Fates {
		if f.Verdict == v {
			all = append(all, f.Client)
		}
	}
	return all
}

// clients are the kinds of device with a verdict, the original ones put together by their version.
func (o *webOutcome) clients(v probe.Verdict) (names []string) {
	firmware := map[string][]string{}
	for _, client := range o.kinds(v) {
		name, on, original := strings.Cut(client, ", firmware ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if original {
			firmware[name] = append(firmware[name], on)
		}
	}
	for i, name := range names {
		if on := firmware[name]; len(on) > 0 {
			names[i] += " (firmware " + strings.Join(on, ", ") + ")"
		}
	}
	return names
}

// A foundError says that something is wrong with what devices get. What that is stands in the results.
type foundError struct {
	url    string
	errors int
}

func (e *foundError) Error() string { return fmt.Sprintf("%s: %s", e.url, count(e.errors, "error")) }

// err is the error that the findings are; nil if there is none among them, or no outcome.
func (o *webOutcome) err() error {
	if o == nil || !o.report.Failed() {
		return nil
	}
	e := &foundError{url: o.URL}
	for _, f := range o.report.Findings {
		if f.Severity == probe.Error {
			e.errors++
		}
	}
	return e
}
