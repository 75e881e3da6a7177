//go:build linux

package main

import (
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/otactl/otactl/bench/link"
)

// fixed are results of samples that are always the same.
func fixed() *Results {
	const ms = time.Millisecond
	r := &Results{Tools: []ToolInfo{{Name: ours}, {Name: "rclone"}, {Name: "sftp -b"}, {Name: "lftp mirror", Missing: "not measured: no lftp"}}}
	var samples []Sample
	add := func(tool string, roundTrip, wall time.Duration, round int, saw Verdict) {
		samples = append(samples, Sample{
			Tool: tool, Load: "2 files", RoundTrip: roundTrip, Round: round, Wall: wall, CPU: 30 * ms,
			Traffic: link.Traffic{Sent: 26_400, Received: 1_600}, Saw: saw,
		})
	}
	for round := range 3 {
		slow := time.Duration(round) // the machine becomes slower and slower
		add(ours, 0, (100+50*slow)*ms, round, Verdict{})
		add(ours, 100*ms, (2000+1000*slow)*ms, round, Verdict{})
		add("rclone", 0, (400+200*slow)*ms, round, Verdict{Partial: true})
		add("rclone", 100*ms, (6000+3000*slow)*ms, round, Verdict{Partial: round > 0})
	}
	add("sftp -b", 0, 250*ms, 0, Verdict{})
	add("sftp -b", 100*ms, 54_020*ms, 0, Verdict{})
	for _, trips := range []int{17, 15, 16} {
		samples = append(samples, Sample{Tool: ours, Load: "2 files", Trips: trips})
	}
	samples = append(samples, Sample{Tool: "rclone", Load: "2 files", Trips: 46}, Sample{Tool: "sftp -b", Err: errors.New("sftp -b: it broke")})
	r.add(samples)
	return r
}

func TestTables(t *testing.T) {
	r := fixed()
	for name, c := range map[string]struct{ got, want string }{
		"load": {r.Load("2 files"), `|  | trips | s at 0 ms | s at 100 ms | × otactl at 100 ms | CPU ms | kB sent | kB received |
|---|--:|--:|--:|--:|--:|--:|--:|
| **otactl** | 15 | 0.15 | 3.00 | 1.00 | 30 | 26 | 2 |
| rclone | 46 ¹ | 0.60 | 9.00 | 3.00 | 30 | 26 | 2 |
| sftp -b | failed | 0.25 ¹ | 54.0 ¹ | 27.01 | 30 | 26 | 2 |
`},
		"readers": {r.Readers(), "|  | runs | a partial file under its final name | `version` absent | `version` before the last file |\n" + `|---|--:|--:|--:|--:|
| **otactl** | 9 | never | never | never |
| rclone | 7 | **in 5 runs** | never | never |
| sftp -b | 2 | never | never | never |
`},
		"versions": {r.Versions(), `|  | version |
|---|--:|
| otactl |  |
| rclone |  |
| sftp -b |  |
| lftp mirror | **not measured: no lftp** |
`},
		"harm": {r.harm(), "Devices that read at the wrong moment see what they must not with rclone (half-written files).\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, c.got, c.want)
		}
	}
	if want := []string{"sftp -b: it broke"}; !reflect.DeepEqual(r.Failures, want) {
		t.Errorf("failures %q, want %q", r.Failures, want)
	}
}

func TestParseGo(t *testing.T) {
	const text = `goos: linux
pkg: github.com/otactl/otactl/internal/proofs
BenchmarkHistory/verify_--all/25-2   	       1	  78511899 ns/op	        47.00 trips
BenchmarkLocalSpeed	       1	1 ns/op	10.5 cp-ms	1.250 times
PASS
`
	got, err := parseGo(text)
	want := []Figure{
		{"internal/proofs", "History/verify_--all/25", map[string]float64{"ns/op": 78511899, "trips": 47}},
		{"internal/proofs", "LocalSpeed", map[string]float64{"ns/op": 1, "cp-ms": 10.5, "times": 1.25}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	r := Results{Go: got}
	if got, want := r.Growth(), "| releases | 25 |\n|---|--:|\n| `verify --all` | 78.5 ms, 47 trips |\n"; got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
}

// The documents are what these measurements say: nobody has changed a figure by hand.
func TestDocuments(t *testing.T) {
	r, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.report()
	if err != nil {
		t.Fatal(err)
	}
	readme := read(t, "../../README.md")
	wantReadme, err := replaceBlock(readme, r.Summary("docs/"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"../../docs/BENCHMARKS.md": string(report), "../../README.md": wantReadme}
	for _, theme := range themes() {
		svg, err := r.plot(theme)
		if err != nil {
			t.Fatal(err)
		}
		want["../../docs/benchmarks-"+theme.name+".svg"] = string(svg)
	}
	for path, text := range want {
		if read(t, path) != text {
			t.Errorf("%s is not what go run ./bench/publishers -render writes", path)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
