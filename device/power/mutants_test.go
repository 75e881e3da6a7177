package power

import (
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
		[]patch{{bootPart, "            if mode:\n                _replay('up', 'dra', mode)\n", "            if mode:\n                os.rename('.ota/up', '.ota/g')\n                _replay('g', 'drma', mode)\n                os.rename('.ota/g', '.ota/up')\n"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
	{
		"no journal: what was committed is forgotten at a start",
		[]patch{{bootPart, "try:\n    if _finish():\n", "try:\n    _rm('.ota/up')\n    if _finish():\n"}},
		[]run{{scene: "Update", flash: "lfs-32", mode: "plain"}},
	},
	{
		"the version is written first",
		[]patch{{netPart, "with open('.ota/n%d' % _VERSION, 'w') as f:", "with open('version', 'w') as f:"}},
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
		[]patch{{netPart, "need(_planned(folder), folder)", "pass"}},
		[]run{{scene: "Conflict", flash: "lfs-32", mode: "plain"}},
	},
	{
		"a start raises when what it replays was done before the cut",
		[]patch{
			{bootPart, "                _rm(path)\n", "                os.remove(path)\n"},
			{bootPart, "        machine.reset()  # once: what was finished is no longer found\nexcept Exception as e:\n", "        machine.reset()  # once: what was finished is no longer found\nexcept MemoryError as e:\n"},
		},
		[]run{{scene: "Update", flash: "lfs-256", mode: "plain"}},
	},
	{
		"what was added stays after a revert",
		[]patch{{bootPart, "        _replay('back', 'a', None)\n", ""}},
		[]run{{scene: "Revert", flash: "lfs-32", mode: "trial"}},
	},
	{
		"old files are moved away after the commit, not copied before it",
		[]patch{
			{netPart, "self.mode == 'trial' and self.blocks(path)", "0"},
			{netPart, "if self.mode == 'trial' and op in 'rd':", "if self.mode == 'trial' and path == 'boot.py':"},
			{
				bootPart,
				"            if op == ('d' if mode else 'a'):\n",
				"            if mode == b'trial' and op in 'rd' and path != 'boot.py' and _is(path) and (op == 'd' or _is(new)):\n" +
					"                os.rename(path, '.ota/b' + k)\n            if op == ('d' if mode else 'a'):\n",
			},
		},
		[]run{{scene: "Short", flash: "lfs-32", mode: "trial"}, {scene: "Update", flash: "lfs-32", mode: "trial"}},
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
			sources := sources(t)
			for _, p := range m.patches {
				if strings.Count(sources[p.part], p.old) != 1 {
					t.Fatalf("%s.py has not exactly one %q: the mutant must follow the client", p.part, p.old)
				}
				sources[p.part] = strings.Replace(sources[p.part], p.old, p.new, 1)
			}
			dir := compile(t, t.TempDir(), sources)
			for _, r := range m.runs {
				r.tear, r.oneIn = "clean", -1
				if c := r.do(t, dir); c.bad > 0 {
					t.Logf("%s: %s", r.scene, c.first)
					return
				}
			}
			t.Error("not one cut is bad")
		})
	}
}
