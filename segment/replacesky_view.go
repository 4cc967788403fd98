package segment

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// oldView is the picture with its own sky, small, on the host.
type oldView struct {
	pix           *raster   // sRGB-encoded
	sky           []float32 // share of sky
	share         float64   // of the whole picture
	lowest        int       // row under the lowest sky but for stray bits of it
	width, height int       // of the picture
	look          horizonView
	focalKnown    bool
	ground        float64 // mean encoded luma of what is not sky
	good          bool
	facts         skyFacts
}

// Where the horizon and the focal length are not known: the horizon lies in the middle, or where the sky ends below that, and the lens is a 24 mm one of a
// 36 mm wide frame, which most houses are photographed with.
const (
	defaultFocal35 = 24.0
	underSky       = 0.02 // of the height: the horizon is that much under the lowest sky
)

func viewOld(ctx context.Context, env *realedit.Env, w *realedit.Work, mask *kernels.Image) (*oldView, error) {
	v := &oldView{width: w.Image.Width(), height: w.Image.Height()}
	pw, ph := realedit.SmallSize(v.width, v.height)
	var err error
	if v.pix, err = smallPicture(ctx, env, w.Image, pw, ph); err != nil {
		return nil, err
	}
	small, err := env.NewImage(pw, ph, 1, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, mask); err != nil {
		return nil, err
	}
	v.sky = make([]float32, pw*ph)
	host, err := kernels.Wrap(v.sky, pw, ph, 1)
	if err != nil {
		return nil, err
	}
	if err := env.Backend.Copy(ctx, host, small); err != nil {
		return nil, err
	}
	rows := make([]float64, ph)
	var total, ground, n float64
	for i, a := range v.sky {
		rows[i/pw] += float64(a)
		total += float64(a)
		if a < 0.02 {
			p := v.pix.v[3*i : 3*i+3]
			ground += 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
			n++
		}
	}
	v.share = total / float64(pw*ph)
	v.ground = ground / max(n, 1)
	below := 0.0
	for y := ph - 1; y >= 0; y-- {
		if below += rows[y]; below > 0.003*total {
			v.lowest = y + 1
			break
		}
	}
	v.good, v.facts = judgeSky(v.pix, v.sky)
	f := w.Set.Ref().Facts
	f35 := f.Focal35
	v.focalKnown = f35 > 0
	if !v.focalKnown {
		f35 = defaultFocal35
	}
	// Equivalent focal lengths compare diagonals.
	diagonal := math.Hypot(float64(v.width), float64(v.height))
	v.look = horizonView{
		focal:   f35 / math.Hypot(36, 24) * diagonal,
		centre:  float64(v.width-1) / 2,
		horizon: float64(v.height) * max(0.5, float64(v.lowest)/float64(ph)+underSky),
	}
	return v, nil
}

// A mask is believed when the picture has an edge where the sky ends: over borderReach pixels of the small picture a channel changes by borderStep (encoded) at least, at all
// but a share of mostBorderless of the lower borders. A mask that ends within the sky (half a sunset, a cloud) does not.
const (
	borderReach    = 4
	borderStep     = 0.04
	mostBorderless = 0.4
	// longestSmooth is the longest piece of border without an edge, as a share of the picture's width: a mask that has run down a wall in haze ends in one.
	longestSmooth = 0.04
)

