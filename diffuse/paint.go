package diffuse

import (
	"cmp"
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/kernels"
)

// Painting is in which steps a model paints what a mask covers.
type Painting struct {
	// Steps are those of the schedule, 2, 4 or 8; 0 = 8. Executed are how many of them are run, the last ones; 0 = all: what was under the mask counts for nothing.
	Steps    int `json:"steps,omitempty"`
	Executed int `json:"executed,omitempty"`
}

// start is the schedule and where in it a painting begins. Errors: CodeBadOption.
func (p Painting) start() (*sampler.Schedule, sampler.Start, error) {
	schedule, err := sampler.NewSchedule(cmp.Or(p.Steps, sampler.DefaultSteps), sampler.Epsilon)
	if err != nil {
		return nil, sampler.Start{}, err
	}
	start, err := schedule.StartWith(cmp.Or(p.Executed, schedule.Steps()))
	return schedule, start, err
}

// seenBytes is what a model that sees a w×h picture takes of the host: pictures and masks of the size in which it does. The networks are counted by nobody: they take
// what their Profile says.
func seenBytes(w, h int) int64 {
	sw, sh := seen(w, h)
	return 3*kernels.ImageBytes(sw, sh, 3, kernels.U8) + 8*kernels.ImageBytes(sw, sh, 3, kernels.F32)
}

// small is a picture in the size in which a model sees it, on the host.
func small(ctx context.Context, env *realedit.Env, m *kernels.Image, f kernels.Format) (host *kernels.Image, free func(), err error) {
	w, h := seen(m.Width(), m.Height())
	at, err := env.NewImage(w, h, m.Channels(), f)
	if err != nil {
		return nil, nil, err
	}
	if err := env.Ops.Resize(at, m); err != nil {
		at.Free()
		return nil, nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "resize", Err: err}
	}
	if at.OnHost() {
		return at, at.Free, nil
	}
	defer at.Free()
	if host, free, err = kernels.ToHost(ctx, env.Backend, at); err != nil {
		return nil, nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "to host", Err: err}
	}
	return host, free, nil
}

// The parts of a picture that a model was to leave alone come back through its autoencoder. Colours that move by more than this on the average (encoded) are another
// picture's, and then what it painted belongs to that.
const mostAstray = 0.06

