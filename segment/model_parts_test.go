package segment

import (
	"context"
	"io"
	"log/slog"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

var noLog = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestFrames(t *testing.T) {
	m := func(resize string) *asked {
		return &asked{spec: realedit.Model{Preprocess: realedit.Preprocess{Width: 224, Height: 224, Resize: resize}}}
	}
	for _, c := range []struct {
		resize string
		w, h   int
		want   framing
	}{
		{"fit_crop", 400, 300, framing{224, 224, 298, 224, 37, 0}},
		{"fit_crop", 300, 400, framing{224, 224, 224, 298, 0, 37}},
		{"fit_crop", 50, 50, framing{224, 224, 224, 224, 0, 0}},
		{"fit_crop", 1024, 1, framing{224, 224, 229376, 224, 114576, 0}},
		{"stretch", 400, 300, framing{224, 224, 224, 224, 0, 0}},
		{"pad", 400, 300, framing{224, 224, 224, 168, 0, 0}},
		{"pad", 1, 3000, framing{224, 224, 1, 224, 0, 0}},
	} {
		got, err := m(c.resize).frame(realedit.TensorSpec{}, c.w, c.h)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%s %d×%d", c.resize, c.w, c.h)
	}
}

// A constant stays what it is under every kernel, at any scale, and a crop is a part of the whole.
func TestResamplers(t *testing.T) {
	for name, r := range map[string]*resampler{"bilinear": bilinear, "bicubic": bicubic, "lanczos": lanczos} {
		flat := slices.Repeat([]float32{0.25, 0.5, 0.75}, 31*17)
		for _, to := range [][2]int{{31, 17}, {7, 40}, {90, 5}, {1, 1}} {
			for i, v := range r.scale(flat, 31, 17, 3, to[0], to[1], 0, 0, to[0], to[1]) {
				require.InDelta(t, flat[i%3], v, 1e-5, name)
			}
		}
		v := make([]float32, 3*31*17)
		for i := range v {
			v[i] = float32(i*37%101) / 101
		}
		same := r.scale(v, 31, 17, 3, 31, 17, 0, 0, 31, 17)
		for i := range v {
			require.InDelta(t, v[i], same[i], 1e-5, name)
		}
		whole, part := r.scale(v, 31, 17, 3, 20, 30, 0, 0, 20, 30), r.scale(v, 31, 17, 3, 20, 30, 4, 5, 9, 11)
		for y := range 11 {
			require.Equal(t, whole[3*((y+5)*20+4):][:27], part[3*9*y:][:27], name)
		}
	}
}

// A thin panorama may not take memory by its aspect ratio.
func TestThinPictures(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	for _, size := range [][2]int{{20000, 1}, {1, 20000}, {1, 1}} {
		m, err := env.NewImage(size[0], size[1], 3, kernels.U8)
		require.NoError(t, err)
		for kind, err := range askAll(t.Context(), env, w, m) {
			require.NoError(t, err, kind)
		}
		m.Free()
	}
}

// What a model is given: planes of red, green and blue, less mean, by std; black where the picture does not reach.
func TestPictureTensors(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	pix := slices.Repeat([]uint8{51, 102, 204}, 40*20)
	host, err := kernels.Wrap(pix, 40, 20, 3)
	require.NoError(t, err)
	src, err := env.NewImage(40, 20, 3, kernels.U8)
	require.NoError(t, err)
	defer src.Free()
	require.NoError(t, env.Backend.Copy(t.Context(), src, host))

	ask := func(kind string, typ string, kernel *resampler, byMax bool) []float32 {
		m := entry(kind, 8, map[bool]string{true: "pad", false: "stretch"}[kind == kindOWL], "d0")
		m.Inputs[0].Type, m.Preprocess.Mean, m.Preprocess.Std = typ, [3]float64{0.1, 0, 0.5}, [3]float64{0.5, 0, 2}
		name, x, _, err := (&asked{env: env, w: w, spec: m}).picture(t.Context(), src, kernel, byMax)
		require.NoError(t, err)
		require.Equal(t, "x", name)
		require.Equal(t, []int64{1, 3, 8, 8}, x.Shape)
		_, half := x.Data.([]kernels.Half)
		require.Equal(t, typ == "float16", half)
		v, err := floats(x)
		require.NoError(t, err)
		return v
	}
	for _, kernel := range []*resampler{nil, bicubic, lanczos} {
		v := ask(kindSky, "float32", kernel, false)
		for c, want := range []float64{(0.2 - 0.1) / 0.5, 0.4, (0.8 - 0.5) / 2} {
			for _, got := range v[64*c:][:64] {
				require.InDelta(t, want, got, 1e-6)
			}
		}
		half := ask(kindSky, "float16", kernel, false)
		for i := range v {
			require.InDelta(t, v[i], half[i], 3e-4) // half an ulp at 0.4 is 1.2e-4
		}
		v = ask(kindSky, "float32", kernel, true)
		for c, want := range []float64{(0.25 - 0.1) / 0.5, 0.5, (1 - 0.5) / 2} {
			require.InDelta(t, want, v[64*c+9], 1e-6)
		}
	}
	v := ask(kindOWL, "float32", nil, false)
	require.InDelta(t, 0.2, v[3*8+7], 1e-6, "the picture's last row")
	require.InDelta(t, -0.1/0.5, v[4*8], 1e-6, "below it: black")
	require.InDelta(t, -0.5/2, v[2*64+63], 1e-6)
}

func TestModelScenes(t *testing.T) {
	d := fullDouble()
	d.labels[kindCLIP] = clipLabels{
		Scenes: []clipLabel{{"interior", []float32{1, 0, 0}}, {"exterior", []float32{0, 3, 0}}, {"interior", []float32{0, 0, 1}}},
		Rooms:  []clipLabel{{"kitchen", []float32{1, 0, 0}}, {"office", []float32{0.999, 0.0447, 0}}},
	}
	for _, c := range []struct {
		embedding  []float32
		scene      realedit.SceneKind
		room       realedit.Room
		confidence float64
	}{
		// cosines .6, .8, 0: logits 60, 80, 0
		{[]float32{3, 4, 0}, realedit.SceneExterior, realedit.RoomUnknown, 1},
		// Equal cosines for one exterior and two interior prompts: 2/3, which is under sceneConfidence.
		{[]float32{1, 1, 1}, realedit.SceneUnknown, realedit.RoomUnknown, 2. / 3},
		{[]float32{1, 0, 0}, realedit.SceneInterior, realedit.RoomKitchen, 1},
	} {
		d.answer = func(string, ort.Values) (ort.Values, error) {
			return ort.Values{"image_embeds": {Shape: []int64{1, 3}, Data: c.embedding}}, nil
		}
		env, w := modelEnv(t, d)
		facts, err := modelScene(t.Context(), env, w, modelPicture(t, env))
		require.NoError(t, err)
		require.Equal(t, c.scene, facts.Scene)
		require.Equal(t, "model", facts.Source)
		require.InDelta(t, c.confidence, facts.Confidence, 1e-8)
		require.Equal(t, c.room, facts.Room)
	}
}

func TestClassShares(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	m := modelPicture(t, env)
	// Two by two: sky alone, window and sky alike, a third class, all alike.
	logits := [4]map[int]float32{{2: 90}, {2: 50, 8: 50}, {7: 40, 8: 39}, {}}
	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"logits": tensorOf(func(i int) float32 { return logits[i%4][i/4] }, 1, 150, 2, 2)}, nil
	}
	sky, window, err := modelClasses(t.Context(), env, w, m, 2, 2)
	require.NoError(t, err)
	e := 1 / (1 + math.E)
	require.InDeltaSlice(t, []float64{1, 0.5, 0, 1. / 150}, sky, 1e-6)
	require.InDeltaSlice(t, []float64{0, 0.5, e, 1. / 150}, window, 1e-6)

	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"logits": {Shape: []int64{1, 2, 2}, Data: []int64{2, 8, 3, 2}}}, nil
	}
	sky, window, err = modelClasses(t.Context(), env, w, m, 2, 2)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 0, 0, 1}, sky)
	require.Equal(t, []float32{0, 1, 0, 0}, window)

	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"logits": tensorOf(func(i int) float32 { return 0 }, 1, 8, 2, 2)}, nil
	}
	_, _, err = modelClasses(t.Context(), env, w, m, 2, 2)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "eight classes are not ADE20K's")
}

