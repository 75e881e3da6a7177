package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
	"github.com/otactl/otactl/verify"
)

const project = layout.Project("demo")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tag(text string) layout.Tag {
	t, err := layout.ParseTag(text)
	if err != nil {
		panic(err)
	}
	return t
}

// onTargets runs a test on a local folder and on a real sshd. open opens a session on the folder.
func onTargets(t *testing.T, test func(t *testing.T, dir string, open func() store.Store)) {
	keep := func(tree posix.FS, err error) store.Store {
		must(t, err)
		st := posix.New(tree)
		t.Cleanup(func() { must(t, st.Close()) })
		return st
	}
	t.Run("local", func(t *testing.T) {
		dir := t.TempDir()
		test(t, dir, func() store.Store { return keep(local.Open(dir, local.Options{})) })
	})
	t.Run("sshd", func(t *testing.T) {
		server := testserver.Sshd(t, testserver.SshdOptions{})
		target, err := sftp.ParseURL(server.URL())
		must(t, err)
		config := sftp.Config{HostKey: server.Fingerprint(), Identity: server.ClientKey}
		test(t, server.Root, func() store.Store { return keep(sftp.Dial(t.Context(), target, config)) })
	})
}

// put publishes files that hold the tag and their name.
func put(t testing.TB, st store.Store, text string, kind layout.Kind, names ...string) {
	t.Helper()
	r := publish.Request{Project: project, Tag: tag(text), Kind: kind, Who: release.Who{Time: time.Unix(0, 0)}, AllowLayoutChange: true}
	for _, name := range names {
		r.Set.Files = append(r.Set.Files, source.File{Name: name, Path: name, Data: []byte(text + " " + name + "\n")})
	}
	_, err := publish.Run(t.Context(), st, r)
	must(t, err)
}

// A site is a project with three releases, of which the last is live.
type site struct {
	testing.TB
	dir string // of the project
	st  store.Store
}

func newSite(t testing.TB, dir string, st store.Store) *site {
	put(t, st, "v1.0.0", layout.Prefix, "boot.py", "main.py")
	put(t, st, "v1.1.0", layout.Directory, "lib/util.py", "main.py")
	put(t, st, "v1.2.0", layout.Prefix, "lib/util.py", "main.py")
	return &site{t, filepath.Join(dir, string(project)), st}
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.Helper()
	must(s, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s, errors.Join(os.WriteFile(s.path(name), []byte(text), 0o644), os.Chmod(s.path(name), 0o644)))
}

func (s *site) edit(name string, change func([]byte) []byte) {
	s.Helper()
	data, err := os.ReadFile(s.path(name))
	must(s, err)
	must(s, os.WriteFile(s.path(name), change(data), 0o644))
}

func (s *site) remove(name string)      { s.Helper(); must(s, os.RemoveAll(s.path(name))) }
func (s *site) rename(old, name string) { s.Helper(); must(s, os.Rename(s.path(old), s.path(name))) }
func (s *site) link(to, name string)    { s.Helper(); must(s, os.Symlink(to, s.path(name))) }
func (s *site) chmod(name string, mode os.FileMode) {
	s.Helper()
	must(s, os.Chmod(s.path(name), mode))
}

// run verifies, and returns one line for each release, difference and note.
func (s *site) run(r verify.Request) (lines []string) {
	s.Helper()
	r.Project, r.Now = project, time.Now()
	report, err := verify.Run(s.Context(), s.st, r)
	if err != nil {
		return []string{err.Error()}
	}
	for _, one := range report.Releases {
		lines = append(lines, fmt.Sprintf("%s %s (%d, %d)", one.Tag, one.Condition, one.Files, one.Bytes))
	}
	for _, d := range report.Differences {
		lines = append(lines, d.String())
	}
	for _, n := range report.Notes {
		lines = append(lines, "note: "+n.String())
	}
	return lines
}

