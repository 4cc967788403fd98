package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// batch is one run.
type batch struct {
	c          *command
	o          *options
	backends   []kernels.Backend
	device     bool // pixels are not worked on in host memory
	editor     *realedit.Editor
	models     *realedit.ModelDir // nil = none
	cache      *realedit.PixelCache
	out        *output // nil under -groups
	show       *progress
	previews   *previews
	kept       *keeper
	primary    map[string]bool // by set id
	pixels     int64           // bytes of pixels at once
	cacheBytes int64           // of them, pixels kept from reading to editing

	names   map[*realedit.Photo]*input
	ignored []ignored

	mu      sync.Mutex
	results map[*job]*outcome
}

// newBatch is a run that keeps nothing and writes nothing yet.
func (c *command) newBatch(o *options, pixels int64, skipped []ignored) *batch {
	return &batch{c: c, o: o, pixels: pixels, ignored: skipped, names: map[*realedit.Photo]*input{}, results: map[*job]*outcome{},
		primary: map[string]bool{}, previews: &previews{jpeg: map[string][]byte{}}, kept: newKeeper(nil, 0), show: newProgress(c, o)}
}

// batch runs the command and returns how many sets are in quarantine. An error is what ended the run early.
func (c *command) batch(ctx context.Context, o *options) (quarantined int, err error) {
	start := time.Now()
	lists, skipped, err := find(o)
	if err != nil {
		return 0, err
	}
	pixels, restore := limitMemory(o)
	defer restore()
	b := c.newBatch(o, pixels, skipped)
	defer b.show.close()
	if err := b.openBackends(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.closeBackends()) }()
	if !o.groups {
		if b.out, err = openOutput(resolve(o.out), c.fault); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, b.out.close()) }()
		for _, f := range []string{"batch.json", "index.html"} {
			if b.out.foreign(f) {
				return 0, badUsage("-out", "%s holds a %s that listing did not write; choose another folder", o.out, f)
			}
		}
	}
	b.kept = newKeeper(b.out, o.keep)
	defer b.kept.end()
	b.planCache(lists)
	defer b.cache.Clear()
	found, err := b.open(ctx, lists)
	if err != nil {
		return 0, err
	}
	read := time.Now()
	if err := b.plan(lists, found); err != nil {
		return 0, err
	}
	if o.groups {
		return 0, b.printGroups(lists)
	}
	if err := b.editAll(ctx, lists); err != nil {
		return 0, err
	}
	sum := b.summary(lists, start, read)
	if err := b.finish(ctx, sum); err != nil {
		return 0, err
	}
	b.show.end(sum)
	return sum.Counts.Quarantined, nil
}

// openBackends opens what -backend names, on -jobs threads where that is the processor.
func (b *batch) openBackends() (err error) {
	fail := func(err error) error {
		return errors.Join(&realedit.Error{Code: realedit.CodeOf(err), Op: "-backend " + b.o.backend, Err: err}, b.closeBackends())
	}
	if b.backends, err = kernels.OpenAll(b.o.backend); err != nil {
		return fail(err)
	}
	if b.backends[0].Name() == "cpu" {
		if err := b.closeBackends(); err != nil {
			return err
		}
		if b.backends, err = kernels.OpenAll(fmt.Sprintf("cpu:%d", b.o.jobs)); err != nil {
			return fail(err)
		}
	}
	onHost, err := kernels.HostMemory(b.backends[0])
	if err != nil {
		return fail(err)
	}
	b.device = !onHost
	if b.models, err = openModels(b.o, b.backends[0].Name()); err != nil {
		return errors.Join(err, b.closeBackends())
	}
	cfg := realedit.Config{
		Backends: b.backends,
		Budget:   kernels.Budget{Host: b.pixels, Device: b.o.gpu},
		Policy:   b.o.policy,
		PolicyFor: func(s realedit.Set) realedit.Policy {
			if b.primary[s.ID] {
				return realedit.Primary
			}
			return b.o.policy
		},
		Progress: b.show.stage,
	}
	if b.models != nil {
		cfg.Models = b.models
	}
	b.editor, err = realedit.New(cfg)
	if err != nil {
		return fail(err)
	}
	return nil
}

func (b *batch) closeBackends() (err error) {
	if b.models != nil {
		err, b.models = b.models.Close(), nil
	}
	for _, k := range b.backends {
		err = errors.Join(err, k.Close())
	}
	b.backends = nil
	return err
}

