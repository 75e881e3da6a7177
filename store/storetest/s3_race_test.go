package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
)

// onBuckets runs a test on each S3 server.
func onBuckets(t *testing.T, test func(t *testing.T, server *testserver.S3)) {
	for name, start := range map[string]func(t testing.TB) *testserver.S3{
		"in process": testserver.FakeS3,
		"versitygw":  func(t testing.TB) *testserver.S3 { return testserver.Versitygw(t, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// Of 20 who create an object with other bytes each, one wins, 50 times; the others are told so, and nothing of theirs is there.
func TestS3CreateRace(t *testing.T) {
	t.Parallel()
	const rounds, publishers = 50, 20
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		fresh := bucket(server, nil)(t)
		sessions := make([]store.Store, publishers)
		for i := range sessions {
			sessions[i] = session(t, fresh)
		}
		for round := range rounds {
			objects := make([]store.Object, publishers)
			errs := race(publishers, func(i int) error {
				objects[i] = object(fmt.Sprintf("demo/v1.0.%d_a", round), fmt.Sprintf("of %d in round %d", i, round))
				return sessions[i].Create(t.Context(), objects[i:i+1])
			})
			winner := -1
			for i, err := range errs {
				var conflict *store.ConflictError
				switch {
				case err == nil && winner < 0:
					winner = i
				case err == nil:
					t.Errorf("round %d: won by %d and by %d", round, winner, i)
				case !errors.As(err, &conflict):
					t.Errorf("round %d: %v", round, err)
				}
			}
			if winner < 0 {
				t.Fatalf("round %d: won by nobody", round)
			}
			wantContent(t, sessions[0], objects[winner])
		}
	})
}

// Of 20 who make the same change with the same bytes, one wins, 20 times: equal bytes do not make a claim one's own.
func TestS3EqualClaims(t *testing.T) {
	t.Parallel()
	const rounds, publishers = 20, 20
	onBuckets(t, func(t *testing.T, server *testserver.S3) {
		fresh := bucket(server, nil)(t)
		sessions := make([]store.Store, publishers)
		for i := range sessions {
			sessions[i] = session(t, fresh)
		}
		var old []byte
		for round := range rounds {
			next := fmt.Appendf(nil, "v1.0.%d\n", round)
			winners := 0
			for _, err := range race(publishers, func(i int) error {
				return sessions[i].Commit(t.Context(), store.Commit{Project: "demo", Seq: round + 1, Entry: []byte("entry"), Old: old, Next: next})
			}) {
				if err == nil {
					winners++
				} else if !errors.Is(err, store.ErrChanged) {
					t.Errorf("round %d: %v", round, err)
				}
			}
			if winners != 1 {
				t.Fatalf("round %d: %d winners", round, winners)
			}
			old = next
		}
	})
}
