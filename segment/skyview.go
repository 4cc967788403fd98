package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// skyView is what is known of a picture's sky from its small copy. Scene and Sky share one: whichever comes first makes it.
type skyView struct {
	of       *kernels.Image // the picture it was made of
	w, h     int            // working size
	rgb      []float32      // the working picture, interleaved, sRGB-encoded
	f        *skyFeatures
	probable *skyPlane // on the grid
	cut      *skyPlane // 1 in the sky, 0 elsewhere, at cut size; what the pixels say, before the gate
	share    float64   // of cut
	model    bool      // a model made probable
	gate     gateFacts
	light    lightFacts
}

// viewKey is where a Work keeps the view.
type viewKey struct{}

// picture is what stages see: the image so far, or the reference photo while there is none.
func picture(w *realedit.Work) *kernels.Image {
	if w.Image != nil {
		return w.Image
	}
	return w.Frames[w.Reference].Image
}

// viewSky is the Work's view of its picture, made when there is none of it yet.
func viewSky(ctx context.Context, env *realedit.Env, w *realedit.Work) (*skyView, error) {
	of := picture(w)
	if v, ok := w.Value(viewKey{}).(*skyView); ok && v.of == of {
		return v, nil
	}
	v, err := lookForSky(ctx, env, w, of)
	if err != nil {
		return nil, err
	}
	v.gate = v.judge()
	if v.light, err = v.measureLight(ctx, env, w); err != nil {
		return nil, err
	}
	w.SetValue(viewKey{}, v)
	return v, nil
}

// lookForSky makes the view of a picture as far as the cut.
func lookForSky(ctx context.Context, env *realedit.Env, w *realedit.Work, of *kernels.Image) (*skyView, error) {
	v := &skyView{of: of}
	v.w, v.h = realedit.FitInto(of.Width(), of.Height(), workSide)
	var err error
	if v.rgb, err = shrunk(ctx, env, of, v.w, v.h); err != nil {
		return nil, err
	}
	gw, gh := realedit.FitInto(v.w, v.h, gridSide)
	v.f = measureSky(v.rgb, v.w, v.h, gw, gh)
	v.probable = v.f.probable()
	prior := v.f.joined(v.probable)
	plane, pw, ph, ok, err := skyByModel(ctx, env, w)
	if err != nil {
		return nil, err
	}
	if v.model = ok; ok {
		prior = &skyPlane{pw, ph, plane} // takes the place of the rules' answer; the cut and the matte follow as without it
		v.probable = prior.shrink(gw, gh)
	}
	v.divide(prior)
	return v, nil
}

// smallBytes is the memory of the small copies that a view is made on: one on the backend, and some forty planes of features and the cut on the host.
func smallBytes(w, h int) (host, device int64) {
	ww, wh := realedit.FitInto(w, h, workSide)
	device = kernels.ImageBytes(ww, wh, 3, kernels.F32)
	host = 10 * device
	_, model := modelBytes()
	return host, max(device, model)
}

// divide cuts the picture between sky and the rest, from probabilities.
func (v *skyView) divide(p *skyPlane) {
	cw, ch := realedit.FitInto(v.w, v.h, cutSide)
	prior := p.resized(cw, ch)
	small := make([]float32, 3*cw*ch)
	rgb := planesOf(v.rgb, v.w, v.h)
	var linear [3]*skyPlane
	onAll(len(rgb), func(c int) {
		for i, s := range rgb[c].v {
			rgb[c].v[i] = 255 * s
		}
		linear[c] = rgb[c].shrink(cw, ch)
		for i, s := range linear[c].v {
			small[3*i+c], linear[c].v[i] = s, linearOf(s/255)
		}
	})
	in, _ := grabCut(small, prior, 0.9, 0.45, 0.05, 3, func(in []bool, prior *skyPlane) { reopen(linear, in, prior) })
	dropPanes(in, cw, ch)
	v.cut = newSkyPlane(cw, ch)
	n := 0
	for i, s := range in {
		if s {
			v.cut.v[i] = 1
			n++
		}
	}
	v.share = float64(n) / float64(len(in))
}

// nearSky is how far a colour in linear light may be from the sky's to be asked about again: a quarter of it, a third of a stop. A sky changes by
// less from one gap to the next; a white wall in its light is half as bright, or a third of a stop darker where the light comes from behind the camera.
const nearSky = 0.25

// reopen lets the cut ask again about what the prior ruled out but is of the colour that the sky found so far has nearest to it: sky under an eave, between trunks.
func reopen(linear [3]*skyPlane, in []bool, prior *skyPlane) {
	w, h := prior.w, prior.h
	lowest := 0
	for i, s := range in {
		if s {
			lowest = i / w
		}
	}
	known := make([]bool, len(in))
	onAll(h, func(y int) {
		for i := y * w; i < (y+1)*w; i++ {
			x := i - y*w
			known[i] = in[i] && (x == 0 || in[i-1]) && (x+1 == w || in[i+1]) && (y == 0 || in[i-w]) && (y+1 == h || in[i+w])
		}
	})
	var sky [3]*skyPlane
	onAll(len(sky), func(c int) { sky[c] = pullPush(linear[c], known) })
	onAll(min(h, lowest+h/10), func(y int) {
		for i := y * w; i < (y+1)*w; i++ {
			if in[i] || prior.v[i] > 0.45 {
				continue
			}
			var off, scale float32
			for c := range sky {
				d := linear[c].v[i] - sky[c].v[i]
				off += d * d
				scale += sky[c].v[i] * sky[c].v[i]
			}
			if off < nearSky*nearSky*scale {
				in[i], prior.v[i] = true, 0.5
			}
		}
	})
}
