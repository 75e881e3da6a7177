//go:build race

package model

// raceDetector says that the tests run ten times slower. There is nothing to find for it: an exploration has one goroutine.
const raceDetector = true
