package segment

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// lightFacts are what exposure and bracket tell beyond the pixels.
type lightFacts struct {
	known  bool    // EXIF tells exposure time and f-number
	value  float64 // light value: the exposure value (ISO 100) at which the picture's median would be middle grey, 18 %
	flash  bool
	merged bool    // the picture is made of several photos
	ratio  float64 // stops from the median of what is no sky to that of the sky, 0 without a bracket
}

// Light values by which day is told from rooms. Sunlit ground is 14 to 15, open shade and heavy cloud 12, a room lit by its windows 5 to 9 and by lamps
// 4 to 7 (the exposure tables printed with film and meters); dusk passes through all of them.
const (
	roomLight = 9.5  // the most that a room has
	anyLight  = 10.5 // bright rooms and dull days
	dayLight  = 13
)

// The stops between a sky and what lies under it. Under a clear or an even sky ground and walls of albedo 0.1 to 0.8 lie 0.5 to 4 stops beneath
// the sky, by the cosine law; the view of a window lies 4 to 7 stops above the room.
const (
	outdoorStops = 4.0
	windowStops  = 5.5
)

// measureLight reads EXIF's light value and the bracket's contrast.
func (v *skyView) measureLight(ctx context.Context, env *realedit.Env, w *realedit.Work) (lightFacts, error) {
	var f lightFacts
	if len(w.Set.Photos) > 0 {
		facts := w.Set.Ref().Facts
		ev, withN, ok := facts.EV()
		f.known, f.value, f.flash = ok && withN, ev, facts.Flash
	}
	cw, ch := v.cut.w, v.cut.h
	if len(w.Frames) < 2 {
		if f.known {
			lums := make([]float32, v.w*v.h)
			onAll(v.h, func(y int) {
				for i := y * v.w; i < (y+1)*v.w; i++ {
					lums[i] = luminance(v.rgb[3*i:])
				}
			})
			f.value += log2(middle(lums) / 0.18)
		}
		return f, nil
	}
	f.merged = true
	stops := 0.0
	for i := range w.Frames {
		stops = max(stops, math.Abs(w.Frames[i].EV))
	}
	if stops < 0.5 {
		f.known = false // nobody knows how far the photos are apart
		return f, nil
	}
	// Per place, the light in the photo that shows it brightest without clipping, in units of the reference's.
	light := make([]float32, cw*ch)
	order := make([]int, len(w.Frames))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(w.Frames[a].EV, w.Frames[b].EV) })
	for n, i := range order {
		rgb, err := framePixels(ctx, env, &w.Frames[i], cw, ch)
		if err != nil {
			return f, err
		}
		k := float32(math.Exp2(-w.Frames[i].EV))
		for j := range light {
			if p := rgb[3*j : 3*j+3]; n == 0 || max(p[0], p[1], p[2]) < blown {
				light[j] = k * luminance(p)
			}
		}
	}
	if f.known {
		f.value += log2(middle(slices.Clone(light)) / 0.18)
	}
	var sky, rest []float32
	for j, l := range light {
		if v.cut.v[j] > 0.5 {
			sky = append(sky, l)
		} else {
			rest = append(rest, l)
		}
	}
	if len(sky) > 0 && len(rest) > 0 {
		f.ratio = log2(middle(sky) / max(middle(rest), 1e-6))
	}
	return f, nil
}

// framePixels is a frame averaged to w×h on the host.
func framePixels(ctx context.Context, env *realedit.Env, f *realedit.Frame, w, h int) ([]float32, error) {
	small, err := f.Small(env)
	if err != nil {
		return nil, err
	}
	return shrunk(ctx, env, small, w, h)
}

// shrunk is a picture averaged to w×h on the host, interleaved.
func shrunk(ctx context.Context, env *realedit.Env, of *kernels.Image, w, h int) ([]float32, error) {
	m, err := env.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer m.Free()
	if err := env.Ops.Resize(m, of); err != nil {
		return nil, err
	}
	v := make([]float32, 3*w*h)
	host, err := kernels.Wrap(v, w, h, 3)
	if err != nil {
		return nil, err
	}
	return v, env.Backend.Copy(ctx, host, m)
}

// luminance is the linear light of an sRGB-encoded pixel.
func luminance(p []float32) float32 {
	return 0.2126*linearOf(p[0]) + 0.7152*linearOf(p[1]) + 0.0722*linearOf(p[2])
}

func log2(v float32) float64 { return math.Log2(math.Max(float64(v), 1e-6)) }
