package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

// otherUser tells this test binary to be the publisher of TestOtherUser.
const otherUser = "OTACTL_TEST_OTHER_USER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(otherUser); dir != "" {
		os.Exit(publishAsOther(dir))
	}
	os.Exit(m.Run())
}

func objects(tag string, n, size int) (objects []store.Object) {
	for i := range n {
		objects = append(objects, store.Object{Name: fmt.Sprintf("demo/%s_%d", tag, i), Data: make([]byte, size)})
	}
	return objects
}

func commit(seq int, old, next string) store.Commit {
	c := store.Commit{Project: "demo", Seq: seq, Entry: []byte("entry"), Next: []byte(next)}
	if old != "" {
		c.Old = []byte(old)
	}
	return c
}

// publish makes a small release live.
func publish(t *testing.T, s store.Store, seq int, old, tag string) {
	t.Helper()
	must(t, s.Create(t.Context(), objects(tag, 2, 100)))
	must(t, s.Commit(t.Context(), commit(seq, old, tag+"\n")))
}

// wantLive checks that the pointer is untouched and that nothing of a release that was refused is there.
func wantLive(t *testing.T, dir, tag, refused string) {
	t.Helper()
	if live, err := os.ReadFile(filepath.Join(dir, "demo/version")); err != nil || string(live) != tag+"\n" {
		t.Errorf("the pointer holds %q, %v", live, err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "demo", refused+"*")); found != nil {
		t.Errorf("a refused release is there: %q", found)
	}
}

// wantSwept checks that a run that was refused has removed its temporary files.
func wantSwept(t *testing.T, dir string) {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(dir, "demo/.otactl/tmp.*")); found != nil {
		t.Errorf("temporary folders are left: %q", found)
	}
}

func TestFullDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	s := posix.New(open(t, dir))
	publish(t, s, 1, "", "v1.0.0")
	err := s.Create(t.Context(), objects("v1.0.1", 10, 100<<10))
	wantRefused(t, "create", err, dir, "no space left on device")
	must(t, s.Close()) // waits until the temporary files are gone
	wantLive(t, dir, "v1.0.0", "v1.0.1")
	wantSwept(t, dir)

	s = posix.New(open(t, dir))
	publish(t, s, 2, "v1.0.0\n", "v1.0.2")
	filler := fill(t, dir)
	err = s.Commit(t.Context(), commit(3, "v1.0.2\n", "v1.0.0\n"))
	wantRefused(t, "commit", err, dir, "no space left on device")
	wantLive(t, dir, "v1.0.2", "v1.0.1")
	must(t, os.Remove(filler))
	must(t, s.Commit(t.Context(), commit(3, "v1.0.2\n", "v1.0.0\n")))
	must(t, s.Close())
	wantLive(t, dir, "v1.0.0", "v1.0.1")
	wantSwept(t, dir)
}

// fill takes all room that is left, by a file that it returns.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	must(t, f.Close())
	return f.Name()
}

func TestReadOnlyRoot(t *testing.T) {
	dir := testserver.SmallDisk(t, 512<<10)
	s := posix.New(open(t, dir))
	publish(t, s, 1, "", "v1.0.0")
	must(t, s.Close())
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	s = posix.New(open(t, dir))
	const says = "read-only file system"
	wantRefused(t, "create", s.Create(t.Context(), objects("v1.0.1", 2, 10)), dir, says)
	wantRefused(t, "commit", s.Commit(t.Context(), commit(2, "v1.0.0\n", "v1.0.1\n")), dir, says)
	wantRefused(t, "remove", s.Remove(t.Context(), []string{"demo/v1.0.0_0"}), dir, says)
	must(t, s.Close())
	wantLive(t, dir, "v1.0.0", "v1.0.1")
}

// TestOtherUser publishes into a project of somebody else. Root may do everything, so it does that as nobody.
func TestOtherUser(t *testing.T) {
	testserver.NeedRoot(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	s := posix.New(open(t, dir))
	publish(t, s, 1, "", "v1.0.0")
	must(t, s.Close())

	// Its own file may not be where nobody can go.
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), otherUser+"="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 4 {
		t.Fatalf("got %q", lines)
	}
	for i, what := range []string{"create", "commit", "remove", "read the log"} {
		if !strings.HasPrefix(lines[i], "refused: "+dir+": ") || !strings.HasSuffix(lines[i], ": permission denied") {
			t.Errorf("%s: got %q", what, lines[i])
		}
	}
	wantLive(t, dir, "v1.0.0", "v1.0.1")
}

func publishAsOther(dir string) int {
	f, err := local.Open(dir, local.Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s := posix.New(f)
	ctx := context.Background()
	_, readErr := s.Read(ctx, "demo/.otactl/log/00000001/entry", 100)
	for _, err := range []error{
		s.Create(ctx, objects("v1.0.1", 2, 10)), s.Commit(ctx, commit(2, "v1.0.0\n", "v1.0.1\n")),
		s.Remove(ctx, []string{"demo/v1.0.0_0"}), readErr,
	} {
		var r *store.RefusedError
		if errors.As(err, &r) {
			fmt.Print("refused: ")
		}
		fmt.Println(err)
	}
	return 0
}
