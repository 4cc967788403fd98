package pipeline

import (
	"bytes"
	"context"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// scaled is a set with its photos at another size.
func scaled(t testing.TB, set realedit.Set, factor float64) realedit.Set {
	b := kerneltest.Host(t)
	photos := set.Photos
	set.Photos = nil
	for _, p := range photos {
		full, err := p.Pixels(context.Background(), b)
		require.NoError(t, err)
		small, err := b.NewImage(int(float64(full.Width())*factor), int(float64(full.Height())*factor), 3, kernels.U8)
		require.NoError(t, err)
		require.NoError(t, b.Ops().Resize(small, full))
		pic, err := realedit.Picture(small)
		require.NoError(t, err)
		var file bytes.Buffer
		require.NoError(t, jpeg.Encode(&file, pic, &jpeg.Options{Quality: 95}))
		q, err := realedit.Decode(&file, nil)
		require.NoError(t, err)
		q.Name = p.Name
		set.Photos = append(set.Photos, q)
		full.Free()
		small.Free()
	}
	return set
}

// made is what the auto route makes of a set, and its file.
func made(t testing.TB, c realedit.Config, set realedit.Set) (*realedit.Result, []byte) {
	c.Policy = realedit.AB723
	e, err := realedit.New(c)
	require.NoError(t, err)
	p, err := Auto(nil)
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, r.Encode(&out, nil))
	return r, out.Bytes()
}

func on(b ...kernels.Backend) realedit.Config { return realedit.Config{Backends: b} }

// byName are the sample listing's sets.
func byName(t testing.TB) map[string]realedit.Set {
	sets := map[string]realedit.Set{}
	for _, s := range sampleSets(t) {
		sets[s.ID] = s
	}
	return sets
}

// hollow is a stage that says what another one takes and does nothing, but for a picture in the end.
type hollow struct{ realedit.Stage }

func (h hollow) Needs() []realedit.Key { return nil }
func (h hollow) Gives() []realedit.Key { return h.Stage.(realedit.Contract).Gives() }
func (h hollow) SetBytes(set realedit.Set) (host, device int64) {
	return realedit.StageBytes(h.Stage, set)
}
func (h hollow) Apply(_ context.Context, env *realedit.Env, w *realedit.Work) error {
	m, err := env.NewImage(4, 4, 3, kernels.U8)
	w.SetImage(m)
	return err
}

type hollows struct{ *Pipeline }

func (h hollows) Stages() (all []realedit.Stage) {
	for _, s := range h.Pipeline.Stages() {
		all = append(all, hollow{s})
	}
	return all
}

// declared is the device memory that the stages of a route say a set takes: what a device with too little is told.
func declared(t testing.TB, set realedit.Set, p *Pipeline) int64 {
	c := on(offhost.New(kerneltest.Host(t), "far:0", 1<<40))
	c.Budget.Device = 1
	e, err := realedit.New(c)
	require.NoError(t, err)
	r, err := e.Process(context.Background(), hollows{p}, set)
	require.NoError(t, err)
	defer r.Free()
	require.Equal(t, "backend_too_small", r.Report.Findings[0].Check)
	return int64(r.Report.Findings[0].Value)
}

// covered requires that what the stages of the auto route say they take is what they took and no more than half as much again.
func covered(t testing.TB, set realedit.Set, far *offhost.Backend) {
	p, err := Auto(nil)
	require.NoError(t, err)
	covers(t, set, p, far.Caps().Peak)
}

func covers(t testing.TB, set realedit.Set, p *Pipeline, peak int64) {
	t.Helper()
	need := declared(t, set, p)
	n := float64(set.Ref().Facts.Width) * float64(set.Ref().Facts.Height)
	t.Logf("%s: %d photos of %.1f MP: %.1f bytes a pixel declared, %.1f taken, ratio %.2f",
		set.ID, len(set.Photos), n/1e6, float64(need)/n, float64(peak)/n, float64(need)/float64(peak))
	require.GreaterOrEqual(t, need, peak)
	const model = 12 << 20 // a model's picture, 1024² whatever the photo's size: declared, and not taken where there is no model
	require.LessOrEqual(t, float64(need), 1.5*float64(peak)+model)
}

// No stage reads pixels where they lie: a backend whose images are off the host gives the same file, and all its memory is
// given back. In these are a single photo, photos that move, a ghost, a window that is pulled.
func TestRoutesOffTheHost(t *testing.T) {
	sets := byName(t)
	seen := map[string]bool{}
	for _, id := range []string{"DSC00126", "DSC00137", "DSC00140"} {
		set := scaled(t, sets[id], 0.4)
		r, want := made(t, on(kerneltest.Host(t)), set)
		r.Free()
		far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
		r, got := made(t, on(far), set)
		require.Equal(t, want, got, id)
		for _, f := range r.Report.Findings {
			seen[f.Check] = true
		}
		if r.Report.Measures["align_max_shift_px"] > 0 {
			seen["moved"] = true
		}
		for _, s := range r.Report.Stages {
			require.Equal(t, "far:0", s.Backend)
			require.Empty(t, s.Fallbacks)
		}
		r.Free()
		used, _ := far.Memory()
		require.Zero(t, used, id)
		covered(t, set, far)
	}
	for _, k := range []string{"ghost", "window_pulled", "moved"} {
		require.True(t, seen[k], "no set has %s: %v", k, seen)
	}
}

// Pixels stay on the device from merge to export: of the transfers, only one for each photo and one for the file
// are of the picture's size.
func TestTransfers(t *testing.T) {
	set := scaled(t, byName(t)["DSC00127"], 1.3) // beyond the 1.5 megapixels on which the gate works
	far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
	r, _ := made(t, on(far), set)
	require.Contains(t, r.Report.Shares, "other_frame", "a window was pulled")
	up, down := 0, 0
	for _, x := range far.Transfers() {
		require.Equal(t, "Copy", x.Op, "a host image was passed to an operation")
		switch {
		case x.W != r.Image.Width() || x.H != r.Image.Height():
		case x.Up:
			up++
		default:
			down++
		}
	}
	require.Equal(t, len(set.Photos), up, "uploads")
	require.Equal(t, 1, down, "downloads")
	r.Free()
	covered(t, set, far)
}
