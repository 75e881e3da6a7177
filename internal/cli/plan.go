package cli

import (
	"context"
	"fmt"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A planOutcome is what a command has changed, or would change, on the server.
type planOutcome struct {
	Action string        `json:"action"`
	Seq    int           `json:"seq"` // number of the log entry; 0 if nothing is changed
	Adopt  []string      `json:"adopt,omitempty"`
	Create []itemOutcome `json:"create,omitempty"`
	Remove []itemOutcome `json:"remove,omitempty"`
	From   string        `json:"from"`
	To     string        `json:"to"`

	adopts bool
}

type itemOutcome struct {
	Name string `json:"name"` // relative to the server root
	Size int64  `json:"size"` // bytes
}

func newPlan(p release.Plan) planOutcome {
	o := planOutcome{
		Action: string(p.Action), Seq: p.Seq, From: p.From, To: p.To, adopts: p.Adopts,
		Create: itemOutcomes(p.Create), Remove: itemOutcomes(p.Remove),
	}
	for _, h := range p.Adopt {
		o.Adopt = append(o.Adopt, h.Tag)
	}
	return o
}

func itemOutcomes(items []release.Item) (outcomes []itemOutcome) {
	for _, i := range items {
		outcomes = append(outcomes, itemOutcome{i.Name, i.Size})
	}
	return outcomes
}

// lines are what --dry-run prints: each change, in the order in which they would be made.
func (p planOutcome) lines(project string) []string {
	if p.Seq == 0 {
		return []string{"would change nothing"}
	}
	var lines []string
	if p.adopts {
		lines = append(lines, fmt.Sprintf("would add change 1 to the log: adopt %s", count(len(p.Adopt), "hand-made release")))
	}
	change := []string{fmt.Sprintf("would add change %d to the log: %s", p.Seq, p.Action)}
	var creates []string
	for _, i := range p.Create {
		creates = append(creates, fmt.Sprintf("would create %s (%s)", i.Name, size(i.Size)))
	}
	if p.Action == string(layout.Prune) { // which tells before it acts
		lines = append(append(lines, change...), creates...)
	} else {
		lines = append(append(lines, creates...), change...)
	}
	for _, i := range p.Remove {
		lines = append(lines, fmt.Sprintf("would remove %s (%s)", i.Name, size(i.Size)))
	}
	if p.From != p.To {
		lines = append(lines, fmt.Sprintf("would set %s/version: %s -> %s", project, showTag(p.From), showTag(p.To)))
	}
	return lines
}

// withStore opens the target, lets f work on it, and closes it.
func (c *call) withStore(ctx context.Context, f func(store.Store) error) (err error) {
	st, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil && cerr != nil {
			// What was to be done is done and was confirmed.
			c.ui.trace("close: %v", cerr)
		}
	}()
	return f(st)
}

// who says on whose account this call makes a change.
func (c *call) who() release.Who {
	w := newWho(c.env)
	return release.Who{Time: c.env.Now(), By: w.by, Note: c.note, Commit: w.commit, URL: w.url}
}

func (c *call) parseProject() (layout.Project, error) {
	if !c.project.isSet() {
		return "", usageError("--project NAME, OTACTL_PROJECT, or project = \"NAME\" in "+configName, "no project")
	}
	return layout.ParseProject(c.project.text)
}

func (c *call) kind() (layout.Kind, error) {
	if c.layout == "" {
		return layout.Prefix, nil
	}
	kind, err := layout.ParseKind(c.layout)
	if err != nil {
		return "", &UsageError{Reason: err.Error()}
	}
	return kind, nil
}

// noArgs refuses arguments of a command that takes none.
func (c *call) noArgs() error {
	if len(c.args) > 0 {
		return usageError("otactl help "+c.command, "%s takes no arguments, and %q is one", c.command, c.args[0])
	}
	return nil
}

// oneTag parses the only argument of a command.
func (c *call) oneTag() (layout.Tag, error) {
	if len(c.args) != 1 {
		return layout.Tag{}, usageError("otactl "+c.command+" TAG", "%s takes one tag, not %d", c.command, len(c.args))
	}
	return layout.ParseTag(c.args[0])
}
