package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func newProgress(w *bytes.Buffer, terminal bool, doing string) (*progress, time.Time) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &progress{
		w: w, terminal: terminal, width: 40, doing: func() string { return doing }, start: start, said: start,
	}, start
}

func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	p, start := newProgress(&b, true, "sending 200 files\x1b: 1.0 MB of 50.0 MB and so on")
	p.show(start.Add(300 * time.Millisecond))
	p.erase()
	if b.Len() > 0 {
		t.Errorf("a short run shows %q", b.String())
	}
	p.show(start.Add(2 * time.Second))
	want := "\r\x1b[Kotactl: sending 200 files\ufffd: 1.0 MB of …"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	p.erase()
	p.erase()
	if b.String() != want+"\r\x1b[K" {
		t.Errorf("not erased once: %q", b.String())
	}
}

func TestProgressElsewhere(t *testing.T) {
	var b bytes.Buffer
	p, start := newProgress(&b, false, "sending 200 files")
	for ms := 100; ms <= 11_000; ms += 100 {
		p.show(start.Add(time.Duration(ms) * time.Millisecond))
	}
	p.erase()
	if want := "otactl: sending 200 files (5 s)\notactl: sending 200 files (10 s)\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// What is printed never stands behind the live line.
func TestLiveLineGoesFirst(t *testing.T) {
	env, _, stderr := newEnv(t, nil)
	ui := newConsole(env)
	p, start := newProgress(stderr, true, "waiting")
	ui.live = p
	p.stop = make(chan struct{})
	p.show(start.Add(time.Second))
	ui.warn("careful")
	ui.close()
	lines := strings.SplitAfter(stderr.String(), "\r\x1b[K")
	if last := lines[len(lines)-1]; last != "otactl: warning: careful\n" {
		t.Errorf("%q", stderr.String())
	}
}
