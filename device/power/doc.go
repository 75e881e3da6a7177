// Package power proves what device/README.md promises of power cuts: wherever the power is cut, the device holds one whole
// release and what its user keeps. Real MicroPython runs the client on a flash in RAM (device/tests/power*.py); the tests
// here choose the scenes and compare the results with docs/DEVICE-PROOFS.md. It holds tests only.
//
// The whole takes longer than the gate has, and the client has two known gaps (device/README.md), so these tests are built
// only with the tag "power": make power.
//
// DEVICE_CUTS=all makes all cuts during recoveries, not a sample of them; that takes hours.
package power