func TestMasksAreStretched(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	m := modelPicture(t, env)
	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"d0": tensorOf(func(i int) float32 { return 0.25 + 0.125*float32(i) }, 1, 1, 2, 2)}, nil
	}
	mask, peak, err := modelMask(t.Context(), env, w, kindSky, m, 2, 2)
	require.NoError(t, err)
	require.Equal(t, float32(0.625), peak)
	require.InDeltaSlice(t, []float32{0, 1. / 3, 2. / 3, 1}, mask, 1e-6)
	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"d0": tensorOf(func(i int) float32 { return 0.25 }, 1, 1, 2, 2)}, nil
	}
	mask, peak, err = modelMask(t.Context(), env, w, kindSky, m, 3, 3)
	require.NoError(t, err)
	require.Equal(t, float32(0.25), peak)
	require.Equal(t, make([]float32, 9), mask)
	d.answer = func(string, ort.Values) (ort.Values, error) { // numbers, but stretched they would be none
		return ort.Values{"d0": tensorOf(func(i int) float32 { return 3e38 * float32(1-2*(i%2)) }, 1, 1, 2, 2)}, nil
	}
	_, _, err = modelMask(t.Context(), env, w, kindSky, m, 2, 2)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
}

func TestWindowBoxes(t *testing.T) {
	d := fullDouble()
	env, w := modelEnv(t, d)
	m := modelPicture(t, env) // 420×300, so the padded square is 420 wide
	logits := []float32{2, 1, -3, 1.5}
	boxes := []float32{0.5, 0.5, 0.2, 0.1 /**/, 0.51, 0.5, 0.2, 0.1 /**/, 0.2, 0.2, 0.1, 0.1 /**/, 0, 0.7, 0.2, 0.4}
	d.answer = func(string, ort.Values) (ort.Values, error) {
		return ort.Values{"logits": {Shape: []int64{1, 4, 1}, Data: logits}, "pred_boxes": {Shape: []int64{1, 4, 4}, Data: boxes}}, nil
	}
	got, err := modelWindows(t.Context(), env, w, m)
	require.NoError(t, err)
	require.Len(t, got, 2, "one overlaps the first, one scores 0.05")
	for i, want := range []modelBox{{168, 189, 252, 231, 1 / (1 + math.Exp(-2))}, {0, 210, 42, 300, 1 / (1 + math.Exp(-1.5))}} {
		// The model's picture is 8×8 here: 6 of its rows are the picture's 5.71, so rows are off by up to a twentieth.
		require.InDeltaSlice(t, []float64{want.x0, want.x1, want.score}, []float64{got[i].x0, got[i].x1, got[i].score}, 1e-4)
		require.InDeltaSlice(t, []float64{want.y0, want.y1}, []float64{got[i].y0, got[i].y1}, 0.06*300)
	}
	asked := d.asked[len(d.asked)-1]
	require.Equal(t, []int64{1, 2}, asked["input_ids"].Data)
	require.Equal(t, []int64{1, 1}, asked["attention_mask"].Data)
}

