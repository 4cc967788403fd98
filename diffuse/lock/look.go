package lock

import (
	"cmp"
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

const (
	smallStep  = 8   // pixels of the picture to one of the reduced one, so that a block is 8×8 of them
	smallLeast = 256 // the reduced picture's longer side is not made shorter than this
	proportion = 0.05
	overshoot  = 0.5  // of the range: how far a decoder's output may leave it before it is none
	farOff     = 0.25 // of the range
	plain      = 0.02 // deviation of luma under which a picture has nothing to correlate
	alike      = 0.5
	faint      = 0.1 // share of the picture's deviation of luma under which an output shows nothing
)

// bench is one call of Fit: both pictures reduced, on the host.
type bench struct {
	ctx     context.Context
	env     *realedit.Env
	caps    Options
	w, h    int // of the reduced pictures
	side    int // of a block in them
	picture []float32
	model   []float32
	sample  []float32 // a pixel of the picture in the place of each average
	means   []float32 // the picture's, over every block; nil until needed
	frees   []func()  // give back what lasts as long as the fit
}

func (b *bench) close() {
	for _, free := range b.frees {
		free()
	}
}

// image takes float pixels, tightly packed, out of the host's pool, which a fit uses over and over: fresh memory costs more than what is computed in it. free gives them back.
func (b *bench) image(w, h, c int) (m *kernels.Image, pix []float32, free func(), err error) {
	if pix, free, err = scratch[float32](w * h * c); err != nil {
		return nil, nil, free, err
	}
	m, err = kernels.Wrap(pix, w, h, c)
	if err != nil {
		free()
		return nil, nil, func() {}, failed(err)
	}
	return m, pix, free, nil
}

// scratch is memory of the host's pool; what is in it is undefined.
func scratch[T float32 | float64](n int) (v []T, free func(), err error) {
	if v, free, err = kernels.Scratch[T](n); err != nil {
		return nil, free, failed(err)
	}
	return v, free, nil
}

func failed(err error) error {
	return &realedit.Error{Code: realedit.CodeOf(err), Op: "lock", Err: err}
}

// look reduces both pictures to one size and refuses models' outputs that cannot be an edit of the picture.
func (b *bench) look(picture, model *kernels.Image) error {
	switch {
	case picture == nil || picture.Channels() != 3:
		return realedit.Errorf(realedit.CodeBadOption, "lock", "picture: is %v, want 3 channels", picture)
	case model == nil || model.Channels() != 3:
		return realedit.Errorf(realedit.CodeBadModel, "lock", "the model's output is %v, want 3 channels", model)
	}
	b.size(picture)
	w, h := picture.Width(), picture.Height()
	if r := float64(w) / float64(h) * float64(model.Height()) / float64(model.Width()); math.Abs(math.Log(r)) > proportion {
		return realedit.Errorf(realedit.CodeBadModel, "lock", "the model's output is %v, the picture %v: other proportions", model, picture)
	}
	host, free, err := kernels.ToHost(b.ctx, b.env.Backend, model)
	if err != nil {
		return failed(err)
	}
	defer free()
	if err := finite(host); err != nil {
		return err
	}
	if b.picture, err = b.reduced(picture); err != nil {
		return err
	}
	if b.model, err = b.reduced(host); err != nil {
		return err
	}
	if err := b.pick(picture); err != nil {
		return err
	}
	return b.related()
}

// size is that of the reduced pictures.
func (b *bench) size(picture *kernels.Image) {
	w, h := picture.Width(), picture.Height()
	step := max(1, min(smallStep, float64(max(w, h))/smallLeast))
	b.w, b.h = max(1, int(math.Ceil(float64(w)/step))), max(1, int(math.Ceil(float64(h)/step)))
	b.side = max(1, int(math.Round(blockSide/step)))
}

// pick takes a pixel of the picture out of each area that is averaged in the reduced one, at a place in it that follows no pattern: a mean over them is one over single
// pixels, where averages have no texture any more.
func (b *bench) pick(picture *kernels.Image) error {
	host, freeHost, err := kernels.ToHost(b.ctx, b.env.Backend, picture)
	if err != nil {
		return failed(err)
	}
	defer freeHost()
	var free func()
	if b.sample, free, err = scratch[float32](3 * b.w * b.h); err != nil {
		return err
	}
	b.frees = append(b.frees, free)
	within := func(i, n, of int, random uint32) int { // the i-th of n parts of so many pixels
		from, to := i*of/n, (i+1)*of/n
		return from + int(random&0xffff)*max(1, to-from)>>16
	}
	bands(b.h, func(_, y0, y1 int) {
		for y := y0; y < y1; y++ {
			for x := range b.w {
				r := uint32(y*b.w+x) * 0x9e3779b1
				r = (r ^ r>>15) * 0x85ebca6b
				r ^= r >> 13
				levels(b.sample[3*(y*b.w+x):][:3], host, within(x, b.w, host.Width(), r), within(y, b.h, host.Height(), r>>16))
			}
		}
	})
	return nil
}

// levels are a pixel's, in [0,1].
func levels(dst []float32, m *kernels.Image, x, y int) {
	for c := range dst {
		var v float32
		switch i := 3*x + c; m.Format() {
		case kernels.U8:
			v = table8[m.RowU8(y)[i]].v
		case kernels.U16:
			v = table16[m.RowU16(y)[i]].v
		case kernels.F16:
			v = m.RowHalf(y)[i].Float32()
		default:
			v = m.RowF32(y)[i]
		}
		if dst[c] = 0; v > 0 { // NaN is not
			dst[c] = min(v, 1)
		}
	}
}

// finite refuses samples that are no levels.
func finite(m *kernels.Image) error {
	if m.Format() != kernels.F32 && m.Format() != kernels.F16 {
		return nil
	}
	wrong := make([]error, (m.Height()+bandRows-1)/bandRows) // of each band the first
	bands(m.Height(), func(k, y0, y1 int) {
		check := func(x, y int, v float32) {
			if !(v >= -overshoot && v <= 1+overshoot) && wrong[k] == nil {
				wrong[k] = realedit.Errorf(realedit.CodeBadModel, "lock", "the model's output holds %g at %d, %d", v, x/3, y)
			}
		}
		for y := y0; y < y1; y++ {
			if m.Format() == kernels.F32 {
				for x, v := range m.RowF32(y) {
					check(x, y, v)
				}
			} else {
				for x, v := range m.RowHalf(y) {
					check(x, y, v.Float32())
				}
			}
		}
	})
	return cmp.Or(wrong...)
}

// reduced is a picture averaged over areas to the reduced size, clamped to [0,1].
func (b *bench) reduced(src *kernels.Image) ([]float32, error) {
	m, pix, free, err := b.image(b.w, b.h, 3)
	if err != nil {
		return nil, err
	}
	b.frees = append(b.frees, free)
	if src.OnHost() {
		err = b.env.Ops.Resize(m, src)
	} else {
		var dev *kernels.Image
		if dev, err = b.env.NewImage(b.w, b.h, 3, kernels.F32); err != nil {
			return nil, err
		}
		defer dev.Free()
		if err = b.env.Ops.Resize(dev, src); err == nil {
			err = b.env.Backend.Copy(b.ctx, m, dev)
		}
	}
	if err != nil {
		return nil, failed(err)
	}
	for i, v := range pix {
		pix[i] = max(0, min(1, v))
	}
	return pix, nil
}

// related refuses an output that shows something else.
func (b *bench) related() error {
	parts := make([][6]float64, (b.h+bandRows-1)/bandRows)
	bands(b.h, func(k, y0, y1 int) {
		var far, sa, sb, saa, sbb, sab float64
		for i := 3 * y0 * b.w; i < 3*y1*b.w; i += 3 {
			for c := range 3 {
				far += math.Abs(float64(b.model[i+c] - b.picture[i+c]))
			}
			p, q := luma(b.picture[i:]), luma(b.model[i:])
			sa, sb, saa, sbb, sab = sa+p, sb+q, saa+p*p, sbb+q*q, sab+p*q
		}
		parts[k] = [6]float64{far, sa, sb, saa, sbb, sab}
	})
	var sum [6]float64
	for _, p := range parts {
		for i, v := range p {
			sum[i] += v
		}
	}
	far, sa, sb, saa, sbb, sab := sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]
	n := float64(len(b.picture) / 3)
	if far /= 3 * n; far > farOff {
		return realedit.Errorf(realedit.CodeBadModel, "lock", "the model's output is %.2f of the range off the picture in the mean", far)
	}
	va, vb, cov := max(0, saa/n-sa/n*sa/n), max(0, sbb/n-sb/n*sb/n), sab/n-sa/n*sb/n
	if va > plain*plain && (cov < alike*math.Sqrt(va*vb) || vb < faint*faint*va) {
		return realedit.Errorf(realedit.CodeBadModel, "lock", "the model's output shows something else: its luma correlates by %.2f with the picture's", cov/math.Sqrt(va*vb+1e-12))
	}
	return nil
}

func luma(p []float32) float64 {
	return 0.2126*float64(p[0]) + 0.7152*float64(p[1]) + 0.0722*float64(p[2])
}
