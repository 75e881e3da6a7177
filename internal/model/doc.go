// Package model checks the change log's claim and fence (docs/FORMAT.md, The change log) on a model of a server and of
// the processes that change a project on it. It holds tests only.
//
// server_test.go is what is shared: files, tombstones, log, pointer. protocol_test.go is the protocol as tables of steps,
// one atomic effect on the server each; plan_test.go and steps_test.go are what each of them does. explore_test.go visits
// every state that the steps of some processes can reach, in any order; a process that pauses for ever, or dies, is one that
// is not chosen again, and a bounded number of times it starts anew from wherever it was. reduce_test.go says which states
// are left out, and why that hides nothing. invariant_test.go is what must hold in each state. scenario_test.go has who runs
// against whom. mutant_test.go and mutant_prune_test.go break the protocol, one rule at a time, and want to see each of them
// noticed; harmless_test.go keeps those rules that could go without harm to any invariant.
//
// What the model does not have: time (prune spares what the last 24 hours named), people who write to the server by hand,
// power cuts (package posix makes what it names durable before it names it), what only a process itself can see (temporary
// folders), layouts, other spellings of a tag, the texts of tombstones, and prunes of many tags at once: a change is claimed
// when all tombstones of the one before are there, and each is as if it were the only one.
package model
