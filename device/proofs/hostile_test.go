package proofs

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
)

// What a keyed device runs when a server does what it likes.
const (
	strategies    = 1000
	startsOfEach  = 2
	evilTag       = "v9.0.0"
	unsignedTag   = "v9.0.1"
	evilCode      = "print('#EVIL')\n"
	hostileBootPy = "import micropython_ota as ota, conf\nif conf.trial:\n    ota.boot()\n" +
		"ota.ota_update(conf.host, 'sample', conf.files, key=conf.key, timeout=1)\n"
	hostileMainPy = "import micropython_ota as ota, conf, lib.util\nprint('#runs', lib.util.version)\n" +
		"ota.confirm()\nota.check_for_ota_update(conf.host, 'sample', timeout=1, key=conf.key)\n"
)

// honestFiles are a release of the fleet. All have the same names, so that a list of them is all.
func honestFiles(tag string) tree {
	return tree{
		"boot.py": hostileBootPy + "# " + tag + "\n", "main.py": hostileMainPy + "# " + tag + strings.Repeat(" "+tag, len(tag)*20) + "\n",
		"lib/util.py": "version = '" + tag + "'\n",
	}
}

var evilFiles = tree{"boot.py": evilCode, "main.py": evilCode, "lib/util.py": evilCode + "version = 'evil'\n", "more.py": evilCode}

func newSigner(t testing.TB) *sign.Key {
	t.Helper()
	key, err := sign.Generate(sign.MinBits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns a root with all of its manifests signed.
func signed(t testing.TB, root tree, keys ...*sign.Key) tree {
	t.Helper()
	for path, text := range root {
		if strings.HasSuffix(path, ".manifest") {
			data, err := sign.Sign([]byte(text), keys)
			if err != nil {
				t.Fatal(err)
			}
			root[path] = string(data)
		}
	}
	return root
}

// A siege is a hostile server, and what the devices that ask it may have on their flash.
type siege struct {
	server  *hostile
	factory tree
	allowed map[string]string // digest of a flash -> version
}

func newSiege(t testing.TB, client tree) siege {
	t.Helper()
	owner, older, stranger := newSigner(t), newSigner(t), newSigner(t)
	rest := client.with(tree{"keys.txt": owner.Public().String() + "\n" + older.Public().String() + "\n"})
	s := siege{allowed: map[string]string{}}
	honest := map[string]tree{}
	for tag, c := range map[string]struct {
		kind layout.Kind
		by   []*sign.Key
	}{
		"v1.0.0": {layout.Prefix, []*sign.Key{older}}, "v1.0.1": {layout.Prefix, []*sign.Key{older, owner}},
		"v1.0.2": {layout.Directory, []*sign.Key{owner}}, "v1.1.0-rc.1": {layout.Prefix, []*sign.Key{stranger, owner}},
	} {
		files := honestFiles(tag)
		honest[tag] = signed(t, release(t, c.kind, tag, files), c.by...)
		s.allowed[flashDigest(running(tag, files).with(rest))] = tag
	}
	s.factory = running("v1.0.0", honestFiles("v1.0.0")).with(rest)
	bad := signed(t, release(t, layout.Prefix, evilTag, evilFiles), stranger).with(release(t, layout.Prefix, unsignedTag, evilFiles))
	for _, tag := range []string{"v1.0.1", "v1.0.2", "v2.0.0", evilTag} { // another project of the same owner
		for path, text := range signedAs(t, "other", tag, owner) {
			bad[path] = text
		}
	}
	s.server = newHostile(t, honest, bad)
	return s
}

// signedAs returns a signed release with evil files of another project.
func signedAs(t testing.TB, other, tag string, key *sign.Key) tree {
	t.Helper()
	root := tree{}
	for path, text := range release(t, layout.Prefix, tag, evilFiles) {
		text = strings.Replace(text, "project "+project+"\n", "project "+other+"\n", 1)
		root[strings.Replace(path, project+"/", other+"/", 1)] = text
	}
	return signed(t, root, key)
}

// flashDigest is what tests/hostile.py prints of a flash.
func flashDigest(files tree) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\n%s%d\n", path, files[path], len(files[path]))
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// endure lets a device suffer strategies, and returns which of them it did not survive, and how often it ran each version.
func (s siege) endure(t testing.TB, first, count int) (broken []string, ran map[string]int, said string) {
	t.Helper()
	b := newBoard(t)
	for path, text := range s.factory {
		b.write(t, tree{"factory/" + path: text})
	}
	b.write(t, tree{"flash/boot.py": ""})
	out, err := python(t, b.dir, b.heap, abs(t, "../tests/hostile.py"), s.server.URL, fmt.Sprint(first), fmt.Sprint(count), fmt.Sprint(startsOfEach))
	ran = map[string]int{}
	ended := 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#at ") && len(words) == 4:
			ended++
			version := s.allowed[words[2]]
			if version == "" {
				broken = append(broken, "strategy "+words[1]+": the flash has something that was not signed")
			}
			ran[version]++
		case strings.TrimSpace(line) == "#EVIL":
			broken = append(broken, fmt.Sprintf("after start %d: evil code ran", ended))
		}
	}
	if err != nil || ended != count*startsOfEach {
		t.Fatalf("%d starts, %v\n%s", ended, err, tail(out))
	}
	return broken, ran, out
}