// borderless is the share of the mask's lower borders at which the picture has no edge, 0 where there are hardly any, and the longest piece of them, as a share of the
// picture's width.
func (v *oldView) borderless() (share, longest float64) {
	var n, smooth float64
	w, h := v.pix.w, v.pix.h
	run, end := make([]int, h), make([]int, h) // length and last column of the smooth piece that came by last, by row
	best := 0
	for x := range w {
		for y := borderReach; y+borderReach < h; y++ {
			i := y*w + x
			if v.sky[i] < 0.5 || v.sky[i+w] >= 0.5 || v.sky[i-(borderReach-1)*w] < 0.9 || v.sky[i+borderReach*w] > 0.1 {
				continue
			}
			// Over five pixels, so that noise is no edge.
			var diff [3]float32
			from, to := max(x-2, 0)-x, min(x+2, w-1)-x
			for dx := from; dx <= to; dx++ {
				up, down := v.pix.v[3*(i+dx-(borderReach-1)*w):], v.pix.v[3*(i+dx+borderReach*w):]
				for c := range 3 {
					diff[c] += (up[c] - down[c]) / float32(to-from+1)
				}
			}
			step := float32(0)
			for _, d := range diff {
				step = max(step, d, -d)
			}
			n++
			if step >= borderStep {
				continue
			}
			smooth++
			length := 1
			for k := y - borderReach; k <= y+borderReach; k++ { // a border goes up and down, and stops here and there
				if d := x - end[k]; run[k] > 0 && d > 0 && d <= 2*borderReach {
					length = max(length, run[k]+d)
				}
			}
			run[y], end[y] = length, x
			best = max(best, run[y])
		}
	}
	if n < float64(w)/50 {
		return 0, 0
	}
	return smooth / n, float64(best) / float64(w)
}

// sunHere is where the sun stands for one picture.
type sunHere struct {
	azimuth float64 // from the optical axis to the right, degrees
	from    SunFrom
	heading float64 // of the optical axis, where it decides the sun's
}

// side is −1 where the sun is to the left, 1 to the right.
func (s sunHere) side() float64 { return math.Copysign(1, s.azimuth) }

// sun is the plan's sun as this picture sees it: by the direction the camera looked in, else on the side where the old sky is brighter, else the default.
func (v *oldView) sun(f realedit.Facts, plan *SkyPlan) sunHere {
	if plan.Azimuth != nil && f.HasHeading {
		return sunHere{turn(*plan.Azimuth - f.Heading), SunFromHeading, f.Heading}
	}
	if math.Abs(v.facts.Slope) > 0.05 {
		return sunHere{azimuth: math.Copysign(115, v.facts.Slope), from: SunFromShading}
	}
	return sunHere{azimuth: defaultAzimuth, from: SunFromDefault}
}

// goodFrame is the name of a darker photo of the bracket whose sky is good, "" when none is.
func goodFrame(ctx context.Context, env *realedit.Env, w *realedit.Work, v *oldView) (string, error) {
	for i := range w.Frames {
		f := &w.Frames[i]
		if f.Image == w.Image || f.Image.Bounds() != w.Image.Bounds() {
			continue
		}
		small, err := f.Small(env)
		if err != nil {
			return "", err
		}
		r := newRaster(small.Width(), small.Height())
		host, err := kernels.Wrap(r.v, r.w, r.h, 3)
		if err != nil {
			return "", err
		}
		if err := env.Backend.Copy(ctx, host, small); err != nil {
			return "", err
		}
		if good, facts := judgeSky(r, v.sky); good && facts.Level > 0.15 {
			return f.Photo.Name, nil
		}
	}
	return "", nil
}

// frame is the size of a new sky for this picture: its longer side, and the rows down to the lowest sky.
func (v *oldView) frame(side int) (w, h int, scale float64) {
	w, full := realedit.FitInto(v.width, v.height, side)
	scale = float64(v.width) / float64(w)
	h = min(full+1, int(math.Ceil(float64(v.lowestPixel()+1)/scale))+1)
	return w, max(4, h), scale
}

// lowestPixel is the lowest row of the picture with any sky, about.
func (v *oldView) lowestPixel() int {
	for i := len(v.sky) - 1; i >= 0; i-- {
		if v.sky[i] > 0 {
			return min(v.height, (i/v.pix.w+2)*v.height/v.pix.h)
		}
	}
	return 1
}

// target is the encoded luma at which a blue sky sits with the picture's ground: photographs that are exposed for a house show it a little over its mean.
func (v *oldView) target() float64 { return max(0.50, min(0.70, 0.65+0.35*(v.ground-0.46))) }

