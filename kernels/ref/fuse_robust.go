package ref

import (
	"math"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/internal/robust"
)

// fuseRobust is the merge of docs/merge.md, step by step over whole planes.
func fuseRobust(dst *kernels.Image, all []*kernels.Image, o *kernels.FuseOptions) error {
	w, h := dst.Width(), dst.Height()
	plan := robust.NewPlan(w, h)
	var photos, valid []*kernels.Image
	lights := make([]robust.Light, len(all))
	for i, m := range all {
		lights[i] = plan.Measure(m)
	}
	for _, i := range plan.Select(lights) {
		photos = append(photos, all[i])
		if o.Valid != nil {
			valid = append(valid, o.Valid[i])
		}
	}
	if len(photos) == 1 {
		row := rowBuf(dst)
		for y := range h {
			unitRow(photos[0], y, row)
			storeUnitRow(dst, y, row)
		}
		return nil
	}

	// How far each photo is valid at each pixel, of 255, and the least of that.
	claims, least := robustClaims(valid, len(photos), w, h)

	// Scene level in 16 bits, and reduced lumas.
	lumas := make([][]uint16, len(photos))
	low := make([][]uint16, len(photos))
	sum := make([]uint32, w*h)
	for i, m := range photos {
		lumas[i] = robustLuma(m)
		low[i] = reduce(plan, lumas[i])
		for j, v := range lumas[i] {
			sum[j] += uint32(v)
		}
	}
	scene := make([]uint16, w*h)
	for j, s := range sum {
		scene[j] = uint16(float32(s)/float32(len(photos)) + 0.5)
	}
	whole, wholes := wholeOf(plan, least), make([][]bool, len(photos))
	for i := range wholes {
		wholes[i] = wholeOf(plan, claims[i])
	}
	t := robust.NewTables(robust.Summarise(plan, low, whole))
	weights, back := t.Weights(), t.Back()

	// Where a photo is missing the others tell the scene level.
	for j, m := range least {
		if m == 255 {
			continue
		}
		var g, trust float64
		for i := range photos {
			s := backAt(&back[i], lumas[i][j])
			c := s.Trust * float64(claims[i][j])
			g += c * s.Level
			trust += c
		}
		f := float64(m) / 255
		scene[j] = uint16(f*float64(scene[j]) + (1-f)*65535*(g/trust) + 0.5)
	}

	// Base.
	counts := make([]uint32, plan.GW*plan.GH*robust.Levels)
	for y := 0; y < h; y += plan.Every {
		for x := 0; x < w; x += plan.Every {
			counts[(y/plan.Cell*plan.GW+x/plan.Cell)*robust.Levels+int(scene[y*w+x]>>8)]++
		}
	}
	base := t.Base(plan, counts)

	// Local contrast: the coefficients, from reduced pixels.
	level := newGray(plan.LW, plan.LH)
	small, valids := make([]gray, len(photos)), make([]gray, len(photos))
	for i := range photos {
		small[i], valids[i] = newGray(plan.LW, plan.LH), newGray(plan.LW, plan.LH)
		for j, v := range low[i] {
			small[i].v[j] = float64(v) / 65535
			if wholes[i][j] {
				valids[i].v[j] = 1
			}
		}
	}
	reduced := reduce(plan, scene)
	for j := range level.v {
		if whole[j] {
			var sum uint32
			for i := range low {
				sum += uint32(low[i][j])
			}
			reduced[j] = uint16(float32(sum)/float32(len(photos)) + 0.5)
		}
		level.v[j] = robustLevel(t, plan, base, reduced[j], float64(j%plan.LW*plan.Step)+float64(plan.Step)/2, float64(j/plan.LW*plan.Step)+float64(plan.Step)/2)
	}
	var steps [len(robust.Steps)]fitted
	luma := make([]float64, len(photos))
	for k, s := range robust.Steps {
		steps[k] = fit(s, level, small, valids)
		next := newGray(plan.LW, plan.LH)
		for j, v := range level.v {
			for i := range luma {
				luma[i] = small[i].v[j]
			}
			next.v[j] = steps[k].apply([]tap{{j % plan.LW, 1}}, []tap{{j / plan.LW, 1}}, v, luma)
		}
		level = next
	}

	row := rowBuf(dst)
	colours := make([][]float64, len(photos))
	for i, m := range photos {
		colours[i] = rowBuf(m)
	}
	for y := range h {
		for i, m := range photos {
			unitRow(m, y, colours[i])
		}
		for x := range w {
			j := y*w + x
			target := robustLevel(t, plan, base, scene[j], float64(x)+0.5, float64(y)+0.5)
			for i := range luma {
				luma[i] = 0
				if claims[i][j] > 0 {
					luma[i] = 0.299*unit01(colours[i][3*x]) + 0.587*unit01(colours[i][3*x+1]) + 0.114*unit01(colours[i][3*x+2])
				}
			}
			xs := tapsOf((float64(x)+0.5)/float64(plan.Step)-0.5, plan.LW)
			ys := tapsOf((float64(y)+0.5)/float64(plan.Step)-0.5, plan.LH)
			for _, s := range steps {
				target = s.apply(xs, ys, target, luma)
			}
			var c [3]float64
			var total float64
			for i := range photos {
				a := float64(weights[i][scene[j]>>4])
				if least[j] < 255 {
					a = (a + robust.Claim) * float64(claims[i][j])
				}
				for k := range c {
					c[k] += a * unit01(colours[i][3*x+k])
				}
				total += a
			}
			for k := range c {
				c[k] /= total
			}
			copy(row[3*x:], robustColour(target, c))
		}
		storeUnitRow(dst, y, row)
	}
	return nil
}

