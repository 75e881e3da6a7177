// Package proofs proves what device/README.md promises of the client on a real MicroPython: that no server can harm a
// device, how much memory, flash and traffic it needs, and that it judges names and manifests as Go does. It holds tests only.
package proofs
