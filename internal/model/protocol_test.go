package model

// A spec is a command that somebody runs.
type spec struct {
	verb       action
	tag        tag // none: rollback to what was live before
	bytes      content
	downgrade  bool // --allow-downgrade
	noActivate bool // --no-activate
	lossy      bool // the connection may be lost at the flip
}

// A verdict is what a step ends in: the next step, a plan from the start, or an answer to the user.
type verdict uint8

const (
	next verdict = iota
	again
	done       // exit 0
	gaveUp     // somebody else was faster, too often
	notLive    // connection lost, and what was sent will never be live
	superseded // connection lost, and something else is live
	isPruned   // the rest: refused
	isOther
	isLower
	isRolledBack
	isMissing
	isLive
	isDirection
)

var verdictText = [...]string{
	"next", "plan again", "done", "gave up", "not live", "superseded", "refused: pruned", "refused: other bytes",
	"refused: lower than live", "refused: rolled back from", "refused: not complete", "refused: live", "refused: use the other verb",
}

func (v verdict) String() string { return verdictText[v] }

// A turn is a process at one of its steps.
type turn struct {
	*state
	*proc
	spec spec
	name int // the name that a step with each is about
	// Nobody in this scenario creates, or removes, what is of the release.
	noMaker, noRemover bool
	plain              bool // no step is left out or taken early
}

// A step has at most one effect on the server, or looks at one thing there.
type step struct {
	what string
	do   func(x turn) verdict
	each func(x turn) uint8 // the step is done for each of these names, in any order
	when func(x turn) bool  // else it is left out
	// local says that it looks at nothing that can change: its own memory and log entries, which are final once they have a
	// number. It then commutes with every step of others, so it is taken together with the one before it.
	local  bool
	own    bool // it is about the names of one release
	effect bool // it changes the server
	// futile says that the step would change nothing, with the same verdict now and at any later time.
	futile func(x turn) bool
	// lost is what happens instead if the request is sent and the connection lost.
	lost func(x turn)
}

type program []step

// A protocol has the programs of all verbs.
type protocol struct{ publish, rollback, prune program }

func decided() protocol {
	return protocol{
		publish: join(
			program{
				{what: "list log", do: listLog},
				{what: "read pointer", do: readPointer},
				{what: "look at", own: true, do: lookAt, futile: settledName, each: always(allNames)},
				{what: "look for tombstone", own: true, do: lookForTombstone, futile: settledTomb},
				{what: "scan log", do: scanForPrune, when: anythingThere, local: true},
				{what: "decide", do: decidePublish, local: true},
				{what: "compare unfinished", own: true, do: compareUnfinished, futile: settledName, each: unfinishedFiles},
				{what: "forget", do: forget, local: true},
			},
			adoptSteps(),
			program{
				{what: "create", own: true, effect: true, do: create, futile: sameThere, each: always(bothFiles)},
				{what: "report conflicts", do: reportConflicts, local: true},
				{what: "create manifest", own: true, effect: true, do: createManifest, futile: manifestThere},
			},
			commitSteps(),
		),
		rollback: join(
			program{
				{what: "list log", do: listLog},
				{what: "read pointer", do: readPointer},
				{what: "choose", do: chooseBelow, when: withoutTag, local: true},
				{what: "look at", own: true, do: lookAt, futile: settledName, each: always(allNames)},
				{what: "scan log", do: scanForPrune, local: true},
				{what: "walk", do: walk, when: noLog},
				{what: "decide", do: decideRollback, local: true},
			},
			adoptSteps()[1:],
			commitSteps(),
		),
		prune: join(
			program{
				{what: "list log", do: listLog},
				{what: "read pointer", do: readPointer},
				{what: "look at", own: true, do: lookAt, futile: settledName, each: always(allNames)},
				{what: "decide", do: decidePrune, local: true},
			},
			adoptSteps(),
			commitSteps()[:3],
			program{
				{what: "write tombstone", own: true, effect: true, do: writeTombstone, futile: hasTomb},
				{what: "remove", own: true, effect: true, do: remove, futile: goneForGood, each: plannedFiles},
				{what: "remove manifest", own: true, effect: true, do: removeManifest, futile: manifestGone, when: plannedManifest},
				{what: "end", do: func(turn) verdict { return done }, local: true},
			},
		),
	}
}

// adoptSteps are the commit of number 1, before anything of ours is there that could be taken for hand-made.
func adoptSteps() program {
	return program{
		{what: "walk", do: walk, when: noLog},
		{what: "compare to adopt", do: compare, when: noLog},
		{what: "claim 1", effect: true, do: claimAdopt, when: noLog},
	}
}

// commitSteps are store.Store's Commit.
func commitSteps() program {
	return program{
		{what: "fence", effect: true, do: fence, futile: fenced},
		{what: "compare", do: compare, futile: tooLate},
		{what: "claim", do: claim, futile: tooLate},
		{what: "flip", do: flip, futile: wasFenced, lost: sendFlip},
		{what: "fence ourselves", do: fenceOurselves},
		{what: "read pointer after loss", do: readAfterLoss},
	}
}

func join(parts ...program) (p program) {
	for _, part := range parts {
		p = append(p, part...)
	}
	return p
}

func always(bits uint8) func(turn) uint8 { return func(turn) uint8 { return bits } }

func anythingThere(x turn) bool   { return x.seen != 0 }
func withoutTag(x turn) bool      { return x.spec.tag == none }
func noLog(x turn) bool           { return x.proc.n == 0 }
func plannedFiles(x turn) uint8   { return x.seen & bothFiles }
func plannedManifest(x turn) bool { return x.seen&(1<<manifest) != 0 }

// tag is the release that the command is about.
func (x turn) tag() tag {
	if x.spec.tag == none {
		return x.to
	}
	return x.spec.tag
}

func (x turn) release() *release { return &x.rel[x.tag()] }

// target is what the pointer holds after the commit.
func (x turn) target() tag {
	if x.spec.verb == prune || x.spec.noActivate {
		return x.live
	}
	return x.tag()
}
