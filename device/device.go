// Package device holds the client that runs on the devices: MicroPython sources, embedded so that the command line can put
// them on a board. device/README.md says how to use them.
package device

import (
	"embed"
	"io/fs"
)

//go:embed micropython_ota.py micropython_ota_net.py
var files embed.FS

// Files returns the files of the client by the names that they have on a device.
func Files() fs.FS { return files }
