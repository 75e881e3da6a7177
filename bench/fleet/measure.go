package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// A bench makes a report.
type bench struct {
	options
	listen netip.Addr
	otactl string
	repo   string
	dir    string
	sites  int
	out    io.Writer
}

// A setup is what a run is made with.
type setup struct {
	start    starter
	tls      bool
	releases map[string]files
	plan     func(*site) plan // without server and releases
}

// report makes all runs.
func (b *bench) report(ctx context.Context) (report, error) {
	r := report{Machine: describe(ctx), Options: b.options}
	sample, err := sampleReleases(b.repo)
	if err != nil {
		return r, err
	}
	r.Sample, r.Ten = sample[firstTag].size(), tenReleases()[firstTag].size()
	for _, start := range starters {
		for _, c := range []struct {
			name     string
			tls      bool
			releases map[string]files
		}{{sampleFiles, false, sample}, {tenFiles, false, tenReleases()}, {sampleFiles, true, sample}} {
			l, err := b.play(ctx, setup{start, c.tls, c.releases, single(c.releases)})
			if err != nil {
				return r, err
			}
			r.Costs = append(r.Costs, l.costs(c.name, c.tls)...)
			r.Loads = append(r.Loads, l)
			if c.name == sampleFiles && !c.tls {
				r.Answers = append(r.Answers, l.answers...)
			}
		}
	}
	for _, start := range starters {
		for _, c := range []struct {
			tls   bool
			every time.Duration
		}{{false, b.every}, {false, 0}, {true, 0}} {
			l, err := b.play(ctx, setup{start, c.tls, sample, b.stormy(sample, c.every)})
			if err != nil {
				return r, err
			}
			l.TLS, l.Every, l.Shown = c.tls, c.every, true
			r.Loads = append(r.Loads, l)
		}
	}
	return r, nil
}

// single is a plan of one update, by each kind of device and each form of its requests.
func single(releases map[string]files) func(*site) plan {
	return func(s *site) plan {
		return plan{devices: 6, changes: []change{
			s.publish(firstTag, releases[firstTag], 0, 0),
			s.publish(secondTag, releases[secondTag], 0, 1),
		}}
	}
}

// flatOut is how many devices of each kind poll without a pause: enough to keep a server busy.
const flatOut = 32

// stormy is a plan with changes while devices still come to those before.
func (b *bench) stormy(releases map[string]files, every time.Duration) func(*site) plan {
	return func(s *site) plan {
		devices := b.devices
		if every == 0 {
			devices = min(devices, flatOut)
		}
		return plan{devices: devices, every: every, lasts: time.Duration(b.seconds) * time.Second, changes: s.storm(releases)}
	}
}

// storm publishes and rolls back, twice each, the second time when a quarter of the devices have come to the first.
func (s *site) storm(releases map[string]files) []change {
	return []change{
		s.publish(firstTag, releases[firstTag], 0, 0),
		s.publish(secondTag, releases[secondTag], 1./3, 0.5),
		s.publish(thirdTag, releases[thirdTag], 1./3, 0.25),
		s.rollback(secondTag, 2./3, 0.5),
		s.rollback(firstTag, 2./3, 0.25),
	}
}

// play plays one plan on a site of its own.
func (b *bench) play(ctx context.Context, u setup) (l load, err error) {
	b.sites++
	s, err := newSite(b.otactl, b.repo, filepath.Join(b.dir, fmt.Sprint("site", b.sites)))
	if err != nil {
		return l, err
	}
	server, err := u.start(s, b.listen, u.tls)
	if err != nil {
		return l, err
	}
	p := u.plan(s)
	p.server, p.tls, p.releases, p.patience, p.requests = server.addr, u.tls, u.releases, maxPatience, maxRequests
	o, err := play(ctx, p)
	var answers []answer
	if err == nil && !u.tls {
		answers, err = conditional(ctx, server)
	}
	cpu, stopErr := server.process.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return l, fmt.Errorf("%s: %w: %q", server.name, err, o.Failures)
	}
	l = newLoad(server.name, o, cpu)
	l.answers = answers
	for _, c := range p.changes {
		l.Changes = append(l.Changes, c.says)
	}
	return l, os.RemoveAll(s.dir)
}

// An answer is what a cache gets that has a file and asks whether it is still good.
type answer struct {
	Server, File string
	Status       int
	CacheControl string
}

// conditional asks for the pointer and for a file as a cache does that has them.
func conditional(ctx context.Context, s *server) (all []answer, err error) {
	for _, name := range []string{"version", firstTag + "_boot.py"} {
		name = "/" + string(project) + "/" + name
		first, err := ask(ctx, s, name, http.Header{})
		if err != nil {
			return nil, err
		}
		h := http.Header{"If-Modified-Since": {time.Now().UTC().Format(http.TimeFormat)}, "If-None-Match": {`"0"`}}
		if modified := first.header.Get("Last-Modified"); modified != "" {
			h.Set("If-Modified-Since", modified)
			h.Del("If-None-Match") // which would come before it
		}
		if tag := first.header.Get("ETag"); tag != "" {
			h.Set("If-None-Match", tag)
		}
		second, err := ask(ctx, s, name, h)
		if err != nil {
			return nil, err
		}
		all = append(all, answer{s.name, filepath.Base(name), second.status, first.header.Get("Cache-Control")})
	}
	return all, nil
}

// A head is that of an answer.
type head struct {
	status int
	header http.Header
}

func ask(ctx context.Context, s *server, path string, h http.Header) (head, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr.String()+path, nil)
	if err != nil {
		return head{}, err
	}
	request.Header, request.Close = h, true
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return head{}, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return head{response.StatusCode, response.Header}, errors.Join(err, response.Body.Close())
}
