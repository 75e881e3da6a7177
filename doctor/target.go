package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/otactl/otactl/store"
)

// Bounds of what is well.
const (
	littleSpace = 16 << 20    // bytes; the largest file of a release
	littleFiles = 1000        // what a release may have, twice
	muchSkew    = time.Minute // between two clocks
)

// trial tries out what a publish does.
func (x *exam) trial(ctx context.Context, st store.Store) []Line {
	trier, can := st.(store.Trier)
	if !can {
		return []Line{ok(Target, "%s: reachable", x.Target)}
	}
	trial, err := trier.Try(ctx, string(x.Project), x.Now)
	if err != nil && len(trial.Steps) == 0 { // it did not come to that
		return []Line{x.noRoot(err)}
	}
	return x.judge(trial)
}

// noRoot is about a server root that is not there, or cannot be looked at.
func (x *exam) noRoot(err error) Line {
	line := x.unwritable(err)
	if errors.Is(err, fs.ErrNotExist) {
		line.Text = fmt.Sprintf("%s: the folder is not there", x.Target)
		line.Err = &store.RefusedError{Target: x.Target, Err: err}
	}
	return line
}

// judge says what a trial means.
func (x *exam) judge(t store.Trial) []Line {
	what, checks := "folder", []func(store.Trial) []Line{x.steps, x.durable, x.space, x.clock, x.modes, x.left}
	if t.Flat { // who may read is the business of the bucket's policy, and seen from outside
		what, checks = "bucket", []func(store.Trial) []Line{x.steps, x.clock, x.left}
	}
	lines := []Line{ok(Target, "%s: reachable, and the %s is there", x.Target, what)}
	for _, check := range checks {
		lines = append(lines, check(t)...)
	}
	return lines
}

// What it means if a kind of step does not go as it must. Writing fails for many reasons; the error says which.
var stepTexts = map[store.StepName]string{
	store.StepPlace:   "cannot give a file its name without overwriting another",
	store.StepReplace: "cannot replace version in one step",
	store.StepClaim:   "cannot keep two publishers from making the same change",
	store.StepSync:    "cannot make durable what is written",
}

// steps is about what the target can do.
func (x *exam) steps(t store.Trial) (lines []Line) {
	for _, s := range t.Steps {
		switch {
		case s.Err == nil:
		case s.Name == store.StepWrite:
			lines = append(lines, x.unwritable(s.Err))
		default:
			line := Failed(Target, s.Err)
			line.Text = stepTexts[s.Name] + ": " + s.Err.Error()
			line.Fix = "otactl needs this of a server: use another one, or another file system there (README, Targets)"
			lines = append(lines, refused(line))
		}
	}
	if len(lines) > 0 {
		return lines
	}
	return []Line{
		ok(Target, "%s can be written to", x.Project),
		ok(Target, "published files stay as they are, version changes in one step, of two publishers one wins"),
	}
}

// unwritable is about a project's folder in which nothing can be made.
func (x *exam) unwritable(err error) Line {
	line := Failed(Target, err)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		line.Fix = fmt.Sprintf("let the user whom otactl runs or logs in as write there (chown, chmod); devices need only to read %s", x.Project)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		line.Fix = "make room there; otactl prune --keep N removes old releases"
	}
	return refused(line)
}

// refused makes the target's fault what has no type that says so.
func refused(line Line) Line {
	var target *store.RefusedError
	var lost *store.ConnError
	if !errors.As(line.Err, &target) && !errors.As(line.Err, &lost) {
		line.Err, line.Kind = nil, Refused
	}
	return line
}

func (x *exam) durable(t store.Trial) []Line {
	switch {
	case len(t.Steps) <= int(store.StepSync) || t.Steps[store.StepSync].Err != nil:
		return nil
	case !t.Synced:
		return []Line{warn(Target, "OpenSSH's sftp-server has fsync@openssh.com",
			"the server does not say when files are on its disk: a power cut there may take what was just published")}
	}
	return []Line{ok(Target, "what is published is on the disk when otactl says so (fsync)")}
}

func (x *exam) space(t store.Trial) []Line {
	const fix = "make room there; otactl prune --keep N removes old releases"
	switch s := t.Space; {
	case s == nil:
		return nil
	case x.Need > 0 && s.Bytes < x.Need:
		return []Line{fail(Target, Refused, fix, "%s free, and the files to be published need %s", size(s.Bytes), size(x.Need))}
	case s.Bytes < littleSpace:
		return []Line{warn(Target, fix, "only %s free", size(s.Bytes))}
	case s.Files >= 0 && s.Files < littleFiles:
		return []Line{warn(Target, fix, "only %d more files can be made (inodes)", s.Files)}
	default:
		return []Line{ok(Target, "%s free", size(s.Bytes))}
	}
}

func (x *exam) clock(t store.Trial) []Line {
	switch skew := t.Skew; {
	case t.File.ModTime.IsZero():
		return nil
	case skew > muchSkew:
		return []Line{x.skewed("ahead of", skew)}
	case skew < -muchSkew:
		return []Line{x.skewed("behind", -skew)}
	}
	return []Line{ok(Target, "its clock agrees with ours")}
}

func (x *exam) skewed(how string, by time.Duration) Line {
	return warn(Target, "set the one that is wrong (NTP): log and prune go by the publisher's clock, caches by the server's",
		"the server's clock is %v %s ours", by.Round(time.Minute), how)
}

// modes is about what a web server can read, which mostly is another user.
func (x *exam) modes(t store.Trial) (lines []Line) {
	for _, m := range []struct {
		detail store.Detail
		what   string
		fix    string
	}{
		{t.Root, "the server root", "chmod o+x it, if the web server is another user"},
		{t.Project, "the folder " + string(x.Project), "chmod o+x it, if the web server is another user"},
		{t.Folder, "a new folder", "the file system does not keep modes: see how it is mounted"},
		{t.File, "a new file", "the file system does not keep modes: see how it is mounted"},
	} {
		if m.detail.Name != "" && !m.detail.Readable() {
			lines = append(lines, warn(Target, m.fix, "%s has mode %04o: other users, such as the web server, cannot read it", m.what, m.detail.Mode.Perm()))
		}
	}
	if len(lines) == 0 && t.File.Name != "" {
		lines = append(lines, ok(Target, "other users, such as the web server, can read what otactl makes there"))
	}
	return lines
}

func (x *exam) left(t store.Trial) (lines []Line) {
	fix := "a publish to the project removes it, an hour from now"
	if t.Flat {
		fix = "remove it by hand; it does no harm"
	}
	for _, name := range t.Left {
		lines = append(lines, warn(Target, fix, "%q could not be removed again", name))
	}
	return lines
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"bytes", "KB", "MB", "GB", "TB"}
	f, unit := float64(n), 0
	for f >= 1000 && unit < len(units)-1 {
		f /= 1000
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[unit])
}
