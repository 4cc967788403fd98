package hdr

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
)

// fullPlane is m's luma at full size on the host.
func fullPlane(t testing.TB, env *realedit.Env, m *kernels.Image) *plane {
	t.Helper()
	p, err := lumaPlane(context.Background(), env, m, m.Width(), m.Height())
	require.NoError(t, err)
	return p
}

// toned is p through the tone map that takes its distribution over the region to q's.
func toned(p, q *plane, region func(i int) bool) *plane {
	m := matchTone(p, q, region)
	out := &plane{p.w, p.h, make([]float32, len(p.v))}
	for i, v := range p.v {
		out.v[i] = m.apply(v)
	}
	return out
}

// ssimOver is the mean SSIM of two planes over a region.
func ssimOver(t testing.TB, env *realedit.Env, a, b *plane, region func(i int) bool) float64 {
	t.Helper()
	ia, err := kernels.Wrap(a.v, a.w, a.h, 1)
	require.NoError(t, err)
	ib, err := kernels.Wrap(b.v, b.w, b.h, 1)
	require.NoError(t, err)
	m, err := env.NewImage(a.w, a.h, 1, kernels.F32)
	require.NoError(t, err)
	defer m.Free()
	_, err = env.Ops.SSIM(ia, ib, m, nil)
	require.NoError(t, err)
	var sum, n float64
	for i := range a.v {
		if region(i) {
			sum += float64(m.RowF32(i / a.w)[i%a.w])
			n++
		}
	}
	return sum / n
}

// Somebody walks through a bracket: where they move, the merge shows exactly one photo.
func TestMovingRegionIsOnePhoto(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Kitchen, Wall: scene.Red})
	b := s.Bracket(scene.BracketOptions{EVs: []float64{0, -2, 2}, Base: -1, Ghost: true})
	set, _ := taken(t, b)
	// The region's rim is where the merge goes over into the single photo.
	inside := make([]bool, len(b.Moving))
	for i, v := range b.Moving {
		inside[i] = v > 0
	}
	inside = erode(inside, 600, 400, 6)
	region := func(i int) bool { return inside[i] }
	for _, deghost := range []float64{0, -1} {
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			got := fullPlane(t, env, w.Image)
			var best, second float64
			for _, f := range w.Frames {
				v := ssimOver(t, env, got, toned(fullPlane(t, env, f.Image), got, region), region)
				if v > best {
					best, second = v, best
				} else {
					second = max(second, v)
				}
			}
			t.Logf("deghost %v: SSIM %.3f to one photo, %.3f to the next; ghost share %.3f, %v", deghost, best, second, w.Report.Measures["ghost_share"], w.Report.Findings)
			if deghost == 0 {
				require.Greater(t, best, 0.95)
				require.Less(t, second, 0.9)
			} else {
				require.Less(t, best, 0.95, "without ghost removal the test must fail")
			}
		}, Align{}, Merge{Deghost: deghost})
	}
}

// Nothing moves: nothing is taken for a ghost, noise, edges, reflections and lamps
// included; resampled edges of a hand-held bracket may be, in a hundredth of the picture.
func TestStillRoomHasNoGhosts(t *testing.T) {
	for hand, limit := range map[float64]float64{0: 0.0005, 6: 0.01} {
		s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Living, Light: scene.Mixed})
		set, _ := taken(t, s.Bracket(scene.BracketOptions{Base: -1, Hand: hand}))
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			require.Less(t, w.Report.Measures["ghost_share"], limit, "hand %v: %v", hand, w.Report.Findings)
		}, Align{}, Merge{})
	}
}

// The view through a window keeps its detail: gradients go with those of the true log
// radiance, and hardly anything is blown.
func TestWindowKeepsTheView(t *testing.T) {
	for _, ev := range []float64{4.5, 6} {
		s := scene.Interior(scene.InteriorOptions{W: 600, H: 400, Room: scene.Living, WindowEV: ev})
		set, _ := taken(t, s.Bracket(scene.BracketOptions{Base: -1}))
		glass := make([]bool, len(s.Window))
		for i, v := range s.Window {
			glass[i] = v > 0.999
		}
		glass = erode(glass, 600, 400, 2)
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			got := fullPlane(t, env, w.Image)
			r := correlation(got, s.Radiance, glass)
			blown := 0.0
			n := 0.0
			for i, in := range glass {
				if in {
					n++
					if row := w.Image.RowU16(i / 600)[3*(i%600):]; max(row[0], row[1], row[2]) >= 254*257 {
						blown++
					}
				}
			}
			t.Logf("window at %+v EV: correlation %.3f, blown %.2f %%, detail %v, pulled %v", ev, r, 100*blown/n, w.Report.Measures["window_detail"], w.Changes != nil)
			require.Greater(t, r, 0.9)
			require.Less(t, blown/n, 0.01)
		}, Align{}, Merge{}, WindowPull{})
	}
}

