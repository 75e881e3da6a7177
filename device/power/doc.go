// Package power proves what device/README.md promises of power cuts: wherever the power is cut, the device holds one whole
// release and what its user keeps. Real MicroPython runs the client on a flash in RAM (device/tests/power*.py); the tests
// here choose the scenes and compare the results with docs/DEVICE-PROOFS.md. It holds tests only.
//
// With DEVICE_CUTS=all (make power) there are more scenes, and recoveries are cut at each of their operations.
package power
