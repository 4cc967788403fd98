package scene

import (
	"math"

	"github.com/realedit/realedit/internal/parallel"
)

// camera is a shift lens: the view direction is level, so verticals stay vertical, and the principal point moves instead.
type camera struct {
	pos   vec
	yaw   float64 // radians; 0 looks towards −z, positive turns right
	hfov  float64 // radians, of the picture's long side
	shift float64 // principal point below the middle, as a share of the height (positive shows more ceiling)
}

// seg is a thin round thing (a twig, a wire): a cone of radii ra, rb between two points.
type seg struct {
	a, b   vec
	ra, rb float64
	col    vec // radiance in white daylight
}

// stage is a world with a camera: everything needed to render any photo of it.
type stage struct {
	w      *world
	cam    camera
	width  int
	height int
	ss     int // samples per pixel side
	segs   []seg
	colour light // colours of the light groups: only [g] of each is used as an RGB triple
	lum    [groups]float64
	extra  *bvh // the moving figure, if any
	dark   func(p vec) float64
	even   bool // walls have constant radiance (halo scenes)
	evenE  float64
}

// buffers is what one render gives; all are W·H, colour is interleaved RGB.
type buffers struct {
	radiance, neutral                          []float32
	window, opening, sky, wall, figure, shadow []float32
}

const channels = 12 // radiance 3, neutral 3, window, opening, sky, wall, figure, shadow

// render draws the stage as seen by a photo whose pixels are hom × reference pixels (pixel centres at whole numbers).
func (s *stage) render(hom [9]float64) *buffers {
	inv := invert(hom)
	n := s.width * s.height
	f32 := func(k int) []float32 { return make([]float32, n*k) }
	b := &buffers{f32(3), f32(3), f32(1), f32(1), f32(1), f32(1), f32(1), f32(1)}
	const band = 8
	segs := s.project(hom)
	parallel.Each((s.height+band-1)/band, func(k int) {
		s.band(b, inv, segs, k*band, min((k+1)*band, s.height))
	})
	return b
}

func (s *stage) focal() float64 {
	return float64(max(s.width, s.height)) / 2 / math.Tan(s.cam.hfov/2)
}

func (s *stage) axes() (right, up, fwd vec) {
	sn, cs := math.Sincos(s.cam.yaw)
	return vec{cs, 0, sn}, vec{0, 1, 0}, vec{sn, 0, -cs}
}

func (s *stage) centre() (cx, cy float64) {
	return float64(s.width-1) / 2, float64(s.height-1)/2 + s.cam.shift*float64(s.height)
}

// flat is a projected seg in pixels.
type flat struct {
	x0, y0, x1, y1, r0, r1, z0, z1 float64
	col                            vec
}

func (s *stage) project(hom [9]float64) []flat {
	right, up, fwd := s.axes()
	f := s.focal()
	cx, cy := s.centre()
	var out []flat
	for _, g := range s.segs {
		a, b := g.a.sub(s.cam.pos), g.b.sub(s.cam.pos)
		za, zb := a.dot(fwd), b.dot(fwd)
		if za < 0.1 || zb < 0.1 {
			continue
		}
		x0, y0 := apply(hom, cx+f*a.dot(right)/za, cy-f*a.dot(up)/za)
		x1, y1 := apply(hom, cx+f*b.dot(right)/zb, cy-f*b.dot(up)/zb)
		out = append(out, flat{x0, y0, x1, y1, g.ra * f / za, g.rb * f / zb, za, zb, g.col})
	}
	return out
}

func (s *stage) band(b *buffers, inv [9]float64, segs []flat, y0, y1 int) {
	ss := s.ss
	w := s.width * ss
	rows := (y1 - y0) * ss
	buf := make([][channels]float64, w*rows)
	depth := make([]float64, w*rows)
	right, up, fwd := s.axes()
	f := s.focal()
	cx, cy := s.centre()
	pix := 1 / (f * float64(ss)) * 1.4
	for j := range rows {
		for i := range w {
			x := (float64(i)+0.5)/float64(ss) - 0.5
			y := float64(y0) + (float64(j)+0.5)/float64(ss) - 0.5
			x, y = apply(inv, x, y)
			d := fwd.add(right.scale((x - cx) / f)).add(up.scale((cy - y) / f)).unit()
			o := &buf[j*w+i]
			depth[j*w+i] = s.sample(o, d, pix) * d.dot(fwd)
		}
	}
	for k := range segs {
		s.stroke(&segs[k], buf, depth, w, y0, rows)
	}
	norm := 1 / float64(ss*ss)
	for j := range y1 - y0 {
		for i := range s.width {
			var a [channels]float64
			for sj := range ss {
				for si := range ss {
					for c, v := range &buf[(j*ss+sj)*w+i*ss+si] {
						a[c] += v
					}
				}
			}
			p := (y0+j)*s.width + i
			for c := range 3 {
				b.radiance[3*p+c] = float32(a[c] * norm)
				b.neutral[3*p+c] = float32(a[3+c] * norm)
			}
			for c, m := range [6][]float32{b.window, b.opening, b.sky, b.wall, b.figure, b.shadow} {
				m[p] = float32(a[6+c] * norm)
			}
		}
	}
}

