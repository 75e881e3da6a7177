// Package bucket checks how a change becomes live in a bucket (store/s3/commit.go) on a model of a store and of publishers
// that pause, die and lose answers anywhere. It holds tests only.
//
// What the model does not have: the objects of releases, which come before all of this and never change, and numbers for
// time. Time is in it as what has to come before what: a publisher's window closes at some moment after its look, after which
// it sends nothing; and whoever waits for that window waits longer. Requests that were sent arrive before the waiting is over,
// or never. What a store does that keeps one for longer is shown by a test of its own.
package bucket
