package layout

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Limits of a manifest (docs/FORMAT.md, Manifest).
const (
	MaxFiles      = 500
	MaxManifest   = 64 << 10 // bytes
	maxLine       = 900      // bytes, without the line feed
	maxSignatures = 4
	manifestHead  = "otactl 1"
)

// A File is one file of a release.
type File struct {
	Name   string
	Size   int64  // bytes
	SHA256 string // 64 lower-case hex digits
}

// A Manifest says what a release consists of.
type Manifest struct {
	Project    Project
	Tag        Tag
	Kind       Kind
	Files      []File   // strictly ascending by name
	Extra      []string // lines that this version does not know, kept as they are
	Signatures []string // signature lines, kept as they are
}

// A ManifestError reports bytes that are not a manifest.
type ManifestError struct {
	Line   int // from 1
	Reason string
}

func (e *ManifestError) Error() string { return fmt.Sprintf("manifest line %d: %s", e.Line, e.Reason) }

// Bytes returns the canonical form of the manifest: the same release always gives the same bytes. Files must be in
// order and valid; ParseManifest of the result succeeds if they are.
func (m Manifest) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nproject %s\nversion %s\n", manifestHead, m.Project, m.Tag)
	if m.Kind == Directory {
		b.WriteString("layout directory\n")
	}
	for _, f := range m.Files {
		b.WriteString(fileLine(f))
		b.WriteByte('\n')
	}
	for _, line := range append(m.Extra[:len(m.Extra):len(m.Extra)], m.Signatures...) {
		b.WriteString(line + "\n")
	}
	return b.Bytes()
}

// Size is the sum of the sizes of the release's files, in bytes.
func (m Manifest) Size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

func fileLine(f File) string { return fmt.Sprintf("file %s %d %s", f.SHA256, f.Size, f.Name) }

// SameRelease reports whether two manifests describe the same release: they are equal up to their first signature line.
func SameRelease(a, b []byte) bool { return bytes.Equal(SignedPart(a), SignedPart(b)) }

// SignedPart returns what the signatures of a manifest are over: all that stands before its first signature line.
func SignedPart(manifest []byte) []byte {
	if i := bytes.Index(manifest, []byte("\nsignature ")); i >= 0 {
		return manifest[:i+1]
	}
	return manifest
}

// ParseManifest parses a manifest. Every byte is checked: what it accepts, [Manifest.Bytes] gives back unchanged. Its
// errors are of type *[ManifestError].
func ParseManifest(data []byte) (Manifest, error) {
	if len(data) > MaxManifest {
		return Manifest{}, &ManifestError{1, fmt.Sprintf("the manifest is longer than %d bytes", MaxManifest)}
	}
	text, ended := strings.CutSuffix(string(data), "\n")
	p := &manifestParser{lines: strings.Split(text, "\n")}
	if !ended {
		return Manifest{}, &ManifestError{len(p.lines), "does not end in a line feed"}
	}
	m, reason := p.parse()
	if reason != "" {
		return Manifest{}, &ManifestError{p.at + 1, reason}
	}
	return m, nil
}

type manifestParser struct {
	lines []string
	at    int // the line that is looked at
}

// line returns the line that is looked at, or "" behind the last one (no valid line is empty).
func (p *manifestParser) line() string {
	if p.at < len(p.lines) {
		return p.lines[p.at]
	}
	return ""
}

func (p *manifestParser) parse() (m Manifest, reason string) {
	for i, line := range p.lines {
		if reason := checkLine(line); reason != "" {
			p.at = i
			return m, reason
		}
	}
	for _, step := range []func(*Manifest) string{p.head, p.project, p.version, p.layout, p.files, p.extra, p.signatures} {
		if reason := step(&m); reason != "" {
			return m, reason
		}
	}
	if p.at < len(p.lines) {
		return m, "a line stands where none of its kind may"
	}
	return m, ""
}

// checkLine checks what holds for every line: its length, printable ASCII, one blank between words and none elsewhere.
func checkLine(line string) string {
	switch {
	case line == "":
		return "is empty"
	case len(line) > maxLine:
		return fmt.Sprintf("is longer than %d bytes", maxLine)
	case strings.HasPrefix(line, " ") || strings.HasSuffix(line, " ") || strings.Contains(line, "  "):
		return "has a blank too many"
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return fmt.Sprintf("has the byte 0x%02x", line[i])
		}
	}
	return ""
}

