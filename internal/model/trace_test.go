package model

import (
	"fmt"
	"strings"
)

// trace tells the way to a state, one line per event, with the server behind it where that changed.
func (e *explorer) trace(to int32) (lines []string) {
	var path []int32
	for i := to; i >= 0; i = e.nodes[i].parent {
		path = append([]int32{i}, path...)
	}
	who, swapped := [maxProcs]uint8{0, 1, 2, 3}, uint8(0) // undoes what canonical did
	lines = append(lines, "start: "+e.nodes[path[0]].server.String())
	for j, i := range path[1:] {
		before, n := &e.nodes[path[j]], &e.nodes[i]
		line := fmt.Sprintf("P%d %v: %s", who[n.proc]+1, e.specs[n.proc], e.event(before, n, swapped))
		was := before.server.unswap(swapped)
		swapped ^= n.swapped
		if now := n.server.unswap(swapped); now != was {
			line += strings.Repeat(" ", max(1, 52-len(line))) + "=> " + now.String()
		}
		lines = append(lines, line)
		moved := who
		for at, from := range n.perm {
			moved[at] = who[from]
		}
		who = moved
	}
	return lines
}

func (s server) unswap(bits uint8) server {
	for t := tag(1); t < fresh; t++ {
		if bits&t.bit() != 0 {
			s.rel[t] = s.rel[t].swap()
		}
	}
	return s
}

func (e *explorer) event(before, n *node, swapped uint8) string {
	p := before.procs[n.proc]
	switch n.event {
	case late:
		return "a flip that was sent arrives"
	case restarts:
		return "starts anew"
	}
	s := e.programs[n.proc][p.pc]
	text, name := s.what, n.name
	if t := e.specs[n.proc].tag; name < manifest && swapped&t.bit() != 0 {
		name = 1 - name
	}
	switch {
	case s.what == "load":
		text += map[bool]string{true: " log", false: " pointer"}[1<<name == loadLog]
	case s.each != nil:
		text += " " + nameText[name]
	}
	if n.event == lost {
		text += ", connection lost"
	}
	return text
}

func (s spec) String() string {
	text := s.verb.String()
	if s.tag != none {
		text += " " + s.tag.String()
	}
	if s.bytes > 1 {
		text += fmt.Sprintf(" (bytes %d)", s.bytes)
	}
	if s.downgrade {
		text += " --allow-downgrade"
	}
	if s.noActivate {
		text += " --no-activate"
	}
	return text
}
