package segment

import (
	"context"
	"image"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// glass marks the pixels of a window that show what is outside: those brighter than its frame. Panes' dark contents that do not
// touch the frame are part of the view; what touches it stands before the window.
func glass(light *lightPlane, lost []bool, q corners) (box image.Rectangle, in []bool) {
	x0, y0, x1, y1 := q.box(4, light.w, light.h)
	box = image.Rect(x0, y0, x1, y1)
	w, h := box.Dx(), box.Dy()
	in = make([]bool, w*h)
	sides := q.sides()
	away := func(x, y int) [4]float64 { return sides.away(float64(x0+x)+0.5, float64(y0+y)+0.5) }
	views, rings := make([][]float64, h), make([][4][]float64, h) // of each row
	onRows(h, w, func(y int) {
		views[y] = make([]float64, 0, w)
		for x := range w {
			d := away(x, y)
			v := float64(light.v[(y0+y)*light.w+x0+x])
			switch least := min(d[0], d[1], d[2], d[3]); {
			case least > 2:
				views[y] = append(views[y], v)
			case least < -1 && least > -3.5:
				i := 0
				for k := range d {
					if d[k] < d[i] {
						i = k
					}
				}
				rings[y][i] = append(rings[y][i], v)
			}
		}
	})
	view := slices.Concat(views...)
	var ring [4][]float64
	for _, r := range rings {
		for i := range r {
			ring[i] = append(ring[i], r[i]...)
		}
	}
	if len(view) == 0 {
		return box, in
	}
	bright := nth(view, len(view)*6/10)
	var frame [4]float64
	var all []float64
	for i := range ring {
		if len(ring[i]) > 0 {
			frame[i] = middle(ring[i])
			all = append(all, frame[i])
		}
	}
	if len(all) == 0 {
		return box, in
	}
	usual := middle(all)
	for i := range ring {
		if len(ring[i]) == 0 {
			frame[i] = usual
		}
	}
	near := func(away [4]float64) float64 {
		var sum, weight float64
		for i, d := range away {
			k := 1 / ((max(d, 0) + 3) * (max(d, 0) + 3))
			sum += k * frame[i]
			weight += k
		}
		return sum / weight
	}
	bars := q.bars(light, func(v float64, away [4]float64) bool {
		f := near(away)
		return v <= f+min(1.3, max(0.6, 0.4*(bright-f)))
	})
	onRows(h, w, func(y int) {
		for x := range w {
			away := away(x, y)
			d := min(away[0], away[1], away[2], away[3])
			if d < -1 {
				continue
			}
			f := near(away)
			v := float64(light.v[(y0+y)*light.w+x0+x])
			over := min(1.3, max(0.6, 0.4*(bright-f)))
			near, on := bars.near(away)
			if d >= 1 && !near {
				over = -0.8 // what is darker stands in the room
			}
			in[y*w+x] = v > f+over && !on
		}
	})
	light.fillOutside(in, box, q, func(away [4]float64) float64 { return near(away) - 0.8 }, func(away [4]float64) bool {
		near, _ := bars.near(away)
		return near
	})
	light.dropLamps(in, lost, box, int(q.area()/80))
	fillHoles(in, w, h, int(q.area()/50), func(x, y int) bool {
		away := away(x, y)
		near, _ := bars.near(away)
		return near || min(away[0], away[1], away[2], away[3]) < 2
	})
	return box, in
}

// fillOutside gives the view what is darker than the frame where the frame runs on unbroken beside it: a tree is cut off by the frame, an armchair or a plant in the room
// covers it. floor is the light below which something stands before the frame.
func (p *lightPlane) fillOutside(in []bool, box image.Rectangle, q corners, floor func(away [4]float64) float64, bar func(away [4]float64) bool) {
	w, h := box.Dx(), box.Dy()
	sides := q.sides()
	away := func(x, y int) [4]float64 { return sides.away(float64(box.Min.X+x)+0.5, float64(box.Min.Y+y)+0.5) }
	dark := bitMaskOf(w, h, func(x, y int) bool {
		if in[y*w+x] {
			return false
		}
		d := away(x, y)
		return min(d[0], d[1], d[2], d[3]) >= 1 && !bar(d)
	})
	for _, r := range dark.regions() {
		contacts, broken := 0, 0
		for _, s := range r {
			for x := int(s.x0); x < int(s.x1); x++ {
				far := away(x, int(s.y))
				for i, d := range far {
					if d >= 2.5 {
						continue
					}
					contacts++
					l := q.line(i)
					best := math.Inf(-1)
					for out := 1.5; out < 4; out++ {
						if v, ok := p.at(float64(box.Min.X+x)+0.5-l[0]*(d+out), float64(box.Min.Y+int(s.y))+0.5-l[1]*(d+out)); ok {
							best = max(best, v)
						}
					}
					if !(best > floor(far)) {
						broken++
					}
				}
			}
		}
		if broken*8 > contacts || r.area()*6 > int(q.area()) {
			continue
		}
		r.set(in, w, true)
	}
}

// dropLamps clears what is smooth and round: a globe that hangs before the window is as bright as the view, lit or not, but has nothing to see in it. What
// of it hangs beside the window tells of its shape too; what is lost in all photos is not known to be smooth.
func (p *lightPlane) dropLamps(in, lost []bool, box image.Rectangle, least int) {
	wide := box.Inset(-max(box.Dx(), box.Dy()) / 2).Intersect(image.Rect(1, 1, p.w-1, p.h-1))
	w, h := wide.Dx(), wide.Dy()
	if wide.Empty() {
		return
	}
	step := make([]float32, w*h) // to the neighbours
	onAll(h, func(y int) {
		at := (wide.Min.Y+y)*p.w + wide.Min.X
		up, here, low := p.v[at-p.w:][:w], p.v[at-1:][:w+2], p.v[at+p.w:][:w]
		for x, gone := range lost[at:][:w] {
			if step[y*w+x] = max(abs(here[x+2]-here[x]), abs(low[x]-up[x])); gone {
				step[y*w+x] = math.MaxFloat32
			}
		}
	})
	limits := [...]float32{0.05, 0.08, 0.12, 0.2} // the lower parts a globe from a smooth view, the higher holds its shaded side
	var byLimit [len(limits)]*bitMask
	onAll(len(limits), func(i int) {
		smooth := bitMaskOf(w, h, func(x, y int) bool { return step[y*w+x] < limits[i] })
		for _, r := range smooth.shrunk(2).regions() { // from what it touches
			n := r.area()
			if n*2 < least {
				continue
			}
			body := r.filledOut()
			if m := body.area(); m < least || n*5 < m*3 || roundness(body) <= 0.89 {
				continue
			}
			if byLimit[i] == nil {
				byLimit[i] = newBitMask(w, h)
			}
			byLimit[i].addGlobe(body)
		}
	})
	var lamps *bitMask
	for _, l := range byLimit {
		if lamps == nil {
			lamps = l
		} else if l != nil {
			lamps.add(l)
		}
	}
	if lamps == nil {
		return
	}
	lamps = lamps.grown(4)
	both := box.Intersect(wide)
	for y := both.Min.Y; y < both.Max.Y; y++ {
		for x := both.Min.X; x < both.Max.X; x++ {
			if lamps.at(x-wide.Min.X, y-wide.Min.Y) {
				in[(y-box.Min.Y)*box.Dx()+x-box.Min.X] = false
			}
		}
	}
}

// addGlobe sets the ellipse that a body's bounding box holds, if the body fills it and leaves the box's corners alone, as a square patch of a wall does not.
func (m *bitMask) addGlobe(body region) {
	x0, y0, x1, y1 := body.box()
	rx, ry := float64(x1-x0)/2, float64(y1-y0)/2
	far := func(x, y int) float64 { // 1 on the ellipse
		u, v := (float64(x-x0)+0.5)/rx-1, (float64(y-y0)+0.5)/ry-1
		return u*u + v*v
	}
	in, corner := 0, 0
	for _, s := range body {
		for x := int(s.x0); x < int(s.x1); x++ {
			if d := far(x, int(s.y)); d <= 1 {
				in++
			} else if d > 1.25 {
				corner++
			}
		}
	}
	if float64(in) < 0.85*math.Pi*rx*ry || corner*100 > body.area() {
		return
	}
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			if far(x, y) <= 1 {
				m.set(x, y)
			}
		}
	}
}

