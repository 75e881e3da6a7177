package probe

import (
	"context"
	"errors"
)

// An Asker fetches files of a site as a device does: with its requests, over as many connections, and reading the answers as
// it reads them. It is for those who play many devices, and serves one goroutine.
type Asker interface {
	// Get returns the body of an answer that has status 200, that the device takes for whole, and that is not much larger than
	// size. Anything else is an error.
	Get(ctx context.Context, name string, size int64) ([]byte, error)

	// Close ends the connection that was kept, if there is one.
	Close()
}

// Originals returns an Asker for each form of request that original clients send: it depends on their firmware.
func (s *Site) Originals() []Asker {
	all := make([]Asker, len(forms))
	for i, form := range forms {
		all[i] = originalAsker{s, form}
	}
	return all
}

// Own returns an Asker like otactl's client.
func (s *Site) Own() Asker { return &ownAsker{session{site: s}} }

type originalAsker struct {
	site *Site
	form generation
}

func (a originalAsker) Get(ctx context.Context, name string, size int64) ([]byte, error) {
	r := newRecorder(a.site) // a new one: each request is sent
	r.expect(size)
	reply := a.form.get(ctx, r, a.site.url(name), a.site.auth)
	switch {
	case reply.raised != "":
		return nil, exception(reply.raised)
	case reply.status != 200:
		return nil, errors.New(statusText(reply.status))
	case !isText(reply.body):
		return nil, errText
	}
	return reply.body, nil
}

func (originalAsker) Close() {}

type ownAsker struct{ session }

func (a *ownAsker) Get(ctx context.Context, name string, size int64) ([]byte, error) {
	a.ctx = ctx
	v := a.get(name, 0, limit(size))
	switch {
	case v.err != nil:
		return nil, v.err
	case v.status != 200:
		return nil, errors.New(statusText(v.status))
	}
	return v.body, nil
}

func (a *ownAsker) Close() { a.close() }
