package ort

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// Runtime keeps sessions. It is safe for concurrent use.
type Runtime struct {
	o      Options
	forget func() // kernels.Host's OnFull

	mu      sync.Mutex
	entries map[string]*entry
	host    int64             // bytes of sessions on the processor
	device  map[int]int64     // and on each GPU
	absent  map[string]string // providers that are not there, and why
	clock   int64
	dying   map[int]int   // sessions at each place that are being destroyed
	changed chan struct{} // closed and made anew when a session is loaded, no longer in use, or destroyed
	closed  bool
}

// New checks the options. The library is opened by the first session. Errors wrap kernels.ErrInvalid.
func New(o *Options) (*Runtime, error) {
	r := &Runtime{entries: map[string]*entry{}, device: map[int]int64{}, absent: map[string]string{}, dying: map[int]int{}, changed: make(chan struct{})}
	if o != nil {
		r.o = *o
		r.o.Providers = slices.Clone(o.Providers)
	}
	if err := r.o.check(); err != nil {
		return nil, err
	}
	r.forget = kernels.Host.OnFull(r.makeRoom)
	live.Lock()
	defer live.Unlock()
	live.all[r] = true
	return r, nil
}

// live are the Runtimes that are not closed: a card's memory is theirs together.
var live = struct {
	sync.Mutex
	all map[*Runtime]bool
}{all: map[*Runtime]bool{}}

// evictAll destroys the sessions at a place that nobody uses, of all Runtimes.
func evictAll(place int) (any bool) {
	live.Lock()
	all := slices.Collect(maps.Keys(live.all))
	live.Unlock()
	for _, r := range all {
		any = r.evict(place, 1<<62) || any
	}
	return any
}

// The place of sessions on the processor, where others have their GPU's index, and that of those which have none yet.
const (
	onHost  = -1
	nowhere = -2
)

// entry is a session in the cache, or on its way into it.
type entry struct {
	key      string
	ready    chan struct{} // closed when loaded or failed
	err      error
	call     *call
	sig      *Signature
	native   *native
	provider Provider
	notes    []string
	bytes    int64
	release  func() // gives the bytes back to kernels.Host

	// Under Runtime.mu:
	at   int   // onHost, a GPU's index, or nowhere before that is known
	refs int   // who uses it: no eviction while there is one
	held int   // of those, Sessions that Acquire gave out
	used int64 // the clock when it was last used
	paid bool  // its bytes are taken out of the budget
	gone bool  // no longer in the cache: destroyed when refs is 0
}

// place is where sessions of a provider are.
func (p Provider) place() int {
	if p.Name == "cpu" {
		return onHost
	}
	return p.Device
}

// Session is a loaded model that cannot be evicted until Release. It is safe for concurrent use.
type Session struct {
	r        *Runtime
	e        *entry
	released bool // under Runtime.mu
}

// Acquire loads a model or takes its session out of the cache. The caller Releases it. While it loads, a context that ends makes Acquire return; the
// loading itself goes on, since the library cannot be stopped in it, and the session waits for the next who asks.
//
// Errors wrap ErrNoLibrary, ErrBadModel, kernels.ErrOutOfMemory (what is in use leaves no room), kernels.ErrNoCgo, kernels.ErrInvalid, or are those of the context and the file.
func (r *Runtime) Acquire(ctx context.Context, m *Model) (*Session, error) {
	return r.acquire(ctx, m, true)
}

// Run loads the model if need be and runs it once: Acquire, Session.Run, Release. Where there is no room because others are in a Run, it waits for them.
// notes are what Session.Notes says.
func (r *Runtime) Run(ctx context.Context, m *Model, in Values) (out Values, notes []string, err error) {
	s, err := r.acquire(ctx, m, false)
	if err != nil {
		return nil, nil, err
	}
	defer r.leave(s.e, false)
	out, err = s.run(ctx, in, nil)
	return out, s.e.notes, err
}

func (r *Runtime) acquire(ctx context.Context, m *Model, hold bool) (*Session, error) {
	if errNative != nil {
		return nil, errNative
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	m = m.clone()
	if err := m.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, &kernels.ArgError{Op: "ort.Runtime", Arg: "Runtime", Msg: "it is closed"}
	}
	e := r.entries[m.key()]
	load := e == nil
	if load {
		e = &entry{key: m.key(), ready: make(chan struct{}), at: nowhere}
		r.entries[e.key] = e
	}
	r.clock++
	e.used = r.clock
	e.refs++
	if hold {
		e.held++
	}
	r.mu.Unlock()
	if load {
		go r.load(e, m, hold)
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		r.leave(e, hold)
		return nil, context.Cause(ctx)
	}
	if e.err != nil {
		r.leave(e, hold)
		if errors.Is(e.err, errGivenUp) {
			return r.acquire(ctx, m, hold)
		}
		return nil, e.err
	}
	return &Session{r: r, e: e}, nil
}