// paint is a picture with what lies under the mask (its size, 1 channel; over edge it counts) painted anew, in the size in which the model sees it, on the host. match
// brings its colours to the picture's by what is not under the mask. nil: there is nothing to paint.
func (p Painting) paint(ctx context.Context, env *realedit.Env, w *realedit.Work, stage, preset string, picture, mask *kernels.Image, edge float32, match bool, seed uint64) (*kernels.Image, error) {
	schedule, start, err := p.start()
	if err != nil {
		return nil, err
	}
	want, err := paintWants(env, w)
	if err != nil {
		return nil, err
	}
	kit, err := kitFor(ctx, env, want)
	if err != nil {
		return nil, err
	}
	prompt, err := kit.prompt(ctx, preset)
	if err != nil {
		return nil, err
	}
	seen, free, err := small(ctx, env, picture, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer free()
	soft, freeSoft, err := small(ctx, env, mask, kernels.F32)
	if err != nil {
		return nil, err
	}
	defer freeSoft()
	anew := byCells(soft, edge)
	if anew == nil {
		return nil, nil
	}
	r, err := kit.run(ctx, env, &Job{Picture: seen, Prompt: prompt, Schedule: schedule, Start: start, Seed: seed, Whole: true, Mask: anew,
		Progress: func(f float64) { env.Progress(stage, 0.8*f) }})
	if err != nil {
		return nil, err
	}
	for _, kind := range kit.kinds {
		env.UsedModel(w, kind)
	}
	if len(r.Bad) > 0 {
		err = realedit.Errorf(realedit.CodeBadModel, "diffuse", "the networks gave numbers that are none")
	} else {
		err = reconcile(r.Picture, seen, anew, match)
	}
	if err != nil {
		r.Picture.Free()
		return nil, err
	}
	return r.Picture, nil
}

// paintWants are the UNet for inpainting, which is told what lies around the mask, with the LoRA that lets it do with few steps; else the Lightning UNet. In eight steps the
// one for inpainting alone paints fog.
func paintWants(env *realedit.Env, w *realedit.Work) (wants, error) {
	if !env.HasModel(kindInpaint) {
		return wants{unet: kindUNet}, nil
	}
	if env.HasModel(kindFewStep) {
		return wants{unet: kindInpaint, lora: kindFewStep, weight: 1}, nil
	}
	const why = kindInpaint + " takes part with " + kindFewStep + " only, which lets it do with few steps"
	if !env.HasModel(kindUNet) {
		return wants{}, realedit.Errorf(realedit.CodeNoModel, kindFewStep, why)
	}
	w.Find(realedit.Finding{Check: realedit.CheckModelMissing, Severity: realedit.Info, Message: why + "; " + kindUNet + " paints in its place"})
	return wants{unet: kindUNet}, nil
}

// byCells is what a model is to paint: all of a latent's pixels where a mask is over edge in one of them; nil where it nowhere is.
func byCells(soft *kernels.Image, edge float32) *sampler.Mask {
	const side = sampler.LatentScale
	m := &sampler.Mask{Height: soft.Height(), Width: soft.Width(), Values: make([]float32, soft.Height()*soft.Width())}
	some := false
	for y := range m.Height {
		for x, v := range soft.RowF32(y) {
			if v <= edge || m.Values[y*m.Width+x] != 0 {
				continue
			}
			some = true
			for j := y / side * side; j < min(m.Height, (y/side+1)*side); j++ {
				for i := x / side * side; i < min(m.Width, (x/side+1)*side); i++ {
					m.Values[j*m.Width+i] = 1
				}
			}
		}
	}
	if !some {
		return nil
	}
	return m
}

// reconcile holds a painted picture to the one that was seen, where it was to stay as it was, and with match brings its channels' means and deviations to that one's there:
// an autoencoder shifts colours a little. Both are U8.
func reconcile(painted, seen *kernels.Image, anew *sampler.Mask, match bool) error {
	var n, astray float64
	var sum, square [2][3]float64
	for y := range seen.Height() {
		p, s := painted.RowU8(y), seen.RowU8(y)
		for x := range seen.Width() {
			if anew.Values[y*anew.Width+x] != 0 {
				continue
			}
			n++
			for c := range 3 {
				a, b := float64(p[3*x+c]), float64(s[3*x+c])
				astray += math.Abs(a - b)
				sum[0][c], square[0][c] = sum[0][c]+a, square[0][c]+a*a
				sum[1][c], square[1][c] = sum[1][c]+b, square[1][c]+b*b
			}
		}
	}
	if n == 0 {
		return nil
	}
	if astray /= 255 * 3 * n; astray > mostAstray {
		return realedit.Errorf(realedit.CodeBadModel, "diffuse", "where it was to be left alone the picture came back changed by %.2f on the average, at most %.2f is an autoencoder's doing", astray, mostAstray)
	}
	if !match {
		return nil
	}
	var table [3][256]uint8
	for c := range 3 {
		var mean, deviation [2]float64
		for i := range 2 {
			mean[i] = sum[i][c] / n
			deviation[i] = math.Sqrt(max(0, square[i][c]/n-mean[i]*mean[i]))
		}
		gain := 1.0
		if deviation[0] > 1 {
			gain = max(0.8, min(1.25, deviation[1]/deviation[0]))
		}
		for v := range 256 {
			table[c][v] = uint8(max(0, min(255, math.Round(mean[1]+gain*(float64(v)-mean[0])))))
		}
	}
	for y := range painted.Height() {
		row := painted.RowU8(y)
		for i, v := range row {
			row[i] = table[i%3][v]
		}
	}
	return nil
}