// filledOut is a region with all that lies between two of its pixels both across and down: highlights and noise leave holes and notches in a globe.
func (r region) filledOut() (body region) {
	o := r.outline()
	for j := range o.left {
		y := o.y0 + j
		for x := o.left[j]; x < o.right[j]; x++ {
			if y < o.top[x-o.x0] || y >= o.bottom[x-o.x0] {
				continue
			}
			if n := len(body); n > 0 && int(body[n-1].y) == y && int(body[n-1].x1) == x {
				body[n-1].x1++
			} else {
				body = append(body, run{int32(y), int32(x), int32(x + 1)})
			}
		}
	}
	return body
}

func abs(v float32) float32 { return max(v, -v) }

// fillHoles sets unset regions of up to most pixels that touch nothing at the rim.
func fillHoles(in []bool, w, h, most int, rim func(x, y int) bool) {
	for _, r := range bitMaskFrom(in, w, h).inverse().regions() {
		if r.area() <= most && !r.any(rim) {
			r.set(in, w, true)
		}
	}
}

// guideOf is the frame whose luma tells glass from frame best: by what parts the tenth darkest of the glass from the tenth brightest of the
// rest around it.
func guideOf(lumas [][]float32, w int, box image.Rectangle, in []bool) int {
	bw, bh := box.Dx(), box.Dy()
	mask := bitMaskFrom(in, bw, bh)
	inner, outer := mask.shrunk(1), mask.grown(1)
	apart := make([]float64, len(lumas))
	onAll(len(lumas), func(i int) {
		l := lumas[i]
		apart[i] = math.Inf(-1)
		a, b := make([]float32, 0, bw*bh), make([]float32, 0, bw*bh)
		for y := range bh {
			for x := range bw {
				v := l[(box.Min.Y+y)*w+box.Min.X+x]
				if inner.at(x, y) {
					a = append(a, v)
				} else if !outer.at(x, y) {
					b = append(b, v)
				}
			}
		}
		if len(a) == 0 || len(b) == 0 {
			return
		}
		apart[i] = float64(nth(a, len(a)/10)) - float64(nth(b, len(b)*9/10))
	})
	best := 0
	for i, d := range apart {
		if d > apart[best] {
			best = i
		}
	}
	return best
}

