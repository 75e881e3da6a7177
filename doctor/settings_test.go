package doctor_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/sign"
)

func TestSettings(t *testing.T) {
	both := func(more ...string) map[string]string {
		values := map[string]string{"project": "demo", "to": "sftp://ota.example.org/srv"}
		for i := 0; i < len(more); i += 2 {
			values[more[i]] = more[i+1]
		}
		return values
	}
	for name, c := range map[string]struct {
		s    doctor.Settings
		want []string
	}{
		"File":         {doctor.Settings{File: "otactl.toml", Values: both()}, nil},
		"NoFile":       {doctor.Settings{Values: both()}, nil},
		"Nothing":      {doctor.Settings{}, []string{"fail config: no otactl.toml in this folder or a parent, and no project and no target (to)"}},
		"NoProject":    {doctor.Settings{File: "otactl.toml", Values: map[string]string{"to": "srv"}}, []string{"fail config: otactl.toml: no project"}},
		"NoTarget":     {doctor.Settings{File: "otactl.toml", Values: map[string]string{"project": "demo"}}, []string{"fail config: otactl.toml: no target"}},
		"Wrong":        {doctor.Settings{Errs: []error{errors.New("line 1"), errors.New("line 2")}}, []string{"fail config: line 1", "fail config: line 2"}},
		"Pins":         {doctor.Settings{Values: both("host-key", "SHA256:x", "known-hosts", "f")}, []string{"only host-key counts"}},
		"FolderPin":    {doctor.Settings{Folder: true, Values: both("host-key", "SHA256:x")}, []string{"are for SSH"}},
		"FolderKey":    {doctor.Settings{Folder: true, Values: both("identity", "id")}, []string{"are for SSH"}},
		"ProjectTwice": {doctor.Settings{Values: both("to", "/srv/ota/demo/")}, []string{"the target ends in the name of the project"}},
		"URLTwice":     {doctor.Settings{Values: both("url", "http://ota.example.org/demo")}, []string{"url ends in the name of the project"}},
		"TwoKeys":      {doctor.Settings{Values: both("key", "ota.key", "OTACTL_KEY", "set")}, []string{"only --key counts"}},
		"UserNoURL":    {doctor.Settings{Values: both("http-user", "ann")}, []string{"http-user is set, and url is not"}},
		"Overruled": {
			doctor.Settings{File: "otactl.toml", Values: both(), Over: []doctor.Overruled{{Name: "to", By: "OTACTL_TO"}}},
			[]string{"warn config: OTACTL_TO stands above to in otactl.toml"},
		},
	} {
		t.Run(name, func(t *testing.T) { wantLines(t, doctor.CheckSettings(c.s), c.want...) })
	}
}

func generate(t *testing.T) sign.PublicKey {
	t.Helper()
	key, err := sign.Generate(sign.MinBits)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

func TestKeys(t *testing.T) {
	mine, other := generate(t), generate(t)
	key := func(mode os.FileMode) []doctor.Key {
		return []doctor.Key{{Name: "ota.key", Mode: mode, IsFile: true, Public: []sign.PublicKey{mine}}}
	}
	trusted := []sign.PublicKey{other, mine}
	for name, c := range map[string]struct {
		k    doctor.Keys
		want []string
	}{
		"None":     {doctor.Keys{}, nil},
		"Well":     {doctor.Keys{Signing: key(0o600), Public: trusted}, nil},
		"ReadOnly": {doctor.Keys{Signing: key(0o400), Public: trusted}, nil},
		"Variable": {doctor.Keys{Signing: []doctor.Key{{Name: "OTACTL_KEY", Public: []sign.PublicKey{mine}}}, Public: trusted}, nil},
		"Open":     {doctor.Keys{Signing: key(0o644), Public: trusted}, []string{"fail key: ota.key has mode 0644: others can sign by it"}},
		"Group":    {doctor.Keys{Signing: key(0o640), Public: trusted}, []string{"fail key: ota.key has mode 0640"}},
		"Other":    {doctor.Keys{Signing: key(0o600), Public: trusted[:1]}, []string{"fail key: none of the keys here is in public-keys"}},
		"NoPolicy": {doctor.Keys{Signing: key(0o600)}, []string{"warn key: public-keys is not set"}},
		"NoKey":    {doctor.Keys{Public: trusted}, []string{"warn key: public-keys is set, and no key is here"}},
		"Wrong":    {doctor.Keys{Errs: []error{errors.New("ota.key: is damaged")}}, []string{"fail key: ota.key: is damaged"}},
		"SSH": {
			doctor.Keys{Identity: doctor.Key{Name: "id", Mode: 0o666, IsFile: true}},
			[]string{"warn key: id has mode 0666: others can read the SSH key"},
		},
	} {
		t.Run(name, func(t *testing.T) { wantLines(t, doctor.CheckKeys(c.k), c.want...) })
	}
	lines := doctor.CheckKeys(doctor.Keys{Signing: key(0o600), Public: trusted})
	if want := "ota.key: key " + mine.ID() + ", RSA, 2048 bits, in public-keys"; len(lines) != 1 || lines[0].Text != want {
		t.Errorf("%+v, want %q", lines, want)
	}
}

// Everything that is not well says what to do.
func TestEveryLineSaysWhatToDo(t *testing.T) {
	for _, values := range []map[string]string{nil, {"project": "demo"}, {"project": "x", "to": "a/x", "url": "h/x", "host-key": "k", "known-hosts": "f"}} {
		for _, l := range doctor.CheckSettings(doctor.Settings{Values: values, Folder: true}) {
			if l.Level != doctor.OK && l.Fix == "" {
				t.Errorf("%+v", l)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	wantLines(t, doctor.CheckFiles(3, 938, nil, nil))
	lines := doctor.CheckFiles(1, 0, []error{errors.New("main.py: no such file")}, []string{"boot.py: is empty"})
	wantLines(t, lines, "fail files: main.py", "warn files: boot.py")
	if text := show(doctor.CheckFiles(1, 4, nil, nil)); !strings.Contains(text, "1 file, 4 bytes") {
		t.Error(text)
	}
}
