package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// What a web server needs, which runs as somebody else (docs/FORMAT.md, Files of a project).
const (
	readable = fs.FileMode(0o444) // files
	passable = fs.FileMode(0o111) // folders on the way to them
)

// checkFiles compares the files of all releases with their manifests, many at once.
func (v *verifier) checkFiles(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, l := range v.releases {
		if l.Raw == nil {
			v.checkHandMade(l)
			continue
		}
		for _, f := range l.Manifest.Files {
			l.files++
			l.bytes += f.Size
			if name := v.Project.File(l.Kind, l.Tag, f.Name); v.sound(l, name, f) {
				g.Go(func() error { return v.checkContent(gctx, l, name, f) })
			}
		}
		for _, f := range v.Client {
			name := v.Project.File(l.Kind, l.Tag, f.Name)
			if _, there := v.tree[v.rel(name)]; there && !lists(l, f.Name) {
				g.Go(func() error { return v.checkClient(gctx, name, f) })
			}
		}
	}
	return g.Wait()
}

// checkHandMade sees whether the files are there of a release that has no manifest. More cannot be said.
func (v *verifier) checkHandMade(l *looked) {
	for _, f := range l.Names() {
		name := v.Project.File(l.Kind, l.Tag, f)
		detail, there := v.tree[v.rel(name)]
		if !there {
			v.missing(l, name)
			continue
		}
		l.files++
		l.bytes += detail.Size
	}
}

// sound reports whether a file is there in such a way that its content can be looked at.
func (v *verifier) sound(l *looked, name string, f layout.File) bool {
	for _, dir := range parents(v.rel(name)) {
		if detail, there := v.tree[dir]; there && detail.Mode.IsDir() && !detail.NoPerm && detail.Mode&passable != passable {
			v.differ(l, Difference{Name: v.name(dir), Kind: Mode, Folder: true, What: badMode(detail, "pass through it")})
		}
	}
	detail, there := v.tree[v.rel(name)]
	switch {
	case !there:
		v.missing(l, name)
		return false
	case !v.fits(l, name, detail):
		return false
	case detail.Size != f.Size:
		v.differ(l, Difference{Name: name, Kind: Size, What: fmt.Sprintf("has %d bytes, not %d", detail.Size, f.Size)})
		return false
	}
	return true
}

// missing reports a file that is not there, or what is in its way.
func (v *verifier) missing(l *looked, name string) {
	for _, dir := range parents(v.rel(name)) {
		detail, there := v.tree[dir]
		switch {
		case v.closed[dir]:
			if detail.Mode&passable == passable { // else it was said already
				v.differ(l, Difference{Name: v.name(dir), Kind: Unreadable, Folder: true, What: "cannot be listed by this account: permission denied"})
			}
			return
		case there && dir != "." && !detail.Mode.IsDir():
			v.differ(l, Difference{Name: v.name(dir), Kind: Type, What: "is " + kindOf(detail) + ", not a folder"})
			return
		}
	}
	v.differ(l, Difference{Name: name, Kind: Missing, What: "is missing"})
}

// fits reports whether something is a file, and says what is wrong with it as one.
func (v *verifier) fits(l *looked, name string, detail store.Detail) bool {
	if !detail.Mode.IsRegular() {
		v.differ(l, Difference{Name: name, Kind: Type, What: "is " + kindOf(detail) + ", not a file"})
		return false
	}
	if hidden(detail) {
		v.differ(l, Difference{Name: name, Kind: Mode, What: badMode(detail, "read it")})
	}
	return true
}

func hidden(detail store.Detail) bool { return !detail.NoPerm && detail.Mode&readable != readable }

func badMode(detail store.Detail, do string) string {
	return fmt.Sprintf("has mode %04o, so a web server may not %s", detail.Mode.Perm(), do)
}

func kindOf(detail store.Detail) string {
	switch {
	case detail.Mode.IsRegular():
		return "a file"
	case detail.Mode.IsDir():
		return "a folder"
	case detail.Mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "something else"
}

// checkContent compares the bytes of a file with the manifest.
func (v *verifier) checkContent(ctx context.Context, l *looked, name string, f layout.File) error {
	sum, err := v.sum(ctx, name, f.Size)
	var large *store.TooLargeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.missing(l, name)
	case errors.Is(err, store.ErrShort), errors.As(err, &large):
		v.differ(l, Difference{Name: name, Kind: Size, What: "changed while it was read"})
	case errors.Is(err, fs.ErrPermission):
		if !hidden(v.tree[v.rel(name)]) { // said already
			v.differ(l, Difference{Name: name, Kind: Unreadable, What: forbidden})
		}
	case err != nil:
		return err
	case sum != f.SHA256:
		what := fmt.Sprintf("has other bytes: their SHA-256 is %s..., not %s...", sum[:12], f.SHA256[:12])
		v.differ(l, Difference{Name: name, Kind: Content, What: what})
	}
	return nil
}

const forbidden = "cannot be read by this account: permission denied"

// checkClient looks at a file of the update client beside a release. Another version of it is a good one too.
func (v *verifier) checkClient(ctx context.Context, name string, f layout.File) error {
	const other = "is another update client than otactl's own: it is in no manifest, so it cannot be verified"
	if detail := v.tree[v.rel(name)]; !detail.Mode.IsRegular() || detail.Size != f.Size {
		v.note(name, other)
		return nil
	}
	sum, err := v.sum(ctx, name, f.Size)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || sum != f.SHA256 {
		v.note(name, other)
	}
	return nil
}

// sum returns the SHA-256 of a file that has size bytes.
func (v *verifier) sum(ctx context.Context, name string, size int64) (string, error) {
	hash := sha256.New()
	if err := v.examiner.Stream(ctx, name, size, hash); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func lists(l *looked, name string) bool {
	for _, f := range l.Names() {
		if f == name {
			return true
		}
	}
	return false
}