// correlation of the gradients of got with those of the log of the true radiance's luminance.
func correlation(got *plane, radiance []float32, in []bool) float64 {
	log := make([]float64, len(got.v))
	for i := range log {
		log[i] = math.Log(max(1e-6, luminance(float64(radiance[3*i]), float64(radiance[3*i+1]), float64(radiance[3*i+2]))))
	}
	var sab, saa, sbb float64
	for y := 1; y < got.h-1; y++ {
		for x := 1; x < got.w-1; x++ {
			i := y*got.w + x
			if !in[i] {
				continue
			}
			for _, d := range []int{1, got.w} {
				a, b := float64(got.v[i+d]-got.v[i-d]), log[i+d]-log[i-d]
				sab += a * b
				saa += a * a
				sbb += b * b
			}
		}
	}
	return sab / math.Sqrt(saa*sbb)
}

// An evenly lit wall stays even beside a bright window, from JPEGs too (kernels/cpu:
// TestFuseRobustAroundAWindow has them unencoded).
func TestNoHaloBesideAWindow(t *testing.T) {
	s := scene.EvenWall(scene.EvenWallOptions{W: 600, H: 400, WindowEV: 5.5})
	set, _ := taken(t, s.Bracket(scene.BracketOptions{Base: -1}))
	wall := make([]bool, len(s.Wall))
	other := make([]bool, len(s.Wall))
	for i, v := range s.Wall {
		wall[i] = v == 1
		other[i] = s.Opening[i] > 0
	}
	near, far := dilate(other, 600, 400, 20), dilate(other, 600, 400, 80)
	rim := dilate(other, 600, 400, 3) // the photographs' own blur and JPEG blocks
	away := dilate(other, 600, 400, 110)
	for _, method := range []kernels.FuseMethod{kernels.FuseRobust, kernels.FuseMertens} {
		run(t, set, func(env *realedit.Env, w *realedit.Work) {
			got := fullPlane(t, env, w.Image)
			a := meanOver(got, func(i int) bool { return wall[i] && near[i] && !rim[i] })
			b := meanOver(got, func(i int) bool { return wall[i] && away[i] && !far[i] })
			t.Logf("%v: wall within 20 px of the frame %.1f, 100 px away %.1f of 255", method, 255*a, 255*b)
			if method == kernels.FuseRobust {
				require.InDelta(t, 255*b, 255*a, 3)
			}
		}, Align{}, Merge{Method: method})
	}
}

func meanOver(p *plane, in func(i int) bool) float64 {
	var s, n float64
	for i, v := range p.v {
		if in(i) {
			s += float64(v)
			n++
		}
	}
	return s / n
}

// Where the merge shows less of a view than a photo does, the photo's own pixels are pulled
// in, inside the mask and nowhere else, and recorded.
func TestWindowPull(t *testing.T) {
	s := scene.EvenWall(scene.EvenWallOptions{W: 480, H: 320, WindowEV: 6})
	set, _ := taken(t, s.Bracket(scene.BracketOptions{Base: -1, Hand: 2}))
	run(t, set, func(env *realedit.Env, w *realedit.Work) {
		mask, err := env.NewImage(480, 320, 1, kernels.U8)
		require.NoError(t, err)
		for i, v := range s.Window {
			mask.RowU8(i / 480)[i%480] = uint8(255 * v)
		}
		w.SetMask(realedit.MaskWindow, mask)
		// A merge that blew the window.
		white, err := env.NewImage(480, 320, 3, kernels.U16)
		require.NoError(t, err)
		for y := range 320 {
			for i := range white.RowU16(y) {
				white.RowU16(y)[i] = 65535
			}
		}
		before := white.RowU16(0)[0]
		w.SetImage(white)
		require.NoError(t, WindowPull{}.Apply(context.Background(), env, w))
		require.NotNil(t, w.Changes)
		for i, v := range s.Window {
			got := w.Image.RowU16(i / 480)[3*(i%480)]
			changed := w.Changes.Map.RowU8(i / 480)[i%480] == uint8(realedit.ChangeFrame)
			if uint8(255*v) == 0 {
				require.Equal(t, before, got, "outside the mask nothing changes")
				require.False(t, changed)
			} else if got != before {
				require.True(t, changed)
			}
		}
		glass := make([]bool, len(s.Window))
		for i, v := range s.Window {
			glass[i] = v > 0.999
		}
		require.Greater(t, correlation(fullPlane(t, env, w.Image), s.Radiance, erode(glass, 480, 320, 3)), 0.85)
	}, Align{}, Merge{})
}
