package hdr

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// plane is a small grey picture on the host, 0..1, for estimation: rows of w samples.
type plane struct {
	w, h int
	v    []float32
}

func newPlane(w, h int) *plane { return &plane{w, h, make([]float32, w*h)} }

func (p *plane) row(y int) []float32 { return p.v[y*p.w : (y+1)*p.w : (y+1)*p.w] }

func (p *plane) at(x, y int) float32 { return p.v[y*p.w+x] }

// lumaPlane is the area-averaged luma of m at w×h.
func lumaPlane(ctx context.Context, env *realedit.Env, m *kernels.Image, w, h int) (*plane, error) {
	small, err := env.NewImage(w, h, m.Channels(), m.Format())
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, m); err != nil {
		return nil, err
	}
	return greyPlane(ctx, env, small)
}

// greyPlane is the luma of m, at its size.
func greyPlane(ctx context.Context, env *realedit.Env, m *kernels.Image) (*plane, error) {
	grey, err := env.NewImage(m.Width(), m.Height(), 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer grey.Free()
	if err := env.Ops.Luma(grey, m); err != nil {
		return nil, err
	}
	return hostPlane(ctx, env, grey)
}

// resizedPlane is m, of one channel, resized to w×h.
func resizedPlane(ctx context.Context, env *realedit.Env, m *kernels.Image, w, h int) (*plane, error) {
	small, err := env.NewImage(w, h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, m); err != nil {
		return nil, err
	}
	return hostPlane(ctx, env, small)
}

// mean is the mean of all samples.
func (p *plane) mean() float64 {
	var s float64
	for _, v := range p.v {
		s += float64(v)
	}
	return s / float64(len(p.v))
}

// clipped is the encoded value from which a channel counts as blown.
const clipped = 0.97

// nan marks a pixel whose luma says nothing about position, because a channel is blown;
// smoothing carries it to every pixel it would taint.
var nan = float32(math.NaN())

// channelPlanes are m's channels, area-averaged to w×h.
func channelPlanes(ctx context.Context, env *realedit.Env, m *kernels.Image, w, h int) (c [3]*plane, err error) {
	small, err := env.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return c, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, m); err != nil {
		return c, err
	}
	v := make([]float32, 3*w*h)
	host, err := kernels.Wrap(v, w, h, 3)
	if err != nil {
		return c, err
	}
	if err := env.Backend.Copy(ctx, host, small); err != nil {
		return c, err
	}
	for k := range c {
		c[k] = &plane{w, h, make([]float32, w*h)}
		for i := range c[k].v {
			c[k].v[i] = v[3*i+k]
		}
	}
	return c, nil
}

func trackValue(r, g, b float32) float32 {
	if max(r, g, b) >= clipped {
		return nan
	}
	return 0.299*r + 0.587*g + 0.114*b
}

// hostPlane copies a 1-channel F32 image to the host.
func hostPlane(ctx context.Context, env *realedit.Env, m *kernels.Image) (*plane, error) {
	p := &plane{m.Width(), m.Height(), make([]float32, m.Width()*m.Height())}
	host, err := kernels.Wrap(p.v, p.w, p.h, 1)
	if err != nil {
		return nil, err
	}
	return p, env.Backend.Copy(ctx, host, m)
}

// half is p averaged over 2×2 pixels (the last odd row and column are dropped).
func (p *plane) half() *plane {
	q := newPlane(max(1, p.w/2), max(1, p.h/2))
	d := min(1, p.w-1)
	for y := range q.h {
		up, down, out := p.row(2*y), p.row(min(2*y+1, p.h-1)), q.row(y)
		for x := range out {
			out[x] = (up[2*x] + up[2*x+d] + down[2*x] + down[2*x+d]) / 4
		}
	}
	return q
}