func (s *site) want(r verify.Request, want ...string) {
	s.Helper()
	if got := s.run(r); !slices.Equal(got, want) {
		s.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What was made by hand is not wrong for that, and a release that was put there and never made live is not live.
func TestHandMade(t *testing.T) {
	onTargets(t, func(t *testing.T, dir string, open func() store.Store) {
		s := &site{t, filepath.Join(dir, string(project)), open()}
		s.write("v0.9.0_boot.py", "boot")
		s.write("v0.9.0_main.py", "main")
		s.want(bare, "project demo has no live release")
		s.write("version", "v0.9.0\n")
		s.want(bare, "v0.9.0 hand-made (2, 8)")
		put(t, s.st, "v1.0.0", layout.Prefix, "main.py")
		s.want(all, "v0.9.0 hand-made (2, 8)", "v1.0.0 whole (1, 15)")
		s.write("v0.9.0_late.py", "x")
		s.remove("v0.9.0_boot.py")
		s.want(all, "v0.9.0 different (1, 4)", "v1.0.0 whole (1, 15)",
			"demo/v0.9.0_boot.py is missing", "note: demo/v0.9.0_late.py was not there when otactl took over v0.9.0")
		s.remove("v0.9.0_late.py")
		s.remove("v0.9.0_main.py")
		s.want(all, "v0.9.0 different (0, 0)", "v1.0.0 whole (1, 15)", "demo/v0.9.0_boot.py is missing", "demo/v0.9.0_main.py is missing")
	})
}

// With public keys, whoever may write to the target cannot replace a release as a whole.
func TestSigned(t *testing.T) {
	key, err := sign.Generate(2048)
	must(t, err)
	other, err := sign.Generate(2048)
	must(t, err)
	s := &site{t, filepath.Join(t.TempDir(), string(project)), nil}
	tree, err := local.Open(filepath.Dir(s.dir), local.Options{})
	must(t, err)
	s.st = posix.New(tree)
	t.Cleanup(func() { must(t, s.st.Close()) })
	m := layout.Manifest{Project: project, Tag: tag("v1.0.0"), Files: []layout.File{{Name: "a.py", Size: 1, SHA256: release.SHA256([]byte("a"))}}}
	signed, err := sign.Sign(m.Bytes(), []*sign.Key{key})
	must(t, err)
	s.write("v1.0.0_a.py", "a")
	s.write("version", "v1.0.0\n")
	s.write("v1.0.0.manifest", string(signed))
	by := func(keys ...*sign.Key) (r verify.Request) {
		for _, k := range keys {
			r.Signers = append(r.Signers, k.Public())
		}
		return r
	}
	s.want(by(), "v1.0.0 whole (1, 1)")
	s.want(by(other, key), "v1.0.0 whole (1, 1)")
	report, err := verify.Run(t.Context(), s.st, verify.Request{Project: project, Signers: by(key).Signers})
	if err != nil || len(report.Releases) != 1 || !report.Releases[0].Signed {
		t.Errorf("%+v, %v", report, err)
	}
	s.want(by(other), "v1.0.0 different (1, 1)", fmt.Sprintf(
		"demo/v1.0.0.manifest is not signed as it must be: release v1.0.0 has signatures (%s) of none of the public keys (%s)",
		key.Public().ID(), other.Public().ID()))
	s.write("v1.0.0.manifest", string(m.Bytes()))
	s.want(by(key), "v1.0.0 different (1, 1)", "demo/v1.0.0.manifest is not signed as it must be: release v1.0.0 is not signed")
}

// The update client lies beside a release and is in no manifest. Otactl's own is known, another one is named.
func TestClient(t *testing.T) {
	onTargets(t, func(t *testing.T, dir string, open func() store.Store) {
		s := newSite(t, dir, open())
		r := verify.Request{Client: []layout.File{
			{Name: "micropython_ota.py", Size: 6, SHA256: release.SHA256([]byte("client"))},
			{Name: "micropython_ota_net.py", Size: 3, SHA256: release.SHA256([]byte("net"))},
		}}
		s.write("v1.2.0_micropython_ota.py", "client")
		s.write("v1.2.0_micropython_ota_net.py", "net")
		s.write("v1.0.0_micropython_ota.py", "anything")
		s.want(r, "v1.2.0 whole (2, 34)")
		s.write("v1.2.0_micropython_ota.py", "clienT")
		s.write("v1.2.0_micropython_ota_net.py", "network")
		const other = " is another update client than otactl's own: it is in no manifest, so it cannot be verified"
		s.want(r, "v1.2.0 whole (2, 34)", "note: demo/v1.2.0_micropython_ota.py"+other, "note: demo/v1.2.0_micropython_ota_net.py"+other)
	})
}

// What somebody publishes or prunes meanwhile is no difference.
func TestChangedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	tree, err := local.Open(dir, local.Options{})
	must(t, err)
	st := posix.New(tree)
	t.Cleanup(func() { must(t, st.Close()) })
	s := newSite(t, dir, st)
	other := *s
	s.st = &busyStore{Store: st, meanwhile: func() { other.prune("v1.0.0") }}
	s.want(all, "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)")
}

// A busyStore lets somebody else do something between two looks.
type busyStore struct {
	*posix.Store
	once      sync.Once
	meanwhile func()
}

func (s *busyStore) Stream(ctx context.Context, name string, size int64, w io.Writer) error {
	s.once.Do(s.meanwhile)
	return s.Store.Stream(ctx, name, size, w)
}

// A pruned release is gone for good reason. What is left over of it is noted, and nothing should lead there.
func TestPruned(t *testing.T) {
	onTargets(t, func(t *testing.T, dir string, open func() store.Store) {
		s := newSite(t, dir, open())
		s.prune("v1.0.0")
		check := func() {
			s.want(all, "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)")
			s.want(first, "release v1.0.0 was pruned")
		}
		check()
		s.remove(".otactl/pruned") // the prune was interrupted: the last change tells it all the same
		check()
		s.write(".otactl/pruned/v1.0.0", "none\n")
		s.write("v1.0.0_main.py", "x")
		s.want(all, "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)", "note: demo/v1.0.0_main.py is left over of v1.0.0, which was pruned")
		s.write("version", "v1.0.0\n")
		s.want(second, "v1.1.0 whole (2, 34)", "demo/version names v1.0.0, which was pruned",
			"note: demo/v1.0.0_main.py is left over of v1.0.0, which was pruned",
			"note: demo/version names v1.0.0, and change 5 left v1.2.0 in it: it was changed by hand")
	})
}

func (s *site) prune(text string) {
	s.Helper()
	r := prune.Request{Project: project, Tags: []layout.Tag{tag(text)}, Who: release.Who{Time: time.Now()}}
	_, err := prune.Run(s.Context(), s.st, r)
	must(s, err)
}

// A rollback that is to verify goes only to what was published, whatever is live.
func TestTag(t *testing.T) {
	onTargets(t, func(t *testing.T, dir string, open func() store.Store) {
		s := newSite(t, dir, open())
		r := rollback.Request{Project: project, Tag: tag("v1.0.0"), Verify: true, AllowLayoutChange: true}
		s.edit("v1.0.0_main.py", flip)
		_, err := rollback.Run(t.Context(), s.st, r)
		var different *verify.DifferentError
		if !errors.As(err, &different) || different.Tag.String() != "v1.0.0" || len(different.Differences) != 1 {
			t.Errorf("rollback to a damaged release: %v", err)
		}
		s.want(second, "v1.1.0 whole (2, 34)") // and v1.2.0 is live still
		r.Tag = tag("v1.1.0")
		s.remove("v1.2.0_main.py")
		_, err = rollback.Run(t.Context(), s.st, r)
		must(t, err)
		s.want(bare, "v1.1.0 whole (2, 34)")
	})
}