// drawGlass writes one window into the mask: the guided filter's coefficients of the small mask on the frame that parts glass from
// its surroundings best, applied to that frame's own pixels, so that edges are as sharp as the photo.
func drawGlass(ctx context.Context, env *realedit.Env, dst, frame *kernels.Image, guide []float32, pw, ph int, box image.Rectangle, in []bool) error {
	bw, bh := box.Dx(), box.Dy()
	g, m := make([]float32, bw*bh), make([]float32, bw*bh)
	for y := range bh {
		for x := range bw {
			g[y*bw+x] = guide[(box.Min.Y+y)*pw+box.Min.X+x]
			if in[y*bw+x] {
				m[y*bw+x] = 1
			}
		}
	}
	coeff, err := coefficients(ctx, env, g, m, bw, bh)
	if err != nil {
		return err
	}
	sx, sy := float64(dst.Width())/float64(pw), float64(dst.Height())/float64(ph)
	full := image.Rect(int(float64(box.Min.X)*sx), int(float64(box.Min.Y)*sy), int(math.Ceil(float64(box.Max.X)*sx)), int(math.Ceil(float64(box.Max.Y)*sy))).Intersect(dst.Bounds())
	rows := max(1, (1<<21)/full.Dx())
	for y := full.Min.Y; y < full.Max.Y; y += rows {
		r := image.Rect(full.Min.X, y, full.Max.X, min(full.Max.Y, y+rows))
		if err := drawStrip(ctx, env, dst.SubImage(r), frame.SubImage(r), r, coeff, box, sx, sy); err != nil {
			return err
		}
	}
	return nil
}

