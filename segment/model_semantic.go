package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// ADE20K's classes, counted from 0 (Zhou et al. 2017).
const (
	adeSky    = 2
	adeWindow = 8 // windowpane
)

// modelClasses asks a network of kind "semantic", trained on ADE20K's classes, where src shows sky and window panes: two planes of pw×ph samples, each the
// class's share of the softmax over all classes, 0 to 1. A network that gives the best class's number instead gives 0 or 1.
// Its first output is logits [1, classes, h, w] or classes [1, h, w]. Errors: CodeNoModel, CodeBadModel and Models.Run's.
func modelClasses(ctx context.Context, env *realedit.Env, w *realedit.Work, src *kernels.Image, pw, ph int) (sky, window []float32, err error) {
	m, err := ask(env, w, kindSemantic)
	if err != nil {
		return nil, nil, err
	}
	if err := m.stretched(); err != nil {
		return nil, nil, err
	}
	if len(m.spec.Outputs) == 0 {
		return nil, nil, m.bad("no output is declared")
	}
	name, t, _, err := m.picture(ctx, src, nil, false)
	if err != nil {
		return nil, nil, err
	}
	out, err := m.run(ctx, ort.Values{name: t})
	if err != nil {
		return nil, nil, err
	}
	answer := m.spec.Outputs[0].Name
	var gw, gh int
	if got := out[answer]; got != nil && len(got.Shape) == 3 {
		a, err := m.output(out, answer, 1, -1, -1)
		if err != nil {
			return nil, nil, err
		}
		gh, gw = int(a.shape[1]), int(a.shape[2])
		sky, window = oneClass(a.v, adeSky), oneClass(a.v, adeWindow)
	} else {
		a, err := m.output(out, answer, 1, -1, -1, -1)
		if err != nil {
			return nil, nil, err
		}
		if a.shape[1] <= adeWindow {
			return nil, nil, m.bad("%s: %d classes; ADE20K has 150", answer, a.shape[1])
		}
		gh, gw = int(a.shape[2]), int(a.shape[3])
		sky, window = shares(a.v, int(a.shape[1]), gw, gh)
	}
	if sky, err = resizePlane(ctx, env, sky, gw, gh, pw, ph); err != nil {
		return nil, nil, err
	}
	window, err = resizePlane(ctx, env, window, gw, gh, pw, ph)
	return sky, window, err
}

func oneClass(v []float32, class float32) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		if v[i] == class {
			out[i] = 1
		}
	}
	return out
}

// shares are the two classes' shares of the softmax over the n planes of w×h logits in v.
func shares(v []float32, n, w, h int) (sky, window []float32) {
	sky, window = make([]float32, w*h), make([]float32, w*h)
	onAll(h, func(y int) {
		top, sum := make([]float32, w), make([]float32, w)
		copy(top, v[y*w:][:w])
		for c := 1; c < n; c++ {
			for x, l := range v[(c*h+y)*w:][:w] {
				top[x] = max(top[x], l)
			}
		}
		for c := range n {
			for x, l := range v[(c*h+y)*w:][:w] {
				// What is e⁻²⁰ of the largest adds nothing to a float32, and most classes are.
				if d := l - top[x]; d > -20 {
					sum[x] += expOf(d)
				}
			}
		}
		for x := range w {
			i := y*w + x
			sky[i] = expOf(v[adeSky*w*h+i]-top[x]) / sum[x]
			window[i] = expOf(v[adeWindow*w*h+i]-top[x]) / sum[x]
		}
	})
	return sky, window
}

func expOf(x float32) float32 { return float32(math.Exp(float64(x))) }
