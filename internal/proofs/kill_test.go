package proofs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/storetest"
)

// kills is how often a publish is killed.
const kills = 100

// A killBench is one project on an SSH server to which otactl publishes 100 files again and again.
type killBench struct {
	server *testserver.SSH
	home   string
	killed int            // how many were killed before they had ended
	found  map[string]int // in which state they left the server
}

// A publish that is killed at any moment leaves devices on a whole release, and the same publish again completes it. What
// it leaves behind is swept when it is old enough, and not before.
func TestKill(t *testing.T) {
	binary(t) // building it takes longer than anything else
	b := &killBench{server: testserver.Sshd(t, testserver.SshdOptions{}), home: t.TempDir(), found: map[string]int{}}
	whole, writing := b.measure(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("a publish takes %v, from its first write on %v; seed %d", whole, writing, seed)
	for n := range 3 * kills {
		if b.killed == kills || t.Failed() {
			break
		}
		m := moment{after: time.Duration(1.1 * random.Float64() * float64(writing)), writing: true}
		if n%4 == 0 {
			m = moment{after: time.Duration(1.1 * random.Float64() * float64(whole))}
		}
		b.kill(t, n+measured, m)
	}
	t.Logf("%d killed: %v", b.killed, b.found)
	if b.killed < kills && !t.Failed() {
		t.Errorf("only %d were killed before their end", b.killed)
	}
	b.sweep(t, 3*kills)
}

// A moment is when a publish is killed: so long after its start, or after its first write.
type moment struct {
	after   time.Duration
	writing bool
}

// measured is how many publishes show how long one takes.
const measured = 5

// measure returns how long a publish takes, and how long it takes from its first write on.
func (b *killBench) measure(t *testing.T) (whole, writing time.Duration) {
	t.Helper()
	var wholes, writings []time.Duration
	for n := range measured {
		cmd, output := b.command(t, n)
		start := time.Now()
		begun := b.start(t, cmd)
		if !begun() {
			t.Fatal("otactl does not begin")
		}
		written := time.Now()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		wholes, writings = append(wholes, time.Since(start)), append(writings, time.Since(written))
	}
	slices.Sort(wholes)
	slices.Sort(writings)
	return wholes[measured/2], writings[measured/2]
}

// start starts otactl. The function that it returns waits for the first write: a temporary folder that was not there before.
// Those of the last run may still be on their way out, so that their number tells nothing.
func (b *killBench) start(t *testing.T, cmd *exec.Cmd) (begun func() bool) {
	t.Helper()
	before := b.glob(t, ".otactl/tmp.*")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	isNew := func(name string) bool { return !slices.Contains(before, name) }
	return func() bool {
		return until(func() bool { return slices.ContainsFunc(b.glob(t, ".otactl/tmp.*"), isNew) })
	}
}

func killTag(n int) string { return fmt.Sprintf("v1.%d.0", n) }

// command publishes release n.
func (b *killBench) command(t *testing.T, n int) (cmd *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	text := killTag(n)
	sources := filepath.Join(b.home, text)
	for name, data := range files(100, text) {
		if err := errors.Join(os.MkdirAll(sources, 0o700), os.WriteFile(filepath.Join(sources, name), []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd = exec.Command(binary(t), "publish", text, sources, "--to", b.server.URL(), "--project", string(project),
		"--known-hosts", b.server.KnownHosts, "--identity", b.server.ClientKey, "--quiet")
	cmd.Env = []string{"HOME=" + b.home}
	output = &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = output, output
	return cmd, output
}

// run publishes release n, undisturbed.
func (b *killBench) run(t *testing.T, n int) {
	t.Helper()
	cmd, output := b.command(t, n)
	if err := cmd.Run(); err != nil {
		t.Errorf("publish %s: %v\n%s", killTag(n), err, output)
	}
	if live := b.live(t, n); live != killTag(n) {
		t.Errorf("%q is live after %s was published", live, killTag(n))
	}
}

// kill kills the publish of release n after some time, looks as devices do, and publishes it again.
func (b *killBench) kill(t *testing.T, n int, m moment) {
	t.Helper()
	cmd, _ := b.command(t, n)
	begun := b.start(t, cmd)
	if m.writing && !begun() {
		t.Error("otactl does not begin")
	}
	time.Sleep(m.after) // there is nothing to wait for: any moment is right
	_ = cmd.Process.Kill()
	ended := cmd.Wait() == nil
	live := b.live(t, n)
	if live != killTag(n) && (ended || live != killTag(n-1)) {
		t.Errorf("%q is live (otactl had ended: %v)", live, ended)
	}
	if !ended {
		b.killed++
		b.found[b.describe(t, n, live)]++
	}
	b.run(t, n)
	if t.Failed() {
		t.Errorf("... publish %s, killed at %+v", killTag(n), m)
	}
}

// live returns what devices get: release n or the one before it.
func (b *killBench) live(t *testing.T, n int) string {
	t.Helper()
	releases := storetest.Releases{}
	for _, text := range []string{killTag(n - 1), killTag(n)} {
		for name, data := range files(100, text) {
			releases[text] = append(releases[text], store.Object{Name: string(project) + "/" + text + "_" + name, Data: []byte(data)})
		}
	}
	live, err := storetest.Device(storetest.FetchFS(os.DirFS(b.server.Root)), string(project), releases)
	if err != nil {
		t.Errorf("devices: %v", err)
	}
	return live
}

// describe says how far a publish has come.
func (b *killBench) describe(t *testing.T, n int, live string) string {
	t.Helper()
	switch there := b.glob(t, killTag(n)+"_*"); {
	case live == killTag(n):
		return "live"
	case len(b.glob(t, killTag(n)+".manifest")) > 0:
		return "complete, not live"
	case len(there) > 0:
		return "some of the files"
	}
	for _, name := range b.glob(t, ".otactl/tmp.*/*") {
		if data, err := os.ReadFile(name); err == nil && bytes.HasSuffix(data, []byte(" of "+killTag(n)+"\n")) {
			return "temporary files"
		}
	}
	return "nothing"
}

func (b *killBench) glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(b.server.Root, string(project), pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sweep ages what is left over, every second folder to more than an hour, and publishes once more.
func (b *killBench) sweep(t *testing.T, n int) {
	t.Helper()
	b.server.KillSessions() // of those that were killed some may not have noticed yet
	var old, young []string
	for i, dir := range b.glob(t, ".otactl/tmp.*") {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i%2 == 0:
			old = append(old, dir)
			age(t, 61*time.Minute, append(files, dir)...)
		case len(files) > 1: // somebody has just written one of the files
			young = append(young, dir)
			age(t, 61*time.Minute, append(files[1:], dir)...)
		default:
			young = append(young, dir)
			age(t, 59*time.Minute, append(files, dir)...)
		}
	}
	if len(old) < 10 || len(young) < 10 {
		t.Errorf("only %d folders were left over", len(old)+len(young))
	}
	b.run(t, n)
	left := b.glob(t, ".otactl/tmp.*")
	if !slices.Equal(left, young) {
		t.Errorf("%d folders are left; there were %d young and %d old ones", len(left), len(young), len(old))
	}
	t.Logf("%d of %d folders were swept", len(old), len(old)+len(young))
}

// age makes files and folders look as if they had not been touched for some time.
func age(t *testing.T, by time.Duration, names ...string) {
	t.Helper()
	then := time.Now().Add(-by)
	for _, name := range names {
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
}