// physical computes a sky and brings it to the picture's exposure.
func (v *oldView) physical(ctx context.Context, s physicalSky, sun sunHere, plan *SkyPlan) (*raster, string, error) {
	w, h, scale := v.frame(physicalSide)
	r := newRaster(w, h)
	if err := s.render(ctx, r, v.look, scale, v.needed(w, h, scale)); err != nil {
		return nil, "", err
	}
	// The exposure is that of the air alone, where there is sky.
	a := newAir(s.Elevation, s.Azimuth, s.Turbidity)
	var levels []float64
	for y := 0; y < v.pix.h; y += 12 {
		for x := 0; x < v.pix.w; x += 12 {
			if v.sky[y*v.pix.w+x] > 0.5 {
				k := float64(v.width) / float64(v.pix.w)
				d := v.look.towards((float64(x)+0.5)*k, (float64(y)+0.5)*k)
				d[1] = max(d[1], 0)
				levels = append(levels, luminanceOf(a.at(d)))
			}
		}
	}
	if len(levels) == 0 {
		levels = []float64{luminanceOf(a.at(v.look.towards(v.look.centre, 0)))}
	}
	slices.Sort(levels)
	exposure := decodeSRGB(v.target()) / levels[len(levels)/2]
	if err := inRows(ctx, h, func(y int) {
		for i, p := range r.row(y) {
			r.row(y)[i] = float32(encodeSRGB(shoulder(float64(p) * exposure)))
		}
	}); err != nil {
		return nil, "", err
	}
	if err := v.transition(ctx, r, scale); err != nil {
		return nil, "", err
	}
	return r, fmt.Sprintf("a computed one: the sun %.0f° high (%s), %.0f° to the %s of the view (%s)",
		s.Elevation, plan.From, math.Abs(s.Azimuth), map[bool]string{true: "left", false: "right"}[s.Azimuth < 0], sun.from), nil
}

// needed tells where a sky of w×h pixels, each of scale pixels of the picture, is seen: at sky and two pixels of the small copy around it, so that neighbours can be mixed.
func (v *oldView) needed(w, h int, scale float64) []bool {
	pw, ph := v.pix.w, v.pix.h
	wide := make([]bool, pw*ph)
	for i, a := range v.sky {
		if a == 0 {
			continue
		}
		for y := max(0, i/pw-2); y < min(ph, i/pw+3); y++ {
			for x := max(0, i%pw-2); x < min(pw, i%pw+3); x++ {
				wide[y*pw+x] = true
			}
		}
	}
	need := make([]bool, w*h)
	for y := range h {
		j := min(ph-1, int((float64(y)+0.5)*scale*float64(ph)/float64(v.height)))
		for x := range w {
			need[y*w+x] = wide[j*pw+min(pw-1, int((float64(x)+0.5)*scale*float64(pw)/float64(v.width)))]
		}
	}
	return need
}

// The transition at the horizon: that share of the difference between the old sky's mean colour there and the new one's is put in at the horizon, and less above it,
// e times less for each hazeHeight of the picture's height.
const (
	hazeShare  = 0.30
	hazeHeight = 0.08
)

