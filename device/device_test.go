package device_test

import (
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/otactl/otactl/device"
)

// What is embedded is what lies here. That it works, device/proofs proves on a real MicroPython.
func TestFiles(t *testing.T) {
	for fsys, net := range map[fs.FS]string{device.Files(): "micropython_ota_net.mpy", device.Sources(): "micropython_ota_net.py"} {
		for _, name := range []string{"micropython_ota.py", net} {
			embedded, err := fs.ReadFile(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(data, embedded) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
