package proofs

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/otactl/otactl/internal/proofdoc"
)

// A tally is what came of faults.
type tally struct {
	mu    sync.Mutex
	ends  map[[2]string]string // by fault and by what was asked for
	worst costs
}

// costs are what a fault costs a board: requests in a start, resets in all starts, bytes on flash beside those of the release.
type costs struct{ requests, resets, bytes int }

// put adds what came of a fault, unless the test has failed.
func (a *tally) put(t testing.TB, fault, at, end string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ends == nil {
		a.ends = map[[2]string]string{}
	}
	if !t.Failed() {
		a.ends[[2]string{fault, at}] = end
	}
}

func (a *tally) cost(c costs) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.worst = costs{max(a.worst.requests, c.requests), max(a.worst.resets, c.resets), max(a.worst.bytes, c.bytes)}
}

// keep keeps the table of these faults and of what they spoilt, if all of them were tried.
func (a *tally) keep(t *testing.T, title string, faults []fault, spoilt ...string) {
	t.Helper()
	table := proofdoc.Table{Title: title, Columns: []string{"fault"}}
	for _, at := range spoilt {
		table.Columns = append(table.Columns, "of "+at)
	}
	for _, f := range faults {
		row := []string{f.name}
		for _, at := range spoilt {
			row = append(row, a.ends[[2]string{f.name, at}])
		}
		table.Rows = append(table.Rows, row)
	}
	if a.all(faults) {
		table.Keep(t)
	}
}

// all reports whether all of these faults were tried, not only what -run has chosen.
func (a *tally) all(faults []fault) bool {
	return !slices.ContainsFunc(faults, func(f fault) bool { return a.ends[[2]string{f.name, version}] == "" })
}

// keepCosts keeps what these faults have cost, if all of them were tried.
func (a *tally) keepCosts(t *testing.T, faults []fault) {
	t.Helper()
	if !a.all(faults) {
		return
	}
	proofdoc.Table{
		Title:   "What a fault costs",
		Columns: []string{"of all faults the worst", "measured", "at most"},
		Rows: [][]string{
			{"requests in a start", fmt.Sprint(a.worst.requests), fmt.Sprint(requestsPerStart)},
			{fmt.Sprint("resets in ", starts, " starts"), fmt.Sprint(a.worst.resets), fmt.Sprint(resetsAtMost)},
			{"bytes on flash", fmt.Sprint(a.worst.bytes), fmt.Sprint(2*size(newFiles) + stateAtMost)},
		},
		Loose: []string{"measured"},
	}.Keep(t)
}
