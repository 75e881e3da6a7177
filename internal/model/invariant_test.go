package model

import (
	"fmt"
	"slices"
	"strings"
)

// A rule is what must hold, in every state or at every step.
type rule string

const (
	liveWhole     rule = "the live release is whole"
	noLostUpdate  rule = "a flip finds the pointer that its entry was made on"
	logTrue       rule = "the log tells what took effect"
	createdOnce   rule = "what was created never changes"
	prunedForever rule = "a pruned release is never live"
	oneWinner     rule = "a number is claimed once"
	publishedOnce rule = "publish makes a release live at most once"
	oneWay        rule = "a publish goes to a higher version, or was told to; a rollback to a lower one"
	trueAnswers   rule = "answers are true"
	neverStuck    rule = "from everywhere, a publish of a new release succeeds"
	secondRun     rule = "from everywhere, running a command again completes it or is refused with reason"
	unfinishedOK  rule = "who did not name it does not prune what is unfinished"
	refusedClean  rule = "from everywhere, what is refused leaves no files"
)

type violation struct {
	rule   rule
	detail string
	trace  []string
}

func (v *violation) String() string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%s: %s\n  %s", v.rule, v.detail, strings.Join(v.trace, "\n  "))
}

func broken(r rule, format string, args ...any) *violation {
	return &violation{rule: r, detail: fmt.Sprintf(format, args...)}
}

// checkState checks what holds in every state.
func (c scenario) checkState(s *state) *violation {
	if t := s.pointer; t != none && !c.whole(&s.server, t) {
		return broken(liveWhole, "%v is live", t)
	}
	if t := s.pointer; t != none && (s.pruned(t) || s.rel[t].tomb) {
		return broken(prunedForever, "%v is live", t)
	}
	for k := uint8(1); k <= s.n; k++ {
		e := s.log[k]
		if e.from != e.to && s.effective(k, s.n, s.pointer) != (e.mark&flipped != 0) {
			return broken(logTrue, "entry %d", k)
		}
		if e.mark&flipped != 0 && e.mark&disowned != 0 {
			return broken(trueAnswers, "change %d was said never to become live", k)
		}
		if e.mark&flipped != 0 && !c.right(e) {
			return broken(oneWay, "%v from %v to %v", e.act, e.from, e.to)
		}
		if e.mark&flipped != 0 && e.act == publish && wasLiveBefore(&s.server, k) {
			return broken(publishedOnce, "%v by entry %d", e.to, k)
		}
	}
	return nil
}

// right reports whether an entry goes in the direction of its verb.
func (c scenario) right(e entry) bool {
	switch e.act {
	case publish:
		return e.to > e.from || slices.ContainsFunc(c.specs, func(s spec) bool { return s.tag == e.to && s.downgrade })
	case activate:
		return e.to > e.from || e.from == none
	case rollback: // without a tag, it undoes a downgrade
		return e.to < e.from || slices.ContainsFunc(c.specs, func(s spec) bool { return s.tag == e.from && s.downgrade })
	}
	return true
}

// whole reports whether everything that a device asks for when t is live is there, with the bytes that belong together.
func (c scenario) whole(s *server, t tag) bool {
	r := s.rel[t]
	if c.hand&t.bit() != 0 {
		return r.has[fileA] == 1 && r.has[fileB] == 1
	}
	m := r.has[manifest]
	for name := range manifest {
		if m.files()&(1<<name) != 0 && r.has[name] != m {
			return false
		}
	}
	return m != 0
}

// wasLiveBefore reports whether what entry k makes live was live at any time before.
func wasLiveBefore(s *server, k uint8) bool {
	for _, e := range s.log[1:k] {
		if e.from == s.log[k].to || e.mark&flipped != 0 && e.to == s.log[k].to {
			return true
		}
	}
	return false
}

// checkStep checks one step from a to b.
func checkStep(a, b *state) *violation {
	for t := range a.rel {
		for i, c := range a.rel[t].has {
			if now := b.rel[t].has[i]; c != 0 && now != 0 && now != c {
				return broken(createdOnce, "%v %s", tag(t), nameText[i])
			}
		}
	}
	moved := false
	for k := range b.log {
		was, now := a.log[k], b.log[k]
		if now.mark&^was.mark&flipped != 0 && now.from != a.pointer {
			return broken(noLostUpdate, "entry %d is from %v, live was %v", k, now.from, a.pointer)
		}
		moved = moved || now.mark&^was.mark&flipped != 0
		was.mark, now.mark = 0, 0
		if was != now && uint8(k) <= a.n {
			return broken(oneWinner, "entry %d", k)
		}
	}
	if a.pointer != b.pointer && !moved {
		return broken(noLostUpdate, "the pointer was changed by no entry")
	}
	return nil
}