// transition brings a new sky (encoded) nearer to the old one's colour towards the horizon, as haze does: what is far away on the ground was seen through the air of the old
// sky and ends in it.
func (v *oldView) transition(ctx context.Context, next *raster, scale float64) error {
	var was, is [3]float64
	var n float64
	from := max(0, v.lowest-max(2, v.pix.h/10))
	for y := from; y < v.lowest; y++ {
		for x := range v.pix.w {
			if v.sky[y*v.pix.w+x] < 0.98 {
				continue
			}
			i, j := min(next.w-1, x*next.w/v.pix.w), min(next.h-1, int((float64(y)+0.5)*float64(v.height)/float64(v.pix.h)/scale))
			for c := range 3 {
				was[c] += float64(v.pix.v[3*(y*v.pix.w+x)+c])
				is[c] += float64(next.v[3*(j*next.w+i)+c])
			}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return inRows(ctx, next.h, func(y int) {
		up := max(0, v.look.horizon-(float64(y)+0.5)*scale) / float64(v.height)
		k := hazeShare * math.Exp(-up/hazeHeight) / n
		row := next.row(y)
		for i := range row {
			row[i] = max(0, min(1, row[i]+float32(k*(was[i%3]-is[i%3]))))
		}
	})
}

// shoulder rolls bright light off below white.
func shoulder(v float64) float64 {
	const start, top = 0.55, 0.97
	if v <= start {
		return v
	}
	return start + (top-start)*(1-math.Exp(-(v-start)/(top-start)))
}

// fromLibrary lays a sky of the library over the picture: its horizon on the picture's, enlarged as little as covers all, mirrored where that is allowed and puts
// its sun on the right side, and brought to the picture's exposure.
func (v *oldView) fromLibrary(ctx context.Context, env *realedit.Env, lib *Skies, k *sky, sun sunHere, mirror bool) (*raster, string, error) {
	src, err := lib.raster(ctx, env, k, librarySide)
	if err != nil {
		return nil, "", err
	}
	w, h, scale := v.frame(librarySide)
	horizon := v.look.horizon / scale
	zoom := max(float64(w)/float64(src.w), max(horizon, float64(h))/float64(src.h)) // pixels of dst per pixel of src
	flip := mirror && sun.from != SunFromDefault && k.side*sun.side() < 0
	dst := newRaster(w, h)
	left := (float64(src.w)*zoom - float64(w)) / 2
	top := float64(src.h)*zoom - max(horizon, float64(h))
	cols := make([]column, w)
	for x := range cols {
		u := (float64(x) + 0.5 + left) / zoom
		if flip {
			u = float64(src.w) - u
		}
		i, c := cubic(u-0.5, src.w)
		cols[x] = column{int32(3 * i), c}
	}
	if err := inRows(ctx, h, func(y int) {
		j, wy := cubic((float64(y)+0.5+top)/zoom-0.5, src.h)
		line := make([]float32, 3*max(src.w, 4))
		for n, f := range wy {
			if f == 0 {
				continue
			}
			for i, p := range src.row(min(j+n, src.h-1)) {
				line[i] += f * p
			}
		}
		out := dst.row(y)
		for x := range cols {
			q := &cols[x]
			s := line[q.at : q.at+12]
			for n := range 3 {
				out[3*x+n] = max(0, min(1, q.w[0]*s[n]+q.w[1]*s[3+n]+q.w[2]*s[6+n]+q.w[3]*s[9+n]))
			}
		}
	}); err != nil {
		return nil, "", err
	}
	// The exposure: the middle of the sky to the target, within half a stop, white staying white.
	var levels []float64
	for y := 0; y < v.pix.h; y += 8 {
		for x := 0; x < v.pix.w; x += 8 {
			if v.sky[y*v.pix.w+x] > 0.5 {
				i, j := min(w-1, x*w/v.pix.w), min(h-1, int(float64(y)*float64(v.height)/float64(v.pix.h)/scale))
				p := dst.v[3*(j*w+i):]
				levels = append(levels, 0.299*float64(p[0])+0.587*float64(p[1])+0.114*float64(p[2]))
			}
		}
	}
	if len(levels) > 0 {
		slices.Sort(levels)
		have := max(0.05, min(0.95, levels[len(levels)/2]))
		gamma := max(0.8, min(1.3, math.Log(max(0.45, min(0.8, v.target()+0.06)))/math.Log(have)))
		if err := inRows(ctx, h, func(y int) {
			row := dst.row(y)
			for i, p := range row {
				row[i] = float32(math.Pow(float64(p), gamma))
			}
		}); err != nil {
			return nil, "", err
		}
	}
	if err := v.transition(ctx, dst, scale); err != nil {
		return nil, "", err
	}
	how := fmt.Sprintf("%s of the library", k.name)
	if flip {
		how += ", mirrored"
	}
	return dst, how, nil
}
