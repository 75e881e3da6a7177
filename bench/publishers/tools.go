//go:build linux

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// A tool publishes a release. Its script is run by sh with the variables that [site.env] lists.
type tool struct {
	name    string
	program string // that has to be installed
	apt     string // the package that it is in
	version string // the command that prints it
	script  string
	slow    bool                   // with many files over a long way: measured once there
	floor   bool                   // publishes nothing
	fresh   bool                   // into an empty folder
	own     func(name string) bool // names that it may leave besides the release
}

const (
	ours       = "otactl"
	oursFresh  = "otactl, first release"
	theFloor   = "ssh host true"
	sshVersion = "ssh -V"
)

const ourScript = `exec $OTACTL publish v2.0.0 . -C $FILES --project demo --to sftp://$LOGIN@$ADDR$ROOT \
  --identity $KEY --known-hosts $KNOWN --quiet`

// tools are otactl and the ways of today, each in the form that takes the fewest trips without showing devices more than it must.
func tools() []tool {
	return []tool{
		{name: ours, script: ourScript, version: "$OTACTL --version", own: ofOtactl},
		{name: oursFresh, script: ourScript, version: "$OTACTL --version", own: ofOtactl, fresh: true},
		{
			name: "sftp -b", program: "sftp", apt: "openssh-client", version: sshVersion, slow: true,
			script: "exec sftp -q -F $CONFIG -b $BATCH target", // put and rename of each file
		},
		{
			// The old protocol of scp (-O) takes half as many trips as the one by default.
			name: "scp + ssh mv", program: "scp", apt: "openssh-client", version: sshVersion, slow: true,
			script: `scp -O -q -F $CONFIG -r $STAGED target:$DEST/.new
exec ssh -F $CONFIG target "cd $DEST && mv .new/v2.0.0_* . && mv .new/version . && rmdir .new"`,
		},
		{
			name: "rsync twice", program: "rsync", apt: "rsync", version: "rsync --version",
			script: `rsync -rtI -e "ssh -F $CONFIG" --exclude=/version $STAGED/ target:$DEST/
exec rsync -tI -e "ssh -F $CONFIG" $STAGED/version target:$DEST/version`,
		},
		{
			name: "rsync --delay-updates", program: "rsync", apt: "rsync", version: "rsync --version",
			script: `exec rsync -rtI --delay-updates -e "ssh -F $CONFIG" $STAGED/ target:$DEST/`,
		},
		{
			name: "rclone", program: "rclone", apt: "rclone", version: "rclone version",
			script: `remote="--config= --sftp-host=$HOST --sftp-port=$PORT --sftp-user=$LOGIN --sftp-key-file=$KEY
  --sftp-known-hosts-file=$KNOWN --sftp-disable-hashcheck --sftp-set-modtime=false --ignore-times --transfers=16"
rclone copy $remote --exclude=/version $STAGED :sftp:$DEST
exec rclone copyto $remote $STAGED/version :sftp:$DEST/version`,
		},
		{
			name: "lftp mirror", program: "lftp", apt: "lftp", version: "lftp --version",
			script: `exec lftp -c "set sftp:connect-program 'ssh -a -x -F $CONFIG'; set xfer:use-temp-file yes; open sftp://$LOGIN:@target;
  mirror -R --parallel=8 --no-perms -x ^version\$ $STAGED $DEST; put -O $DEST $STAGED/version"`,
		},
		{
			name: "tar over ssh", program: "tar", apt: "tar", version: "tar --version",
			script: `tar -C $STAGED -cf - . | ssh -F $CONFIG target "mkdir $DEST/.new && cd $DEST/.new && tar -xf - &&
  mv v2.0.0_* .. && mv version .. && rmdir ../.new"`,
		},
		{name: theFloor, program: "ssh", apt: "openssh-client", version: sshVersion, floor: true, script: "exec ssh -F $CONFIG target true"},
	}
}

// allowed reports whether the tool may leave a name besides the release.
func (t tool) allowed(name string) bool { return t.own != nil && t.own(name) }

// batch is what sftp -b reads.
func batch(l load, staged, dest string) string {
	var text strings.Builder
	files := l.published()
	for _, name := range slices.SortedFunc(maps.Keys(files), versionLast) {
		fmt.Fprintf(&text, "put %s/%s %s/.new.%s\nrename %s/.new.%s %s/%s\n", staged, name, dest, name, dest, name, dest, name)
	}
	return text.String()
}

func versionLast(a, b string) int {
	last := func(name string) int {
		if name == pointer {
			return 1
		}
		return 0
	}
	return cmp.Or(last(a)-last(b), cmp.Compare(a, b))
}

var versionNumber = regexp.MustCompile(`v?[0-9]+\.[0-9][0-9.]*[0-9a-zA-Z.-]*`)

// describe names the version of a tool, or says why it is not measured.
func (t tool) describe(env []string) (version, missing string) {
	if t.program != "" {
		if _, err := exec.LookPath(t.program); err != nil {
			return "", fmt.Sprintf("not measured: no %s (apt-get install %s)", t.program, t.apt)
		}
	}
	cmd := exec.Command("sh", "-c", t.version)
	cmd.Env = env
	out, _ := cmd.CombinedOutput() // ssh -V and others differ in what they return
	return versionNumber.FindString(string(out)), ""
}
