package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otactl/otactl/layout"
)

// findNotes goes through what is in the project's folder for what nobody has looked at yet.
func (v *verifier) findNotes() {
	unfinished := map[string]int{} // tag -> files
	for _, rel := range slices.Sorted(maps.Keys(v.tree)) {
		name := v.name(rel)
		tag, ok := tagOf(rel)
		switch {
		case rel == "." || rel == v.rel(v.Project.Pointer()) || rel == ".otactl" || v.isClient(rel):
		case strings.HasPrefix(rel, ".otactl/"):
			v.noteOwn(rel)
		case !ok && v.tree[rel].Mode.IsDir():
			v.note(name, "is a folder of no release")
		case !ok:
			v.note(name, "belongs to no release")
		case v.tombs[tag.String()]:
			v.note(name, fmt.Sprintf("is left over of %s, which was pruned", tag))
		case v.isRelease(tag):
			v.checkMember(rel, tag)
		case !v.tree[rel].Mode.IsDir():
			unfinished[tag.String()]++
		default:
			unfinished[tag.String()] += 0
		}
	}
	for tag := range unfinished {
		if l := v.looked(parsed(tag)); l == nil {
			v.note(v.name(tag), "is an unfinished release: it has no manifest")
		}
	}
}

// leftover is the age from which on what is being prepared belongs to nobody (docs/FORMAT.md, Files of a project).
const leftover = time.Hour

// noteOwn looks at what is in otactl's own folder.
func (v *verifier) noteOwn(rel string) {
	switch detail, name := v.tree[rel], strings.TrimPrefix(rel, ".otactl/"); {
	case name == "log" || name == "pruned" || name == "probe":
	case strings.HasPrefix(name, "tmp.") && detail.Mode.IsDir():
		if v.Now.Sub(detail.ModTime) < leftover {
			return // somebody is publishing
		}
		v.note(v.name(rel), "is an unfinished upload of "+detail.ModTime.UTC().Format(time.RFC3339))
	default:
		v.note(v.name(rel), "is nothing that otactl has made")
	}
}

// checkMember reports what stands under the tag of a verified release and is not part of it.
func (v *verifier) checkMember(rel string, tag layout.Tag) {
	l := v.looked(tag)
	place, isFile := layout.ParsePlace(rel)
	detail := v.tree[rel]
	name := v.name(rel)
	switch {
	case l == nil || detail.Mode.IsDir() || isFile && place.IsManifest():
	case isFile && place.Kind == l.Kind && lists(l, place.Name):
	case slices.ContainsFunc(v.differences, func(d Difference) bool { return d.Name == name }): // what is wrong was said
	case l.Raw == nil && l.HandMade != nil:
		v.note(name, fmt.Sprintf("was not there when otactl took over %s", tag))
	case l.Raw != nil:
		v.differ(l, Difference{Name: name, Kind: Extra, What: fmt.Sprintf("is not in the manifest of %s", tag)})
	}
}

// isClient reports whether a path is that of a file of the update client beside a release.
func (v *verifier) isClient(rel string) bool {
	i := strings.IndexAny(rel, "_/")
	if i < 0 || parsed(rel[:i]).IsZero() {
		return false
	}
	isOne := slices.ContainsFunc(v.Client, func(f layout.File) bool { return f.Name == rel[i+1:] })
	l := v.looked(parsed(rel[:i]))
	return isOne && (l == nil || !lists(l, rel[i+1:]))
}

// looked returns the verified release with this tag; nil if it was not verified.
func (v *verifier) looked(t layout.Tag) *looked {
	i := slices.IndexFunc(v.releases, func(l *looked) bool { return l.Tag.String() == t.String() })
	if i < 0 {
		return nil
	}
	return v.releases[i]
}
