package source

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// client is the module that updates a device.
const client = "micropython_ota"

// bootWarnings are about how boot.py uses the update client. They come of reading lines, not Python: an import is a line,
// indented or not, or what follows a semicolon, that begins with "import" or "from"; what stands behind a # is nothing.
// Imports by other means (__import__, exec) are not seen, and those in a text of several lines are.
func bootWarnings(files []File, signed bool) (ws []Warning) {
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == "boot.py" })
	if i < 0 {
		return nil
	}
	boot := files[i]
	if w, ok := importedBefore(boot, files); ok {
		ws = append(ws, w)
	}
	line := calls(boot, "boot")
	if line > 0 && !slices.ContainsFunc(files, confirms) {
		ws = append(ws, Warning{Path: boot.Path, Line: line, Text: "calls boot(), so that updates are on trial, " +
			"and no file of this release calls confirm(): devices would take it back"})
	}
	if line := calls(boot, "ota_update", "update"); signed && line > 0 && !has(boot, keyArgument) {
		ws = append(ws, Warning{Path: boot.Path, Line: line, Text: "updates without key=, and releases are signed: " +
			"devices that check signatures would stop doing so"})
	}
	return ws
}

// importedBefore finds the first import of a file of the release that stands before the import of the client. If that file
// does not start, nothing can finish or undo the update that brought it.
func importedBefore(boot File, files []File) (w Warning, ok bool) {
	for n, statement := range statements(boot.Data) {
		for _, module := range imports(statement) {
			switch {
			case module == client:
				return w, ok
			case !ok && slices.ContainsFunc(files, func(f File) bool { return isModule(f.Name, module) }):
				ok = true
				w = Warning{Path: boot.Path, Line: n, Text: fmt.Sprintf("imports %s, a file of this release, before %s: "+
					"if it does not start, the device can neither finish nor undo the update", module, client)}
			}
		}
	}
	return w, false // the client comes from elsewhere, or later
}

// statements yields the statements of a Python file, each with the number of its line.
func statements(data []byte) func(yield func(line int, statement string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range bytes.Lines(data) {
			n++
			code, _, _ := strings.Cut(string(line[:min(len(line), maxCodeLine)]), "#")
			for statement := range strings.SplitSeq(code, ";") {
				if !yield(n, strings.TrimSpace(statement)) {
					return
				}
			}
		}
	}
}

var fromImport = regexp.MustCompile(`^from\s+([\w.]+)\s+import\s+\(?(.*?)\)?$`)

// imports returns the modules that a statement may import: a.b and a.c of "from a import b, c" as well as a.
func imports(statement string) (modules []string) {
	prefix, list := "", ""
	if m := fromImport.FindStringSubmatch(statement); m != nil {
		modules, prefix, list = []string{m[1]}, m[1]+".", m[2]
	} else if rest, ok := strings.CutPrefix(statement, "import"); ok && strings.TrimLeft(rest, " \t") != rest {
		list = rest
	}
	for item := range strings.SplitSeq(list, ",") {
		if words := strings.Fields(item); len(words) > 0 {
			modules = append(modules, prefix+words[0])
		}
	}
	return modules
}

// isModule reports whether a file of a release is what the import of a module finds: in the root of the device, or in lib.
func isModule(name, module string) bool {
	path := strings.ReplaceAll(module, ".", "/")
	name = strings.TrimPrefix(name, "lib/")
	path = strings.TrimPrefix(path, "lib/")
	rest, ok := strings.CutPrefix(name, path)
	return ok && (rest == ".py" || rest == ".mpy" || rest == "/__init__.py" || rest == "/__init__.mpy")
}

var clientAlias = regexp.MustCompile(`^import\s+(?:.*,\s*)?` + client + `\s+as\s+(\w+)`)

// calls returns the line in which one of some functions of the client is called, 0 if none is.
func calls(boot File, functions ...string) int {
	member := `\.(?:` + strings.Join(functions, "|") + `)`
	names := []string{client + member}
	for n, statement := range statements(boot.Data) {
		if m := clientAlias.FindStringSubmatch(statement); m != nil {
			names = append(names, m[1]+member)
		}
		for _, function := range functions {
			if slices.Contains(imports(statement), client+"."+function) {
				names = append(names, function)
			}
		}
		if regexp.MustCompile(`(?:^|[^\w.])(?:` + strings.Join(names, "|") + `)\s*\(`).MatchString(statement) {
			return n
		}
	}
	return 0
}

var confirmCall = regexp.MustCompile(`\bconfirm\s*\(`)

// confirms reports whether a file may call confirm(): what is not Python source can only be searched for the word.
func confirms(f File) bool {
	if !isPython(f) {
		return bytes.Contains(f.Data, []byte("confirm"))
	}
	return has(f, confirmCall)
}

// keyArgument is an argument that may be the key.
var keyArgument = regexp.MustCompile(`\bkey\s*=|\*\*`)

// has reports whether a statement of a file has what a pattern describes.
func has(f File, pattern *regexp.Regexp) bool {
	for _, statement := range statements(f.Data) {
		if pattern.MatchString(statement) {
			return true
		}
	}
	return false
}
