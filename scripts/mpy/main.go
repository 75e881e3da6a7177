// Mpy compiles the parts of the client that boards get compiled: `go generate ./device`. It needs the mpy-cross that
// scripts/install-micropython installs.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/otactl/otactl/device"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mpy:", err)
		os.Exit(1)
	}
}

// run is called in the folder of the package device, as by go generate.
func run() error {
	net, err := device.NetPart()
	if err != nil {
		return err
	}
	key, err := device.Sources().ReadFile("micropython_ota_key.py")
	if err != nil {
		return err
	}
	if err := compile("micropython_ota_net", net); err != nil {
		return err
	}
	return compile("micropython_ota_key", key)
}

// compile makes NAME.mpy of a source. Its name is in tracebacks, so it is compiled from a file of that name.
func compile(name string, source []byte) error {
	dir, err := os.MkdirTemp("", "otactl-mpy")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	py := filepath.Join(dir, name+".py")
	if err := os.WriteFile(py, source, 0o600); err != nil {
		return err
	}
	text, err := exec.Command("../.cache/micropython/mpy-cross", py, "-o", name+".mpy").CombinedOutput()
	if err != nil {
		return fmt.Errorf("mpy-cross %s: %w\n%s", py, err, text)
	}
	return nil
}
