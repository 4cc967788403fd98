package ort

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/realedit/realedit/kernels"
)

// Signature is the model's.
func (s *Session) Signature() *Signature { return s.e.sig }

// Provider is where the session runs.
func (s *Session) Provider() Provider {
	p := s.e.provider
	p.Options = maps.Clone(p.Options)
	return p
}

// Notes say why providers that were asked for first are not the session's.
func (s *Session) Notes() []string { return slices.Clone(s.e.notes) }

// Release ends the use of the session, which stays in the cache until its place is needed; runs that are under way go on. A second call does nothing.
func (s *Session) Release() {
	s.r.mu.Lock()
	again := s.released
	s.released = true
	s.r.mu.Unlock()
	if !again {
		s.r.leave(s.e, true)
	}
}

// Run runs the model once. in is not written to and must not be changed meanwhile; the outputs are the caller's. Calls on the processor run side by side,
// those on a GPU one after the other. When the context ends the library is told to stop, which it does before the graph's next node: Run returns within
// milliseconds for most models, the time of their slowest node for others.
//
// Errors: what is wrong with in wraps kernels.ErrInvalid and has not reached the library; a model that cannot be run wraps ErrBadModel; kernels.ErrOutOfMemory; kernels.ErrDeviceLost; the context's.
func (s *Session) Run(ctx context.Context, in Values) (Values, error) {
	return s.RunInto(ctx, in, nil)
}

// RunInto is Run with memory for outputs that the caller keeps: a tensor of out, by name, is written to and returned where it has the output's type and shape, and must not be
// read or changed meanwhile. For runs whose outputs are large and many. Errors: as Run; a tensor that does not fit wraps kernels.ErrInvalid.
func (s *Session) RunInto(ctx context.Context, in, out Values) (Values, error) {
	s.r.mu.Lock()
	if s.released {
		s.r.mu.Unlock()
		return nil, &kernels.ArgError{Op: "ort.Session", Arg: "Session", Msg: "it has been released"}
	}
	s.e.refs++
	s.r.mu.Unlock()
	defer s.r.leave(s.e, false)
	return s.run(ctx, in, out)
}

func (s *Session) run(ctx context.Context, in, out Values) (Values, error) {
	ins, outs, err := s.e.call.bind(in, out)
	if err != nil {
		return nil, err
	}
	if place := s.e.provider.place(); place == onHost {
		err = s.e.native.run(ctx, ins, outs)
	} else {
		run := func() error { return s.e.native.run(ctx, ins, outs) }
		err = workerOf(place).do(ctx, run)
		if errors.Is(err, kernels.ErrOutOfMemory) && evictAll(place) { // sessions take more than they are charged with
			err = workerOf(place).do(ctx, run)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ort: %s: %w", s.e.key, err)
	}
	values := Values{}
	for i, v := range s.e.call.out {
		if outs[i] == nil {
			return nil, fmt.Errorf("ort: %s: output %q: %w", s.e.key, v.Name, kernels.ErrUnsupported)
		}
		values[v.Name] = outs[i]
	}
	return values, nil
}
