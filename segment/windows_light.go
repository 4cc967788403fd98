package segment

import (
	"context"
	"math"
	"runtime"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// The encoded luma from which a photo counts as blown, the same for averages, and the one below which a photo shows nothing.
const (
	blown       = 0.96
	windowWhite = 0.93 // averaged over a pixel of the grid
	windowBlack = 0.03
)

// stopsOf is log2 of the linear luma over white, by encoded luma in 1023rds.
var stopsOf = func() (t [1024]float32) {
	for i := range t {
		v := float64(i) / 1023
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		t[i] = float32(math.Log2(max(v, 1.0/4096)))
	}
	return t
}()

func stops(luma float32) float32 { return stopsOf[int(min(max(luma, 0), 1)*1023+0.5)] }

// lightPlane is a plane of the small picture: light in stops over the reference photo's white, or a share.
type lightPlane struct {
	w, h int
	v    []float32
}

// bracketLight is the light of the scene from all photos: each counts where it is neither blown nor black, most in the middle
// of its range. Where all that are not black are blown, the darkest of them says how bright it is at least. A photo that shows somebody who has
// moved, or does not reach there, does not count there while another does; shown says where each does, nil everywhere.
func bracketLight(lumas [][]float32, shown [][]bool, evs []float64, w, h int) *lightPlane {
	out := &lightPlane{w, h, make([]float32, w*h)}
	inBands(len(out.v), func(from, to int) {
		for k := from; k < to; k++ {
			var sum, weight float32
			least, most := float32(math.Inf(-1)), float32(math.Inf(1))
			some := false
			for _, s := range shown {
				some = some || s == nil || s[k]
			}
			for i, l := range lumas {
				if some && shown != nil && shown[i] != nil && !shown[i][k] {
					continue
				}
				v := l[k]
				s := stops(v) - float32(evs[i])
				switch {
				case v >= blown:
					least = max(least, s)
				case v <= windowBlack:
					most = min(most, s)
				default:
					m := min(v-windowBlack, blown-v)
					sum += m * s
					weight += m
				}
			}
			switch {
			case weight > 0:
				out.v[k] = sum / weight
			case !math.IsInf(float64(least), 0):
				out.v[k] = least
			default:
				out.v[k] = most
			}
		}
	})
	return out
}

// hostLuma is the encoded luma of a small picture, on the host.
func hostLuma(ctx context.Context, env *realedit.Env, m *kernels.Image) ([]float32, error) {
	w, h := m.Width(), m.Height()
	grey, err := env.NewImage(w, h, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer grey.Free()
	if err := env.Ops.Luma(grey, m); err != nil {
		return nil, err
	}
	v := make([]float32, w*h)
	host, err := kernels.Wrap(v, w, h, 1)
	if err != nil {
		return nil, err
	}
	return v, env.Backend.Copy(ctx, host, grey)
}

// hostShown is where a photo shows the scene, by its Valid, nil where that is nil.
func hostShown(ctx context.Context, env *realedit.Env, valid *kernels.Image, w, h int) ([]bool, error) {
	if valid == nil {
		return nil, nil
	}
	small, err := env.NewImage(w, h, 1, valid.Format())
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, valid); err != nil {
		return nil, err
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, small)
	if err != nil {
		return nil, err
	}
	defer free()
	out := make([]bool, 0, w*h)
	for y := range h {
		for _, v := range host.RowU8(y)[:w] {
			out = append(out, v >= 128)
		}
	}
	return out, nil
}

// shrunk is the plane averaged to w×h.
func (p *lightPlane) shrunk(w, h int) *lightPlane {
	if p.w == w && p.h == h {
		return p
	}
	out := &lightPlane{w, h, make([]float32, w*h)}
	inBands(h, func(from, to int) {
		for y := from; y < to; y++ {
			y0, y1 := y*p.h/h, max((y+1)*p.h/h, y*p.h/h+1)
			for x := range w {
				x0, x1 := x*p.w/w, max((x+1)*p.w/w, x*p.w/w+1)
				var s float32
				for j := y0; j < y1; j++ {
					for i := x0; i < x1; i++ {
						s += p.v[j*p.w+i]
					}
				}
				out.v[y*w+x] = s / float32((x1-x0)*(y1-y0))
			}
		}
	})
	return out
}

// inBands runs f over [0, n) in parts on all processors. What f does to an index must not depend on the parts.
func inBands(n int, f func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), max(1, n/16))
	parallel.Each(parts, func(i int) { f(n*i/parts, n*(i+1)/parts) })
}
