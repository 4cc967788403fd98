package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// modelMask asks a network of the U²-Net family (Qin et al. 2020; IS-Net, Qin et al. 2022) of kind "sky" or "saliency" for a mask of src: pw×ph samples, 0 to 1, what
// it sees least of at 0 and most of at 1. peak is its largest answer before that, which for networks that end in a sigmoid is its confidence: where
// there is nothing, what is stretched to 1 is noise. As rembg: Lanczos, divided by the largest value, the first output, stretched from least to most.
// A constant answer is no mask: all 0. Errors: CodeNoModel, CodeBadModel and Models.Run's.
func modelMask(ctx context.Context, env *realedit.Env, w *realedit.Work, kind string, src *kernels.Image, pw, ph int) (mask []float32, peak float32, err error) {
	m, err := ask(env, w, kind)
	if err != nil {
		return nil, 0, err
	}
	if err := m.stretched(); err != nil {
		return nil, 0, err
	}
	if len(m.spec.Outputs) == 0 {
		return nil, 0, m.bad("no output is declared")
	}
	name, t, _, err := m.picture(ctx, src, lanczos, true)
	if err != nil {
		return nil, 0, err
	}
	out, err := m.run(ctx, ort.Values{name: t})
	if err != nil {
		return nil, 0, err
	}
	got, err := m.output(out, m.spec.Outputs[0].Name, 1, 1, -1, -1)
	if err != nil {
		return nil, 0, err
	}
	low := got.v[0]
	peak = low
	for _, v := range got.v {
		low, peak = min(low, v), max(peak, v)
	}
	if math.IsInf(float64(peak-low), 0) { // would be stretched to what is no number
		return nil, 0, m.bad("%s: answers from %g to %g are too far apart", m.spec.Outputs[0].Name, low, peak)
	}
	plane := make([]float32, len(got.v))
	if peak > low {
		for i, v := range got.v {
			plane[i] = (v - low) / (peak - low)
		}
	}
	mask, err = resizePlane(ctx, env, plane, int(got.shape[3]), int(got.shape[2]), pw, ph)
	return mask, peak, err
}
