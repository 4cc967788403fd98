package realedit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// backendChecks are those that tell about the machine and nothing about the picture.
var backendChecks = []string{CheckBackendTooSmall, CheckBackendMemory, CheckBackendLost}

// place is a backend with the sets that are at work on it.
type place struct {
	backend kernels.Backend
	name    string
	caps    kernels.Caps
	device  bool  // its images do not lie on the host
	budget  int64 // bytes that sets may take there together; 0 = not known
	spare   bool  // the processor, for what the configured backends cannot do

	// Under places.mu.
	lost    bool
	running int
	used    int64 // bytes that the running sets are expected to take
	alone   bool  // the running set wants nobody beside it
}

// places are an Editor's backends.
type places struct {
	mu      sync.Mutex
	all     []*place
	changed chan struct{} // closed when a set leaves
}

// newPlaces bounds each backend's memory by budget, where that is given.
func newPlaces(backends []kernels.Backend, budget int64) (*places, error) {
	p := &places{changed: make(chan struct{})}
	for _, b := range backends {
		l, err := newPlace(b)
		if err != nil {
			return nil, err
		}
		if l.device {
			if m, ok := b.(kernels.Limiter); ok && budget > 0 {
				m.SetLimit(budget)
			}
			caps := b.Caps()
			l.budget = caps.Free + caps.Used
			if budget > 0 {
				l.budget = min(budget, l.budget)
			}
		}
		p.all = append(p.all, l)
	}
	return p, nil
}

func newPlace(b kernels.Backend) (*place, error) {
	onHost, err := kernels.HostMemory(b)
	if err != nil {
		return nil, &Error{Code: CodeOf(err), Op: "backend " + b.Name(), Err: err}
	}
	return &place{backend: b, name: b.Name(), caps: b.Caps(), device: !onHost}, nil
}

// request is what one set wants of the places.
type request struct {
	need  int64           // device bytes
	alone bool            // nobody beside it, and its stages frugal: memory did not suffice before
	moved bool            // it has been somewhere already
	tried map[*place]bool // where it need not go again
	notes []Finding       // why
}

func (r *request) note(check string, s Severity, format string, a ...any) {
	r.notes = append(r.notes, Finding{Check: check, Severity: s, Message: fmt.Sprintf(format, a...)})
}

// enter picks the place with the fewest sets among those that are fit for the request and have room, the first of
// equals, and waits for one where all are full. A set that has been somewhere already goes to a device
// before it goes to a processor, and what no configured backend can do is done by the processor. nil when nothing is left to try.
func (p *places) enter(ctx context.Context, r *request) (*place, error) {
	for {
		p.mu.Lock()
		fit, err := p.fit(r)
		if err != nil || len(fit) == 0 {
			p.mu.Unlock()
			return nil, err
		}
		var best *place
		for _, l := range fit {
			if l.room(r) && (best == nil || l.running < best.running) {
				best = l
			}
		}
		if best != nil {
			best.running++
			best.used += r.need
			best.alone = r.alone
			p.mu.Unlock()
			return best, nil
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, &Error{Code: CodeCancelled, Err: context.Cause(ctx)}
		}
	}
}

// room tells whether a set may start here now. The first always may.
func (l *place) room(r *request) bool {
	return l.running == 0 || !l.alone && !r.alone && !l.spare && (l.budget == 0 || l.used+r.need <= l.budget)
}

// fit are the places to choose from, with p.mu held.
func (p *places) fit(r *request) ([]*place, error) {
	var fit, devices []*place
	var lost []string
	for _, l := range p.all {
		switch {
		case l.lost:
			lost = append(lost, l.name)
		case r.tried[l] || l.spare:
		case l.budget > 0 && r.need > l.budget:
			r.tried[l] = true
			r.note(CheckBackendTooSmall, Info, "the set takes up to %d MiB of device memory and %s may use %d MiB: another backend does it", r.need>>20, l.name, l.budget>>20)
			f := &r.notes[len(r.notes)-1]
			f.Value, f.Limit = float64(r.need), float64(l.budget)
		default:
			fit = append(fit, l)
			if l.device {
				devices = append(devices, l)
			}
		}
	}
	switch {
	case r.moved && len(devices) > 0:
		return devices, nil
	case len(fit) > 0:
		return fit, nil
	}
	l, err := p.processor()
	if err != nil || r.tried[l] {
		return nil, err
	}
	if len(lost) > 0 && !r.moved {
		r.moved = true
		r.note(CheckBackendLost, Warning, "%v failed earlier and no other device is left: %s does the set", lost, l.name)
	}
	return []*place{l}, nil
}

// processor is the processor as a place, unless one is configured and was tried; with p.mu held.
func (p *places) processor() (*place, error) {
	for _, l := range p.all {
		if !l.device && !l.lost {
			return l, nil
		}
	}
	b, err := sharedHost()
	if err != nil {
		return nil, &Error{Code: CodeOf(err), Op: "open backend", Err: err}
	}
	l, err := newPlace(b)
	if err != nil {
		return nil, err
	}
	l.spare = true
	p.all = append(p.all, l)
	return l, nil
}

// leave ends what enter began; company tells whether other sets were there too.
func (p *places) leave(l *place, r *request) (company bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	company = l.running > 1
	l.running--
	l.used -= r.need
	l.alone = false
	close(p.changed)
	p.changed = make(chan struct{})
	return company
}

// retire takes a place out of service.
func (p *places) retire(l *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.lost = true
}

// handOver decides what a set's error at a place means for where it goes next; false when it has failed for good.
func (p *places) handOver(l *place, r *request, err error, company, frugal bool) bool {
	where := l.name
	var own *Error
	if errors.As(err, &own) && own.Stage != "" {
		where += " in " + own.Stage
	}
	switch {
	case CodeOf(err) == CodeDeviceLost:
		p.retire(l)
		r.tried[l] = true
		r.note(CheckBackendLost, Warning, "%s failed and is out of service: the set was done again", where)
	case CodeOf(err) == CodeOutOfMemory && l.device && !errors.Is(err, kernels.ErrHostMemory):
		if !r.alone && (company || frugal) {
			r.alone = true
			r.note(CheckBackendMemory, Info, "%s ran out of memory: the set was done again with less", where)
			return true
		}
		r.tried[l] = true
		r.note(CheckBackendMemory, Info, "%s ran out of memory: the set was done again", where)
	default:
		return false
	}
	r.moved, r.alone = true, false
	return true
}
