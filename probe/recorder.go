package probe

import (
	"context"
	"sync"
)

// A recorder sends the same request once and remembers the answer, whichever client asks.
type recorder struct {
	site    *Site
	mu      sync.Mutex
	answers map[exchangeKey]func() answer
	largest int64 // size in bytes of the largest file that is known
}

type exchangeKey struct {
	at   address
	text string
}

func newRecorder(s *Site) *recorder {
	return &recorder{site: s, answers: map[exchangeKey]func() answer{}}
}

// expect says how large what is asked for may be.
func (r *recorder) expect(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.largest = max(r.largest, size)
}

// limit is how much is read of what should have so many bytes: a page of a portal fits as well.
func limit(size int64) int64 { return size + 256<<10 }

// get sends a request, or returns what came back when it was sent before.
func (r *recorder) get(ctx context.Context, at address, text string) answer {
	r.mu.Lock()
	key := exchangeKey{at, text}
	once, ok := r.answers[key]
	if !ok {
		most := limit(r.largest)
		once = sync.OnceValue(func() answer { return r.site.exchange(ctx, at, text, most) })
		r.answers[key] = once
	}
	r.mu.Unlock()
	return once()
}