// coefficients are the guided filter's (mean a, mean b) of mask m on guide g.
func coefficients(ctx context.Context, env *realedit.Env, g, m []float32, w, h int) ([]float32, error) {
	up := func(pix []float32) (*kernels.Image, error) {
		host, err := kernels.Wrap(pix, w, h, 1)
		if err != nil {
			return nil, err
		}
		d, err := env.NewImage(w, h, 1, kernels.F32)
		if err != nil {
			return nil, err
		}
		return d, env.Backend.Copy(ctx, d, host)
	}
	guide, err := up(g)
	defer guide.Free()
	if err != nil {
		return nil, err
	}
	mask, err := up(m)
	defer mask.Free()
	if err != nil {
		return nil, err
	}
	c, err := env.NewImage(w, h, 2, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer c.Free()
	if err := env.Ops.GuidedCoefficients(c, guide, mask, 2, 1e-3); err != nil {
		return nil, err
	}
	out := make([]float32, 2*w*h)
	host, err := kernels.Wrap(out, w, h, 2)
	if err != nil {
		return nil, err
	}
	return out, env.Backend.Copy(ctx, host, c)
}

// drawStrip is the rows r of a window: mask = a·luma + b, made steeper about the middle.
func drawStrip(ctx context.Context, env *realedit.Env, dst, frame *kernels.Image, r image.Rectangle, coeff []float32, box image.Rectangle, sx, sy float64) error {
	src, free, err := kernels.ToHost(ctx, env.Backend, frame)
	if err != nil {
		return err
	}
	defer free()
	out, direct := dst, dst.OnHost()
	if !direct {
		if out, err = kernels.NewHostImage(nil, dst.Width(), dst.Height(), 1, kernels.U8); err != nil {
			return err
		}
		defer out.Free()
		if err := env.Backend.Copy(ctx, out, dst); err != nil {
			return err
		}
	}
	bw, bh := box.Dx(), box.Dy()
	wide := src.Format() == kernels.U16
	type place struct { // of a column between those of the coefficients
		i, n int
		u    float32
	}
	columns := make([]place, r.Dx())
	for x := range columns {
		fx := min(max((float64(r.Min.X+x)+0.5)/sx-0.5-float64(box.Min.X), 0), float64(bw-1))
		i := min(int(fx), max(bw-2, 0))
		columns[x] = place{i, min(i+1, bw-1), float32(fx - float64(i))}
	}
	inBands(r.Dy(), func(from, to int) {
		a, b := make([]float32, bw), make([]float32, bw)
		for y := from; y < to; y++ {
			fy := min(max((float64(r.Min.Y+y)+0.5)/sy-0.5-float64(box.Min.Y), 0), float64(bh-1))
			j := min(int(fy), max(bh-2, 0))
			t := float32(fy - float64(j))
			c0, c1 := coeff[2*j*bw:2*(j+1)*bw], coeff[2*min(j+1, bh-1)*bw:]
			for x := range bw {
				a[x] = c0[2*x] + t*(c1[2*x]-c0[2*x])
				b[x] = c0[2*x+1] + t*(c1[2*x+1]-c0[2*x+1])
			}
			row := out.RowU8(y)
			for x := range row {
				i, n, u := columns[x].i, columns[x].n, columns[x].u
				var l float32
				if wide {
					p := src.RowU16(y)[3*x : 3*x+3]
					l = (0.299*float32(p[0]) + 0.587*float32(p[1]) + 0.114*float32(p[2])) / 65535
				} else {
					p := src.RowU8(y)[3*x : 3*x+3]
					l = (0.299*float32(p[0]) + 0.587*float32(p[1]) + 0.114*float32(p[2])) / 255
				}
				v := (a[i]+u*(a[n]-a[i]))*l + b[i] + u*(b[n]-b[i])
				v = (v-0.5)*1.5 + 0.5
				row[x] = max(row[x], uint8(min(max(v, 0), 1)*255+0.5))
			}
		}
	})
	if direct {
		return nil
	}
	return env.Backend.Copy(ctx, dst, out)
}