// stroke lays one thin segment over the samples it covers; coverage is the exact width of the stroke seen by the sample.
func (s *stage) stroke(g *flat, buf [][channels]float64, depth []float64, w, y0, rows int) {
	ss := float64(s.ss)
	toX := func(x float64) float64 { return (x+0.5)*ss - 0.5 }
	ax, ay, bx, by := toX(g.x0), toX(g.y0-float64(y0)), toX(g.x1), toX(g.y1-float64(y0))
	r0, r1 := g.r0*ss, g.r1*ss
	m := max(r0, r1) + 1
	dx, dy := bx-ax, by-ay
	l2 := dx*dx + dy*dy
	if l2 == 0 {
		return
	}
	rad := g.col.mul(s.colour[groupDay])
	neu := g.col.scale(s.lum[groupDay])
	for j := max(0, int(math.Floor(min(ay, by)-m))); j <= min(rows-1, int(math.Ceil(max(ay, by)+m))); j++ {
		for i := max(0, int(math.Floor(min(ax, bx)-m))); i <= min(w-1, int(math.Ceil(max(ax, bx)+m))); i++ {
			px, py := float64(i)-ax, float64(j)-ay
			t := clamp((px*dx+py*dy)/l2, 0, 1)
			dist := math.Hypot(px-t*dx, py-t*dy)
			r := r0 + (r1-r0)*t
			// overlap of the sample's box (width 1) with the stroke's width 2r
			k := clamp(min(dist+0.5, r)-max(dist-0.5, -r), 0, 1)
			if k == 0 || depth[j*w+i] < g.z0+(g.z1-g.z0)*t {
				continue
			}
			o := &buf[j*w+i]
			for c, v := range [6]float64{rad.X, rad.Y, rad.Z, neu.X, neu.Y, neu.Z} {
				o[c] += (v - o[c]) * k
			}
			for c := 6; c < channels; c++ {
				o[c] *= 1 - k
			}
		}
	}
}

// sample traces one ray and returns its length.
func (s *stage) sample(out *[channels]float64, d vec, pix float64) float64 {
	w := s.w
	o := s.cam.pos
	h, ok := w.tree.closest(o, d, 1e9, nil)
	fig := false
	if s.extra != nil {
		if g, hit := s.extra.closest(o, d, h.t, nil); hit {
			h, ok, fig = g, true, true
		}
	}
	if !ok {
		c, sky := w.outside(o, d, pix)
		c = c.scale(w.outGain)
		s.put(out, &light{groupDay: c})
		if !w.open {
			out[6], out[7] = 1, 1
		}
		if sky {
			out[8] = 1
		}
		return 1e9
	}
	l := w.shade(&h, d, h.t, pix)
	if s.even && h.pr.kindTag == tagWall {
		l = light{groupDay: h.material().avg.scale(s.evenE)}
	}
	if fig {
		out[10] = 1
	} else if s.dark != nil {
		if k := s.dark(h.p); k < 1 {
			for g := range l {
				l[g] = l[g].scale(k)
			}
			out[11] = 1 - k
		}
	}
	s.put(out, &l)
	switch h.pr.kindTag {
	case tagFrame:
		out[7] = 1
	case tagWall:
		out[9] = 1
	}
	return h.t
}

func (s *stage) put(out *[channels]float64, l *light) {
	var c, n vec
	for g := range l {
		c = c.add(l[g].mul(s.colour[g]))
		n = n.add(l[g].scale(s.lum[g]))
	}
	out[0], out[1], out[2] = c.X, c.Y, c.Z
	out[3], out[4], out[5] = n.X, n.Y, n.Z
}