// robustClaims are the validity planes of n photos, 255 everywhere for nil and where no photo claims a pixel, and their minimum.
func robustClaims(valid []*kernels.Image, n, w, h int) (claims [][]uint8, least []uint8) {
	claims, least = make([][]uint8, n), make([]uint8, w*h)
	any := make([]bool, w*h)
	for i := range claims {
		claims[i] = make([]uint8, w*h)
		for j := range claims[i] {
			claims[i][j] = 255
			if valid != nil && valid[i] != nil {
				claims[i][j] = valid[i].RowU8(j / w)[j%w]
			}
			any[j] = any[j] || claims[i][j] > 0
		}
	}
	for j := range least {
		least[j] = 255
		for i := range claims {
			if !any[j] {
				claims[i][j] = 255
			}
			least[j] = min(least[j], claims[i][j])
		}
	}
	return claims, least
}

// robustLuma is the photo's luma in 16 bits.
func robustLuma(m *kernels.Image) []uint16 {
	out := make([]uint16, 0, m.Width()*m.Height())
	for y := range m.Height() {
		for x := range m.Width() {
			var c [3]uint32
			for k := range c {
				switch m.Format() {
				case kernels.U8:
					c[k] = 257 * uint32(m.RowU8(y)[3*x+k])
				case kernels.U16:
					c[k] = uint32(m.RowU16(y)[3*x+k])
				case kernels.F32:
					c[k] = robust.Level16(m.RowF32(y)[3*x+k])
				}
			}
			out = append(out, uint16(robust.Luma(c[0], c[1], c[2])))
		}
	}
	return out
}

// reduce is the mean over boxes of Step×Step pixels.
func reduce(p robust.Plan, v []uint16) []uint16 {
	out := make([]uint16, p.LW*p.LH)
	area := p.Step * p.Step
	for i := range out {
		x0, y0, sum := i%p.LW*p.Step, i/p.LW*p.Step, area/2
		for j := range area {
			sum += int(v[(y0+j/p.Step)*p.W+x0+j%p.Step])
		}
		out[i] = uint16(sum / area)
	}
	return out
}

// backAt is the scene level that a luma stands for, between two entries of the table.
func backAt(t *[robust.Inverse + 1]robust.Scene, luma uint16) robust.Scene {
	a, b, f := t[luma>>4], t[luma>>4+1], float64(luma&15)/16
	return robust.Scene{Level: a.Level + (b.Level-a.Level)*f, Trust: a.Trust + (b.Trust-a.Trust)*f}
}

// wholeOf tells which reduced pixels a claim of 255 covers.
func wholeOf(p robust.Plan, claim []uint8) []bool {
	whole := make([]bool, p.LW*p.LH)
	for i := range whole {
		x0, y0 := i%p.LW*p.Step, i/p.LW*p.Step
		whole[i] = true
		for j := range p.Step * p.Step {
			whole[i] = whole[i] && claim[(y0+j/p.Step)*p.W+x0+j%p.Step] == 255
		}
	}
	return whole
}

// robustLevel is the merged luma at a scene level and a place, before local contrast.
func robustLevel(t *robust.Tables, p robust.Plan, base []float32, scene uint16, x, y float64) float64 {
	at := min(max(float64(scene)*(robust.Levels/65535.0)-0.5, 0), robust.Levels-1)
	k := min(int(at), robust.Levels-2)
	tone := t.Tone[k] + (t.Tone[k+1]-t.Tone[k])*(at-float64(k))
	fine := t.Fine[k] + (t.Fine[k+1]-t.Fine[k])*(at-float64(k))

	b := 0.0
	cx := tapsOf(x/float64(p.Cell)-0.5, p.GW)
	cy := tapsOf(y/float64(p.Cell)-0.5, p.GH)
	cz := tapsOf(tone*(robust.Ranges-1), robust.Ranges)
	for _, j := range cy {
		for _, i := range cx {
			for _, z := range cz {
				b += j.weight * i.weight * z.weight * float64(base[(j.i*p.GW+i.i)*robust.Ranges+z.i])
			}
		}
	}

	law := 0.0
	for _, j := range tapsOf(b*robust.Detail, robust.Detail+1) {
		law += j.weight * t.Law[j.i]
	}
	d := (1-robust.Boost)*(tone-b) + robust.Boost*(fine-law)
	b = 0.5 + robust.BaseContrast*(b-0.5)
	b -= robust.Lower * max(b-robust.Knee, 0)
	room := b
	if d > 0 {
		room = robust.White - b
	}
	v := math.Abs(d)
	v /= math.Cbrt(1 + math.Pow(v/max(room, 1e-4), 3))
	return min(robust.White, max(0, b+math.Copysign(v, d)))
}

// tapsOf are the two entries around a position, of n.
func tapsOf(at float64, n int) []tap {
	at = min(max(at, 0), float64(n-1))
	i := min(int(at), max(n-2, 0))
	f := at - float64(i)
	return []tap{{i, 1 - f}, {min(i+1, n-1), f}}
}

// robustColour is the colour with its luma changed, the distance from grey scaled along, as exposure would, as far as there is room.
func robustColour(luma float64, c [3]float64) []float64 {
	old := 0.299*c[0] + 0.587*c[1] + 0.114*c[2]
	k := min(2, (luma+robust.Toe)/(old+robust.Toe))
	k = min(k, (robust.Limit-luma)/max(max(c[0], c[1], c[2])-old, 1e-4), luma/max(old-min(c[0], c[1], c[2]), 1e-4))
	for i := range c {
		c[i] = luma + (c[i]-old)*k
	}
	return c[:]
}
