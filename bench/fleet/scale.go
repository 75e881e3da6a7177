package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed scale.md.tmpl
var scaleText string

// document is docs/SCALE.md.
func (r report) document() ([]byte, error) {
	t, err := template.New("scale").Funcs(template.FuncMap{
		"count": count, "took": took, "per": perSecond, "volume": volume, "tls": protocol,
	}).Parse(scaleText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// The fleets that are computed.
var (
	fleetSizes = []int64{1_000, 10_000, 100_000, 1_000_000}
	intervals  = []struct {
		Name  string
		Every time.Duration
	}{{"1 minute", time.Minute}, {"15 minutes", 15 * time.Minute}, {"1 hour", time.Hour}, {"1 day", 24 * time.Hour}}
)

// month is 30 days.
const month = 30 * 24 * time.Hour

// A pollRow is what the polls of a fleet come to. Volumes are bytes in a month, both ways.
type pollRow struct {
	Devices             int64
	Every               string
	Requests            int64 // in a month
	PerSecond           float64
	Original, Own       int64
	OriginalTLS, OwnTLS int64
}

// Polls is computed from what a poll costs on nginx.
func (r report) Polls() (rows []pollRow) {
	at := func(tls bool, k kind) cost { return r.cost(nginxServer, tls, k, pollAction) }
	for _, devices := range fleetSizes {
		for _, i := range intervals {
			polls := devices * int64(month/i.Every)
			in := func(tls bool, k kind) int64 { c := at(tls, k).times(polls); return c.Up + c.Down }
			rows = append(rows, pollRow{
				Devices: devices, Every: i.Name, Requests: at(false, own).times(polls).Requests, PerSecond: float64(devices) / i.Every.Seconds(),
				Original: in(false, original), Own: in(false, own), OriginalTLS: in(true, original), OwnTLS: in(true, own),
			})
		}
	}
	return rows
}

// An updateRow is what it comes to when a fleet updates, each device within an hour.
type updateRow struct {
	Devices                     int64
	Kind                        kind
	Requests, Connections       int64
	Bytes, BytesTLS             int64
	RequestsPerSecond, Megabits float64 // downwards, with TLS
	Cores, CoresTLS             float64 // by the time that the server worked for a request under load
}

// wave is what an update costs, and the poll of the start after it.
func (r report) wave(tls bool, k kind) cost {
	return r.cost(nginxServer, tls, k, updateAction).plus(r.cost(nginxServer, tls, k, pollAction))
}

// Updates is computed from what an update costs on nginx.
func (r report) Updates() (rows []updateRow) {
	hour := time.Hour.Seconds()
	for _, devices := range fleetSizes {
		for _, k := range []kind{original, own} {
			plain, secure := r.wave(false, k).times(devices), r.wave(true, k).times(devices)
			rows = append(rows, updateRow{
				Devices: devices, Kind: k, Requests: plain.Requests, Connections: plain.Connections,
				Bytes: plain.Up + plain.Down, BytesTLS: secure.Up + secure.Down,
				RequestsPerSecond: float64(plain.Requests) / hour, Megabits: float64(8*secure.Down) / 1e6 / hour,
				Cores:    float64(plain.Requests) / hour * r.NginxWork(false).Seconds(),
				CoresTLS: float64(secure.Requests) / hour * r.NginxWork(true).Seconds(),
			})
		}
	}
	return rows
}

// NginxWork is how long processors worked for a request of the run without a pace.
func (r report) NginxWork(tls bool) time.Duration {
	for _, l := range r.Loads {
		if l.Server == nginxServer && l.Shown && l.TLS == tls && l.Every == 0 {
			return l.PerRequest()
		}
	}
	return 0
}

// Handshake is what TLS adds to a poll, on nginx.
func (r report) Handshake() cost {
	secure, plain := r.cost(nginxServer, true, own, pollAction), r.cost(nginxServer, false, own, pollAction)
	return secure.plus(plain.times(-1))
}

// count groups the digits of a number.
func count(n any) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// span is a range of numbers, or the only one.
func span(low, high int64) string {
	if low == high {
		return count(low)
	}
	return count(low) + " to " + count(high)
}

// took is a time with two digits or so.
func took(d time.Duration) string {
	switch {
	case d == 0:
		return "none"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond).Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// perSecond is a rate with two digits at least.
func perSecond(f float64) string {
	if f >= 99.5 {
		return count(int64(f + 0.5))
	}
	text := strconv.FormatFloat(f, 'g', 2, 64)
	if strings.Contains(text, "e") {
		return strconv.FormatFloat(f, 'f', 4, 64)
	}
	return text
}

// volume is a number of bytes in decimal units.
func volume(n int64) string {
	value, unit := float64(n)/1e6, "MB"
	for _, next := range []string{"GB", "TB", "PB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	return perSecond(value) + " " + unit
}

func protocol(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}
