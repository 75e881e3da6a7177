package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// MaxEntry is the longest log entry, in bytes. Only the entry that adopts a project with thousands of hand-made files
// is longer than a few hundred.
const MaxEntry = 4 << 20

// An Action is what a change did.
type Action string

const (
	Adopt    Action = "adopt"    // took over what was there before otactl first wrote to the project; always entry 1
	Publish  Action = "publish"  // added a release, and made it live if From and To differ
	Activate Action = "activate" // went forward to a release that was there
	Rollback Action = "rollback" // went back to a release that was there
	Prune    Action = "prune"    // removed releases
)

// An Entry of the change log says what one change did (docs/FORMAT.md, The change log). Times are UTC.
type Entry struct {
	Time     time.Time  `json:"time"`
	Action   Action     `json:"action"`
	From     string     `json:"from"`               // text of the pointer before, without white space; "" if there was none
	To       string     `json:"to"`                 // text of the pointer after; equal to From if it was left alone
	Tags     []string   `json:"tags,omitempty"`     // releases that a publish added or a prune removed
	Sums     []string   `json:"sums,omitempty"`     // of a prune: SHA-256 of the manifest of each of Tags, or "none"
	Manifest string     `json:"manifest,omitempty"` // SHA-256 of the manifest of the release that was added or made live
	Releases []HandMade `json:"releases,omitempty"` // what an adopt found
	By       string     `json:"by,omitempty"`       // user@host, or the CI job
	Note     string     `json:"note,omitempty"`
	Commit   string     `json:"commit,omitempty"`
	URL      string     `json:"url,omitempty"`
	// Unchecked is what was not checked because the publisher said so: "syntax".
	Unchecked string `json:"unchecked,omitempty"`
}

// A HandMade release is one that a project had before otactl first wrote to it. It has no manifest, so it cannot be
// proved complete.
type HandMade struct {
	Tag   string   `json:"tag"`
	Kind  Kind     `json:"layout"`
	Names []string `json:"files"` // ascending
}

// Bytes returns the form in which an entry lies on the server: one JSON object and a line feed.
func (e Entry) Bytes() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic(err) // strings and one time: a year beyond 9999 is the only way to come here
	}
	return b.Bytes()
}

// ParseEntry parses a log entry. Fields that it does not know are skipped: later versions may add some.
func ParseEntry(data []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return Entry{}, fmt.Errorf("log entry: %w", err)
	}
	if e.Action == "" {
		return Entry{}, fmt.Errorf("log entry: no action")
	}
	e.Time = e.Time.UTC()
	if year := e.Time.Year(); year < 0 || year > 9999 { // a time zone may lead there, and nothing could write it again
		return Entry{}, fmt.Errorf("log entry: time in the year %d", year)
	}
	return e, nil
}

// PointerText is the text of a pointer as devices take it: without white space around it, where MicroPython knows only
// that of ASCII. Bytes that are not UTF-8 are replaced, so that the text is the same after a round trip through a log
// entry.
func PointerText(pointer []byte) string {
	return strings.ToValidUTF8(strings.Trim(string(pointer), " \t\n\v\f\r"), "\uFFFD")
}