// checkKept checks what a prune that was told no tags claims.
func (c scenario) checkKept(a, b *state) *violation {
	e := b.log[b.n]
	if a.n == b.n || e.act != prune {
		return nil
	}
	for _, s := range c.specs {
		finished := a.rel[s.tag].has[manifest] != 0 || a.rel[s.tag].tomb || c.hand&s.tag.bit() != 0
		if s.keep && e.tags&s.tag.bit() != 0 && !finished {
			return broken(unfinishedOK, "%v is half there", s.tag)
		}
	}
	return nil
}

// checkAnswer checks what a process says at its end.
func checkAnswer(x turn, v verdict) *violation {
	if reason := untrue(x, v); reason != "" {
		return broken(trueAnswers, "%v answers %q, but %s", x.spec, v, reason)
	}
	return nil
}

func untrue(x turn, v verdict) string {
	t := x.tag()
	ever := x.server.wasLive(t, x.server.n) || x.pointer == t
	switch {
	case v == done && x.spec.verb != prune && !x.spec.noActivate && !ever:
		return "it was never live"
	case v == isPruned && !x.pruned(t):
		return "nobody pruned it"
	case v == isRolledBack && !x.ceased(t):
		return "it was not rolled back from"
	case v == isOther && !x.otherBytes() && !x.pruned(t):
		return "nothing there has other bytes"
	case v == isLower && x.pointer <= t, v == isDirection && (x.spec.verb == rollback) != (t > x.pointer):
		return fmt.Sprintf("%v is live", x.pointer)
	case v == isLive && x.pointer != t:
		return "it is not live"
	}
	return ""
}

// ceased reports whether something else became live after t.
func (s *server) ceased(t tag) bool {
	for _, e := range s.log[1 : s.n+1] {
		if e.from == t && e.mark&flipped != 0 {
			return true
		}
	}
	return false
}

func (x turn) otherBytes() bool {
	for _, c := range x.release().has {
		if c != 0 && c != x.spec.bytes {
			return true
		}
	}
	return false
}

// checkAlone checks what commands achieve that run undisturbed from here: whatever was interrupted, and wherever.
func (e *explorer) checkAlone(s server) *violation {
	after, v := e.solo(s, spec{verb: publish, tag: fresh, bytes: 1})
	if v != done || after.pointer != fresh {
		return broken(neverStuck, "publish %v answers %q", fresh, v)
	}
	for _, c := range e.specs {
		after, v := e.solo(s, c)
		x := turn{state: &state{server: after}, proc: &proc{to: none}, spec: c}
		if c.tag != none && !e.completed(&s, x, v) {
			return broken(secondRun, "%v answers %q and leaves %v", c, v, &after)
		}
		if v >= isPruned && after.rel != s.rel {
			return broken(refusedClean, "%v answers %q and leaves %v", c, v, &after)
		}
	}
	return nil
}

// completed reports whether answer v, to a command that ran alone from s, is what its user may expect.
func (e *explorer) completed(s *server, x turn, v verdict) bool {
	t := x.tag()
	before := turn{state: &state{server: *s}, proc: x.proc, spec: x.spec}
	switch v {
	case done:
		return e.achieved(x)
	case isPruned:
		return s.pruned(t)
	case isLive:
		return s.pointer == t
	case isUnknownBefore:
		return true
	case isOther:
		return before.otherBytes()
	case isLower:
		return s.pointer > t
	case isRolledBack:
		return s.wasLive(t, s.n) && s.pointer < t
	case isDirection:
		return (x.spec.verb == rollback) == (t > s.pointer)
	case isMissing:
		return !e.whole(s, t) && (x.spec.verb != prune || x.release().there() == 0 && !s.pruned(t))
	}
	return false
}

func (e *explorer) achieved(x turn) bool {
	t := x.tag()
	switch {
	case x.spec.keep && (x.pointer == t || x.release().has[manifest] == 0 && e.hand&t.bit() == 0 && !x.release().tomb):
		return true
	case x.spec.verb == prune:
		return x.release().there() == 0
	case x.spec.noActivate:
		return e.whole(&x.server, t)
	case x.spec.verb == publish && x.pointer > t:
		return x.server.wasLive(t, x.server.n)
	}
	return x.pointer == t
}

// solo runs a command from a server's state to its end, with nobody else there.
func (e *explorer) solo(s server, c spec) (server, verdict) {
	st := state{server: s}
	c.lossy = false
	x := turn{state: &st, proc: &st.procs[0], spec: c}
	prog := e.protocol.of(c)
	for v := next; ; {
		if v = settle(prog, x, v); v != next {
			return st.server, v
		}
		v = takeFirst(prog[x.pc], x)
	}
}

// takeFirst takes a step about the first name that it has left.
func takeFirst(s step, x turn) verdict {
	for x.name = 0; ; x.name++ {
		if v, ok := s.take(x); ok {
			return v
		}
	}
}
