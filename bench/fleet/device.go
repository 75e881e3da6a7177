package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/probe"
)

// A kind of device.
type kind string

const (
	original kind = "original"
	own      kind = "otactl"
)

// What a device does.
const (
	pollAction    = "poll"
	installAction = "first install"
	updateAction  = "update"
)

const project layout.Project = "sample"

// A device is one board: what is on its flash, and what has come of it.
type device struct {
	name   string
	kind   kind
	staged bool // an original v2.1, which replaces nothing before it has all; older ones replace file by file
	asker  probe.Asker
	meter  *meter
	fleet  *fleet

	flash map[string]string
	runs  string // ./version
	log   samples
}

// turn is check_for_ota_update. If that finds another version the device resets, and boot.py calls ota_update, until there is
// nothing more to find.
func (d *device) turn(ctx context.Context) error {
	tag, err := d.poll(ctx)
	for err == nil && tag != d.runs {
		if err = d.update(ctx); err != nil {
			return err
		}
		tag, err = d.poll(ctx)
		if tag != d.runs {
			d.log.overtaken++
		}
	}
	return err
}

// poll asks for the pointer and nothing else.
func (d *device) poll(ctx context.Context) (string, error) {
	tag, err := d.pointer(ctx)
	d.asker.Close()
	if spent := d.meter.take(); err == nil {
		d.log.spend(pollAction, spent)
	}
	return tag, err
}

func (d *device) pointer(ctx context.Context) (string, error) {
	body, err := d.get(ctx, project.Pointer(), layout.MaxTag)
	tag := strings.TrimSpace(string(body))
	if err == nil && d.fleet.releases[tag] == nil {
		err = fmt.Errorf("version holds %.80q, which is no release", body)
	}
	return tag, err
}

// update is ota_update after a reset: it asks for the pointer again, and installs what that names by then. An error is
// returned unless the device ends with exactly one whole release.
func (d *device) update(ctx context.Context) error {
	defer d.asker.Close()
	tag, err := d.pointer(ctx)
	if err != nil {
		return err
	}
	if tag == d.runs {
		d.log.spend(pollAction, d.meter.take())
		return nil
	}
	action, before := updateAction, d.runs
	if before == "" {
		action = installAction
	}
	install := d.installOriginal
	if d.kind == own {
		install = d.installOwn
	}
	err = install(ctx, tag)
	d.asker.Close() // what that sends is part of the update
	d.fleet.moved(before, d.runs)
	if whole := d.whole(); err != nil || whole != nil {
		return errors.Join(err, whole)
	}
	d.log.spend(action, d.meter.take())
	return nil
}

// installOriginal asks for each file of the device's own list.
func (d *device) installOriginal(ctx context.Context, tag string) error {
	target := d.flash
	if d.staged {
		target = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(d.fleet.releases[tag])) {
		body, err := d.file(ctx, tag, name)
		if err != nil {
			return err
		}
		target[name] = string(body)
	}
	maps.Copy(d.flash, target)
	d.runs = tag
	return nil
}

// installOwn asks for the manifest, and for the files of it that the device lacks.
func (d *device) installOwn(ctx context.Context, tag string) error {
	t, err := layout.ParseTag(tag)
	if err != nil {
		return err
	}
	raw, err := d.get(ctx, project.Manifest(t), layout.MaxManifest)
	if err != nil {
		return err
	}
	m, err := layout.ParseManifest(raw)
	if err != nil || m.Project != project || m.Tag.String() != tag {
		return errors.Join(fmt.Errorf("%s: not the manifest of this release", project.Manifest(t)), err)
	}
	next := map[string]string{}
	for _, f := range m.Files {
		if next[f.Name] = d.flash[f.Name]; sha(next[f.Name]) == f.SHA256 {
			continue
		}
		body, err := d.file(ctx, tag, f.Name)
		if err != nil {
			return err
		}
		if next[f.Name] = string(body); sha(next[f.Name]) != f.SHA256 {
			return fmt.Errorf("%s of %s: not what the manifest says", f.Name, tag)
		}
	}
	d.flash, d.runs = next, tag
	return nil
}

func sha(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func (d *device) file(ctx context.Context, tag, name string) ([]byte, error) {
	t, err := layout.ParseTag(tag)
	if err != nil {
		return nil, err
	}
	return d.get(ctx, project.File(layout.Prefix, t, name), int64(len(d.fleet.releases[tag][name])))
}

func (d *device) get(ctx context.Context, name string, size int64) ([]byte, error) {
	if d.fleet.left.Add(-1) < 0 {
		return nil, fmt.Errorf("this run has made all of the %d requests that it may make", d.fleet.requests)
	}
	d.meter.since.Requests++
	start := time.Now()
	body, err := d.asker.Get(ctx, name, size)
	d.log.answer(time.Since(start), time.Since(d.fleet.start))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return body, nil
}

// whole compares what is on the flash, byte for byte, with the release that the device believes to run.
func (d *device) whole() error {
	want := d.fleet.releases[d.runs]
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got, ok := d.flash[name]; !ok || got != want[name] {
			return fmt.Errorf("it runs %s, and %s is %s", d.runs, name, d.fleet.origin(name, got, ok))
		}
	}
	if len(d.flash) != len(want) {
		return fmt.Errorf("it runs %q, and has %d files and not %d", d.runs, len(d.flash), len(want))
	}
	return nil
}
