package posix

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/store"
)

// leftover is the age from which on a temporary folder belongs to nobody.
const leftover = time.Hour

// tempName makes the name of a temporary folder of a project.
func tempName(project string) string { return path.Join(project, ".otactl/tmp."+random()) }

// temp makes a new temporary folder of a project, and what it stands in if that is not there yet. As every change begins
// here or with fill, it is also where a server is refused that cannot do what will be asked of it.
func (s *Store) temp(ctx context.Context, project string) (string, error) {
	dir := tempName(project)
	if err := s.inHome(ctx, project, func() error { return s.fs.Mkdir(ctx, dir, 0) }); err != nil {
		return "", err
	}
	if err := s.checked(ctx, dir)(); err != nil {
		s.discard(ctx, dir)
		return "", err
	}
	return dir, nil
}

// inHome makes something in the folder for temporary ones, and that folder if it is not there.
func (s *Store) inHome(ctx context.Context, project string, do func() error) error {
	err := do()
	// A [Store.Try] at this moment may have made these folders, and remove them again while nothing is in them.
	for range 3 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err = s.openDirs(ctx, []string{project, path.Join(project, ".otactl")}); err == nil {
			err = do()
		}
	}
	return err
}

// checked checks once what the server can do, with files in dir if it must.
func (s *Store) checked(ctx context.Context, dir string) func() error {
	return sync.OnceValue(func() error {
		if c, ok := s.fs.(Checker); ok {
			return c.Check(ctx, dir)
		}
		return nil
	})
}

// openDirs makes folders, in this order, and sees to it that devices can pass through those that are for them, whatever
// the umask was, and that nobody else can look into the others.
func (s *Store) openDirs(ctx context.Context, dirs []string) error {
	for _, dir := range dirs {
		if err := s.openDir(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) openDir(ctx context.Context, dir string) error {
	want := fs.FileMode(publicDir)
	if strings.Contains(dir+"/", "/.otactl/") {
		want = privateDir
	}
	info, err := s.fs.Stat(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.fs.Mkdir(ctx, dir, want)
		if err == nil {
			return s.fs.Sync(ctx, path.Dir(dir))
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err = s.fs.Stat(ctx, dir) // somebody else makes it at this moment
	}
	if err != nil {
		return err
	}
	mode := modeOf(dir, info)
	if mode == info.Mode.Perm() {
		return nil
	}
	// An earlier run may have died between making the folder and setting its mode. One that belongs to another user is
	// that user's business.
	if err := s.fs.Chmod(ctx, dir, mode); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// discard removes a temporary folder and what may be in it while nobody waits. What it cannot remove is swept by a later
// publish.
func (s *Store) discard(ctx context.Context, tmp string, names ...string) {
	if tmp == "" {
		return
	}
	ctx = context.WithoutCancel(ctx)
	s.background.Go(func() { s.removeTemp(ctx, tmp, names) })
}

func (s *Store) removeTemp(ctx context.Context, tmp string, names []string) {
	if p, ok := s.fs.(Pipeliner); ok {
		var steps []Step
		for _, name := range names {
			steps = append(steps, Step{Do: Remove, Name: path.Join(tmp, name)})
		}
		p.InOrder(ctx, append(steps, Step{Do: Remove, Name: tmp})...)
		return
	}
	_ = s.each(ctx, len(names), func(ctx context.Context, i int) error {
		return ignoreAbsent(s.fs.Remove(ctx, path.Join(tmp, names[i])))
	})
	_ = s.fs.Remove(ctx, tmp)
}

// removeAll removes a temporary folder and the files directly in it.
func (s *Store) removeAll(ctx context.Context, dir string) error {
	infos, err := s.fs.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	err = s.each(ctx, len(infos), func(ctx context.Context, i int) error {
		return s.fs.Remove(ctx, path.Join(dir, infos[i].Name))
	})
	if err != nil {
		return err
	}
	return s.fs.Remove(ctx, dir)
}

// orSwept is [store.ErrChanged] instead of an error that comes of this: a publish of somebody else took a temporary folder
// for a leftover, because its owner was paused for so long, as one is whose laptop is closed.
func (s *Store) orSwept(ctx context.Context, d draft, err error) error {
	var refused *store.RefusedError // the root is not there
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) {
		return err
	}
	for _, tmp := range []string{d.claim, d.staged} {
		if tmp == "" {
			continue
		}
		if _, gone := s.fs.Stat(ctx, path.Dir(tmp)); errors.Is(gone, fs.ErrNotExist) {
			return err // it was never there
		}
		if _, gone := s.fs.Lstat(ctx, tmp); errors.Is(gone, fs.ErrNotExist) {
			return store.ErrChanged
		}
	}
	return err
}

// Sweep implements store.Sweeper.
func (s *Store) Sweep(ctx context.Context, project string) (swept []string, err error) {
	home := path.Join(project, ".otactl")
	var probe string
	var now time.Time
	var infos []Info
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if probe, err = s.temp(gctx, project); err != nil {
			return err
		}
		info, err := s.fs.Stat(gctx, probe)
		now = info.ModTime
		return err
	})
	g.Go(func() (err error) { infos, err = s.fs.ReadDir(gctx, home); return err })
	err = g.Wait()
	defer func() { s.discard(ctx, probe) }()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		name := path.Join(home, info.Name)
		if !strings.HasPrefix(info.Name, "tmp.") || !info.Mode.IsDir() || now.Sub(info.ModTime) < leftover {
			continue
		}
		if err := s.sweepOne(ctx, name, now); err != nil {
			return swept, err
		}
		swept = append(swept, name)
	}
	return swept, nil
}

// sweepOne removes a temporary folder, unless a file in it is young: its owner is writing it.
func (s *Store) sweepOne(ctx context.Context, name string, now time.Time) error {
	infos, err := s.fs.ReadDir(ctx, name)
	if err != nil {
		return ignoreAbsent(err)
	}
	for _, info := range infos {
		if now.Sub(info.ModTime) < leftover {
			return nil
		}
	}
	// An owner who was paused all the time may go on now and claim a number with this folder. So it is taken away in one
	// step, before it is emptied: either the owner has it whole, or finds nothing.
	mine := path.Join(path.Dir(name), "tmp."+random())
	if err := s.fs.Place(ctx, name, mine); err != nil {
		return ignoreAbsent(err)
	}
	return s.removeAll(ctx, mine)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
