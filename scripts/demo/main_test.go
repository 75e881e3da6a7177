package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/otactl/otactl/device"
	"github.com/otactl/otactl/internal/testserver"
)

// What `make demo` tells is what happens.
const story = `
# A release is published into a folder, which otactl serve serves.
$ otactl publish v1.0.0 boot.py main.py node.py
sample: none -> v1.0.0 (N files, N bytes)

# A board that has only boot.py and the client is switched on.
  board: news of v1.0.0
  board: runs v1.0.0: temperature celsius=24.0

# The next release reports the temperature more often.
$ otactl publish v1.0.1 boot.py main.py node.py
sample: v1.0.0 -> v1.0.1 (N files, N bytes)
  board: news of v1.0.1
  board: runs v1.0.1: temperature celsius=24.0

# And then one that crashes. The board starts it five times, and goes back by itself.
$ otactl publish v1.0.2 boot.py main.py node.py
sample: v1.0.1 -> v1.0.2 (N files, N bytes)
  board: news of v1.0.2
  board: AttributeError: 'Thermometer' object has no attribute 'celcius'
  board: runs v1.0.1: temperature celsius=24.0

# It will not try v1.0.2 again. The fleet is sent back to what works, and then further.
$ otactl rollback
sample: v1.0.2 -> v1.0.1
  board: runs v1.0.1: temperature celsius=24.0
$ otactl rollback
sample: v1.0.1 -> v1.0.0
  board: news of v1.0.0
  board: runs v1.0.0: temperature celsius=24.0
`

func TestDemo(t *testing.T) {
	if _, err := os.Stat("../../.cache/micropython/micropython"); err != nil {
		testserver.Skip(t, "no MicroPython here: scripts/install-micropython")
	}
	testserver.Need(t, "git")
	var out strings.Builder
	dir := t.TempDir()
	if err := tell(&out, dir); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	// The board runs the client of this module. That makes it a part of this test, whose result go test keeps otherwise.
	for _, name := range []string{"micropython_ota.py", "micropython_ota_net.mpy"} {
		want, err := device.Files().ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "flash", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s on the board is another one: %v", name, err)
		}
	}
	got := regexp.MustCompile(`\d+ (files|bytes)`).ReplaceAllString(out.String(), "N $1")
	got = regexp.MustCompile(`(?m)board: \w+ (v[\d.]+)$`).ReplaceAllString(got, "board: news of $1") // in the words of the client
	if got != story {
		t.Errorf("it tells\n%s\nand not\n%s", got, story)
	}
}
