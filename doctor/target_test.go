package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
	"github.com/otactl/otactl/verify"
)

// request is one whose target is a local folder.
func request(dir string) doctor.Request {
	return doctor.Request{
		Project: "demo", Target: "the target", Now: time.Now, Original: true,
		Repair: func(d verify.Difference, _ string) string { return "repair " + string(d.Kind) },
		Open: func(context.Context) (store.Store, error) {
			tree, err := local.Open(dir, local.Options{})
			if err != nil {
				return nil, err
			}
			return posix.New(tree), nil
		},
	}
}

// over has the target behind an SFTP server.
func over(r doctor.Request, dir string, server io.ReadWriteCloser) doctor.Request {
	r.Open = func(ctx context.Context) (store.Store, error) {
		opener := func(context.Context) (io.ReadWriteCloser, error) { return server, nil }
		tree, err := sftp.New(ctx, opener, sftp.Options{Target: "the server", Root: dir})
		if err != nil {
			return nil, err
		}
		return posix.New(tree), nil
	}
	return r
}

// show is one line for each check.
func show(lines []doctor.Line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s: %s\n", l.Level, l.Area, l.Text)
	}
	return b.String()
}

// run runs all checks and compares what is not ok with what is wanted: each a part of the line, in this order.
func run(t *testing.T, r doctor.Request, want ...string) []doctor.Line {
	t.Helper()
	lines, err := doctor.Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines, want...)
	return lines
}

func wantLines(t *testing.T, lines []doctor.Line, want ...string) {
	t.Helper()
	bad := slices.DeleteFunc(slices.Clone(lines), func(l doctor.Line) bool {
		return l.Level == doctor.OK || l.Area == doctor.Web && strings.HasPrefix(l.Text, "not set")
	})
	good := len(bad) == len(want)
	for i := range min(len(bad), len(want)) {
		good = good && strings.Contains(show(bad[i:i+1]), want[i])
	}
	if !good {
		t.Errorf("want %q, got\n%s", want, show(lines))
	}
}

// tree lists names, modes and contents below a folder.
func tree(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		text, _ := os.ReadFile(name)
		all = append(all, fmt.Sprintf("%s %v %q", name, info.Mode(), text))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// unchanged runs f and checks that it leaves nothing.
func unchanged(t *testing.T, dir string, f func()) {
	t.Helper()
	before := tree(t, dir)
	f()
	if after := tree(t, dir); !slices.Equal(before, after) {
		t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// public makes a folder that other users can pass through, down to dir.
func public(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHealthyTarget(t *testing.T) {
	dir := public(t)
	for _, project := range []bool{false, true} {
		if project {
			if err := os.Mkdir(filepath.Join(dir, "demo"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		unchanged(t, dir, func() { run(t, request(dir)) })
		unchanged(t, dir, func() { run(t, over(request(dir), dir, testserver.SFTPServer(t, dir))) })
		unchanged(t, dir, func() { run(t, over(request(dir), dir, testserver.SFTPServer(t, dir, "-u", "077"))) })
	}
}

func TestNoRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "typo")
	lines := run(t, request(dir), "fail target: "+dir)
	wantRefused(t, lines)
	lines = run(t, over(request(dir), dir, testserver.SFTPServer(t, "/")), "fail target: the target: the folder is not there")
	wantRefused(t, lines)
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it was made")
	}
}

func wantRefused(t *testing.T, lines []doctor.Line) {
	t.Helper()
	var refused *store.RefusedError
	for _, l := range lines {
		if l.Level == doctor.Fail && !errors.As(l.Err, &refused) && (l.Err != nil || l.Kind != doctor.Refused) {
			t.Errorf("%s: %#v", l.Text, l.Err)
		}
	}
}

// serverOf runs sftp-server as another user.
func serverOf(t *testing.T, uid uint32) io.ReadWriteCloser {
	t.Helper()
	testserver.NeedRoot(t)
	cmd := exec.Command(testserver.SFTPServerPath(t))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	client, server := net.Pipe()
	cmd.Stdin, cmd.Stdout = server, server
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = client.Close()
		_ = cmd.Wait()
	})
	return client
}

func TestReadOnlyForUs(t *testing.T) {
	for _, project := range []string{"", "demo", "demo/.otactl"} {
		dir := public(t)
		if err := os.MkdirAll(filepath.Join(dir, project), 0o755); err != nil {
			t.Fatal(err)
		}
		unchanged(t, dir, func() {
			lines := run(t, over(request(dir), dir, serverOf(t, 65534)), "permission denied")
			wantRefused(t, lines)
			if i := slices.IndexFunc(lines, func(l doctor.Line) bool { return l.Level == doctor.Fail }); i < 0 || !strings.Contains(lines[i].Fix, "chown") {
				t.Errorf("what to do: %+v", lines)
			}
		})
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, run(t, request(dir), "read-only file system", "warn target: only"))
}

func TestFullDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 64<<10)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	unchanged(t, dir, func() { wantRefused(t, run(t, request(dir), "fail target", "only 0 bytes free")) })
	unchanged(t, dir, func() {
		wantRefused(t, run(t, over(request(dir), dir, testserver.SFTPServer(t, dir)), "no space left on device", "only 0 bytes free"))
	})
}

func TestSmallDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	run(t, request(dir), "warn target: only 524.3 KB free")
	r := request(dir)
	r.Need = 1 << 20
	wantRefused(t, run(t, r, "fail target: 524.3 KB free, and the files to be published need 1.0 MB"))
}

func TestSkewedClock(t *testing.T) {
	dir := public(t)
	for ours, want := range map[time.Duration]string{
		-2 * time.Hour: "warn target: the server's clock is 2h0m0s ahead of ours",
		time.Hour:      "warn target: the server's clock is 1h0m0s behind ours",
	} {
		r := request(dir)
		r.Now = func() time.Time { return time.Now().Add(ours) }
		run(t, r, want)
		run(t, over(r, dir, testserver.SFTPServer(t, dir)), want)
	}
}

func TestUnreadableFolder(t *testing.T) {
	dir := public(t)
	if err := os.Mkdir(filepath.Join(dir, "demo"), 0o700); err != nil {
		t.Fatal(err)
	}
	unchanged(t, dir, func() { run(t, request(dir), "warn target: the folder demo has mode 0700") })
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	run(t, request(dir), "warn target: the server root has mode 0750", "warn target: the folder demo has mode 0700")
}

// The server of package github.com/pkg/sftp cannot make anything durable.
func TestNotDurable(t *testing.T) {
	dir := public(t)
	client, pipe := net.Pipe()
	server, err := pkgsftp.NewServer(pipe, pkgsftp.WithServerWorkingDirectory(dir))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve()
		_ = pipe.Close()
	}()
	t.Cleanup(func() { _ = client.Close(); <-done })
	run(t, over(request(dir), dir, client), "warn target: the server does not say when files are on its disk")
}

// A tried store says what it is told of a trial.
type tried struct {
	store.Store
	trial store.Trial
}

func (s tried) Try(context.Context, string, func() time.Time) (store.Trial, error) {
	return s.trial, nil
}

// Servers that break what they promise.
func TestBrokenServers(t *testing.T) {
	dir := public(t)
	boom := errors.New("boom")
	for step, want := range map[store.StepName]string{
		store.StepPlace:   "cannot give a file its name without overwriting another: boom",
		store.StepReplace: "cannot replace version in one step: boom",
		store.StepClaim:   "cannot keep two publishers from making the same change: boom",
		store.StepSync:    "cannot make durable what is written: boom",
	} {
		r := request(dir)
		open := r.Open
		r.Open = func(ctx context.Context) (store.Store, error) {
			s, err := open(ctx)
			steps := make([]store.Step, store.StepSync+1)
			for name := range steps {
				steps[name].Name = store.StepName(name)
			}
			steps[step].Err = boom
			return tried{s, store.Trial{Root: store.Detail{Name: ".", Mode: os.ModeDir | 0o755}, Steps: steps, Synced: true, Left: []string{"demo/.otactl/tmp.x"}}}, err
		}
		wantRefused(t, run(t, r, "fail target: "+want, `warn target: "demo/.otactl/tmp.x" could not be removed`))
	}
}

// Ctrl-C is an error, and leaves nothing.
func TestInterrupted(t *testing.T) {
	dir := public(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	unchanged(t, dir, func() {
		if _, err := doctor.Run(ctx, request(dir)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A project that belongs to another user than the server root.
func TestOwnProject(t *testing.T) {
	dir := public(t)
	server := serverOf(t, 65534)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "demo"), 0o755), os.Chown(filepath.Join(dir, "demo"), 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	unchanged(t, dir, func() { run(t, over(request(dir), dir, server)) })
}

// A stuck tree removes nothing, as if its process had been killed.
type stuck struct{ posix.FS }

func (stuck) Remove(context.Context, string) error { return errors.New("killed") }

// What is left of a trial is swept by a publish an hour later.
func TestLeftIsSwept(t *testing.T) {
	dir := public(t)
	open, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := posix.New(open)
	t.Cleanup(func() { _ = s.Close() })
	trial, err := posix.New(stuck{open}).Try(t.Context(), "demo", time.Now)
	if err != nil || len(trial.Left) != 3 {
		t.Fatalf("%v, left %q", err, trial.Left)
	}
	if swept, err := s.Sweep(t.Context(), "demo"); err != nil || len(swept) != 0 {
		t.Errorf("at once %q, %v are swept", swept, err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range trial.Left {
		files, err := filepath.Glob(filepath.Join(dir, name, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range append(files, filepath.Join(dir, name)) {
			if err := os.Chtimes(file, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if swept, err := s.Sweep(t.Context(), "demo"); err != nil || len(swept) != 3 {
		t.Errorf("%q, %v are swept, and %q are left", swept, err, trial.Left)
	}
}

// A project that is no folder, and a server root that nobody but its owner may look into.
func TestNoFolder(t *testing.T) {
	dir := public(t)
	if err := os.WriteFile(filepath.Join(dir, "demo"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	unchanged(t, dir, func() { wantRefused(t, run(t, request(dir), "fail target")) })
	if err := errors.Join(os.Remove(filepath.Join(dir, "demo")), os.Mkdir(filepath.Join(dir, "demo"), 0o755), os.Chmod(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, run(t, over(request(dir), dir, serverOf(t, 65534)), "permission denied"))
}
