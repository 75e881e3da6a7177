package model

// A spec is a command that somebody runs.
type spec struct {
	verb       action
	tag        tag // none: rollback to what was live before
	bytes      content
	downgrade  bool // --allow-downgrade
	noActivate bool // --no-activate
	keep       bool // prune --keep: the tag is not named, and stays if it is protected or unfinished
	lossy      bool // the connection may be lost at the flip
}

// A verdict is what a step ends in: the next step, a plan from the start, or an answer to the user.
type verdict uint8

const (
	next verdict = iota
	again
	done    // exit 0
	gaveUp  // somebody else was faster, too often
	notLive // connection lost, and what was sent will never be live
	unknown // connection lost, and others went on
	isPruned
	isOther // this and the rest: refused
	isLower
	isRolledBack
	isMissing
	isLive
	isDirection
	isUnknownBefore
)

var verdictText = [...]string{
	"next", "plan again", "done", "gave up", "not live", "unknown", "refused: pruned", "refused: other bytes",
	"refused: lower than live", "refused: rolled back from", "refused: not complete", "refused: live",
	"refused: use the other verb", "refused: unknown what was live before",
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
	sameBytes          bool // and nobody has other bytes for it
	plain              bool // no step is left out or taken early
	anyOrder           bool // of what is read at once
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
			loadSteps(),
			lookSteps(),
			program{
				{what: "refuse", do: refuse, local: true},
				{what: "compare unfinished", own: true, do: compareUnfinished, futile: settledName, each: unfinishedFiles},
				{what: "decide", do: decidePublish, local: true},
				{what: "look again", do: lookAgain, when: refused},
			},
			adoptSteps(),
			program{
				{what: "compare manifest", own: true, do: compareManifest, futile: settledManifest, when: inOrder},
				{what: "create", own: true, effect: true, do: create, futile: settledCreate, each: creates},
				{what: "report conflicts", do: reportConflicts, local: true},
				{what: "create manifest", own: true, effect: true, do: createManifest, futile: manifestThere, when: missingManifest},
				{what: "forget", do: forget, local: true},
			},
			commitSteps(),
		),
		rollback: join(
			loadSteps(),
			program{{what: "choose", do: choose, local: true}},
			lookSteps(),
			program{
				{what: "decide", do: decideRollback, when: chosen, local: true},
				{what: "look again", do: lookAgain, when: refused},
			},
			adoptSteps(),
			commitSteps(),
		),
		prune: join(
			loadSteps(),
			program{
				{what: "look at", own: true, do: lookAt, futile: settledName, each: always(allNames)},
				{what: "look for tombstone", own: true, do: lookForTombstone, futile: settledTomb, when: tombstoneMatters},
				{what: "decide", do: decidePrune, local: true},
				{what: "look again", do: lookAgain, when: refused},
			},
			adoptSteps(),
			commitSteps()[:4],
			program{
				{what: "write tombstone", own: true, effect: true, do: bury, futile: buried},
				{what: "remove", own: true, effect: true, do: remove, futile: goneForGood, each: plannedFiles},
				{what: "remove manifest", own: true, effect: true, do: removeManifest, futile: manifestGone, when: plannedManifest},
				{what: "end", do: func(turn) verdict { return done }, local: true},
			},
		),
	}
}

// loadSteps are release.Load. Entry 1, which is read beside, is final.
func loadSteps() program {
	return program{
		{what: "read pointer", do: readPointer, when: inOrder},
		{what: "load", do: load, each: loads},
		{what: "walk", do: walk, when: noLog},
		{what: "list log again", do: listAgain, when: noLog},
	}
}

// lookSteps are what is read of a release.
func lookSteps() program {
	return program{
		{what: "look for tombstone", own: true, do: lookForTombstone, futile: settledTomb, when: looksInOrder},
		{what: "look at manifest", own: true, do: lookAtManifest, futile: settledManifest, when: looksInOrder},
		{what: "look at", own: true, do: lookAt, futile: settledThing, each: looks},
	}
}

// adoptSteps are the commit of number 1, before anything of ours is there that could be taken for hand-made.
func adoptSteps() program {
	return program{
		{what: "compare to adopt", do: compare, when: noLog},
		{what: "claim 1", effect: true, do: claimAdopt, when: noLog},
	}
}

// commitSteps are release.State's Commit, and in it store.Store's.
func commitSteps() program {
	return program{
		{what: "help", effect: true, do: bury, futile: buried, when: lastIsPrune},
		{what: "fence", effect: true, do: fence, futile: fenced},
		{what: "compare", do: compare, futile: tooLate},
		{what: "claim", effect: true, do: claim, futile: tooLate},
		{what: "flip", effect: true, do: flip, futile: wasFenced, lost: sendFlip},
		{what: "fence ourselves", effect: true, do: fenceOurselves},
		{what: "read pointer after loss", do: readAfterLoss},
		{what: "look for the next claim", do: lookForNext},
	}
}

func join(parts ...program) (p program) {
	for _, part := range parts {
		p = append(p, part...)
	}
	return p
}

func always(bits uint8) func(turn) uint8 { return func(turn) uint8 { return bits } }

func noLog(x turn) bool            { return x.proc.n == 0 }
func refused(x turn) bool          { return x.refusal != next }
func chosen(x turn) bool           { return x.refusal == next }
func inOrder(x turn) bool          { return !x.anyOrder }
func looksInOrder(x turn) bool     { return chosen(x) && inOrder(x) }
func tombstoneMatters(x turn) bool { return x.seen == 0 || x.spec.keep }
func lastIsPrune(x turn) bool      { return x.log[x.proc.n].act == prune }
func plannedFiles(x turn) uint8    { return x.seen & bothFiles }
func plannedManifest(x turn) bool  { return x.seen&(1<<manifest) != 0 }
func ownNames(x turn) uint8        { return x.spec.bytes.files() | 1<<manifest }
func missingManifest(x turn) bool  { return x.seen&(1<<manifest) == 0 }

func loads(x turn) uint8 {
	if inOrder(x) {
		return loadLog
	}
	return loadLog | loadPointer
}

// looks are what is looked at: by a publish that is only its own names.
func looks(x turn) uint8 {
	bits := uint8(bothFiles)
	if x.spec.verb == publish {
		bits = x.spec.bytes.files()
	}
	switch {
	case refused(x):
		return 0
	case inOrder(x):
		return bits
	}
	return bits | 1<<manifest | 1<<tombstone
}

func creates(x turn) uint8 {
	if inOrder(x) {
		return x.spec.bytes.files()
	}
	return ownNames(x)
}

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
