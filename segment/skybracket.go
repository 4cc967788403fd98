package segment

import (
	"cmp"
	"context"
	"slices"

	"github.com/realedit/realedit"
)

// mostBlown is the share of a sky that may be blown in the photo that its matte is drawn from: what stands before white glare is thinner there than it is, twigs are gone.
const mostBlown = 0.1

// ofBracket is the view that a bracket's matte is drawn from, v where there is no better one: of the reference photo, in whose geometry the merge is. A merge draws levels
// together and lifts what is dark, by which twigs, walls and skies are told from each other less well. Where the sky is blown in it the colours are those of the brightest
// darker photo that holds the sky, of those that show all of the reference's picture. Who moves the picture's pixels drops the frames (Work.DropFrames), to
// which quality control holds it as well.
func (v *skyView) ofBracket(ctx context.Context, env *realedit.Env, w *realedit.Work) (*skyView, error) {
	if len(w.Frames) < 2 {
		return v, nil
	}
	reference := &w.Frames[w.Reference]
	of := reference.Image
	if of == nil || of == v.of || of.Bounds() != v.of.Bounds() {
		return v, nil
	}
	best, err := lookForSky(ctx, env, w, of)
	if err != nil {
		return nil, err
	}
	if 2*best.share < v.share { // the merge shows what the photo does not
		return v, nil
	}
	least := best.blownIn(best.rgb)
	var darker []realedit.Frame
	for _, f := range w.Frames {
		if least > mostBlown && f.EV < reference.EV && f.Valid == nil && f.Image != nil && f.Image.Bounds() == of.Bounds() {
			darker = append(darker, f)
		}
	}
	slices.SortStableFunc(darker, func(a, b realedit.Frame) int { return cmp.Compare(b.EV, a.EV) })
	for _, f := range darker {
		rgb, err := shrunk(ctx, env, f.Image, v.w, v.h)
		if err != nil {
			return nil, err
		}
		if n := best.blownIn(rgb); n < least {
			best.rgb, best.of, least = rgb, f.Image, n
		}
		if least <= mostBlown {
			break
		}
	}
	return best, nil
}

// blownIn is the share of the cut's sky that is blown in a working picture.
func (v *skyView) blownIn(rgb []float32) float64 {
	var n, white float64
	for i, c := range v.cut.v {
		if c <= 0.5 {
			continue
		}
		x, y := (2*(i%v.cut.w)+1)*v.w/(2*v.cut.w), (2*(i/v.cut.w)+1)*v.h/(2*v.cut.h)
		p := rgb[3*(y*v.w+x):][:3]
		n++
		if min(p[0], p[1], p[2]) >= blown {
			white++
		}
	}
	return white / max(n, 1)
}
