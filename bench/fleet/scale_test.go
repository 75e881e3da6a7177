package main

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/scale.md")

// The document of a report with round figures: what is computed can be followed in it.
func TestDocument(t *testing.T) {
	r := report{
		Machine: machine{Day: "2026-01-02", CPU: "a processor", Cores: 2, Kernel: "6.1.0", Go: "go1.26", Nginx: "1.22.1", Load: "0.50"},
		Sample:  900, Ten: 40960,
		Answers: []answer{{nginxServer, "version", 200, "no-cache"}},
	}
	for _, tls := range []bool{false, true} {
		for _, k := range []kind{original, own} {
			poll, update := cost{1, 1, 100, 200}, cost{4, 4, 400, 2000}
			if k == own {
				update = cost{3, 1, 300, 1500}
			}
			if tls {
				poll, update = poll.plus(cost{0, 0, 400, 800}), update.plus(cost{0, 0, 1600, 3200})
			}
			high := update
			high.Down++
			r.Costs = append(
				r.Costs, costRow{nginxServer, sampleFiles, tls, k, pollAction, poll, poll, poll},
				costRow{nginxServer, sampleFiles, tls, k, updateAction, update, update, high},
			)
		}
		r.Loads = append(r.Loads, load{
			Server: nginxServer, Shown: true, TLS: tls, Devices: 1000, Took: 10 * time.Second, CPU: time.Second, Updates: 2000, Overtaken: 100,
			Kinds: []kindLoad{
				{original, 4000, 500, 100 * time.Microsecond, 2 * time.Millisecond, 30 * time.Millisecond},
				{own, 6000, 700, 90 * time.Microsecond, time.Millisecond, 2 * time.Second},
			},
		})
	}
	got, err := r.document()
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/scale.md"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the document differs from %s (-update):\n%s", golden, got)
	}
}

func TestFigures(t *testing.T) {
	for _, c := range [][2]string{
		{count(7), "7"},
		{count(int64(1234567)), "1,234,567"},
		{span(5, 5), "5"},
		{span(999, 1000), "999 to 1,000"},
		{took(0), "none"},
		{took(59400 * time.Nanosecond), "59 µs"},
		{took(2345 * time.Microsecond), "2.3 ms"},
		{took(500 * time.Millisecond), "500 ms"},
		{took(2340 * time.Millisecond), "2.3 s"},
		{perSecond(0.0001234), "0.00012"},
		{perSecond(0.012), "0.012"},
		{perSecond(99.96), "100"},
		{perSecond(1666.7), "1,667"},
		{volume(999_400_000), "999 MB"},
		{volume(43_200_000_000), "43 GB"},
		{volume(60_000_000_000_000), "60 TB"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}
