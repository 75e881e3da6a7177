package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/otactl/otactl/inspect"
	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// A logOutcome is the answer to log.
type logOutcome struct {
	Project string          `json:"project"`
	Changes []changeOutcome `json:"changes"` // newest first
}

type changeOutcome struct {
	Seq    int       `json:"seq"`
	Effect bool      `json:"effect"` // false if the change was claimed and never took place
	Time   time.Time `json:"time"`
	Action string    `json:"action"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Tags   []string  `json:"tags,omitempty"`
	By     string    `json:"by,omitempty"`
	Note   string    `json:"note,omitempty"`
	// Unchecked is what the publisher chose not to have checked.
	Unchecked string `json:"unchecked,omitempty"`
	Commit    string `json:"commit,omitempty"`
	URL       string `json:"url,omitempty"`
}

func newChange(c release.Change) changeOutcome {
	o := changeOutcome{
		Seq: c.Seq, Effect: c.Effect, Time: c.Time, Action: string(c.Action), From: c.From, To: c.To, Tags: c.Tags, By: c.By,
		Note: c.Note, Commit: c.Commit, URL: c.URL, Unchecked: c.Unchecked,
	}
	for _, r := range c.Releases {
		o.Tags = append(o.Tags, r.Tag)
	}
	return o
}

// row is a line of the log. All texts in it come from the server.
func (o changeOutcome) row() string {
	what := o.Action
	switch o.Action {
	case string(layout.Adopt), string(layout.Publish), string(layout.Rollback), string(layout.Activate), string(layout.Prune):
	default:
		what = fmt.Sprintf("%q", what)
	}
	detail := "live: " + showTag(o.To)
	switch {
	case o.From != o.To:
		detail = showTag(o.From) + " -> " + showTag(o.To)
	case len(o.Tags) > 0:
		detail = showTags(o.Tags)
	}
	if !o.Effect {
		detail += " (never took effect)"
	}
	if o.Unchecked != "" {
		detail += fmt.Sprintf(" (not checked: %s)", quoteUnlessPlain(o.Unchecked))
	}
	row := fmt.Sprintf("%d\t%s\t%s\t%s\t%s", o.Seq, o.Time.Format(time.RFC3339), what, detail, quoteUnlessPlain(o.By))
	if o.Note != "" {
		row += fmt.Sprintf("\t%q", o.Note)
	}
	return row
}

func showTags(tags []string) string {
	shown := make([]string, len(tags))
	for i, t := range tags {
		shown[i] = showTag(t)
	}
	return strings.Join(shown, " ")
}

// quoteUnlessPlain leaves user@host as it is, and quotes everything else.
func quoteUnlessPlain(s string) string {
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-", r) {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}

func (o *logOutcome) lines() []string {
	var rows []string
	for _, c := range o.Changes {
		rows = append(rows, c.row())
	}
	return table(rows)
}

func runLog(ctx context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	project, changes, err := look(ctx, c, func(st store.Store, p layout.Project) ([]release.Change, error) {
		return inspect.Log(ctx, st, p, 0)
	})
	if err != nil {
		return nil, err
	}
	o := &logOutcome{Project: string(project), Changes: []changeOutcome{}}
	for _, change := range changes {
		o.Changes = append(o.Changes, newChange(change))
	}
	return o, nil
}