// leave ends one use of an entry.
func (r *Runtime) leave(e *entry, held bool) {
	r.mu.Lock()
	e.refs--
	if held {
		e.held--
	}
	last := e.refs == 0 && e.gone && e.native != nil
	if last {
		r.dying[e.at]++
	}
	if e.refs == e.held { // no Run any more
		r.tell()
	}
	r.mu.Unlock()
	if last {
		r.destroy(e)
	}
}

// load makes an entry's session. Nothing evicts it meanwhile, since it has no native one.
func (r *Runtime) load(e *entry, m *Model, hold bool) {
	var made *native
	err := func() (err error) {
		if err := Load(r.o.Library); err != nil {
			return err
		}
		if m.Read != nil {
			if m.Data, err = m.Read(); err != nil {
				return err
			}
			if m.Data == nil {
				m.Data = []byte{}
			}
		}
		if e.sig, err = m.Signature(); err != nil {
			return err
		}
		if e.call, err = newCall(e.sig.sig, m); err != nil {
			return err
		}
		if e.bytes = m.Memory; e.bytes == 0 {
			e.bytes = e.call.estimate(e.sig.Weights)
		}
		made, err = r.create(e, m, hold)
		return err
	}()
	r.mu.Lock()
	e.native = made
	if err != nil {
		e.err = fmt.Errorf("ort: %s: %w", e.key, err)
		delete(r.entries, e.key)
		e.gone = true
	}
	last := err == nil && e.gone && e.refs == 0 // closed meanwhile, and nobody waits
	if last {
		r.dying[e.at]++
	}
	close(e.ready)
	r.tell()
	r.mu.Unlock()
	if last {
		r.destroy(e)
	}
}

// create tries the providers in order.
func (r *Runtime) create(e *entry, m *Model, hold bool) (*native, error) {
	in, out := make([]string, len(e.call.in)), make([]string, len(e.call.out))
	for i, v := range e.call.in {
		in[i] = v.Name
	}
	for i, v := range e.call.out {
		out[i] = v.Name
	}
	for _, p := range r.o.chain() {
		if own := m.Options[p.Name]; own != nil {
			p.Options = maps.Clone(p.Options)
			if p.Options == nil {
				p.Options = map[string]string{}
			}
			maps.Copy(p.Options, own)
		}
		r.mu.Lock()
		why := r.absent[p.String()]
		r.mu.Unlock()
		if why != "" {
			e.notes = append(e.notes, why)
			continue
		}
		e.provider = p
		r.mu.Lock()
		e.at = p.place()
		r.mu.Unlock()
		for again := false; ; again = true {
			if err := r.reserve(e, hold); err != nil {
				return nil, err
			}
			var n *native
			var err error
			at(p.place(), func() { n, err = newNative(m, in, out, p, &r.o, e.bytes) })
			if err == nil {
				return n, nil
			}
			r.unreserve(e)
			if errors.Is(err, kernels.ErrOutOfMemory) {
				if !again && evictAll(p.place()) {
					continue
				}
				return nil, err
			}
			if p.Name == "cpu" {
				return nil, err
			}
			why = fmt.Sprintf("%v could not be used: %v", p, err)
			if errors.Is(err, kernels.ErrNoDevice) { // and will not be for the next model
				r.mu.Lock()
				r.absent[p.String()] = why
				r.mu.Unlock()
			}
			e.notes = append(e.notes, why)
			break
		}
	}
	panic("unreachable: the chain ends with cpu")
}

// reserve takes an entry's bytes out of the budget of its place, evicting what is not in use. What to evict and whether to wait is decided in one
// critical section, so that a session that is idle when one looks and in use when one evicts does not pass for neither.
func (r *Runtime) reserve(e *entry, hold bool) error {
	place := e.provider.place()
	for {
		r.mu.Lock()
		lack, err := r.charge(place, e.bytes)
		e.paid = err == nil
		before, changed := r.changed, false
		if err == nil && place == onHost {
			r.mu.Unlock()
			e.release, err = kernels.Host.Reserve(e.bytes) // OnFull has evicted what it could where this fails
			r.mu.Lock()
			if err != nil {
				r.add(place, -e.bytes)
				lack, e.paid, changed = 1, false, r.changed != before
				r.tell()
			}
		}
		if err == nil {
			r.mu.Unlock()
			return nil
		}
		out, wait := r.pick(place, lack), r.waitable(e, place, hold)
		r.mu.Unlock()
		switch {
		case len(out) > 0:
			r.destroyAll(out)
		case wait != nil:
			if err := r.wait(e, wait); err != nil {
				return err
			}
		case !changed:
			return err
		}
	}
}

