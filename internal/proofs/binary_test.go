package proofs

import (
	"debug/elf"
	"os"
	"os/exec"
	"testing"
	"time"
)

// What the binary may weigh and how long it may take to start.
const (
	maxBinary = 17_000_000 // bytes, of which minio-go and what it needs have 3.8 million
	maxStart  = 20 * time.Millisecond
)

// The binary runs anywhere: it is static, small, and starts at once.
func TestBinary(t *testing.T) {
	path := binary(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= maxBinary {
		t.Errorf("it has %d bytes, want less than %d", info.Size(), maxBinary)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is not static: it has a segment %v", p.Type)
		}
	}
	start := startTime(t, path)
	if start >= maxStart {
		t.Errorf("--version takes %v, want less than %v", start, maxStart)
	}
	t.Logf("%d bytes, starts in %v", info.Size(), start)
}

// startTime is the least of many, because other tests may run beside.
func startTime(t testing.TB, path string) time.Duration {
	least := time.Hour
	for range 20 {
		begin := time.Now()
		if err := exec.Command(path, "--version").Run(); err != nil {
			t.Fatal(err)
		}
		least = min(least, time.Since(begin))
	}
	return least
}
