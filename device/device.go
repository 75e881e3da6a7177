// Package device holds the client that runs on the devices: MicroPython sources, embedded so that the command line can put
// them on a board. device/README.md says how to use them.
package device

import "embed"

//go:generate ../.cache/micropython/mpy-cross micropython_ota_net.py -o micropython_ota_net.mpy

var (
	//go:embed micropython_ota.py micropython_ota_net.mpy
	files embed.FS
	//go:embed micropython_ota.py micropython_ota_net.py
	sources embed.FS
)

// Files returns the files of the client by the names that they have on a device. The network part is compiled: a board
// with little memory could not compile it. Version 6 of that format is what MicroPython reads since 1.19.
func Files() embed.FS { return files }

// Sources returns the client as text, which is all that original clients can install.
func Sources() embed.FS { return sources }