// TestHostileServer: whatever a server serves, a device with a key runs no byte that was not signed for its project.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	s := newSiege(t, client(t))
	broken, ran, said := s.endure(t, 0, strategies)
	if len(broken) > 0 {
		t.Errorf("%d times\n%s", len(broken), strings.Join(broken[:min(len(broken), 20)], "\n"))
	}
	t.Logf("%d strategies, starts that ended with each version: %v", strategies, ran)
	for _, version := range s.allowed {
		if ran[version] < strategies/50 {
			t.Errorf("only %d starts ended with %s: the strategies do not get far", ran[version], version)
		}
	}
	for _, reason := range []string{
		"signature: none of the keys", "'hash'", "'length'", "'manifest', 404", "ValueError(b'sample',)", "ValueError(b'v", "ValueError('manifest',)", "OSError('connection',)",
	} {
		n := strings.Count(said, reason)
		t.Logf("%s: %d times", reason, n)
		if n == 0 {
			t.Errorf("nothing was refused because of %s", reason)
		}
	}
	if strings.Contains(said, "MemoryError") {
		t.Error("out of memory")
	}
	n := 0
	s.server.used.Range(func(any, any) bool { n++; return true })
	if n < 8+1+17+9+13 {
		t.Errorf("the server did only %d kinds of things", n)
	}
}

// Devices that miss a check are found out by a few of the same strategies.
func TestBrokenDevices(t *testing.T) {
	for name, c := range map[string]struct{ file, old, broken string }{
		"no signature": {keyPart, "    raise ValueError('signature: none of the keys')", "    return"},
		"no project":   {"micropython_ota_manifest", "need(next(lines) == b'project ' + project and is_project(project), project)", "next(lines)"},
		"no tag":       {"micropython_ota_manifest", "need(next(lines) == b'version ' + version and is_tag(version), version)", "next(lines)"},
		"no hash":      {"micropython_ota_install", "if self.stat(name)[6] == size and hexlify(h.digest()) == sha:", "if True:"},
		"falls back":   {"micropython_ota_install", "and self.key is None and", "and"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := sources(t)
			good := client[c.file+".py"]
			client[c.file+".py"] = strings.Replace(good, c.old, c.broken, 1)
			if client[c.file+".py"] == good {
				t.Fatalf("%s has no %q", c.file, c.old)
			}
			s := newSiege(t, client)
			broken, ran, _ := s.endure(t, 0, 60)
			t.Logf("%d times, %v", len(broken), ran)
			if len(broken) == 0 {
				t.Error("nobody notices")
			}
		})
	}
}
