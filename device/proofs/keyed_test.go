package proofs

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
)

// keyed is a boot.py that installs what the keys in a file of the device have signed.
func keyed(url string) tree {
	return tree{"boot.py": fmt.Sprintf("import micropython_ota as ota\nota.ota_update('%s', 'sample', key='keys.txt')\n", url)}
}

// TestRotation changes the key of a device by a release that the old one has signed.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	older, newer := newSigner(t), newSigner(t)
	both := tree{"keys.txt": older.Public().String() + "\n" + newer.Public().String() + "\n"}
	one := tree{"keys.txt": newer.Public().String() + "\n"}
	b := newBoard(t, client(t), keyed(s.URL), tree{"keys.txt": older.Public().String()})
	version := "" // what the device runs
	has := tree{"keys.txt": older.Public().String()}
	for _, c := range []struct {
		tag   string
		by    []*sign.Key
		files tree
		want  bool
	}{
		{"v1.0.0", []*sign.Key{newer}, one, false}, // too early
		{"v1.0.1", []*sign.Key{older}, both, true},
		{"v1.0.2", []*sign.Key{older}, both, true},
		{"v1.1.0", []*sign.Key{newer}, one, true},
		{"v1.1.1", []*sign.Key{older}, both, false}, // by the key that was taken away
		{"v1.1.2", []*sign.Key{older, newer}, one, true},
		{"v1.1.3", nil, one, false},
	} {
		s.put(signed(t, release(t, layout.Prefix, c.tag, keyed(s.URL).with(c.files)), c.by...).with(pointer(c.tag)))
		if c.want {
			version, has = c.tag, c.files
		}
		want := keyed(s.URL).with(has)
		if version != "" {
			want = running(version, want)
		}
		if said := b.settles(t, want); c.want == strings.Contains(said, "signature: none of the keys") {
			t.Errorf("%s: said\n%s", c.tag, said)
		}
	}
}

// TestKeyedMemory installs signed releases in the heap of an ESP8266, with keys of each size; the largest take a little more.
func TestKeyedMemory(t *testing.T) {
	less := many(300, "changed")
	maps.DeleteFunc(less, func(name, _ string) bool { return strings.HasSuffix(name, "5.py") })
	for bits, heap := range map[int]int{sign.MinBits: 32, sign.DefaultBits: 32, sign.MaxBits: 40} {
		t.Run(strconv.Itoa(bits), func(t *testing.T) {
			t.Parallel()
			key, err := sign.Generate(bits)
			if err != nil {
				t.Fatal(err)
			}
			rest := tree{"keys.txt": newSigner(t).Public().String() + "\n" + key.Public().String() + "\n"}
			b := newBoard(t, client(t), rest)
			b.heap = heap
			const program = "import sys; sys.path[:] = ['']; import micropython_ota as o; o.update('%s', 'sample', key='keys.txt'); o._finish()"
			for i, files := range []tree{many(300, ""), less, {"data.bin": large(512)}} {
				tag := fmt.Sprintf("v1.0.%d", i)
				root := signed(t, release(t, layout.Prefix, tag, files), key)
				s := newSite(t, root, pointer(tag))
				out, err := python(t, b.dir, b.heap, "-c", fmt.Sprintf(program, s.URL))
				if err != nil {
					t.Fatalf("%v\n%s", err, tail(out))
				}
				if diff := differ(b.files(t), running(tag, files).with(rest)); diff != "" {
					t.Fatalf("%.500s\n%s", diff, tail(out))
				}
			}
		})
	}
}
