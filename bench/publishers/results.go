//go:build linux

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"time"
)

// Results are what a run has measured: the content of docs/benchmarks.json, from which all documents are made.
type Results struct {
	Commit   string     `json:"commit"`
	Machine  []Fact     `json:"machine"`
	Link     string     `json:"link"`
	Tools    []ToolInfo `json:"tools"`
	Cells    []Cell     `json:"cells"`
	Counts   []Count    `json:"counts"`
	Seen     []Seen     `json:"seen"`
	Go       []Figure   `json:"go"` // of Go benchmarks
	Failures []string   `json:"failures,omitempty"`
}

// A Fact is something about the machine.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ToolInfo says which tool it was.
type ToolInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Missing string `json:"missing,omitempty"` // why it was not measured
	Script  string `json:"script"`
}

// A Cell is what several runs of a tool with a load over a distance took, in ms and bytes. Wall, CPU, Sent and Received are medians.
type Cell struct {
	Tool      string  `json:"tool"`
	Load      string  `json:"load"`
	RoundTrip int64   `json:"roundTrip"`
	Runs      int     `json:"runs"`
	Wall      float64 `json:"wall"`
	Least     float64 `json:"least"`
	Most      float64 `json:"most"`
	Times     float64 `json:"times"` // as long as otactl in the same round: the median
	CPU       float64 `json:"cpu"`
	Sent      int64   `json:"sent"`
	Received  int64   `json:"received"`
}

// A Count is how many trips a tool takes with a load: the least of several runs.
type Count struct {
	Tool  string `json:"tool"`
	Load  string `json:"load"`
	Trips int    `json:"trips"`
	Runs  int    `json:"runs"`
}

// Seen is in how many runs a reader met something.
type Seen struct {
	Tool    string `json:"tool"`
	Runs    int    `json:"runs"`
	Partial int    `json:"partial"`
	Absent  int    `json:"absent"`
	Early   int    `json:"early"`
}

// A Figure is a line of a Go benchmark.
type Figure struct {
	Package string             `json:"package,omitempty"` // relative to the module
	Name    string             `json:"name"`              // without "Benchmark" and the number of processors
	Metrics map[string]float64 `json:"metrics"`
}

// median of an odd number of values is one of them; else it is the mean of the two in the middle.
func median[T int64 | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// A key says which samples belong to a Cell, or to a Count.
type key struct {
	tool, load string
	roundTrip  time.Duration
	counted    bool
}

func (m Sample) key() key { return key{m.Tool, m.Load, m.RoundTrip, m.Trips > 0} }

// add summarises samples, in the order in which their kinds came first.
func (r *Results) add(samples []Sample) {
	groups, order := map[key][]Sample{}, []key{}
	for _, m := range samples {
		if m.Err != nil {
			r.Failures = append(r.Failures, m.Err.Error())
			continue
		}
		if groups[m.key()] == nil {
			order = append(order, m.key())
		}
		groups[m.key()] = append(groups[m.key()], m)
	}
	for _, k := range order {
		if k.counted {
			r.Counts = append(r.Counts, countOf(groups[k]))
			continue
		}
		r.Cells = append(r.Cells, cellOf(groups[k], groups[key{ours, k.load, k.roundTrip, false}]))
	}
	r.addSeen(samples)
	slices.SortFunc(r.Cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Load, b.Load), cmp.Compare(a.RoundTrip, b.RoundTrip), cmp.Compare(a.Tool, b.Tool))
	})
	slices.SortFunc(r.Counts, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Load, b.Load), cmp.Compare(a.Tool, b.Tool)) })
	slices.SortFunc(r.Seen, func(a, b Seen) int { return cmp.Compare(a.Tool, b.Tool) })
}

func cellOf(samples, ours []Sample) Cell {
	var walls, cpu, times []float64
	var sent, received []int64
	for _, m := range samples {
		walls, cpu = append(walls, inMS(m.Wall)), append(cpu, inMS(m.CPU))
		sent, received = append(sent, m.Traffic.Sent), append(received, m.Traffic.Received)
		for _, o := range ours {
			if o.Round == m.Round {
				times = append(times, float64(m.Wall)/float64(o.Wall))
			}
		}
	}
	c := Cell{Tool: samples[0].Tool, Load: samples[0].Load, RoundTrip: samples[0].RoundTrip.Milliseconds(), Runs: len(samples)}
	c.Wall, c.Least, c.Most = median(walls), slices.Min(walls), slices.Max(walls)
	c.CPU, c.Sent, c.Received = median(cpu), median(sent), median(received)
	if len(times) > 0 {
		c.Times = median(times)
	}
	return c
}

func countOf(samples []Sample) Count {
	least := slices.MinFunc(samples, func(a, b Sample) int { return cmp.Compare(a.Trips, b.Trips) })
	return Count{Tool: least.Tool, Load: least.Load, Trips: least.Trips, Runs: len(samples)}
}

func (r *Results) addSeen(samples []Sample) {
	index := map[string]int{}
	for _, m := range samples {
		if m.Err != nil {
			continue
		}
		i, ok := index[m.Tool]
		if !ok {
			i = len(r.Seen)
			index[m.Tool] = i
			r.Seen = append(r.Seen, Seen{Tool: m.Tool})
		}
		s := &r.Seen[i]
		s.Runs++
		s.Partial += count(m.Saw.Partial)
		s.Absent += count(m.Saw.Absent)
		s.Early += count(m.Saw.Early)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// readResults reads what write has written.
func readResults(path string) (r Results, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// deep is a line break inside of an element of a list: JSON has no others within strings.
var deep = regexp.MustCompile(`\n( {3,}|  })`)

// write writes one line for each element of a list, so that a later run can be compared by eye.
func (r *Results) write(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	text = deep.ReplaceAllFunc(text, func(b []byte) []byte { return bytes.TrimLeft(b, "\n ") })
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
