//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// cell finds a Cell, if it was measured.
func (r *Results) cell(tool, load string, roundTrip int64) (Cell, bool) {
	i := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.Tool == tool && c.Load == load && c.RoundTrip == roundTrip })
	if i < 0 {
		return Cell{}, false
	}
	return r.Cells[i], true
}

func (r *Results) trips(tool, load string) (Count, bool) {
	i := slices.IndexFunc(r.Counts, func(c Count) bool { return c.Tool == tool && c.Load == load })
	if i < 0 {
		return Count{}, false
	}
	return r.Counts[i], true
}

func (r *Results) seen(tool string) Seen {
	i := slices.IndexFunc(r.Seen, func(s Seen) bool { return s.Tool == tool })
	if i < 0 {
		return Seen{}
	}
	return r.Seen[i]
}

// harms reports whether a reader met something that it should not.
func (r *Results) harms(tool string) bool {
	s := r.seen(tool)
	return s.Partial+s.Absent+s.Early > 0
}

// seconds writes ms as seconds with three digits.
func seconds(ms float64) string {
	s := ms / 1000
	switch {
	case s < 9.995:
		return fmt.Sprintf("%.2f", s)
	case s < 99.95:
		return fmt.Sprintf("%.1f", s)
	}
	return fmt.Sprintf("%.0f", s)
}

func kilobytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/1000) }

// table writes rows of Markdown; the first is its head.
func table(rows ...[]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|--:", len(row)-1) + "|\n")
		}
	}
	return b.String()
}

// roundTrips are those that were measured, in ms.
func (r *Results) roundTrips() (all []int64) {
	for _, c := range r.Cells {
		if !slices.Contains(all, c.RoundTrip) {
			all = append(all, c.RoundTrip)
		}
	}
	slices.Sort(all)
	return all
}

// Load is the table of one load: all that a publish costs.
func (r *Results) Load(load string) string {
	head := []string{"", "trips"}
	for _, ms := range r.roundTrips() {
		head = append(head, fmt.Sprintf("s at %d ms", ms))
	}
	last := slices.Max(r.roundTrips())
	rows := [][]string{append(head, fmt.Sprintf("× otactl at %d ms", last), "CPU ms", "kB sent", "kB received")}
	for _, t := range r.Tools {
		if t.Missing == "" {
			rows = append(rows, r.loadRow(t.Name, load, last))
		}
	}
	return table(rows...)
}

// absent stands for what could not be measured: see the failures.
const absent = "failed"

func (r *Results) loadRow(tool, load string, last int64) []string {
	row := []string{bold(tool), absent}
	if n, ok := r.trips(tool, load); ok {
		row[1] = fmt.Sprint(n.Trips) + once(n.Runs)
	}
	for _, ms := range r.roundTrips() {
		text := absent
		if c, ok := r.cell(tool, load, ms); ok {
			text = seconds(c.Wall) + once(c.Runs)
		}
		row = append(row, text)
	}
	times, local := absent, []string{absent, absent, absent}
	if c, ok := r.cell(tool, load, last); ok && c.Times > 0 {
		times = fmt.Sprintf("%.2f", c.Times)
	}
	if c, ok := r.cell(tool, load, 0); ok {
		local = []string{fmt.Sprintf("%.0f", c.CPU), kilobytes(c.Sent), kilobytes(c.Received)}
	}
	return append(append(row, times), local...)
}

// once marks what was measured fewer times than the rest.
func once(runs int) string {
	if runs == 1 {
		return " ¹"
	}
	return ""
}

func bold(tool string) string {
	if tool == ours {
		return "**" + tool + "**"
	}
	return tool
}

// Readers is the table of what a reader met.
func (r *Results) Readers() string {
	rows := [][]string{{"", "runs", "a partial file under its final name", "`version` absent", "`version` before the last file"}}
	for _, t := range r.Tools {
		s := r.seen(t.Name)
		if s.Runs == 0 || t.Name == theFloor {
			continue
		}
		row := []string{bold(t.Name), fmt.Sprint(s.Runs)}
		for _, n := range []int{s.Partial, s.Absent, s.Early} {
			row = append(row, inRuns(n, s.Runs))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

func inRuns(n, runs int) string {
	switch n {
	case 0:
		return "never"
	case runs:
		return "**in every run**"
	}
	return fmt.Sprintf("**in %d runs**", n)
}

// Versions is the table of what was compared.
func (r *Results) Versions() string {
	rows := [][]string{{"", "version"}}
	for _, t := range r.Tools {
		text := t.Version
		if t.Missing != "" {
			text = "**" + t.Missing + "**"
		}
		rows = append(rows, []string{t.Name, text})
	}
	return table(rows...)
}

// Scripts are the commands of all tools.
func (r *Results) Scripts() string {
	var b strings.Builder
	for _, t := range r.Tools {
		if t.Name != oursFresh { // the same as the one before
			fmt.Fprintf(&b, "# %s\n%s\n\n", t.Name, t.Script)
		}
	}
	return strings.TrimSpace(b.String())
}
