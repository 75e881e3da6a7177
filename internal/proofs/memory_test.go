package proofs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store/posix"
)

// maxMemory is what a publish of 200 files of 50 MB in all may take, in bytes.
const maxMemory = 200 << 20

// A publish takes memory for what it publishes, and not much more.
func TestMemory(t *testing.T) {
	server := testserver.Sshd(t, testserver.SshdOptions{})
	sources := t.TempDir()
	line := strings.Repeat("# 0123456789\n", 1000)
	for i := range 200 {
		data := fmt.Sprintf("# %d\n%s", i, strings.Repeat(line, 20)[:250_000])
		writeSource(t, filepath.Join(sources, fmt.Sprintf("file%03d.py", i)), data)
	}
	for name, args := range map[string][]string{
		"local": {"--to", t.TempDir()},
		"sftp":  {"--to", server.URL(), "--known-hosts", server.KnownHosts, "--identity", server.ClientKey},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary(t), append([]string{"publish", "v1.0.0", sources, "--project", string(project), "--quiet"}, args...)...)
			cmd.Env = []string{"HOME=" + t.TempDir()}
			peak, out, err := peakOf(t, cmd)
			t.Logf("at most %d MiB", peak>>20)
			if err != nil || peak == 0 || peak > maxMemory {
				t.Errorf("%v, %d MiB: %s", err, peak>>20, out)
			}
		})
	}
}

// peakOf runs a program and returns the most memory that it had, in bytes. What the kernel tells of an ended process would
// count that of the process that started it.
func peakOf(t *testing.T, cmd *exec.Cmd) (peak int64, output string, err error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return peak, out.String(), err
		case <-time.After(time.Millisecond):
			peak = max(peak, highWater(cmd.Process.Pid))
		}
	}
}

func highWater(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(after, &kib)
	return kib << 10
}

// What a publish needs on the way is gone when it has ended, the 200th time too.
func TestNothingIsLeftOver(t *testing.T) {
	for name, b := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := posix.New(b(t, dir))
			for n := range 200 {
				mustPublish(t, s, layout.Directory, fmt.Sprintf("v1.%d.0", n), 1)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			home, err := os.ReadDir(filepath.Join(dir, string(project), ".otactl"))
			if err != nil || len(home) != 1 || home[0].Name() != "log" {
				t.Errorf("there is %v, %v", home, err)
			}
			log, err := filepath.Glob(filepath.Join(dir, project.Log(), "*", "*"))
			if err != nil || len(log) != 201 {
				t.Errorf("%d files in the log, %v", len(log), err)
			}
		})
	}
}
