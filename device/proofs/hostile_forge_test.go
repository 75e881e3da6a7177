package proofs

import (
	"bytes"
	"slices"
	"strings"
)

// content is what the server says is at a path.
func (h *hostile) content(s *strategy, project, path string) []byte {
	tag, isManifest := strings.CutSuffix(path, ".manifest")
	switch {
	case path == "version":
		return []byte(h.version(s))
	case isManifest:
		return h.manifest(s, project, tag)
	}
	return h.file(s, project, path)
}

func (h *hostile) version(s *strategy) string {
	if s.live == "" || s.IntN(3) == 0 {
		s.live = pick(s, h.tags)
		if s.IntN(2) == 0 {
			s.live = pick(s, h.signed)
		}
	}
	if s.isHonest("version") {
		return s.live + "\n"
	}
	h.did("version")
	return pick(s, []string{pick(s, h.tags), s.live + pick(s, []string{"-1", ".1", "_", "/", "?", "#", " x", "\nv1.0.1", "\x00"}), "", "../other/" + s.live, strings.ToUpper(s.live), string(s.mutate([]byte(s.live)))})
}

// lookup finds what is really at a path of the project or of another one.
func (h *hostile) lookup(path string) (text string, ok bool) {
	for _, root := range h.good {
		if text, ok := root[path]; ok {
			return text, true
		}
	}
	text, ok = h.bad[path]
	return text, ok
}

// masked finds what is at a path when the server says that another release is the one that was asked for.
func (h *hostile) masked(s *strategy, asked, tag, rest string) (text string, ok bool) {
	h.did("mask: " + s.mask)
	truth := asked + "/" + tag + rest
	switch s.mask {
	case "":
		return h.lookup(truth)
	case "another project":
		return h.lookup("other/" + tag + rest)
	case "another tag":
		return h.lookup(asked + "/" + h.tags[(slices.Index(h.tags, tag)+1)%len(h.tags)] + rest)
	}
	good, _ := h.lookup(truth)
	if s.mask == "evil, in place of good files" && (rest == ".manifest" || good != "") {
		return map[bool]string{true: good, false: fit(evilCode, len(good))}[rest == ".manifest"], good != ""
	}
	if rest != ".manifest" {
		text, ok = evilFiles[rest[1:]]
		return text, ok
	}
	evil, _ := h.lookup(project + "/" + evilTag + ".manifest")
	evil = rename(evil, asked, tag)
	unsigned, _, _ := strings.Cut(evil, "signature ")
	switch s.mask {
	case "evil, signed by a stranger":
		return evil, true
	case "evil, not signed":
		return unsigned, true
	case "evil, under a good signature":
		_, lines, _ := strings.Cut(good, "signature ")
		return unsigned + "signature " + lines, true
	}
	return "", false // evil, without a manifest
}

// manifest is that of a tag, or another one, or one that is made of several.
func (h *hostile) manifest(s *strategy, asked, tag string) []byte {
	text, ok := h.masked(s, asked, tag, ".manifest")
	if s.isHonest("manifest") {
		if !ok {
			return nil
		}
		return []byte(text)
	}
	other, _ := h.lookup(pick(s, []string{project, "other"}) + "/" + pick(s, h.tags) + ".manifest")
	evil, _ := h.lookup(project + "/" + evilTag + ".manifest")
	part, _, _ := strings.Cut(evil, "signature ")
	renamed := rename(other, asked, tag)
	return s.forge(h, map[string]string{
		"none":                               "",
		"another one":                        other,
		"another one, renamed":               renamed,
		"not signed":                         rename(part, asked, tag),
		"signed by a key of the server":      rename(evil, asked, tag),
		"with a signature of another one":    rename(part, asked, tag) + pick(s, h.lines),
		"with all signatures that there are": rename(part, asked, tag) + strings.Join(h.lines, ""),
		"with more files behind":             text + part[strings.Index(part+"file", "file"):],
		"with more files before":             strings.Replace(text, "file ", part[strings.Index(part+"file", "file"):]+"file ", 1),
		"two":                                text + rename(evil, asked, tag),
		"two, the other first":               rename(evil, asked, tag) + text,
		"with a line of another":             swapLine(s, text, evil),
		"the other layout":                   strings.Replace(text, "\nfile", "\nlayout directory\nfile", 1),
		"CRLF":                               strings.ReplaceAll(text, "\n", "\r\n"),
		"mutated":                            string(s.mutate([]byte(text))),
		"another one, mutated":               string(s.mutate([]byte(renamed))),
		"huge":                               text + strings.Repeat(pick(s, []string{"x y\n", "signature rsa-sha256 0123456789abcdef AAAA\n"}), 20_000),
	})
}

// forge picks one of several forgeries.
func (s *strategy) forge(h *hostile, texts map[string]string) []byte {
	var names []string
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	name := pick(s, names)
	h.did(name)
	if texts[name] == "" {
		return nil
	}
	return []byte(texts[name])
}

// rename makes a manifest one of another project and tag, but for its signature.
func rename(manifest, project, tag string) string {
	lines := strings.SplitAfter(manifest, "\n")
	if len(lines) > 3 {
		lines[1], lines[2] = "project "+project+"\n", "version "+tag+"\n"
	}
	return strings.Join(lines, "")
}

// swapLine puts a file of another manifest into one.
func swapLine(s *strategy, text, other string) string {
	lines, others := strings.SplitAfter(text, "\n"), strings.SplitAfter(other, "\n")
	if len(lines) > 5 && len(others) > 5 {
		at := 3 + s.IntN(2)
		lines[at] = others[at]
	}
	return strings.Join(lines, "")
}

// file is the content of a file, or another one.
func (h *hostile) file(s *strategy, asked, path string) []byte {
	at := strings.IndexAny(path, "_/")
	if at < 0 {
		return nil
	}
	text, ok := h.masked(s, asked, path[:at], path[at:])
	if s.isHonest("file") {
		if !ok {
			return nil
		}
		return []byte(text)
	}
	other, _ := h.lookup(pick(s, []string{project, "other"}) + "/" + pick(s, h.tags) + path[at:])
	return s.forge(h, map[string]string{
		"no file":                   "",
		"an evil file":              evilCode,
		"an evil file, as long":     fit(evilCode, len(text)),
		"evil from the middle on":   fit(text[:len(text)/2]+evilCode, len(text)),
		"a file of another release": other,
		"another one, as long":      fit(other, len(text)),
		"a file, mutated":           string(s.mutate([]byte(text))),
		"a file, longer":            text + evilCode,
		"a file, shorter":           text[:s.IntN(len(text)+1)],
	})
}

// fit cuts or fills a text to a length.
func fit(text string, size int) string {
	if len(text) > size {
		return text[:size]
	}
	return text + strings.Repeat("#", size-len(text))
}

// mutate changes some bytes, removes or doubles a piece, or cuts the end.
func (s *strategy) mutate(data []byte) []byte {
	data = bytes.Clone(data)
	for range 1 + s.IntN(4) {
		if len(data) == 0 {
			return data
		}
		at := s.IntN(len(data))
		end := min(len(data), at+1+s.IntN(40))
		switch s.IntN(5) {
		case 0, 1:
			data[at] ^= 1 << s.IntN(8)
		case 2:
			data = slices.Delete(data, at, end)
		case 3:
			data = slices.Insert(data, at, bytes.Clone(data[at:end])...)
		case 4:
			data = data[:at]
		}
	}
	return data
}