// blocks is a mask of w×h with rectangles of ones.
func blocks(w, h int, rects ...[4]int) []float32 {
	m := make([]float32, w*h)
	for _, r := range rects {
		for y := r[1]; y < r[3]; y++ {
			for x := r[0]; x < r[2]; x++ {
				m[y*w+x] = 1
			}
		}
	}
	return m
}

func TestPromptsOfAMask(t *testing.T) {
	const w, h = 60, 40
	m := blocks(w, h, [4]int{10, 10, 41, 31}, [4]int{50, 2, 53, 5})
	parts := regionsOf(m, w, h)
	require.Len(t, parts, 2)
	require.Equal(t, 31*21, parts[0].area, "the largest first")
	p := parts[0].prompt(m, w, h)
	require.Equal(t, [4]int{10, 10, 40, 30}, p.box)
	require.Len(t, p.inside, samPoints)
	require.Equal(t, [2]int{25, 20}, p.inside[0], "the middle")
	require.Less(t, min(p.inside[1][0], p.inside[2][0]), 18, "the others to its left")
	require.Greater(t, max(p.inside[1][0], p.inside[2][0]), 32, "and right")
	for _, q := range p.inside {
		require.Equal(t, float32(1), m[q[1]*w+q[0]])
	}
	require.NotEmpty(t, p.outside)
	for _, q := range p.outside {
		require.Equal(t, float32(0), m[q[1]*w+q[0]])
		require.True(t, q[0] >= 6 && q[0] < 45 && q[1] >= 6 && q[1] < 35, "%v is not beside the region", q)
	}
	require.Equal(t, p, parts[0].prompt(m, w, h))
	// A mask that fills the picture has no outside, and still an inside.
	full := regionsOf(blocks(w, h, [4]int{0, 0, w, h}), w, h)[0].prompt(blocks(w, h, [4]int{0, 0, w, h}), w, h)
	require.Empty(t, full.outside)
	require.Len(t, full.inside, samPoints)
	require.Empty(t, regionsOf(make([]float32, w*h), w, h))
}

