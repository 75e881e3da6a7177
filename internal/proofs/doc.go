// Package proofs holds the tests of what otactl promises (README, Guarantees) that need more than one package: verbs that
// are stopped at every write, races, live readers behind a real web server, connections that are cut, processes that are
// killed. It has no code of its own.
package proofs