// kind is what decides pixels: the backend without the number of its device.
func (b *batch) kind() string {
	kind, _, _ := strings.Cut(b.backends[0].Name(), ":")
	return kind
}

// backendNames are the backends that were opened: "cuda:0,cuda:1".
func (b *batch) backendNames() string {
	var names []string
	for _, k := range b.backends {
		names = append(names, k.Name())
	}
	return strings.Join(names, ",")
}

// planCache decides how many pixels are kept from reading to editing: what editing the
// largest photos five at a time leaves of the budget, or all of it when everything fits anyway.
func (b *batch) planCache(lists []*listing) {
	var largest, opening, all int64
	for _, l := range lists {
		for _, in := range l.files {
			o, p := estimate(in.path)
			largest, opening, all = max(largest, p), max(opening, o), all+p
		}
	}
	b.cacheBytes = max(0, b.pixels-max(opening, 10*largest))
	if few := b.pixels - opening; all <= 5*largest && few > 0 {
		b.cacheBytes = min(all, few) // one set: its frames are in the cache instead of beside it
	}
	if b.o.groups {
		b.cacheBytes = 0
	}
	b.cache = realedit.NewPixelCache(b.cacheBytes)
}

// editAll takes all sets through to their files. By default sets follow one another,
// each on all cores; the next one starts while one is still being written
// where memory allows both. With devices there is one set for each, and one on its way there or back.
func (b *batch) editAll(ctx context.Context, lists []*listing) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var jobs []*job
	for _, l := range lists {
		jobs = append(jobs, l.sets...)
	}
	b.verify(jobs)
	b.show.sets = len(jobs)
	space := newGate(b.pixels)
	atOnce := min(2, b.o.jobs)
	if b.device {
		atOnce = len(b.backends) + 1
	}
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, j := range jobs {
		if j.broken != nil || j.done {
			if err := b.settle(j, b.easy(j)); err != nil {
				cancel(err)
				break
			}
			continue
		}
		slots <- struct{}{}
		leave, err := space.enter(ctx, setNeed(j.stage, j.set, b.device))
		if err != nil {
			<-slots
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			defer func() { leave() }()
			o, err := b.edit(ctx, j)
			if realedit.CodeOf(err) == realedit.CodeDeviceLost && !errors.As(err, new(diskError)) {
				o, err = b.edit(ctx, j) // lost with a finished picture in it: the Editor meets that now and goes elsewhere
			}
			if realedit.CodeOf(err) == realedit.CodeOutOfMemory && !errors.As(err, new(diskError)) {
				// Once more with all the memory there is.
				leave()
				if leave, err = space.enter(ctx, b.pixels); err == nil {
					b.cache.Clear()
					kernels.Host.Trim()
					o, err = b.edit(ctx, j)
				} else {
					leave = func() {}
				}
			}
			if realedit.CodeOf(err) == realedit.CodeDiskFull && ctx.Err() == nil && b.kept.drop() {
				o, err = b.edit(ctx, j) // kept pixels must not cost a picture
			}
			if err != nil {
				if fatal(ctx, err) {
					cancel(err)
					return
				}
				o = b.failed(j, err)
			}
			if err := b.settle(j, o); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// fatal tells errors that end the run from those of one set.
func fatal(ctx context.Context, err error) bool {
	code := realedit.CodeOf(err)
	return ctx.Err() != nil || errors.As(err, new(diskError)) ||
		code == realedit.CodeDeviceLost || code == realedit.CodeNoDevice || code == realedit.CodeCancelled
}

// verify marks the sets that an earlier run finished and whose files are as it left them.
func (b *batch) verify(jobs []*job) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, b.o.jobs)
	for _, j := range jobs {
		e, ok := b.out.log.last[j.name]
		if !ok || j.broken != nil || e.Key != j.key || e.Photo != j.photo {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			j.done = b.out.intact(e)
			<-slots
		})
	}
	wg.Wait()
}

// easy is the outcome of a set that needs no edit.
func (b *batch) easy(j *job) *outcome {
	if j.broken != nil {
		return b.failed(j, j.broken.err)
	}
	o, err := b.recall(j)
	if err != nil {
		return b.failed(j, err)
	}
	return o
}

// settle does what follows from an outcome: quarantine or its end, and a line of progress.
func (b *batch) settle(j *job, o *outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.Code != "" {
		dir, err := b.out.quarantine(j, o, b)
		if err != nil {
			return err
		}
		o.Quarantine = dir
	} else if err := b.out.release(j); err != nil {
		return err
	}
	b.results[j] = o
	return b.show.settled(o)
}
