package proofs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/storetest"
	"github.com/otactl/otactl/verify"
)

// What verifying over SFTP may cost in sequential round trips, login included: a part that is always the same, and one for
// each 100 files. Listing 100 names takes one trip, and reading 128 files takes two, at the same time.
const (
	maxVerifyTrips    = 30
	maxVerifyTripsPer = 3
)

// stock puts releases of n files each into a folder.
func stock(t testing.TB, dir string, releases, n int) {
	t.Helper()
	s := openLocal(t, dir)
	defer s.Close()
	for i := range releases {
		text := fmt.Sprintf("v1.0.%d", i)
		r := request(t, layout.Prefix, text, 1)
		r.Set = set(files(n, text))
		if _, err := publish.Run(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
	}
}

// verifyAll verifies all releases and checks that they are whole.
func verifyAll(t testing.TB, s store.Store, files int) error {
	t.Helper()
	report, err := verify.Run(t.Context(), s, verify.Request{Project: project, All: true})
	n := 0
	for _, r := range report.Releases {
		n += r.Files
	}
	if err == nil && (n != files || len(report.Differences) > 0) {
		err = fmt.Errorf("%d files, not %d: %v", n, files, report.Differences)
	}
	return err
}

// Verifying over SFTP is bound by what is read, not by trips: a hundred times as many files cost a few more.
func TestVerifyTrips(t *testing.T) {
	for _, c := range []struct{ releases, files int }{{1, 10}, {1, 100}, {2, 500}} {
		b := newBench(t)
		stock(t, b.dir, c.releases, c.files)
		n := c.releases * c.files
		trips := b.trips(func(s store.Store) error { return verifyAll(t, s, n) })
		most := maxVerifyTrips + maxVerifyTripsPer*n/100
		t.Logf("verify %4d files: %d trips, at most %d", n, trips, most)
		if trips > most {
			t.Errorf("%d files take %d trips, want at most %d", n, trips, most)
		}
	}
}

// BenchmarkVerify is how long verifying takes, locally and over SFTP with a round trip of 0 and of 50 ms.
func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct{ releases, files int }{{1, 10}, {2, 500}} {
		dir := b.TempDir()
		stock(b, dir, c.releases, c.files)
		n := c.releases * c.files
		server := testserver.Sshd(b, testserver.SshdOptions{})
		slow := testserver.Delay(b, server.Addr, 50*time.Millisecond)
		for name, open := range map[string]func() store.Store{
			"local":      func() store.Store { return openLocal(b, dir) },
			"sftp":       func() store.Store { return dial(b, server, server.Addr, dir) },
			"sftp-50-ms": func() store.Store { return dial(b, server, slow, dir) },
		} {
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) {
				for b.Loop() {
					s := open()
					if err := errors.Join(verifyAll(b, s, n), s.Close()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// maxVerifyMemory is what verifying files of 128 MiB may take, in bytes.
const maxVerifyMemory = 64 << 20

// Files are streams: however large they are, verifying takes little memory, and finds the last byte.
func TestVerifyMemory(t *testing.T) {
	server := testserver.Sshd(t, testserver.SshdOptions{})
	const size = 128 << 20
	m := layout.Manifest{Project: project, Tag: tag(t, "v1.0.0"), Kind: layout.Prefix}
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	hash := sha256.New()
	for range size / len(piece) {
		hash.Write(piece)
	}
	for i := range 2 {
		m.Files = append(m.Files, layout.File{Name: fmt.Sprintf("large%d.bin", i), Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))})
	}
	fill := func(dir string) (last string) {
		writeSource(t, filepath.Join(dir, project.Pointer()), "v1.0.0\n")
		writeSource(t, filepath.Join(dir, project.Manifest(m.Tag)), string(m.Bytes()))
		for _, f := range m.Files {
			last = filepath.Join(dir, project.File(m.Kind, m.Tag, f.Name))
			writeLarge(t, last, piece, size/len(piece))
		}
		return last
	}
	for name, target := range map[string]struct {
		dir  string
		args []string
	}{
		"local": {t.TempDir(), nil},
		"sftp":  {server.Root, []string{"--to", server.URL(), "--known-hosts", server.KnownHosts, "--identity", server.ClientKey}},
	} {
		t.Run(name, func(t *testing.T) {
			last := fill(target.dir)
			if target.args == nil {
				target.args = []string{"--to", target.dir}
			}
			verify := func() (string, error) {
				cmd := exec.Command(binary(t), append([]string{"verify", "--project", string(project), "--quiet"}, target.args...)...)
				cmd.Env = []string{"HOME=" + t.TempDir()}
				peak, out, err := peakOf(t, cmd)
				t.Logf("at most %d MiB", peak>>20)
				if peak == 0 || peak > maxVerifyMemory {
					t.Errorf("%d MiB", peak>>20)
				}
				return out, err
			}
			if out, err := verify(); err != nil || out != "demo: v1.0.0 is whole (2 files, 268.4 MB)\n" {
				t.Errorf("%v: %s", err, out)
			}
			file, err := os.OpenFile(last, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = file.WriteAt([]byte("F"), size-1)
			if err := errors.Join(err, file.Close()); err != nil {
				t.Fatal(err)
			}
			if out, err := verify(); err == nil || !strings.Contains(out, "large1.bin has other bytes") || strings.Contains(out, "large0.bin") {
				t.Errorf("%v: %s", err, out)
			}
			if err := os.RemoveAll(filepath.Join(target.dir, string(project))); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func writeLarge(t *testing.T, name string, piece []byte, n int) {
	t.Helper()
	file, err := os.Create(name)
	for range n {
		if err == nil {
			_, err = file.Write(piece)
		}
	}
	if err := errors.Join(err, file.Close(), os.Chmod(name, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// What the account may not read is a difference with a name, not the end. Root may read everything, so nobody runs it.
func TestVerifyUnreadable(t *testing.T) {
	testserver.NeedRoot(t)
	dir := passable(t)
	s := open(t, localTree(t, dir))
	mustPublish(t, s, layout.Directory, "v1.0.0", 1)
	for _, open := range []string{".otactl", ".otactl/log", ".otactl/log/*", ".otactl/log/*/*"} { // to let nobody read the log
		names, err := filepath.Glob(filepath.Join(dir, string(project), open))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.Chmod(name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		mode fs.FileMode
		of   string
		want string
	}{
		"file":                         {0o600, "v1.0.0/main.py", "demo/v1.0.0/main.py has mode 0600, so a web server may not read it; chmod 644 it\n"},
		"nothing at all":               {0, "v1.0.0/main.py", "demo/v1.0.0/main.py has mode 0000, so a web server may not read it; chmod 644 it\n"},
		"folder":                       {0o700, "v1.0.0", "demo/v1.0.0 has mode 0700, so a web server may not pass through it; chmod 755 it\n"},
		"folder that cannot be listed": {0o711, "v1.0.0", "demo/v1.0.0 cannot be listed by this account: permission denied; give this account the right to read it\n"},
		"manifest":                     {0o600, "v1.0.0.manifest", "demo/v1.0.0.manifest has mode 0600, so a web server may not read it; chmod 644 it\n"},
		"version":                      {0o600, "version", "demo/version cannot be read by this account: permission denied; give this account the right to read it\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, string(project), test.of)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(path, before.Mode())
			cmd := exec.Command(binary(t), "verify", "--to", dir, "--project", string(project))
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			cmd.Dir, cmd.Env = dir, []string{"HOME=/nonexistent"}
			out, _ := cmd.Output()
			if exit := cmd.ProcessState.ExitCode(); exit != 6 || string(out) != test.want {
				t.Errorf("exit %d:\n%swant\n%s", exit, out, test.want)
			}
		})
	}
}

// A connection that is lost, at whatever look, is an error and no verdict.
func TestVerifyLost(t *testing.T) {
	for name, b := range backends() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustPublish(t, open(t, localTree(t, dir)), layout.Prefix, "v1.0.0", 1)
			all := storetest.Lost(b(t, dir), math.MaxInt)
			if err := verifyAll(t, open(t, all), len(content("v1.0.0"))); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d looks", all.Looks())
			for n := range all.Looks() {
				report, err := verify.Run(t.Context(), open(t, storetest.Lost(b(t, dir), n)), verify.Request{Project: project, All: true})
				var lost *store.ConnError
				if !errors.As(err, &lost) || len(report.Differences) > 0 {
					t.Errorf("lost after %d looks: %+v, %v", n, report, err)
				}
			}
		})
	}
}
