package segment

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/realedit/realedit/internal/scene"
	"github.com/stretchr/testify/require"
)

// ideal is a rendered house before another sky, by the renderer's own coverage: where nothing but twigs, wires and the antenna stands before the sky, the radiance of
// the old sky is known from the same view without them, and is exchanged for that of a blue one before the camera takes its picture.
type ideal struct {
	*house
	want  []float64 // encoded luma, where known
	thin  []bool    // pixels that a thin thing covers at least a fifth of
	open  []bool    // sky beside thin things, within three pixels
	known []bool
}

var blue = [3]float32{0.16, 0.30, 0.62}

func newIdeal(kind scene.SkyKind, view, w, h int, ev float64) *ideal {
	k := newHouse(kind, view, w, h, ev)
	bare := scene.Exterior(scene.ExteriorOptions{W: w, H: h, Sky: kind, View: view, Bare: true})
	rad := make([]float32, 3*w*h)
	copy(rad, k.scene.Radiance)
	d := &ideal{house: k, known: make([]bool, w*h), thin: make([]bool, w*h), open: make([]bool, w*h), want: make([]float64, w*h)}
	gain := float32(math.Exp2(-ev)) // the new sky is to come out the same at every exposure
	for i, a := range k.scene.Sky {
		if bare.Sky[i] < 1 {
			continue
		}
		d.known[i] = true
		d.thin[i] = a < 0.8
		for c := range 3 {
			rad[3*i+c] += a * (blue[c]*gain - bare.Radiance[3*i+c])
		}
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			if !d.known[i] || k.mask[i] != 255 {
				continue
			}
			for dy := -3; dy <= 3; dy++ {
				for dx := -3; dx <= 3; dx++ {
					if X, Y := x+dx, y+dy; X >= 0 && Y >= 0 && X < w && Y < h && d.thin[Y*w+X] {
						d.open[i] = true
					}
				}
			}
		}
	}
	_, p := scene.Camera{Bits: 16, FullWell: -1}.Expose(rad, w, h, ev, 0)
	for i := range d.want {
		d.want[i] = lumaOf16(p[3*i:])
	}
	return d
}

func lumaOf16(p []uint16) float64 {
	return (0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])) / 65535
}

// edgeFacts compare a composite with the ideal one: what is left of the thin things' contrast, the worst twentieth of the errors on them, how much brighter or darker than
// the new sky the open sky beside them is on the average (a halo), and the share of it that is more than three hundredths off.
type edgeFacts struct{ contrast, error95, halo, stained float64 }

// compose puts the blue sky in through a mask and measures.
func (d *ideal) compose(t *testing.T, mask []uint8) (f edgeFacts) {
	b := back(t, "cpu")
	env := envOn(b)
	pic, m := imageOf(t, b, d.pix, d.w, d.h, 3), imageOf(t, b, mask, d.w, d.h, 1)
	fields, err := collect(context.Background(), env, pic, m)
	require.NoError(t, err)
	fields.grain = 0
	next := newRaster(d.w/4, d.h/4)
	for i := range next.v {
		next.v[i] = float32(encodeSRGB(scene.Camera{}.Tone(float64(blue[i%3]))))
	}
	require.NoError(t, fields.composite(context.Background(), env, pic, m, next, 1))
	got := samplesOf(t, b, pic)
	sky := 0.299*float64(next.v[0]) + 0.587*float64(next.v[1]) + 0.114*float64(next.v[2])
	var have, want, halo, stained, n float64
	var errs []float64
	for i := range d.known {
		l := lumaOf16(got[3*i:])
		switch {
		case d.thin[i]:
			have += sky - l
			want += sky - d.want[i]
			errs = append(errs, math.Abs(l-d.want[i]))
		case d.open[i]:
			halo += l - sky
			n++
			if math.Abs(l-sky) > 0.03 {
				stained++
			}
		}
	}
	require.Greater(t, len(errs), 300)
	slices.Sort(errs)
	return edgeFacts{have / want, errs[len(errs)*95/100], halo / n, stained / n}
}

// Twigs, wires and an antenna keep their contrast before the new sky, and there is no halo beside them: with the exact mask, with one that is soft, and of what the
// mask does not know most is kept. Where the old sky is blown, it has eaten what is thinner than two pixels, and what is left of it is kept dark.
func TestReplaceSkyKeepsThinThings(t *testing.T) {
	for _, c := range []struct {
		kind             scene.SkyKind
		ev               float64
		exact, soft      [2]float64 // contrast, from to
		unknown, stained float64    // least contrast; most of the open sky that is stained
	}{
		{scene.SkyOvercast, -0.7, [2]float64{0.97, 1.05}, [2]float64{0.9, 1.1}, 0.55, 0.01},
		{scene.SkyBlown, -1, [2]float64{0.2, 1.05}, [2]float64{0.2, 1.05}, 0.15, 0.05},
	} {
		for view := range 2 {
			if testing.Short() && view > 0 {
				continue
			}
			d := newIdeal(c.kind, view, 720, 480, c.ev)
			exact, soft := d.compose(t, d.mask), d.compose(t, blurred(d.mask, d.w, d.h, 1))
			unknown := d.compose(t, maskOf(scene.Exterior(scene.ExteriorOptions{W: d.w, H: d.h, Sky: c.kind, View: view, Bare: true})))
			t.Logf("%v, view %d: exact mask %+v, soft %+v, without thin things %+v", c.kind, view, exact, soft, unknown)
			require.True(t, exact.contrast > c.exact[0] && exact.contrast < c.exact[1], "%+v", exact)
			require.True(t, soft.contrast > c.soft[0] && soft.contrast < c.soft[1], "%+v", soft)
			require.Greater(t, unknown.contrast, c.unknown)
			if c.kind == scene.SkyOvercast {
				require.Less(t, exact.error95, 0.05)
				require.Less(t, soft.error95, 0.1)
			}
			for _, f := range []edgeFacts{exact, soft, unknown} {
				require.Less(t, math.Abs(f.halo), 0.004, "%+v", f)
				require.LessOrEqual(t, f.stained, c.stained, "%+v", f)
			}
		}
	}
}

func blurred(m []uint8, w, h, r int) []uint8 {
	out := make([]uint8, len(m))
	for y := range h {
		for x := range w {
			s, n := 0, 0
			for j := max(0, y-r); j <= min(h-1, y+r); j++ {
				for i := max(0, x-r); i <= min(w-1, x+r); i++ {
					s, n = s+int(m[j*w+i]), n+1
				}
			}
			out[y*w+x] = uint8((s + n/2) / n)
		}
	}
	return out
}
