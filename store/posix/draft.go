package posix

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// A draft is what a change will consist of, where nobody knows of it: temporary folders.
type draft struct {
	claim  string   // has the entry and the pointer in it
	staged string   // has the objects in it; "" if there are none
	names  []string // of the objects there
}

var claimNames = []string{"entry", "version"}

// prepare makes the draft of a change while that is still being planned. It sees to it that the last change has taken effect or
// never will, that the pointer is as it was planned on, and that all objects but the last one are there. After an error
// nothing of the draft stays.
func (s *Store) prepare(ctx context.Context, c *store.Commit) (draft, error) {
	d := draft{claim: tempName(c.Project), names: stagedNames(len(c.Objects))}
	if len(c.Objects) > 0 {
		d.staged = tempName(c.Project)
	}
	work, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	var result error // when done is closed
	planned := make(chan struct{})
	p := preparation{s, d, *c, c, planned, make(chan struct{})}
	go func() {
		defer close(done)
		result = p.run(work)
	}()
	err := p.plan(ctx)
	if err == nil {
		close(planned)
		if err = until(ctx, done); err == nil {
			err = result
		}
	}
	stop()
	if err == nil {
		return d, nil
	}
	err = s.orSwept(ctx, d, err)
	s.background.Go(func() {
		<-done // what is under way could come after its removal
		s.discardDraft(ctx, d)
	})
	return d, err
}

// discardDraft removes a draft while nobody waits.
func (s *Store) discardDraft(ctx context.Context, d draft) {
	s.discard(ctx, d.claim, claimNames...)
	s.discard(ctx, d.staged, d.names...)
}

// A preparation is under way.
type preparation struct {
	*Store
	draft   draft
	first   store.Commit  // as it was when it was planned
	commit  *store.Commit // complete when planned is closed
	planned chan struct{}
	held    chan struct{} // closed when the draft is in the project's folders, which nobody removes as empty from then on
}

func (p *preparation) plan(ctx context.Context) error {
	if p.first.Plan == nil {
		return nil
	}
	return p.first.Plan(ctx, p.commit)
}

// wait waits until the change is planned.
func (p *preparation) wait(ctx context.Context) error { return until(ctx, p.planned) }

func until(ctx context.Context, closed <-chan struct{}) error {
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *preparation) run(ctx context.Context) error {
	project, log := p.first.Project, path.Dir(p.first.Claim(p.first.Seq))
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := p.fill(gctx, project, p.draft.claim, p.claimFiles()); err != nil {
			return err
		}
		return p.fs.Sync(gctx, p.draft.claim)
	})
	if len(p.first.Objects) > 0 {
		g.Go(func() error { return p.addObjects(gctx) })
	}
	g.Go(func() error { return p.fenceAndLook(gctx) })
	if p.first.Seq > 1 {
		p.expect(gctx, project, log)
		return g.Wait()
	}
	g.Go(func() error {
		err := cmp.Or(p.open(gctx, []string{project, path.Dir(log), log}), until(gctx, p.held))
		if err == nil {
			p.expect(gctx, project, log) // not earlier: the folders could be removed and made again behind an open handle
		}
		return err
	})
	return g.Wait()
}

func (p *preparation) expect(ctx context.Context, dirs ...string) {
	if e, ok := p.fs.(Pipeliner); ok {
		e.Expect(ctx, dirs...)
	}
}

// addObjects sends all objects and, once it is certain that they are wanted, gives all but the last one their names.
func (p *preparation) addObjects(ctx context.Context) error {
	objects := p.first.Objects
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := p.fill(gctx, p.first.Project, p.draft.staged, p.objectFiles()); err != nil {
			return err
		}
		return p.fs.Sync(gctx, p.draft.staged)
	})
	g.Go(func() error { return p.open(gctx, parents(objects)) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return err
	}
	return p.placeAll(ctx, p.draft.staged, objects[:len(objects)-1])
}

// claimFiles are what the claim will consist of. They are written when they are planned.
func (p *preparation) claimFiles() []File {
	held := sync.OnceFunc(func() { close(p.held) })
	entry := File{"entry", privateFile, func(ctx context.Context) ([]byte, error) {
		held()
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
		return p.commit.Entry, nil
	}}
	if p.first.Plan == nil && p.first.Next == nil {
		return []File{entry}
	}
	return []File{entry, {"version", publicFile, func(ctx context.Context) ([]byte, error) {
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
		return p.commit.Next, nil
	}}}
}

// objectFiles are the objects under temporary names.
func (p *preparation) objectFiles() (files []File) {
	for i, o := range p.first.Objects {
		files = append(files, File{stagedName(i), fileMode(o.Name), func(context.Context) ([]byte, error) { return o.Data, nil }})
	}
	return files
}

// open makes folders as they should be. If there is something to do, it waits for the plan, and for the draft: a [Store.Try]
// may remove the folders that these stand in while nothing is in them.
func (p *preparation) open(ctx context.Context, dirs []string) error {
	open := make([]bool, len(dirs))
	err := p.each(ctx, len(dirs), func(ctx context.Context, i int) error {
		info, err := p.fs.Stat(ctx, dirs[i])
		open[i] = err == nil && modeOf(dirs[i], info) == info.Mode.Perm()
		return ignoreAbsent(err)
	})
	for i := range open {
		if err == nil && !open[i] {
			if err = cmp.Or(p.wait(ctx), until(ctx, p.held)); err == nil {
				err = p.openDir(ctx, dirs[i])
			}
		}
	}
	return err
}

// fenceAndLook sees to it that the last change has taken effect or never will, and then looks at the pointer. While it is not
// certain that there will be a change, it only looks: if what waits to become the pointer is gone, it never comes back.
func (p *preparation) fenceAndLook(ctx context.Context) error {
	if p.first.Plan != nil && p.first.Seq > 1 {
		_, err := p.fs.Lstat(ctx, path.Join(p.first.Claim(p.first.Seq-1), "version"))
		if err == nil {
			err = p.wait(ctx)
		} else if ignoreAbsent(err) == nil {
			return p.look(ctx, p.first)
		}
		if err != nil {
			return err
		}
	}
	return p.fence(ctx, p.first)
}

// modeOf is the mode that a folder should have, given what it has.
func modeOf(dir string, info Info) fs.FileMode {
	mode := info.Mode.Perm()
	switch {
	case !info.Mode.IsDir():
		return mode
	case strings.Contains(dir+"/", "/.otactl/"):
		return (mode | privateDir) &^ 0o007
	}
	return mode | publicDir
}
