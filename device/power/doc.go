// Package power proves what device/README.md promises of power cuts: wherever the power is cut, the device holds one whole
// release and what its user keeps. Real MicroPython runs the client on a flash in RAM (device/tests/power*.py); the tests
// here choose the scenes and compare the results with docs/DEVICE-PROOFS.md. It holds tests only.
//
// They are built with the tag "power": make power.
//
// DEVICE_CUTS=all cuts the recoveries of all scenes at every operation. Else that is done on lfs-256 and FAT, and
// a sample is cut on lfs-32, where there are many more.
package power