func (p *manifestParser) head(*Manifest) string {
	if p.line() != manifestHead {
		return fmt.Sprintf("is not %q", manifestHead)
	}
	p.at++
	return ""
}

func (p *manifestParser) project(m *Manifest) (reason string) {
	text, ok := strings.CutPrefix(p.line(), "project ")
	if !ok {
		return `is not "project NAME"`
	}
	project, err := ParseProject(text)
	if err != nil {
		return err.Error()
	}
	m.Project = project
	p.at++
	return ""
}

func (p *manifestParser) version(m *Manifest) (reason string) {
	text, ok := strings.CutPrefix(p.line(), "version ")
	if !ok {
		return `is not "version TAG"`
	}
	tag, err := ParseTag(text)
	if err != nil {
		return err.Error()
	}
	m.Tag = tag
	p.at++
	return ""
}

func (p *manifestParser) layout(m *Manifest) string {
	m.Kind = Prefix
	if p.line() == "layout directory" {
		m.Kind = Directory
		p.at++
	}
	return ""
}

func (p *manifestParser) files(m *Manifest) string {
	for ; strings.HasPrefix(p.line(), "file "); p.at++ {
		f, reason := parseFile(p.line())
		if reason != "" {
			return reason
		}
		if n := len(m.Files); n > 0 && m.Files[n-1].Name >= f.Name {
			return "file names are not in ascending order"
		}
		if len(m.Files) == MaxFiles {
			return fmt.Sprintf("more than %d files", MaxFiles)
		}
		m.Files = append(m.Files, f)
	}
	if len(m.Files) == 0 {
		return `is not "file SHA256 SIZE NAME"`
	}
	names := make([]string, len(m.Files))
	for i, f := range m.Files {
		names[i] = f.Name
	}
	if err := CheckNames(names); err != nil {
		p.at-- // not the line behind the files
		return err.Error()
	}
	return ""
}

var (
	isSHA256    = regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString
	isSize      = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`).MatchString
	isKeyID     = regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString
	isExtraWord = regexp.MustCompile(`^[a-z]+$`).MatchString
)

// knownWords begin lines that have their own place, and so never stand among the extra lines.
var knownWords = map[string]bool{"otactl": true, "project": true, "version": true, "layout": true, "file": true}

func parseFile(line string) (f File, reason string) {
	words := strings.Split(line, " ")
	if len(words) != 4 || !isSHA256(words[1]) || !isSize(words[2]) {
		return f, `is not "file SHA256 SIZE NAME"`
	}
	if err := CheckName(words[3]); err != nil {
		return f, err.Error()
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return f, err.Error()
	}
	return File{Name: words[3], Size: size, SHA256: words[1]}, ""
}

func (p *manifestParser) extra(m *Manifest) string {
	for ; p.at < len(p.lines); p.at++ {
		word, _, _ := strings.Cut(p.line(), " ")
		if word == "signature" {
			return ""
		}
		if !isExtraWord(word) || knownWords[word] {
			return fmt.Sprintf("%q may not stand here", word)
		}
		m.Extra = append(m.Extra, p.line())
	}
	return ""
}

func (p *manifestParser) signatures(m *Manifest) string {
	for ; p.at < len(p.lines); p.at++ {
		words := strings.Split(p.line(), " ")
		if len(words) != 4 || words[0] != "signature" || words[1] != "rsa-sha256" || !isKeyID(words[2]) || !isBase64(words[3]) {
			return `is not "signature rsa-sha256 KEYID BASE64"`
		}
		if len(m.Signatures) == maxSignatures {
			return fmt.Sprintf("more than %d signatures", maxSignatures)
		}
		m.Signatures = append(m.Signatures, p.line())
	}
	return ""
}

// isBase64 accepts only the one spelling that encoding gives back.
func isBase64(text string) bool {
	data, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(data) > 0 && base64.StdEncoding.EncodeToString(data) == text
}
