//go:build power

package power

import (
	"os"
	"strings"
	"testing"
)

// A patch replaces text of a part of the client.
type patch struct{ part, old, new string }

// mutants are clients with one mistake each that the harness must see in some of the scenes: they prove that it can.
var mutants = []struct {
	name    string
	patches []patch
	runs    []run
}{
	{
		"the journal is retired before its files are in place",
		[]patch{{bootPart, "            if mode:\n                _replay('go', 'drma', mode)\n", "            if mode:\n                os.rename('.ota/go', '.ota/g')\n                _replay('g', 'drma', mode)\n                os.rename('.ota/g', '.ota/go')\n"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
	{
		"no journal: what was committed is forgotten at a start",
		[]patch{{bootPart, "try:\n    if _finish():\n", "try:\n    _rm('.ota/go')\n    if _finish():\n"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
	{
		"the version is written first",
		[]patch{{netPart, "with open('.ota/n0', 'w') as f:", "with open('version', 'w') as f:"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
	{
		"confirm sweeps before it ends the trial",
		[]patch{
			{bootPart, "        os.rename('.ota/try', '.ota/t')  #", "        with open('.ota/try') as f:\n            for line in f:\n                _rm('.ota/b' + line.split()[1])\n        os.rename('.ota/try', '.ota/t')  #"},
		},
		[]run{{scene: "Confirm", flash: "lfs-32", mode: "trial"}},
	},
	{
		"what is in the way is found after the commit",
		[]patch{{netPart, "                        raise ValueError(folder)\n", "                        pass\n"}},
		[]run{{scene: "Conflict", flash: "lfs-32", mode: "plain"}},
	},
	{
		"a start raises when what it replays was done before the cut",
		[]patch{
			{bootPart, "                _rm(path)\n                try:\n", "                os.remove(path)\n                try:\n"},
			{bootPart, "        machine.reset()  # once: what was finished is no longer found\nexcept Exception as e:\n", "        machine.reset()  # once: what was finished is no longer found\nexcept MemoryError as e:\n"},
		},
		[]run{{scene: "Update", flash: "lfs-256", mode: "plain"}},
	},
	{
		"what was added stays after a revert",
		[]patch{{bootPart, "for mode in ('a', 'rm', 'd'):", "for mode in ('rm', 'd'):"}},
		[]run{{scene: "Revert", flash: "lfs-32", mode: "trial"}},
	},
	{
		"a rename that littlefs has begun is not completed first",
		[]patch{{bootPart, "        os.remove('.ota/t0')\n", "        pass\n"}},
		[]run{{scene: "Named", flash: "lfs-256", mode: "plain"}},
	},
	{
		"a folder that hides a module is made before the commit",
		[]patch{{netPart, "self.stat(folder + '.py')", "False"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
}

func TestPowerMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sources := map[string]string{bootPart: source(t, bootPart), netPart: source(t, netPart)}
			for _, p := range m.patches {
				if strings.Count(sources[p.part], p.old) != 1 {
					t.Fatalf("%s.py has not exactly one %q: the mutant must follow the client", p.part, p.old)
				}
				sources[p.part] = strings.Replace(sources[p.part], p.old, p.new, 1)
			}
			dir, err := os.MkdirTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			compile(t, dir, sources)
			for _, r := range m.runs {
				r.tear, r.nested = "clean", -1
				if c := r.do(t, dir); c.bad > 0 {
					t.Logf("%s: %s", r.scene, c.first)
					return
				}
			}
			t.Error("not one cut is bad")
		})
	}
}
