// Package verify compares what is on the target with what was published: each file of a release with its manifest, the
// manifest with its signatures and with the change log, and the pointer with all of them. It changes nothing.
//
// What devices would get is the measure. Where that is not what was published, there is a [Difference]. What else lies in
// the project's folder is worth a [Note], and nothing is wrong for that. A release that was made by hand has no
// manifest; that is no difference either, but nobody can say more of it than that its files are there.
//
// Files are read as streams, many at once, so that neither memory nor round trips grow with them.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/store"
)

// A Request says what is to be verified.
type Request struct {
	Project layout.Project
	Tag     layout.Tag       // the zero tag stands for the live release
	All     bool             // every release that is there, whatever Tag is
	Signers []sign.PublicKey // one of these must have signed each manifest; none: that is not asked
	Client  []layout.File    // the update client that may lie beside a release
	NoLog   bool             // the change log is not asked: it does not know yet what is being published
	Now     time.Time        // what was begun an hour before is left over
}

// A Condition says what verifying a release came to.
type Condition string

const (
	Whole     Condition = "whole"     // it is what was published
	Different Condition = "different" // it is not
	HandMade  Condition = "hand-made" // it has no manifest, so nobody can say
)

// A Release is what was found out about one release.
type Release struct {
	Tag       layout.Tag
	Condition Condition
	Files     int
	Bytes     int64 // size of its files
	Signed    bool  // by one of the signers that were asked for
}

// A Report is what verifying came to.
type Report struct {
	Project     layout.Project
	Live        string       // text of the pointer; "" if there is none
	Releases    []Release    // those that were verified, in ascending order
	Differences []Difference // ascending by name
	Notes       []Note       // ascending by name
}

// A Note is about something that is no trouble for a device: what belongs to no release, what is left over, or a hand at work.
type Note struct {
	Name string // relative to the server root
	What string
}

// A Kind says what is wrong, for who gives advice.
type Kind string

const (
	Missing    Kind = "missing"
	Type       Kind = "type" // it is no file, or no folder
	Mode       Kind = "mode" // a web server may not read it
	Unreadable Kind = "unreadable"
	Size       Kind = "size"
	Content    Kind = "content"
	Damaged    Kind = "damaged"  // a manifest or log entry that is none
	Replaced   Kind = "replaced" // a manifest that is not the one that the change log names
	Unsigned   Kind = "unsigned"
	Extra      Kind = "extra" // it stands under the tag of a release that does not have it
	Pointer    Kind = "pointer"
)

// A Difference is something that devices would get, and that is not what was published.
type Difference struct {
	Name   string     // relative to the server root
	Tag    layout.Tag // the release that it is of, or the zero tag
	Kind   Kind
	What   string // what is wrong with it
	Folder bool   // it is a folder
}

func (n Note) String() string { return quoteUnlessPlain(n.Name) + " " + n.What }

func (d Difference) String() string { return quoteUnlessPlain(d.Name) + " " + d.What }

// A DifferentError reports a release that is not what was published.
type DifferentError struct {
	Tag         layout.Tag
	Differences []Difference
}

func (e *DifferentError) Error() string {
	lines := []string{fmt.Sprintf("release %s is not what was published", e.Tag)}
	for _, d := range e.Differences {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// A NothingLiveError says that there is no live release that could be verified.
type NothingLiveError struct{ Project layout.Project }

func (e *NothingLiveError) Error() string {
	return fmt.Sprintf("project %s has no live release", e.Project)
}

// attempts bounds how often a project is verified that others change meanwhile.
const attempts = 3

// Run verifies. That something is different is no error: it stands in the report. Errors are those of the store,
// *[NothingLiveError], and for a tag that is not there as a release those of package release.
func Run(ctx context.Context, st store.Store, r Request) (Report, error) {
	examiner, ok := st.(store.Examiner)
	if !ok {
		return Report{}, errors.New("what is on this target cannot be verified")
	}
	for n := 1; ; n++ {
		v := &verifier{Request: r, store: st, examiner: examiner, closed: map[string]bool{}}
		err := v.run(ctx)
		if err != nil || len(v.differences) == 0 || n == attempts {
			return v.report(), err
		}
		// What looks different may be a publish or a prune that went on at the same time.
		changed, err := v.changed(ctx)
		if err != nil || !changed {
			return v.report(), err
		}
	}
}

// Tag verifies one release that is there, for who is about to make it live. It returns a *[DifferentError] if that is not
// what was published. What the pointer says does not matter.
func Tag(ctx context.Context, st store.Store, r Request) error {
	report, err := Run(ctx, st, r)
	if err != nil {
		return err
	}
	differences := slices.DeleteFunc(report.Differences, func(d Difference) bool { return d.Name == r.Project.Pointer() })
	if len(differences) > 0 {
		return &DifferentError{Tag: r.Tag, Differences: differences}
	}
	return nil
}

func (v *verifier) changed(ctx context.Context) (bool, error) {
	if v.state == nil {
		return false, nil
	}
	after, err := release.Load(ctx, v.store, v.Project)
	if err != nil {
		return false, err
	}
	return after.Seq != v.state.Seq || after.Live != v.state.Live, nil
}

// quoteUnlessPlain leaves the names alone that otactl itself makes, and quotes all others: a server may list anything.
func quoteUnlessPlain(s string) string {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("._-/", r) {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