// charge counts bytes against the Runtime's own budget; where that is exceeded it says by how much and counts nothing. r.mu is held.
func (r *Runtime) charge(place int, n int64) (lack int64, err error) {
	limit, used, what, of := r.o.Budget.Device, r.device[place], fmt.Sprintf("GPU %d", place), kernels.ErrOutOfMemory
	if place == onHost {
		limit, used, what, of = r.o.Budget.Host, r.host, "host", kernels.ErrHostMemory
	}
	if limit > 0 && n > limit-used {
		return used + n - limit, fmt.Errorf("a session takes %d MiB, with %d of %d MiB of the %s budget in use: %w", n>>20, used>>20, limit>>20, what, of)
	}
	r.add(place, n)
	return 0, nil
}

// waitable is what to wait on before trying again: nil where nothing would come of it, because no session is on its way in or out and none is in a Run,
// or because the caller may hold one itself that the Run waits for. r.mu is held.
func (r *Runtime) waitable(e *entry, place int, hold bool) <-chan struct{} {
	if r.dying[place] > 0 {
		return r.changed
	}
	for _, o := range r.entries {
		if o != e && o.at == place && o.paid && (o.native == nil || !hold && o.refs > o.held) {
			return r.changed
		}
	}
	return nil
}

// tell wakes those who wait. r.mu is held.
func (r *Runtime) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait waits for a session that is no longer in use, unless nobody wants the entry any more.
func (r *Runtime) wait(e *entry, changed <-chan struct{}) error {
	<-changed
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.refs == 0 || r.closed {
		return errGivenUp
	}
	return nil
}

// errGivenUp: nobody waited for the session any more. Who came then tries again.
var errGivenUp = errors.New("given up")

func (r *Runtime) add(place int, n int64) {
	if place == onHost {
		r.host += n
	} else {
		r.device[place] += n
	}
}

func (r *Runtime) unreserve(e *entry) {
	if e.release != nil {
		e.release()
		e.release = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(e.provider.place(), -e.bytes)
	e.paid = false
}

// evict destroys sessions at a place that nobody uses, those first that have lain longest, until they held so many bytes together.
func (r *Runtime) evict(place int, bytes int64) (any bool) {
	r.mu.Lock()
	out := r.pick(place, bytes)
	r.mu.Unlock()
	r.destroyAll(out)
	return len(out) > 0
}

// pick takes sessions out of the cache for destroyAll: see evict. r.mu is held.
func (r *Runtime) pick(place int, bytes int64) (out []*entry) {
	var idle []*entry
	for _, e := range r.entries {
		if e.refs == 0 && e.native != nil && e.at == place {
			idle = append(idle, e)
		}
	}
	slices.SortFunc(idle, func(a, b *entry) int { return cmp.Compare(a.used, b.used) })
	for _, e := range idle {
		if bytes <= 0 {
			break
		}
		bytes -= e.bytes
		e.gone = true
		delete(r.entries, e.key)
		r.dying[place]++
		out = append(out, e)
	}
	return out
}

func (r *Runtime) destroyAll(out []*entry) {
	for _, e := range out {
		r.destroy(e)
	}
}

// makeRoom gives host memory back: what evict finds, and what others are destroying already.
func (r *Runtime) makeRoom(bytes int64) {
	r.evict(onHost, bytes)
	for {
		r.mu.Lock()
		dying, changed := r.dying[onHost], r.changed
		r.mu.Unlock()
		if dying == 0 {
			return
		}
		<-changed
	}
}

// destroy destroys a session that is out of the cache, unused, and counted as dying.
func (r *Runtime) destroy(e *entry) {
	at(e.provider.place(), e.native.destroy)
	r.unreserve(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dying[e.at]--
	r.tell()
}

// Trim destroys all sessions that are not in use.
func (r *Runtime) Trim() {
	r.mu.Lock()
	places := []int{onHost}
	for d := range r.device {
		places = append(places, d)
	}
	r.mu.Unlock()
	for _, p := range places {
		r.evict(p, 1<<62)
	}
}

// Stats says what the cache holds.
type Stats struct {
	Sessions int           // loaded or loading
	InUse    int           // of those
	Host     int64         // bytes that sessions on the processor are charged with
	Device   map[int]int64 // and those on each GPU
}

// Stats says what the cache holds now.
func (r *Runtime) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Sessions: len(r.entries), Host: r.host, Device: maps.Clone(r.device)}
	for _, e := range r.entries {
		if e.refs > 0 {
			s.InUse++
		}
	}
	return s
}

// Close destroys all sessions; those in use when they are released. The library stays open.
func (r *Runtime) Close() error {
	r.forget()
	live.Lock()
	delete(live.all, r)
	live.Unlock()
	r.mu.Lock()
	r.closed = true
	for _, e := range r.entries {
		e.gone = true
	}
	r.tell()
	var idle []*entry
	for _, e := range r.entries {
		if e.refs == 0 && e.native != nil {
			idle = append(idle, e)
			r.dying[e.at]++
		}
	}
	clear(r.entries)
	r.mu.Unlock()
	for _, e := range idle {
		r.destroy(e)
	}
	return nil
}
