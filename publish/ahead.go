package publish

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/otactl/otactl/internal/release"
)

// Most publishes bring a new release that is higher than the live one. Its files are sent, to where nobody looks, while the
// plan is still being made; whatever comes out of that, nothing else is done before.

// guess looks whether the release seems to be new, beside the first reads of the plan: only the first attempt gets true.
// Nothing depends on it but what is sent ahead.
func (p *publisher) guess(ctx context.Context) <-chan bool {
	isNew := make(chan bool, 1)
	if p.NoActivate || p.DryRun || p.Check != nil || len(p.files()) == 0 {
		close(isNew)
		return isNew
	}
	go func() {
		defer close(isNew)
		var absent [2]bool
		var both sync.WaitGroup
		for i, name := range []string{p.Project.Manifest(p.Tag), p.file(p.files()[0].Name)} {
			both.Go(func() {
				_, err := p.store.Size(ctx, name)
				absent[i] = errors.Is(err, fs.ErrNotExist)
			})
		}
		both.Wait()
		isNew <- absent[0] && absent[1]
	}()
	return isNew
}

// likely reports whether a new release is likely to become live.
func (p *publisher) likely(s *release.State) bool {
	live, isTag := s.LiveTag()
	_, adopted := s.Adoption(p.Tag)
	return s.Seq > 0 && !adopted && s.Live != p.Tag.String() && (!isTag || p.AllowDowngrade || live.Compare(p.Tag) < 0)
}

// errOther says that a publish does not come to what was prepared.
var errOther = errors.New("something of the release is there")

// ahead is attempt for a release that is new.
func (p *publisher) ahead(ctx context.Context, s *release.State) (Result, error) {
	var result Result
	var sweeping sync.WaitGroup
	err := s.Decide(ctx, p.objects(found{}), p.Who, func(ctx context.Context) (release.Decision, error) {
		var f found
		var err error
		result, f, err = p.plan(ctx, s)
		if err == nil && (result.Outcome != Published || f.something()) {
			err = errOther
		}
		if err == nil {
			sweeping.Go(func() { result.Swept = p.sweep(ctx) })
		}
		return release.Decision{Entry: p.entry(f), To: p.Tag}, err
	})
	sweeping.Wait()
	if errors.Is(err, errOther) {
		return p.attempt(ctx, s)
	}
	return result, err
}
