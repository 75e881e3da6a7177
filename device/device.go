// Package device holds the client that runs on the devices: MicroPython sources, embedded so that the command line can put
// them on a board. device/README.md says how to use them.
package device

import (
	"bytes"
	"embed"
)

//go:generate go run ../scripts/mpy

var (
	//go:embed micropython_ota.py micropython_ota_net.mpy micropython_ota_key.mpy
	files embed.FS
	//go:embed micropython_ota.py micropython_ota_manifest.py micropython_ota_http.py micropython_ota_install.py micropython_ota_net.py micropython_ota_key.py
	sources embed.FS
)

// Files returns the files of the client by the names that they have on a device. What needs the network is compiled: a board
// with little memory could not compile it. Version 6 of that format is what MicroPython reads since 1.19.
func Files() embed.FS { return files }

// Sources returns the client as text, which is all that original clients can install.
func Sources() embed.FS { return sources }

// NetPart returns the source that micropython_ota_net.mpy is compiled from: its modules, each after those that it needs, and
// without the imports of each other.
func NetPart() ([]byte, error) {
	var b bytes.Buffer
	for _, module := range []string{"manifest", "http", "install", "net"} {
		text, err := sources.ReadFile("micropython_ota_" + module + ".py")
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			if !bytes.HasPrefix(line, []byte("from micropython_ota_")) {
				b.Write(line)
			}
		}
	}
	return b.Bytes(), nil
}