func TestChamferIsTheDistance(t *testing.T) {
	const w, h = 23, 17
	in := func(x, y int) bool { return (x*7+y*13)%29 > 2 }
	for _, edges := range []bool{false, true} {
		for k, d := range samChamfer(w, h, edges, in) {
			x, y := k%w, k/w
			best := int32(1 << 28)
			for v := -1; v <= h; v++ {
				for u := -1; u <= w; u++ {
					beyond := u < 0 || v < 0 || u >= w || v >= h
					if beyond && !edges || !beyond && in(u, v) {
						continue
					}
					dx, dy := max(u-x, x-u), max(v-y, y-v)
					best = min(best, int32(4*min(dx, dy)+3*(max(dx, dy)-min(dx, dy))))
				}
			}
			require.Equal(t, best, d, "%d, %d", x, y)
		}
	}
}

// The points a model is given: in pixels of its picture, box first, padded to what a model with a fixed number takes.
func TestPromptPoints(t *testing.T) {
	prompt := samPrompt{w: 100, h: 50, box: [4]int{10, 10, 29, 39}, inside: [][2]int{{20, 20}, {15, 15}}, outside: [][2]int{{5, 5}}}
	points := func(room int64) (xy, labels []float32, err error) {
		p := &samPicture{frame: framing{w: 1024, h: 1024, rw: 1024, rh: 1024}, decoder: &asked{spec: realedit.Model{Inputs: []realedit.TensorSpec{{Name: "point_coords", Shape: []int64{1, room, 2}}}}}}
		return p.points(prompt)
	}
	xy, labels, err := points(-1)
	require.NoError(t, err)
	require.Equal(t, []float32{2, 3, 1, 0, 1}, labels)
	require.InDelta(t, 10.5*10.24-0.5, xy[0], 1e-3)
	require.InDelta(t, 39.5*20.48-0.5, xy[3], 1e-3)
	xy, labels, err = points(7)
	require.NoError(t, err)
	require.Equal(t, []float32{2, 3, 1, 0, 1, -1, -1}, labels)
	require.Equal(t, []float32{0, 0, 0, 0}, xy[10:])
	_, labels, err = points(3)
	require.NoError(t, err)
	require.Equal(t, []float32{2, 3, 1}, labels)
	prompt = samPrompt{w: 100, h: 50}
	_, _, err = points(-1)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
}

// A decoder that knows the truth: what is asked about becomes it, and what it disagrees with stays.
func TestMasksAreRefined(t *testing.T) {
	const w, h = 64, 64 // the double's picture is as large
	truth := blocks(w, h, [4]int{12, 8, 30, 40}, [4]int{40, 30, 60, 50})
	d := fullDouble()
	m := d.models[kindSAMDecoder]
	m.Outputs = append(m.Outputs, realedit.TensorSpec{Name: "low_res_masks", Type: "float32"})
	d.models[kindSAMDecoder] = m
	answer := d.answer
	d.answer = func(kind string, in ort.Values) (ort.Values, error) {
		if kind != kindSAMDecoder {
			return answer(kind, in)
		}
		require.IsType(t, []kernels.Half{}, in["high_res_feats_1"].Data, "converted to what the decoder takes")
		require.Equal(t, []float32{0}, in["has_mask_input"].Data)
		require.Equal(t, []int32{2, 3}, in["point_labels"].Data.([]int32)[:2])
		// Mask 1 has the best estimate: the truth within the asked box, a little larger.
		box := in["point_coords"].Data.([]float32)[:4]
		return ort.Values{"low_res_masks": tensorOf(func(i int) float32 {
			k := i % (w * h)
			x, y := float32(k%w), float32(k/w)
			if i/(w*h) == 1 && truth[k] > 0 && x >= box[0]-4 && x <= box[2]+4 && y >= box[1]-4 && y <= box[3]+4 {
				return 5
			}
			return -5
		}, 1, 3, h, w), "iou_predictions": {Shape: []int64{1, 3}, Data: []float32{0.3, 0.9, 0.5}}}, nil
	}
	env, work := modelEnv(t, d)
	p, err := encodeSAM(t.Context(), env, work, modelPicture(t, env))
	require.NoError(t, err)
	rough := blocks(w, h, [4]int{11, 9, 31, 39}, [4]int{41, 31, 60, 51}, [4]int{2, 50, 12, 60})
	rough[20*w+32] = 0.3 // a soft border, which the new edge replaces
	got, redrawn, err := p.refine(t.Context(), rough, w, h)
	require.NoError(t, err)
	require.Equal(t, 2, redrawn)
	want := slices.Clone(truth)
	for k, v := range blocks(w, h, [4]int{2, 50, 12, 60}) {
		want[k] = max(want[k], v) // what the model does not see stays
	}
	require.Equal(t, want, got)
	require.Len(t, d.asked, 1+3, "the encoder once")
	again, _, err := p.refine(context.Background(), rough, w, h)
	require.NoError(t, err)
	require.Equal(t, got, again)
}
