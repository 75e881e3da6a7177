package doctor

import (
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/otactl/otactl/sign"
)

// Settings are what was set, and where.
type Settings struct {
	File   string            // otactl.toml, as it is shown; "" if there is none
	Errs   []error           // why some of it cannot be used
	Values map[string]string // of the settings that are set, by the names of their flags
	Over   []Overruled
	Folder bool // the target is a folder of this machine
}

// Overruled is a setting of otactl.toml that something else stands above, with another value.
type Overruled struct {
	Name string // of the key
	By   string // "--to" or "OTACTL_TO"
}

// set reports whether all of these are set.
func (s Settings) set(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return s.Values[name] == "" })
}

// A contradiction is something in the settings that cannot have been meant so. Values are shown only where no password
// can be in them.
type contradiction struct {
	in   func(Settings) bool
	text string
	fix  string
}

var contradictions = []contradiction{
	{
		func(s Settings) bool { return s.set("host-key", "known-hosts") },
		"host-key and known-hosts are both set, and only host-key counts", "remove one of them",
	},
	{
		func(s Settings) bool {
			return s.Folder && (s.set("host-key") || s.set("known-hosts") || s.set("identity"))
		},
		"host-key, known-hosts and identity are for SSH, and the target is a folder of this machine",
		"remove them, or give an sftp:// URL as the target",
	},
	{
		func(s Settings) bool { return s.endsInProject("to") },
		"the target ends in the name of the project, and the project's folder is made below it", "leave the project out of the target: it is the server root",
	},
	{
		func(s Settings) bool { return s.endsInProject("url") },
		"url ends in the name of the project, and devices ask for the project below it", "leave the project out of url: it is the server root",
	},
	{
		func(s Settings) bool { return s.set("key", "OTACTL_KEY") },
		"both --key and OTACTL_KEY hold a key, and only --key counts", "give one of them",
	},
	{
		func(s Settings) bool { return s.set("http-user") && !s.set("url") },
		"http-user is set, and url is not", "set url, or remove http-user",
	},
}

func (s Settings) endsInProject(name string) bool {
	project := s.Values["project"]
	return project != "" && path.Base(strings.TrimRight(s.Values[name], "/")) == project && strings.Contains(s.Values[name], "/")
}

// CheckSettings says whether the settings can be used, and what in them cannot have been meant so.
func CheckSettings(s Settings) (lines []Line) {
	for _, err := range s.Errs {
		lines = append(lines, Failed(Config, err))
	}
	switch {
	case len(lines) > 0:
	case !s.set("project") || !s.set("to"):
		lines = append(lines, s.incomplete())
	case s.File == "":
		lines = append(lines, ok(Config, "no otactl.toml, and none is needed: project and target are set"))
	default:
		lines = append(lines, ok(Config, "%s: project %s", s.File, s.Values["project"]))
	}
	for _, c := range contradictions {
		if c.in(s) {
			lines = append(lines, warn(Config, c.fix, "%s", c.text))
		}
	}
	for _, o := range s.Over {
		lines = append(lines, warn(Config, "unset it, if the file is right", "%s stands above %s in %s, and says something else", o.By, o.Name, s.File))
	}
	return lines
}

// incomplete is about settings without which nothing else can be looked at.
func (s Settings) incomplete() Line {
	missing := "no target (to)"
	switch {
	case !s.set("project") && !s.set("to"):
		missing = "no project and no target (to)"
	case !s.set("project"):
		missing = "no project"
	}
	if s.File == "" {
		return fail(Config, Wrong, "otactl init writes one; or give --project and --to", "no otactl.toml in this folder or a parent, and %s", missing)
	}
	return fail(Config, Wrong, "write it there, or give --project and --to", "%s: %s", s.File, missing)
}

// Keys are the keys that there are here.
type Keys struct {
	Signing  []Key
	Errs     []error // why keys cannot be used
	Public   []sign.PublicKey
	Identity Key // the SSH key that was named; its Name is "" if none was
}

// A Key is a private key, by what is not secret of it.
type Key struct {
	Name   string // of its file, or the variable that it came from
	Mode   fs.FileMode
	IsFile bool
	Public []sign.PublicKey
}

// CheckKeys says whether what signs is there, nobody else's, and what devices and colleagues were told.
func CheckKeys(k Keys) (lines []Line) {
	for _, err := range k.Errs {
		lines = append(lines, Failed(Signing, err))
	}
	if k.Identity.open() {
		lines = append(lines, warn(Signing, "chmod 600 "+k.Identity.Name, "%s has mode %04o: others can read the SSH key", k.Identity.Name, k.Identity.Mode.Perm()))
	}
	trusted := false
	for _, key := range k.Signing {
		if key.open() {
			lines = append(lines, fail(Signing, Wrong, "chmod 600 "+key.Name+"; if others may have read it, make a new key", "%s has mode %04o: others can sign by it", key.Name, key.Mode.Perm()))
		}
		for _, public := range key.Public {
			what := ""
			if slices.Contains(k.Public, public) {
				trusted, what = true, ", in public-keys"
			}
			lines = append(lines, ok(Signing, "%s: key %s, RSA, %d bits%s", key.Name, public.ID(), public.Bits(), what))
		}
	}
	switch {
	case len(k.Errs) > 0:
	case len(k.Signing) == 0 && len(k.Public) == 0:
		lines = append(lines, ok(Signing, "none: releases are not signed"))
	case len(k.Signing) == 0:
		lines = append(lines, warn(Signing, "--key FILE or OTACTL_KEY where releases are made; otherwise all is well", "public-keys is set, and no key is here: publish would refuse a new release"))
	case len(k.Public) == 0:
		lines = append(lines, warn(Signing, "otactl keygen --key FILE prints the line for otactl.toml", "public-keys is not set: what nobody signed can be made live"))
	case !trusted:
		lines = append(lines, fail(Signing, Wrong, "give the key that belongs to public-keys ("+ids(k.Public)+"), or add this one (otactl keygen --key FILE prints the line)",
			"none of the keys here is in public-keys: publish would refuse what they sign"))
	}
	return lines
}

// open reports whether others than its owner can read the key. Windows has no such modes.
func (k Key) open() bool { return k.IsFile && runtime.GOOS != "windows" && k.Mode.Perm()&0o077 != 0 }

func ids(keys []sign.PublicKey) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.ID())
	}
	return strings.Join(all, " ")
}

// CheckFiles says whether the files that publish would take can be published.
func CheckFiles(n int, bytes int64, errs []error, warnings []string) (lines []Line) {
	for _, err := range errs {
		lines = append(lines, Failed(Files, err))
	}
	for _, w := range warnings {
		lines = append(lines, warn(Files, "", "%s", w))
	}
	if len(lines) == 0 {
		lines = append(lines, ok(Files, "%s, %s", plural(n, "file"), size(bytes)))
	}
	return lines
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
