// Package s3 keeps releases in a bucket of an object store that speaks S3 and honours conditional writes.
//
//	s3.go, target.go      a store and where it is
//	credentials.go        who we are
//	request.go            one request: bounded in time, tried again, its answer judged (errors.go, transport.go)
//	create.go, commit.go  the writes that must not go wrong; commit.go tells why the pointer is safe
//	read.go, remove.go    the rest of [store.Store]
//	prove.go, trial.go    that the store honours conditions, before the first write and for otactl doctor
//
// What an object store leaves open is whether a request whose answer was lost has taken effect, or still will. Nothing
// here guesses: after a lost answer and after a condition that did not hold, the object is read back and compared.
package s3

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"
)

// Options say how to use a bucket. All but Credentials may be left out.
type Options struct {
	Credentials *credentials.Credentials
	Region      string                                               // if the target says none
	Headers     func(name string) (contentType, cacheControl string) // what a server should say of an object
	Timeout     time.Duration                                        // for each request; 0: 30 s
	Written     func(n int64)                                        // is told the bytes of each object that is there
	Trace       func(text string)                                    // is told each request and its status, and no secrets

	Transport http.RoundTripper // carries the requests; nil: HTTP/1.1 with as many connections as there are requests at once
	Window    time.Duration     // from the look at a pointer to its change; 0: the 10 s of docs/FORMAT.md, as all publishers must have it
	Wait      time.Duration     // until what was sent within a window has come or never will; 0: half as long again as the window
	Pause     time.Duration     // before a request is tried again the first time; 0: 100 ms
}

// A Store is what lies below a prefix of a bucket. It implements store.Store, store.Examiner and store.Trier.
type Store struct {
	o      Options
	target Target
	core   *minio.Core
	wire   *http.Transport // nil if it is not ours
	skew   atomic.Int64    // of the server's clock, as its last answer had it: nanoseconds ahead of ours

	flipsLost atomic.Int32 // whose answer was lost, and which did not take effect

	mu     sync.Mutex
	proven map[string]*proof // by project
}

// New makes a store. No request is sent: what is wrong with the bucket is seen when it is used.
func New(t Target, o Options) (*Store, error) {
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.Window = cmp.Or(o.Window, 10*time.Second)
	o.Wait = cmp.Or(o.Wait, o.Window*3/2)
	o.Pause = cmp.Or(o.Pause, 100*time.Millisecond)
	s := &Store{o: o, target: t, proven: map[string]*proof{}}
	if s.o.Transport == nil {
		s.wire = newWire()
		s.o.Transport = s.wire
	}
	core, err := minio.NewCore(t.host(), &minio.Options{
		Creds: o.Credentials, Secure: t.secure(), Region: cmp.Or(t.Region, o.Region, t.region()), BucketLookup: t.lookup(),
		Transport:       &transport{s},
		TrailingHeaders: true, // or it refuses a SHA-256 of ours; nothing is sent in a trailer
		MaxRetries:      1,    // what a retry may do depends on the request
	})
	s.core = core
	return s, err
}

// Close implements store.Store.
func (s *Store) Close() error {
	if s.wire != nil {
		s.wire.CloseIdleConnections()
	}
	return nil
}

// key is the name of an object in the bucket.
func (s *Store) key(name string) string {
	if name == "." || name == "" {
		return s.target.Prefix
	}
	return path.Join(s.target.Prefix, name)
}

// project is the first segment of a name.
func project(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

// abreast is how many requests of one call are under way at the same time.
const abreast = 16

// lastLast does something with many things at once, and with the last one after all others.
func lastLast[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	if len(all) == 0 {
		return ctx.Err()
	}
	g, some := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for _, one := range all[:len(all)-1] {
		g.Go(func() error { return do(some, one) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return do(ctx, all[len(all)-1])
}
