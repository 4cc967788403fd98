package qc

import (
	"context"
	"image"
	"sync"
	"unsafe"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// bench is where one comparison happens: its operations, its memory, its results.
type bench struct {
	ctx    context.Context
	env    *realedit.Env
	ops    *kernels.Ops    // for host images
	back   kernels.Backend // of the host
	limits map[string]limit
	mu     sync.Mutex
	owned  []func() // give the memory back; guarded by mu
	out    Verdict
}

func newBench(ctx context.Context, env *realedit.Env, l Limits) (*bench, error) {
	if err := l.validate(); err != nil {
		return nil, err
	}
	b := &bench{ctx: ctx, env: env, ops: env.Ops, back: env.Backend, limits: l.rows()}
	onHost, err := kernels.HostMemory(env.Backend)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
	}
	if !onHost { // proxies are small: they are judged on the processor
		h, err := kernels.Open("cpu")
		if err != nil {
			h, err = kernels.Open("ref")
		}
		if err != nil {
			return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
		}
		b.back, b.ops = h, kernels.Complete(h, nil)
	} else if b.ops == nil {
		b.ops = kernels.Complete(b.back, nil)
	}
	return b, nil
}

func (b *bench) close() {
	for _, free := range b.owned {
		free()
	}
	b.owned = nil
}

// apart is a bench with memory and results of its own.
func (b *bench) apart() *bench {
	return &bench{ctx: b.ctx, env: b.env, ops: b.ops, back: b.back, limits: b.limits}
}

// together runs checks side by side, each on a bench of its own, and adds what they found in the order given.
// The error is the first in that order.
func (b *bench) together(checks []func(*bench) error) error {
	parts := make([]*bench, len(checks))
	errs := make([]error, len(checks))
	parallel.Each(len(checks), func(i int) {
		p := b.apart()
		parts[i] = p
		defer p.close()
		if errs[i] = b.ctx.Err(); errs[i] == nil {
			errs[i] = checks[i](p)
		}
	})
	for i := range parts {
		if errs[i] != nil {
			return errs[i]
		}
		b.out.Measures = append(b.out.Measures, parts[i].out.Measures...)
		b.out.Judged += parts[i].out.Judged
	}
	return nil
}

func (b *bench) own(free func()) {
	b.mu.Lock()
	b.owned = append(b.owned, free)
	b.mu.Unlock()
}

// image allocates on the host; close frees it.
func (b *bench) image(w, h, c int, f kernels.Format) (*kernels.Image, error) {
	m, err := b.back.NewImage(w, h, c, f)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
	}
	b.own(m.Free)
	return m, nil
}

// plane allocates n samples on the host, with undefined contents; close frees them.
func plane[T uint8 | uint16 | float32](b *bench, n int) ([]T, error) {
	v, free, err := kernels.Scratch[T](n)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
	}
	b.own(free)
	return v, nil
}

// samples are all samples of an image on the host; row y begins at y·pitch.
func samples(m *kernels.Image) (pix []float32, pitch int) {
	pitch = m.Stride() / 4
	return unsafe.Slice((*float32)(m.Pointer()), pitch*(m.Height()-1)+m.Width()*m.Channels()), pitch
}

// resized is src at w×h in format f on the host.
func (b *bench) resized(src *kernels.Image, w, h int, f kernels.Format) (*kernels.Image, error) {
	dst, err := b.image(w, h, src.Channels(), f)
	if err != nil {
		return nil, err
	}
	if src.OnHost() {
		return dst, b.ops.Resize(dst, src)
	}
	dev, err := b.env.NewImage(w, h, src.Channels(), f)
	if err != nil {
		return nil, err
	}
	defer dev.Free()
	if err := b.env.Ops.Resize(dev, src); err != nil {
		return nil, err
	}
	return dst, b.env.Backend.Copy(b.ctx, dst, dev)
}

// window is the part r of src on the host; the returned function frees what was copied.
func (b *bench) window(src *kernels.Image, r image.Rectangle) (*kernels.Image, func(), error) {
	s := src.SubImage(r)
	if s == nil {
		return nil, func() {}, nil
	}
	return kernels.ToHost(b.ctx, b.env.Backend, s)
}

// add records a number; a limit that is off is not recorded.
func (b *bench) add(c Check, name string, v float64, hard bool, rs []Region) {
	l, ok := b.limits[string(c)+"."+name]
	if !ok {
		panic("qc: no limit for " + string(c) + "." + name)
	}
	if l.off {
		return
	}
	m := Measure{Check: c, Name: name, Value: v, Limit: l.value, AtLeast: l.atLeast, Hard: hard}
	// A value that is no number fails.
	if l.atLeast {
		m.Failed = !(v >= l.value)
	} else {
		m.Failed = !(v <= l.value)
	}
	m.Regions = worst(rs, l.atLeast)
	b.out.Measures = append(b.out.Measures, m)
}

// rows calls fn for bands of rows that cover [0,h) on all processors. What fn writes
// must belong to its rows, so that the number of processors cannot be seen.
func rows(h int, fn func(y0, y1 int)) {
	parallel.Bands(h, 16, fn)
}
