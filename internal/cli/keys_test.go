package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/sign"
)

// pieces of a private key are what must be printed nowhere: its lines, and each of them without its ends.
func pieces(pem string) (pieces []string) {
	for line := range strings.Lines(pem) {
		if line = strings.TrimSpace(line); len(line) > 40 {
			pieces = append(pieces, line[4:len(line)-4])
		}
	}
	return pieces
}

// However a private key gets into a call, right or wrong, no part of it comes out: not in results, errors, traces, or --json,
// nor on the server.
func TestPrivateKeysAreNotPrinted(t *testing.T) {
	key, err := sign.Generate(sign.MinBits)
	if err != nil {
		t.Fatal(err)
	}
	data, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	bare := strings.Join(strings.Split(text, "\n")[1:20], "") // as some CI systems want their secrets
	const phrase = "correct-horse-battery"
	for name, c := range map[string]struct {
		variables map[string]string
		args      []string
		files     map[string]string
		done      bool // the key is right
	}{
		"right":                {variables: map[string]string{"OTACTL_KEY": text}, done: true},
		"in a file":            {args: []string{"--key", "k"}, files: map[string]string{"k": text}, done: true},
		"other kind":           {variables: map[string]string{"OTACTL_KEY": strings.ReplaceAll(text, "PRIVATE", "EC PRIVATE")}},
		"named encrypted":      {variables: map[string]string{"OTACTL_KEY": strings.ReplaceAll(text, "PRIVATE", "ENCRYPTED PRIVATE"), "OTACTL_KEY_PASSPHRASE": phrase}},
		"in one line":          {variables: map[string]string{"OTACTL_KEY": strings.ReplaceAll(text, "\n", " ")}},
		"with \\n":             {variables: map[string]string{"OTACTL_KEY": strings.ReplaceAll(text, "\n", `\n`)}},
		"cut":                  {variables: map[string]string{"OTACTL_KEY": text[:900]}},
		"a byte changed":       {variables: map[string]string{"OTACTL_KEY": text[:200] + string(text[200]^1) + text[201:]}},
		"without armour":       {variables: map[string]string{"OTACTL_KEY": bare}},
		"twice":                {variables: map[string]string{"OTACTL_KEY": text + text}, done: true},
		"as the flag":          {args: []string{"--key", text}},
		"as the flag, =":       {args: []string{"--key=" + text}},
		"bare, as the flag":    {args: []string{"--key", bare}},
		"not quoted":           {args: append([]string{"--key"}, strings.Fields(text)...)},
		"not quoted, =":        {args: strings.Fields("--key=" + text)},
		"as an argument":       {args: []string{text}},
		"as a note":            {args: []string{"--note", text}},
		"as an unknown flag":   {args: []string{"--kee=" + text}},
		"as a public key":      {args: []string{"--public-keys=" + text}},
		"bare, as public key":  {args: []string{"--public-keys", bare}},
		"variable, public key": {variables: map[string]string{"OTACTL_PUBLIC_KEYS": text}},
		"file of public keys":  {args: []string{"--public-keys", "k"}, files: map[string]string{"k": text}},
		"in the file":          {files: map[string]string{configName: "key = \"\"\"\n" + text + "\"\"\"\n"}},
		"in the file, public":  {files: map[string]string{configName: "public-keys = [\"\"\"" + text + "\"\"\"]\n"}},
		"in the file, bare":    {files: map[string]string{configName: "public-keys = [\"" + bare + "\"]\n"}},
		"in a broken file":     {files: map[string]string{configName: text}},
		"is the configuration": {args: []string{"--config", "k"}, files: map[string]string{"k": text}},
	} {
		for _, output := range []string{"--verbose", "--json"} {
			for _, dry := range []string{"--dry-run", "--note=x"} {
				variables := map[string]string{}
				for name, value := range c.variables {
					variables[name] = value
				}
				args := append([]string{"publish", "v1.0.0", "main.py", "--to", "srv", "--project", "demo", output, dry}, c.args...)
				env, stdout, stderr := newEnv(t, variables, args...)
				prepare(t, env.Dir, c.files)
				code := Main(context.Background(), env)
				if want := exitDone; c.done && code != want || !c.done && code != exitUsage {
					t.Errorf("%s %s: exit %d\n%.300s", name, dry, code, stderr)
				}
				for _, piece := range append(pieces(text), bare, phrase) {
					for where, out := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String(), "the server": contents(t, filepath.Join(env.Dir, "srv"))} {
						if strings.Contains(out, piece) {
							t.Fatalf("%s %s: on %s\n%s", name, output, where, out)
						}
					}
				}
			}
		}
	}
}

// prepare makes a folder a project with an empty server root, and goes there.
func prepare(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	t.Chdir(dir)
	if err := os.Mkdir("srv", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("main.py", []byte("print(1)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// contents is all that lies below a folder.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		fmt.Fprintf(&all, "%s\n%s\n", path, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
