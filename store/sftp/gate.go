package sftp

import (
	"context"
	"sync"
)

// A gate bounds how many handles are open at the server at once. Nobody can ask a server how many it allows, and one
// that has no more answers SSH_FX_FAILURE, as for everything else; so the bound is found by running into it.
type gate struct {
	mu      sync.Mutex
	limit   int
	inside  int
	entries int           // how often somebody has entered
	lowered int           // the value of entries when limit was lowered last
	moved   chan struct{} // closed and made anew whenever somebody leaves
}

// A ticket says what it was like when its owner entered.
type ticket struct {
	entry int
	alone bool
}

func newGate(limit int) *gate { return &gate{limit: limit, moved: make(chan struct{})} }

// enter waits until one more handle may be opened. It gives up when ctx ends or the session is lost.
func (g *gate) enter(ctx context.Context, s *session) (ticket, error) {
	for {
		t, moved := g.try()
		if moved == nil {
			return t, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return t, ctx.Err()
		case <-s.gone:
			return t, s.cause
		}
	}
}

// try enters, or returns what is closed when it makes sense to try again.
func (g *gate) try() (ticket, chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= g.limit {
		return ticket{}, g.moved
	}
	g.inside++
	g.entries++
	return ticket{g.entries, g.inside == 1}, nil
}

// spare reports whether a handle can be kept open without need: so many others can be opened as well.
func (g *gate) spare() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside+8 <= g.limit
}

// leave says that a handle was closed, or not opened.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	close(g.moved)
	g.moved = make(chan struct{})
}

// crowded reports whether a handle that could not be opened, for a reason that the server did not give, may only have
// been one too many: others were open or being opened in the meantime. The bound is then halved, once for all who failed
// under the same bound, and trying again makes sense. It is called before leave.
func (g *gate) crowded(t ticket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.alone && g.entries == t.entry {
		return false
	}
	if t.entry > g.lowered {
		g.limit = max(1, g.limit/2)
		g.lowered = g.entries
	}
	return true
}
