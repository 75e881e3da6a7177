package cli

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

const (
	liveAfter  = 400 * time.Millisecond // what is shorter than this shows nothing on a terminal
	liveEvery  = 100 * time.Millisecond
	plainEvery = 5 * time.Second // elsewhere, such as in a CI log: one line so often, and none before
)

// A progress tells what takes so long: one live line on a terminal, elsewhere a plain line every few seconds. Its methods
// are called with the console locked.
type progress struct {
	w        io.Writer
	terminal bool
	width    int
	doing    func() string // called without the console's lock held by its owner; safe for concurrent use
	start    time.Time
	said     time.Time // when the last plain line was printed
	drawn    bool      // whether the live line is on the screen
	stop     chan struct{}
}

// progress shows what doing says until the next call; nil ends it.
func (c *console) progress(doing func() string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parent != nil {
		c.doing = doing
		return
	}
	if c.live != nil {
		c.live.erase()
		close(c.live.stop)
		c.live = nil
	}
	if doing == nil || c.quiet {
		return
	}
	start := time.Now()
	p := &progress{
		w: c.err, terminal: isTerminal(c.err) && bool(c.color), width: width(c.err), doing: doing,
		start: start, said: start, stop: make(chan struct{}),
	}
	c.live = p
	go c.tick(p)
}

func (c *console) tick(p *progress) {
	ticker := time.NewTicker(liveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			c.mu.Lock()
			if c.live == p {
				p.show(now)
			}
			c.mu.Unlock()
		}
	}
}

// show draws what is due at this time.
func (p *progress) show(now time.Time) {
	elapsed := now.Sub(p.start)
	text := printable(fmt.Sprintf("otactl: %s (%d s)", p.doing(), int(elapsed.Seconds())))
	switch {
	case p.terminal && elapsed >= liveAfter:
		fmt.Fprint(p.w, "\r\x1b[K"+cut(text, p.width-1))
		p.drawn = true
	case !p.terminal && now.Sub(p.said) >= plainEvery:
		fmt.Fprintln(p.w, text)
		p.said = now
	}
}

// erase takes the live line off the screen. It may be called on nil.
func (p *progress) erase() {
	if p != nil && p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// cut shortens a text to a number of columns.
func cut(s string, columns int) string {
	if utf8.RuneCountInString(s) <= columns || columns < 2 {
		return s
	}
	return string([]rune(s)[:columns-1]) + "…"
}
