package cli

import (
	"strconv"
	"strings"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/source"
)

// judge prints warnings, or returns them as a *[release.StrictError] if --strict asks for that.
func (c *call) judge(warnings []source.Warning) error {
	if c.strict && len(warnings) > 0 {
		return &release.StrictError{Warnings: warnings}
	}
	c.warn(warnings)
	return nil
}

// warnUnless prints the warnings of a verb, unless they are the error.
func (c *call) warnUnless(err error, warnings []source.Warning) {
	if _, strict := err.(*release.StrictError); !strict { //nolint:errorlint // verbs return it as it is
		c.warn(warnings)
	}
}

// warn prints warnings. Those that say the same of many files become one line.
func (c *call) warn(warnings []source.Warning) {
	same := map[string][]string{} // text -> paths
	for _, w := range warnings {
		c.ui.note(w.String())
		if w.Line == 0 {
			same[w.Text] = append(same[w.Text], w.Path)
		}
	}
	for _, w := range warnings {
		paths := same[w.Text]
		switch {
		case w.Line != 0 || len(paths) == 1:
			c.ui.warnLine(w.String())
		case paths[0] == w.Path:
			c.ui.warnLine(some(paths) + ": " + w.Text)
		}
	}
}

// some names the first of many.
func some(paths []string) string {
	const shown = 3
	if len(paths) <= shown {
		return strings.Join(paths, ", ")
	}
	return strings.Join(paths[:shown], ", ") + " and " + strconv.Itoa(len(paths)-shown) + " more"
}
