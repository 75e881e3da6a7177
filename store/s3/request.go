package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/otactl/otactl/store"
)

// attempts is how often a request is sent that gets no answer.
const attempts = 4

// What we write into the metadata of an object.
const (
	metaWriter = "Otactl-Writer" // of an entry and a pointer: who wrote it, as no other write has it
	metaNext   = "Otactl-Next"   // of an entry: the SHA-256 of what the pointer will hold; absent if it stays
)

// once gives a request its time: as long as bytes flow in either direction.
func (s *Store) once(ctx context.Context, method string, request func(context.Context) error) error {
	watched, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &pulse{timer: time.AfterFunc(s.o.Timeout, func() { stop(&TimeoutError{s.o.Timeout}) }), every: s.o.Timeout, stop: stop}
	defer p.timer.Stop()
	err := request(context.WithValue(watched, pulseKey{}, p))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // nobody waits any more; what became of it is not known
		return &lostError{context.Cause(ctx)}
	case watched.Err() != nil:
		return &lostError{reason(context.Cause(watched))}
	case is[*store.TooLargeError](err) || errors.Is(err, store.ErrShort):
		return err
	}
	return judge(method, err)
}

// ask sends a request that changes nothing, or that may be repeated, until it is answered.
func (s *Store) ask(ctx context.Context, method string, request func(context.Context) error) (err error) {
	for n := range attempts {
		if err = s.once(ctx, method, request); !lost(err) || hopeless(err) || ctx.Err() != nil {
			return err
		}
		if n < attempts-1 {
			s.pause(ctx, n)
		}
	}
	return err
}

// pause waits before another attempt, longer each time.
func (s *Store) pause(ctx context.Context, n int) {
	select {
	case <-ctx.Done():
	case <-time.After(s.o.Pause << (2 * n)):
	}
}

// A condition is one that a store checks in the same step in which it writes.
type condition func(*minio.PutObjectOptions)

// absent: there is no such object.
func absent(o *minio.PutObjectOptions) { o.SetMatchETagExcept("*") }

// unchanged: the object is there, and is the one that was read with this entity tag.
func unchanged(etag string) condition {
	return func(o *minio.PutObjectOptions) { o.SetMatchETag(etag) }
}

// put sends one conditional PUT, once. Its sum is part of what is signed, and kept with the object: a store refuses content
// that was damaged on its way. After nil the object is there; see [judge] for its errors.
func (s *Store) put(ctx context.Context, o store.Object, when condition, meta map[string]string) error {
	sum := sha256.Sum256(o.Data)
	options := minio.PutObjectOptions{
		UserMetadata:         map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(sum[:])},
		DisableContentSha256: true, // means: not in chunks, which some servers would hand on to devices
		DisableMultipart:     true,
	}
	for key, value := range meta {
		options.UserMetadata[key] = value
	}
	if s.o.Headers != nil {
		options.ContentType, options.CacheControl = s.o.Headers(o.Name)
	}
	when(&options)
	return s.once(ctx, http.MethodPut, func(ctx context.Context) error {
		_, err := s.core.PutObject(ctx, s.target.Bucket, s.key(o.Name), bytes.NewReader(o.Data), int64(len(o.Data)), "", hex.EncodeToString(sum[:]), options)
		return err
	})
}

// head looks at an object.
func (s *Store) head(ctx context.Context, name string) (info minio.ObjectInfo, err error) {
	err = s.ask(ctx, http.MethodHead, func(ctx context.Context) error {
		info, err = s.core.StatObject(ctx, s.target.Bucket, s.key(name), minio.StatObjectOptions{})
		return err
	})
	return info, err
}

// get reads an object of at most limit bytes.
func (s *Store) get(ctx context.Context, name string, limit int64) (data []byte, info minio.ObjectInfo, err error) {
	err = s.ask(ctx, http.MethodGet, func(ctx context.Context) error {
		var b bytes.Buffer
		info, err = s.fetch(ctx, name, func(minio.ObjectInfo) error { b.Reset(); return nil }, &limited{&b, name, limit})
		data = b.Bytes()
		return err
	})
	if data == nil {
		data = []byte{}
	}
	return data, info, err
}

// fetch reads an object into w, once, if it is what accept expects. If the store gives a sum, the content is checked.
func (s *Store) fetch(ctx context.Context, name string, accept func(minio.ObjectInfo) error, w io.Writer) (minio.ObjectInfo, error) {
	body, info, _, err := s.core.GetObject(ctx, s.target.Bucket, s.key(name), minio.GetObjectOptions{Checksum: true})
	if err != nil {
		return info, err
	}
	defer func() { _ = body.Close() }() // it was only read
	if err := accept(info); err != nil {
		return info, err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), body); err != nil {
		return info, err
	}
	// A sum with a "-" is one of the sums of parts: somebody else has uploaded the object in parts.
	if want := info.ChecksumSHA256; want != "" && !strings.Contains(want, "-") && want != base64.StdEncoding.EncodeToString(sum.Sum(nil)) {
		return info, errDamaged
	}
	return info, nil
}

// errDamaged is worth another attempt: what lies there may be right.
var errDamaged = errors.New("the content does not have the SHA-256 that the store has for it")

// A limited writer takes so many bytes and no more.
type limited struct {
	*bytes.Buffer
	name string
	max  int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(l.Len()+len(p)) > l.max {
		return 0, &store.TooLargeError{Name: l.name, Max: l.max}
	}
	return l.Buffer.Write(p)
}
