//go:build linux

package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/template"
)

//go:embed report.md
var reportText string

// Report is docs/BENCHMARKS.md.
func (r *Results) report() ([]byte, error) {
	t, err := template.New("report.md").Parse(reportText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// Loads are the names of what was published, in the order of the report.
func (*Results) Loads() (names []string) {
	for _, l := range loads() {
		names = append(names, l.Name)
	}
	return names
}

// Floor is the name of the tool that does nothing.
func (*Results) Floor() string { return theFloor }

// Rounds is how many runs most cells have.
func (r *Results) Rounds() (most int) {
	for _, c := range r.Cells {
		most = max(most, c.Runs)
	}
	return most
}

// Spread says how far runs of one cell are apart.
func (r *Results) Spread() string {
	var spreads []float64
	for _, c := range r.Cells {
		if c.Runs > 1 && c.RoundTrip == plottedRoundTrip {
			spreads = append(spreads, 100*(c.Most-c.Least)/c.Wall)
		}
	}
	if len(spreads) == 0 {
		return ""
	}
	return fmt.Sprintf("At %d ms the slowest and the fastest run of a tool with a load are %.0f %% apart in the median, and %.0f %% at most.",
		plottedRoundTrip, median(spreads), slices.Max(spreads))
}

// summaryTools are those of the short table, which has no room for all.
func summaryTools() []string {
	return []string{ours, "tar over ssh", "rsync twice", "lftp mirror", "rclone", "scp + ssh mv", "sftp -b"}
}

// Summary is what README shows, too; the images are below docs.
func (r *Results) Summary(docs string) string {
	head, rule := []string{fmt.Sprintf("s at %d ms (trips)", plottedRoundTrip)}, summaryTools()
	rows := [][]string{}
	for _, tool := range rule {
		head = append(head, bold(tool))
	}
	for _, load := range plottedLoads() {
		row := []string{load}
		for _, tool := range rule {
			c, measured := r.cell(tool, load, plottedRoundTrip)
			n, counted := r.trips(tool, load)
			text := "not measured"
			if measured && counted {
				text = fmt.Sprintf("%s (%d)", seconds(c.Wall), n.Trips)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"%sbenchmarks-dark.svg\">\n", docs)
	fmt.Fprintf(&b, "  <img alt=\"Bars: how long each tool takes to publish 2, 10 and 100 files over %d ms\" src=\"%sbenchmarks-light.svg\">\n</picture>\n\n",
		plottedRoundTrip, docs)
	b.WriteString(table(slices.Insert(rows, 0, head)...))
	b.WriteString("\n" + r.harm())
	return strings.TrimSpace(b.String())
}

// harm says in a sentence which tools show devices what they must not see.
func (r *Results) harm() string {
	var names []string
	for _, t := range r.Tools {
		s := r.seen(t.Name)
		for what, n := range map[string]int{"half-written files": s.Partial, "no `version`": s.Absent, "`version` before its files": s.Early} {
			if n > 0 {
				names = append(names, t.Name+" ("+what+")")
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "Devices that read at the wrong moment see what they must not with " + strings.Join(names, " and ") + ".\n"
}

// figure finds one of a Go benchmark.
func (r *Results) figure(name string) (Figure, bool) {
	i := slices.IndexFunc(r.Go, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		return Figure{}, false
	}
	return r.Go[i], true
}

// Speed is the table of a local publish.
func (r *Results) Speed() string {
	f, ok := r.figure("LocalSpeed")
	if !ok {
		return absent + "\n"
	}
	return table([]string{"", "ms"}, []string{"`cp -r` and `sync`", fmt.Sprintf("%.0f", f.Metrics["cp-ms"])},
		[]string{"publish", fmt.Sprintf("%.0f", f.Metrics["publish-ms"])}, []string{"**times**", fmt.Sprintf("**%.2f**", f.Metrics["times"])})
}

// grown is how the names of BenchmarkHistory begin.
const grown = "History/"

// Growth is the table of BenchmarkHistory: a row for each command, a column for each size.
func (r *Results) Growth() string {
	var commands, sizes []string
	cells := map[string]string{}
	for _, f := range r.Go {
		rest, ok := strings.CutPrefix(f.Name, grown)
		if !ok {
			continue
		}
		command, size, _ := strings.Cut(rest, "/")
		if !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
		if !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
		cells[rest] = fmt.Sprintf("%.1f ms, %.0f trips", f.Metrics["ns/op"]/1e6, f.Metrics["trips"])
	}
	rows := [][]string{{"releases"}}
	rows[0] = append(rows[0], sizes...)
	for _, command := range commands {
		row := []string{"`" + strings.ReplaceAll(command, "_", " ") + "`"}
		for _, size := range sizes {
			row = append(row, cells[command+"/"+size])
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

// Others is the table of the other Go benchmarks.
func (r *Results) Others() string {
	rows := [][]string{{"", "figures"}}
	for _, f := range r.Go {
		if strings.HasPrefix(f.Name, grown) || f.Name == "LocalSpeed" {
			continue
		}
		var figures []string
		for _, unit := range slices.Sorted(maps.Keys(f.Metrics)) {
			value := fmt.Sprintf("%.4g %s", f.Metrics[unit], unit)
			if unit == "ns/op" {
				value = fmt.Sprintf("%.4g ms", f.Metrics[unit]/1e6)
			}
			figures = append(figures, value)
		}
		rows = append(rows, []string{f.Package + " " + strings.ReplaceAll(f.Name, "_", " "), strings.Join(figures, ", ")})
	}
	return table(rows...)
}

// Facts is the table of the machine.
func (r *Results) Facts() string {
	rows := [][]string{{"", ""}}
	for _, f := range r.Machine {
		rows = append(rows, []string{f.Name, f.Value})
	}
	return table(rows...)
}

// README marks the summary with these lines.
const (
	blockStart = "<!-- Written by make bench, as is docs/BENCHMARKS.md: do not edit. -->\n"
	blockEnd   = "<!-- The end of what make bench writes. -->\n"
)

// replaceBlock puts a text between the marks.
func replaceBlock(readme, text string) (string, error) {
	before, rest, ok := strings.Cut(readme, blockStart)
	_, after, ended := strings.Cut(rest, blockEnd)
	if !ok || !ended {
		return "", errors.New("README.md: the marks of make bench are not there")
	}
	return before + blockStart + text + "\n" + blockEnd + after, nil
}

// writeDocs writes all documents. The current folder is the root of this repository.
func (r *Results) writeDocs() error {
	report, err := r.report()
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	changed, err := replaceBlock(string(readme), r.Summary("docs/"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile("docs/BENCHMARKS.md", report, 0o644),
		os.WriteFile("README.md", []byte(changed), 0o644),
		r.writePlots("docs"),
	)
}
