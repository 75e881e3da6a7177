package source_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/source"
)

// in makes a folder with these files, name and content in turn, and makes it the working folder.
func in(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i := 0; i < len(files); i += 2 {
		write(t, files[i], files[i+1])
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// collect returns the names in the set, or the lines of the error.
func collect(o source.Options, args ...string) string {
	set, err := source.Collect(args, o)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, f := range set.Files {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

func TestNames(t *testing.T) {
	in(t, "boot.py", "b=1\n", "main.py", "m=1\n", "src/boot.py", "b=2\n", "src/lib/util.py", "u=1\n", "src/lib/net.py", "n=1\n",
		"src/lib/.otaignore", "net.py\n", "odd name.py", "x=1\n")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	abs := filepath.Join(here, "src", "boot.py")
	none, c, flat := source.Options{}, source.Options{Dir: "src"}, source.Options{Flat: true}
	for _, test := range []struct {
		o    source.Options
		args string
		want string
	}{
		{none, "main.py boot.py", "boot.py main.py"},
		{none, "./boot.py", "boot.py"},
		{none, "boot.py boot.py ./boot.py", "boot.py"},
		{none, "src", "boot.py lib/net.py lib/util.py"},
		{none, "src/", "boot.py lib/net.py lib/util.py"},
		{none, "./src/lib", "util.py"},
		{none, "main.py src/", "boot.py lib/net.py lib/util.py main.py"},
		{none, here + "/src", "boot.py lib/net.py lib/util.py"},
		{none, "boot.py src", `boot.py and src/boot.py: both would be boot.py in the release`},
		{none, "src src/lib", "boot.py lib/net.py lib/util.py util.py"}, // a folder reads its own .otaignore
		{none, "src/lib/util.py", "src/lib/util.py: may be meant as src/lib/util.py or as util.py in the release"},
		{none, "src/../src/boot.py", "src/../src/boot.py: may be meant as src/boot.py or as boot.py in the release"},
		{none, "../x/boot.py", "open ../x/boot.py: no such file or directory"},
		{none, abs, abs + ": has a folder part, which may belong to its name in the release or not"},
		{c, "lib/util.py boot.py", "boot.py lib/util.py"},
		{c, "lib", "lib/net.py lib/util.py"},
		{c, ".", "boot.py lib/net.py lib/util.py"},
		{c, abs, "boot.py"},
		{c, "../main.py", "../main.py: outside of the folder src"},
		{c, here + "/main.py", here + "/main.py: outside of the folder src"},
		{c, "main.py", "open src/main.py: no such file or directory"},
		{flat, "src/lib/util.py main.py", "main.py util.py"},
		{flat, abs, "boot.py"},
		{flat, "src/boot.py boot.py", "src/boot.py and boot.py: both would be boot.py in the release"},
		{source.Options{Dir: "src", Flat: true}, ".", "boot.py net.py util.py"},
		{none, "", "no files to publish"},
		{none, "gone.py nope.py", "open gone.py: no such file or directory\nopen nope.py: no such file or directory"},
		{none, "boot.py/x.py", "open boot.py: not a directory"},
		{source.Options{Base: "src"}, "boot.py lib", "boot.py util.py"},
		{source.Options{Base: "src/lib/"}, "../boot.py", "../boot.py: has a folder part, which may belong to its name in the release or not"},
		{source.Options{Base: "src"}, here + "/src/lib ../src", "boot.py lib/net.py lib/util.py util.py"},
		{source.Options{Base: "src"}, "gone.py", "open src/gone.py: no such file or directory"},
	} {
		wantText(t, fmt.Sprintf("%+v %s", test.o, test.args), collect(test.o, strings.Fields(test.args)...), test.want)
	}
	wantText(t, "empty argument", collect(none, ""), `file name "": is empty`)
	wantText(t, "quoted", collect(none, "gone file.py"), `open "gone file.py": no such file or directory`)
	wantText(t, "blank", collect(none, "odd name.py"), `file name "odd name.py": ' ' is not allowed: `+
		`devices put names into the URL as they are, so only A-Z a-z 0-9 . _ - work`)
}

func TestAmbiguousErrorHasBothReadings(t *testing.T) {
	in(t, "lib/util.py", "x=1\n")
	_, err := source.Collect([]string{"./lib/util.py"}, source.Options{})
	var e *source.AmbiguousError
	if !errors.As(err, &e) || e.Path != "./lib/util.py" || e.Nested != "lib/util.py" || e.Flat != "util.py" {
		t.Errorf("got %#v", err)
	}
}

func TestRefusedNames(t *testing.T) {
	in(t, "d/VERSION", "", "d/a.py", "x=1\n", "d/A.py", "x=1\n", "d/lib", "", "d/LIB/x.py", "x=1\n", "d/tmp/x", "",
		"d/new\nline.py", "x=1\n", "d/gr\u00fcn.py", "x=1\n", "d/a#b", "", "d/micropython_ota.py", "x=1\n")
	only := "is not allowed: devices put names into the URL as they are, so only A-Z a-z 0-9 . _ - work"
	client := "reserved: the update client cannot be part of a release: it could not revert itself"
	want := strings.Join([]string{
		`d/VERSION: file name "VERSION": reserved: the device keeps its version there`,
		`d/a#b: file name "a#b": '#' ` + only,
		`d/gr\u00fcn.py: file name "gr\u00fcn.py": '\u00fc' ` + only,
		`d/micropython_ota.py: file name "micropython_ota.py": ` + client,
		`"d/new\nline.py": file name "new\nline.py": '\n' ` + only,
		`d/tmp/x: ` + layout.CheckName("tmp/x").Error(),
		`d/a.py: file names "A.py" and "a.py": differ only in case, and FAT devices have one of them`,
		`d/LIB/x.py: file names "lib" and "LIB/x.py": the first is a file and also a folder of the second`,
	}, "\n")
	got := strings.ReplaceAll(collect(source.Options{}, "d"), "\u00fc", `\u00fc`)
	wantText(t, "d", got, want)
}

func TestEverythingIsReported(t *testing.T) {
	in(t, "boot.py", "x\xff\n", "main.py", "<<<<<<< HEAD\n=======\n>>>>>>> topic\n", "key", "-----BEGIN PRIVATE KEY-----\n", "lib/a.py", "x=1\n")
	want := strings.Join([]string{
		"boot.py:1: not UTF-8 (byte 0xff)",
		`main.py:1: merge-conflict marker "<<<<<<<"`,
		"open gone.py: no such file or directory",
		"lib/a.py: may be meant as lib/a.py or as a.py in the release",
		"key:1: holds a private key (PRIVATE KEY)",
	}, "\n")
	wantText(t, "all", collect(source.Options{}, "boot.py", "main.py", "gone.py", "lib/a.py", "key"), want)
}

func TestEmptyFolders(t *testing.T) {
	in(t, "skipped/.git/config", "", "skipped/x.pyc", "", "main.py", "x=1\n")
	if err := os.MkdirAll("empty/deeper", 0o755); err != nil {
		t.Fatal(err)
	}
	wantText(t, "empty", collect(source.Options{}, "empty"), "empty: a folder without files")
	wantText(t, "skipped", collect(source.Options{}, "skipped/"), "skipped: a folder without files to publish (skipped: 2)")
	wantText(t, "-C empty .", collect(source.Options{Dir: "empty"}, "."), "empty: a folder without files")
	wantText(t, "twice", collect(source.Options{}, "main.py", "."), "main.py") // not empty, although nothing is new
}

func TestSkipped(t *testing.T) {
	in(t, ".otaignore", "# tests are not for devices\n/tests/\n*.md\n!KEEP.md\n", ".git/config", "", "__pycache__/x.pyc", "",
		"lib/__pycache__/y.pyc", "", "lib/y.pyc", "", "main.py~", "", "otactl.toml", "", "main.py", "x=1\n", "README.md", "", "KEEP.md", "",
		"tests/t.py", "x=1\n", "lib/tests/t.py", "x=1\n", "lib/.otaignore", "t.py\n", "lib/~x/a~b.txt", "")
	set, err := source.Collect([]string{"."}, source.Options{})
	if err == nil || !strings.HasPrefix(err.Error(), `file name "lib/~x/a~b.txt"`) {
		t.Fatalf("got %v", err) // ~ is not at the end, so it is no rule
	}
	got := ""
	for _, s := range set.Skipped {
		got += s.Path + " (" + s.Why + ")\n"
	}
	wantText(t, "skipped", got, `.git (starts with a dot)
.otaignore (starts with a dot)
README.md (.otaignore:3)
__pycache__ (__pycache__)
lib/.otaignore (starts with a dot)
lib/__pycache__ (__pycache__)
lib/y.pyc (*.pyc)
main.py~ (*~)
otactl.toml (otactl.toml)
tests (.otaignore:2)
`)
	if len(set.Warnings) == 0 || set.Warnings[0].String() != "lib/.otaignore: is not read: only the one in . is" {
		t.Errorf("warnings: %v", set.Warnings)
	}
	wantText(t, "explicit", collect(source.Options{}, "README.md", "main.py"), "README.md main.py")
	wantText(t, "-C", collect(source.Options{Dir: "lib"}, "tests", "y.pyc"), "lib/tests: a folder without files to publish (skipped: 1)") // tests/t.py: lib/.otaignore
}

func TestLimits(t *testing.T) {
	in(t)
	big := make([]byte, source.MaxFile+1)
	write(t, "big.bin", string(big))
	wantText(t, "one byte too many", collect(source.Options{}, "big.bin"), "big.bin: larger than 16 MiB")
	write(t, "big.bin", string(big[1:]))
	wantText(t, "just", collect(source.Options{}, "big.bin"), "big.bin")

	for i := range 9 { // 8 of them are 128 MiB: a file with a hole is large and costs nothing
		write(t, fmt.Sprintf("total/%d.bin", i), "")
		if err := os.Truncate(fmt.Sprintf("total/%d.bin", i), source.MaxFile); err != nil {
			t.Fatal(err)
		}
	}
	wantText(t, "total", collect(source.Options{}, "total"), "the files are larger than 128 MiB in all")
	for i := range 500 {
		write(t, fmt.Sprintf("many/%03d", i), "")
	}
	if set, err := source.Collect([]string{"many"}, source.Options{}); err != nil || len(set.Files) != 500 {
		t.Errorf("500 files: %v", err)
	}
	write(t, "many/z", "")
	wantText(t, "501 files", collect(source.Options{}, "many"), "more than 500 files")

	for i := range 400 {
		write(t, fmt.Sprintf("long/%03d%s", i, strings.Repeat("x", 100)), "")
	}
	wantText(t, "manifest", collect(source.Options{}, "long"),
		"the manifest would be larger than 64 KiB, for so many files with so long names")
}

// What is accepted always gives a manifest that can be read, with room for four signatures of the longest key.
func TestManifestFits(t *testing.T) {
	in(t)
	for i := range 369 {
		write(t, fmt.Sprintf("d/%03d%s", i, strings.Repeat("x", 90)), "")
	}
	set, err := source.Collect([]string{"d"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	project, err := layout.ParseProject(strings.Repeat("p", 64))
	if err != nil {
		t.Fatal(err)
	}
	tag, err := layout.ParseTag("v1.0.0-" + strings.Repeat("a", 57))
	if err != nil {
		t.Fatal(err)
	}
	m := set.Manifest(project, tag, layout.Directory)
	for range 4 {
		m.Signatures = append(m.Signatures, "signature rsa-sha256 0123456789abcdef "+strings.Repeat("AAAA", 171))
	}
	if _, err := layout.ParseManifest(m.Bytes()); err != nil {
		t.Error(err)
	}
	if len(m.Bytes()) < layout.MaxManifest-1500 {
		t.Errorf("%d bytes: the test does not come near the limit", len(m.Bytes()))
	}
	write(t, "d/z"+strings.Repeat("x", 92), "")
	var limit *source.LimitError
	if _, err := source.Collect([]string{"d"}, source.Options{}); !errors.As(err, &limit) {
		t.Errorf("one file more leaves no room for signatures: %v", err)
	}
}

func TestManifest(t *testing.T) {
	in(t, "main.py", "m=1\n", "boot.py", "b=12\n")
	set, err := source.Collect([]string{"main.py", "boot.py"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, "main.py", "changed after it was read\n")
	tag, err := layout.ParseTag("v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("otactl 1\nproject sample\nversion v1.0.0\nfile %x 5 boot.py\nfile %x 4 main.py\n",
		sha256.Sum256([]byte("b=12\n")), sha256.Sum256([]byte("m=1\n")))
	wantText(t, "manifest", string(set.Manifest("sample", tag, layout.Prefix).Bytes()), want)
	if set.Size() != 9 || string(set.Files[1].Data) != "m=1\n" {
		t.Errorf("size %d, data %q", set.Size(), set.Files[1].Data)
	}
}

func TestCompare(t *testing.T) {
	files := func(names ...string) (files []layout.File) {
		for _, name := range names {
			files = append(files, layout.File{Name: name})
		}
		return files
	}
	if w := source.Compare(files("a.py"), nil); len(w) > 0 {
		t.Errorf("no live release: %v", w)
	}
	if w := source.Compare(files("a.py", "b.py"), files("a.py", "b.py")); len(w) > 0 {
		t.Errorf("same names: %v", w)
	}
	w := source.Compare(files("a.py", "new.py"), files("a.py", "old.py"))
	if len(w) != 2 || !strings.HasPrefix(w[0].String(), "old.py: the live release has it and this one lacks it; ") ||
		!strings.HasPrefix(w[1].String(), "new.py: the live release lacks it; ") {
		t.Errorf("got %v", w)
	}
}

// The sample project is what README, tests and scripts publish.
func TestSample(t *testing.T) {
	set, err := source.Collect([]string{"../testdata/sample"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set.Files {
		if strings.Count(string(f.Data), "\n") > 40 {
			t.Errorf("%s is not small", f.Name)
		}
	}
	for _, w := range set.Warnings {
		if !strings.HasPrefix(w.Text, "original clients cannot install a file in a folder") {
			t.Error(w)
		}
	}
	wantText(t, "sample", collect(source.Options{}, "../testdata/sample"), "boot.py lib/config.py lib/net.py lib/thermometer.py main.py node.py")
	if len(set.Warnings) != 3 {
		t.Errorf("warnings: %v", set.Warnings)
	}
}
