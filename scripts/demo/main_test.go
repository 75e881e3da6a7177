package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	_ "github.com/otactl/otactl/internal/cli" // the demo builds it: a result of this test holds as long as it is the same
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
	if err := tell(&out, t.TempDir()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	got := regexp.MustCompile(`\d+ (files|bytes)`).ReplaceAllString(out.String(), "N $1")
	got = regexp.MustCompile(`(?m)board: \w+ (v[\d.]+)$`).ReplaceAllString(got, "board: news of $1") // in the words of the client
	if got != story {
		t.Errorf("it tells\n%s\nand not\n%s", got, story)
	}
}
