package diffuse

import (
	"context"
	"errors"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels/ort"
)

// pass is one network going over all batches of tiles.
type pass struct {
	model   *ort.Model
	batches int
	in      func() ort.Values                     // memory for a batch's inputs, with what is the same for all
	fill    func(batch int, in ort.Values) error  // writes a batch's inputs; called for several batches at once
	take    func(batch int, out ort.Values) error // takes what the network gave; one call at a time, in any order
	into    func(batch int) ort.Values            // memory for a batch's outputs that is the caller's; nil = the pass has its own
	last    bool                                  // the network is not needed again soon
}

// buffers is how many batches of a device are on their way at once: one being filled, one in the network, one being taken.
const buffers = 3

// work is a batch on its way.
type work struct {
	batch   int
	in, out ort.Values
}

// run shares the batches out among the devices. On each one batch is filled while another is in the network and a third is taken.
func (e *Engine) run(asked context.Context, p *pass) error {
	ctx, cancel := context.WithCancelCause(asked)
	defer cancel(nil)
	var taking, next sync.Mutex
	batch := 0
	claim := func() int {
		next.Lock()
		defer next.Unlock()
		batch++
		return batch - 1
	}
	var wg sync.WaitGroup
	for _, c := range e.cards[:min(len(e.cards), p.batches)] {
		wg.Go(func() {
			if err := p.on(ctx, c, claim, &taking); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return endedError(asked, err)
	}
	return nil
}

// endedError is plainError, but CodeCancelled where the context has ended: its cause is the caller's and may be any error.
func endedError(ctx context.Context, err error) error {
	if ctx.Err() != nil && realedit.CodeOf(err) != realedit.CodeCancelled {
		return &realedit.Error{Code: realedit.CodeCancelled, Op: "diffuse", Err: err}
	}
	return plainError(err)
}

// plainError is an error with its code.
func plainError(err error) error {
	if e := (*realedit.Error)(nil); errors.As(err, &e) {
		return err
	}
	return &realedit.Error{Code: realedit.CodeOf(err), Op: "diffuse", Err: err}
}

// on runs the batches that it claims on one device.
func (p *pass) on(ctx context.Context, r *ort.Runtime, claim func() int, taking *sync.Mutex) error {
	s, err := acquire(ctx, r, p.model)
	if err != nil {
		return err
	}
	defer func() {
		s.Release()
		if p.last {
			r.Trim()
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free, filled, done := make(chan *work, buffers), make(chan *work), make(chan *work, 1)
	for range buffers {
		free <- new(work)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(filled)
		for {
			var w *work
			select {
			case w = <-free:
			case <-ctx.Done():
				return
			}
			if w.batch = claim(); w.batch >= p.batches {
				return
			}
			if w.in == nil {
				w.in = p.in()
			}
			if err := p.fill(w.batch, w.in); err != nil {
				cancel(err)
				return
			}
			select {
			case filled <- w:
			case <-ctx.Done():
				return
			}
		}
	})
	wg.Go(func() {
		for w := range done {
			if ctx.Err() != nil {
				continue
			}
			taking.Lock()
			err := p.take(w.batch, w.out)
			taking.Unlock()
			if err != nil {
				cancel(err)
				continue
			}
			free <- w
		}
	})
	for w := range filled {
		out := w.out
		if p.into != nil {
			out = p.into(w.batch)
		}
		if w.out, err = s.RunInto(ctx, w.in, out); err != nil {
			cancel(err)
			break
		}
		done <- w
	}
	close(done)
	for range filled { // after an error: until the filler has seen it
	}
	wg.Wait()
	return context.Cause(ctx)
}
