package main

import (
	"slices"
	"time"
)

// Samples are what was measured. Those of a device are its own, and are put together at the end.
type samples struct {
	took      []time.Duration // by each request, from the connect of its connection on
	seconds   []int           // requests in each second of the run
	costs     map[string]map[cost]int
	overtaken int // updates that found another version as soon as they were installed: it changed meanwhile
}

func (s *samples) answer(took, at time.Duration) {
	s.took = append(s.took, took)
	second := int(at / time.Second)
	for len(s.seconds) <= second {
		s.seconds = append(s.seconds, 0)
	}
	s.seconds[second]++
}

func (s *samples) spend(action string, c cost) { s.count(action, c, 1) }

func (s *samples) count(action string, c cost, times int) {
	if s.costs == nil {
		s.costs = map[string]map[cost]int{}
	}
	if s.costs[action] == nil {
		s.costs[action] = map[cost]int{}
	}
	s.costs[action][c] += times
}

func (s *samples) add(o samples) {
	s.took = append(s.took, o.took...)
	for second, n := range o.seconds {
		for len(s.seconds) <= second {
			s.seconds = append(s.seconds, 0)
		}
		s.seconds[second] += n
	}
	for action, costs := range o.costs {
		for c, n := range costs {
			s.count(action, c, n)
		}
	}
	s.overtaken += o.overtaken
}

// usual is what an action costs most often, and between which bounds it costs something.
func (s *samples) usual(action string) (usual, low, high cost) {
	times := 0
	for c, n := range s.costs[action] {
		if times == 0 {
			low, high = c, c
		}
		if n > times || n == times && c.Down < usual.Down {
			usual, times = c, n
		}
		low = cost{min(low.Requests, c.Requests), min(low.Connections, c.Connections), min(low.Up, c.Up), min(low.Down, c.Down)}
		high = cost{max(high.Requests, c.Requests), max(high.Connections, c.Connections), max(high.Up, c.Up), max(high.Down, c.Down)}
	}
	return usual, low, high
}

// done is how often something was done.
func (s *samples) done(action string) (all int) {
	for _, n := range s.costs[action] {
		all += n
	}
	return all
}

// percentile is what so many of a hundred requests took at most.
func (s *samples) percentile(p int) time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	slices.Sort(s.took)
	return s.took[(len(s.took)-1)*p/100]
}
