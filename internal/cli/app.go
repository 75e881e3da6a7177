package cli

import (
	"context"
	"runtime/debug"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// app is the command line as urfave/cli sees it. The traps of that library are closed here: usage errors go to standard
// error, nothing calls os.Exit, values are not split at commas, and no command has a hidden subcommand "help" that would
// swallow an argument of that name.
func (r *runner) app() *ucli.App {
	app := &ucli.App{
		Name: "otactl", HelpName: "otactl", Usage: appUsage,
		Writer: r.env.Stdout, ErrWriter: r.env.Stderr, HideHelpCommand: true, HideVersion: true,
		HideHelp: true, DisableSliceFlagSeparator: true,
		Flags:          []ucli.Flag{flagBool("version", "print the version"), flagBool("json", "print one JSON object")},
		Action:         r.action(version),
		OnUsageError:   onUsageError,
		ExitErrHandler: func(*ucli.Context, error) {},
		Commands:       r.commands(),
	}
	for _, c := range app.Commands {
		c.OnUsageError = onUsageError
		c.HideHelp, c.HideHelpCommand = true, true
	}
	return app
}

// onUsageError takes over what the library finds: the values of flags that are on or off. All else was checked before.
func onUsageError(_ *ucli.Context, err error, _ bool) error {
	return usageError("", "%s", strings.TrimSuffix(strings.Replace(err.Error(), "for -", "for --", 1), ": parse error"))
}

const appUsage = "publish and roll back MicroPython over-the-air updates"

type commandFunc = func(context.Context, *call) (outcome, error)

func (r *runner) commands() []*ucli.Command {
	command := func(name, args, usage, description string, run commandFunc, flags ...[]ucli.Flag) *ucli.Command {
		c := &ucli.Command{Name: name, ArgsUsage: args, Usage: usage, Description: description, Action: r.action(run)}
		for _, list := range append(flags, outputFlags()) {
			c.Flags = append(c.Flags, list...)
		}
		return c
	}
	return []*ucli.Command{
		command("publish", "TAG [FILE|FOLDER...]", "publish a release and make it live",
			"Files first, the pointer that devices poll last, in one step. Publishing the same files again changes nothing.",
			runPublish, publishFlags(), keyFlags(), signerFlags(), settleFlags(), sourceFlags(), targetFlags(), writeFlags()),
		command("rollback", "[TAG]", "go back to an older release; without a tag, to the one that was live before", "",
			runRollback, goToFlags(), signerFlags(), settleFlags(), targetFlags(), writeFlags()),
		command("activate", "TAG", "go forward to a release that is on the server", "",
			runActivate, goToFlags(), signerFlags(), settleFlags(), targetFlags(), writeFlags()),
		command("status", "", "show what devices see", "", runStatus, targetFlags()),
		command("list", "", "list the releases on the server", "", runList, targetFlags()),
		command("log", "", "show who changed what, newest first", "", runLog, targetFlags()),
		command("verify", "[TAG]", "compare what is on the server with what was published; without a tag, the live release",
			"Every file by its size and SHA-256, manifests by the change log and --public-keys, modes, and version. Exit 6 if\n"+
				"something is not what it should be, and one line for each such thing. What belongs to no release is noted.\n"+
				"With --url the same as devices see it, original ones of each version too: it needs no --to then.",
			runVerify, verifyFlags(), signerFlags(), webFlags(), targetFlags()),
		command("diff", "TAG TAG", "show which files differ between two releases", "", runDiff, targetFlags()),
		command("prune", "[TAG...]", "remove old releases for ever",
			"Give tags, or --keep N. What devices may still be asking for is never removed.",
			runPrune, pruneFlags(), targetFlags(), writeFlags()),
		command("check", "[FILE|FOLDER...]", "check files as publish would, and send nothing", "",
			runCheck, sourceFlags(), configFlags()),
		command(doctorName, "", "look for what would keep a publish, or devices, from working",
			"Settings, files, keys, the target (tried out with files of its own, which it removes), what is live, and with --url\n"+
				"what devices get. Each line says ok, warn or fail and what to do; the exit code is that of the first failure.",
			runDoctor, doctorFlags(), keyFlags(), signerFlags(), webFlags(), sourceFlags(), targetFlags()),
		command("init", "", "write an "+configName+" into this folder", "", runInit, initFlags()),
		command("keygen", "FILE", "make a key that signs releases, or show what --key is for devices",
			"The file must not exist. With --key in place of FILE, the key id and the lines for that key are printed.",
			runKeygen, keygenFlags()),
		command("device", "install DIR", "write the client for the devices into a folder",
			"For mpremote, or for a folder that is the drive of a board. With --url the folder is one of a web server, and\n"+
				"boards that are online install from there with mip. A file with other content is overwritten only with --force.",
			runDevice, deviceFlags()),
		command("serve", "DIR", "serve a folder over HTTP, for trying out",
			"The first line is the URL, each further one a request. Ctrl-C lets running transfers end.\n"+
				"A password for --user is in OTACTL_SERVE_PASSWORD.",
			runServe, serveFlags()),
		command("completion", "bash|zsh|fish", "print a completion script",
			`For bash: source <(otactl completion bash)`, runCompletion),
		command("help", "[COMMAND]", "show this help, or that of a command", "", runHelp),
	}
}

func outputFlags() []ucli.Flag {
	return []ucli.Flag{
		flagBool("json", "print one JSON object instead of lines"),
		flagBool("quiet", "no progress and no warnings", "q"),
		flagBool("verbose", "tell every exchange with the target", "v"),
	}
}

func configFlags() []ucli.Flag {
	return []ucli.Flag{flagText("config", "FILE", "use this file, not the "+configName+" in this folder or a parent")}
}

func targetFlags() []ucli.Flag {
	return append([]ucli.Flag{
		toFlag(),
		flagText("project", "NAME", "the project: a folder below the server root"),
		flagText("identity", "FILE", "the private key for SSH"),
		flagText("known-hosts", "FILE", "use this file, not ~/.ssh/known_hosts"),
		flagText("host-key", "KEY", "accept this host key only: SHA256:... or ssh-ed25519 AAAA..."),
		flagText("timeout", "TIME", "give up on a server that is silent for so long (15s)"),
	}, configFlags()...)
}

func toFlag() ucli.Flag {
	return flagList("to", "URL", "the server root: a folder, or sftp://user@host/path; may be repeated")
}

func sourceFlags() []ucli.Flag {
	return []ucli.Flag{
		flagText("dir", "DIR", "find files below this folder, and name them relative to it", "C"),
		flagBool("flat", "name files by the last part of their path"),
		flagBool("strict", "take warnings for errors"),
		flagList("allow-secret", "NAME", "publish this file although it looks like a private key"),
		flagBool("no-syntax-check", "publish what MicroPython may not be able to compile"),
		flagText("mpy-cross", "FILE", "let this mpy-cross say what compiles, not the one on the PATH"),
		flagBool("no-mpy-cross", "let otactl's own check say what compiles"),
	}
}

func publishFlags() []ucli.Flag {
	return []ucli.Flag{
		flagText("layout", "KIND", "prefix (TAG_name, the default) or directory (TAG/name)"),
		flagBool("mpy", "compile .py files with mpy-cross, all but boot.py and main.py"),
		flagBool("no-activate", "put the release there, and leave devices on the one they have"),
		flagBool("update-client", "put the update client beside it, for devices that run the original one"),
		flagBool("allow-downgrade", "publish a version lower than the live one"),
		flagBool("allow-layout-change", "publish in another layout than the live release has"),
	}
}

func goToFlags() []ucli.Flag {
	return []ucli.Flag{
		flagBool("allow-layout-change", "go to a release in another layout than the live one has"),
		flagBool("strict", "take warnings for errors"),
		flagBool("verify", "compare every file with what was published first; exit 6 if one is not that"),
	}
}

func writeFlags() []ucli.Flag {
	return []ucli.Flag{
		flagBool("dry-run", "print what would change, and change nothing"),
		flagText("note", "TEXT", "a remark for the change log"),
	}
}

func pruneFlags() []ucli.Flag {
	return []ucli.Flag{flagText("keep", "N", "remove all releases but the newest N")}
}

func initFlags() []ucli.Flag {
	return []ucli.Flag{
		toFlag(),
		flagText("project", "NAME", "the project (the name of this folder)"),
		flagText("layout", "KIND", "prefix (TAG_name, the default) or directory (TAG/name)"),
		flagBool("dry-run", "print the file, and write nothing"),
		flagBool("s3", "print the policy of a bucket that devices read, and write nothing"),
	}
}

func deviceFlags() []ucli.Flag {
	return []ucli.Flag{
		flagText("url", "BASE", "where a web server serves the folder: write a "+packageName+" for mip"),
		flagBool("force", "overwrite files with other content"),
		flagBool("dry-run", "print what would be written, and write nothing"),
	}
}

func serveFlags() []ucli.Flag {
	return []ucli.Flag{
		flagText("addr", "HOST:PORT", "listen there ("+defaultAddr+"); :8080 for other machines too"),
		flagText("tls-cert", "FILE", "the certificate and its chain, for HTTPS"),
		flagText("tls-key", "FILE", "the key of the certificate"),
		flagText("user", "NAME", "ask for this user and a password"),
	}
}

// A versionOutcome is the answer to --version.
type versionOutcome struct {
	Version string `json:"version"`
}

func (o *versionOutcome) lines() []string { return []string{"otactl " + o.Version} }

func version(_ context.Context, c *call) (outcome, error) { return &versionOutcome{c.env.Version}, nil }

// BuildVersion is the version that the Go toolchain built this program from.
func BuildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown version)"
	}
	return info.Main.Version
}
