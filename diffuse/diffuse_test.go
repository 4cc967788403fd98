package diffuse

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/phototest"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// devices are the GPUs that the tests run on: none, or what REALEDIT_ORT_PROVIDER says.
func devices(t testing.TB) []int {
	p := os.Getenv("REALEDIT_ORT_PROVIDER")
	if p == "" {
		return nil
	}
	provider, err := ort.ParseProvider(p)
	require.NoError(t, err)
	return []int{provider.Device}
}

// needORT skips the test without a library, or fails it where REALEDIT_REQUIRE names ort.
func needORT(t testing.TB) {
	t.Helper()
	err := ort.Load("")
	if errors.Is(err, kernels.ErrNoCgo) {
		t.Skip(err)
	}
	phototest.Need(t, "ort", err == nil)
}

// open is an Engine of the tiny networks, with both ControlNets where controls is set.
func open(t testing.TB, unet string, controls bool, p Profile) *Engine {
	t.Helper()
	if !controls {
		return openWith(t, unet, p)
	}
	return openWith(t, unet, p, tinyControl{name: "controlnet_tile"}, tinyControl{name: "controlnet_canny"})
}

// tinyControl is a ControlNet of package tinysdxl.
type tinyControl struct {
	name  string
	types []graph.ControlType
}

// openWith is an Engine of the tiny networks with these ControlNets.
func openWith(t testing.TB, unet string, p Profile, controls ...tinyControl) *Engine {
	t.Helper()
	needORT(t)
	rec, err := tiny.Read()
	require.NoError(t, err)
	dir := t.TempDir()
	load := func(name string, n weights.Network) *weights.Set {
		path := filepath.Join(dir, name+".safetensors")
		require.NoError(t, rec.Write(path, name, safetensors.F32))
		s, err := weights.Open(n, path)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	n := &Networks{UNet: load(unet, weights.UNet), VAE: load("vae", weights.VAE), Arch: tiny.UNet, VAEArch: tiny.VAE}
	if unet == "unet_inpaint" {
		n.Arch.Inputs = 9
	}
	for _, c := range controls {
		n.Controls = append(n.Controls, graph.ControlNet{Weights: load(c.name, weights.ControlNet), Types: c.types})
	}
	e, err := Open(n, &Options{Devices: devices(t), Profile: p})
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// unit are fields in [0, 1].
func unit(name string, w, h int) *kernels.Image {
	v := tiny.Field(name, 3*w*h)
	pix := make([]float32, len(v))
	for i, x := range v { // planar to interleaved
		pix[i%(w*h)*3+i/(w*h)] = (x + 1) / 2
	}
	m, err := kernels.Wrap(pix, w, h, 3)
	if err != nil {
		panic(err)
	}
	return m
}

func prompt() *text.Embedding {
	return &text.Embedding{Hidden: tiny.Field("context", 77*96), Pooled: tiny.Field("pooled", 64)}
}

// job is what gen.py did.
func job(t testing.TB, steps int, strength float64, controls int) *Job {
	s, err := sampler.NewSchedule(steps, sampler.Epsilon)
	require.NoError(t, err)
	start, err := s.StartAt(strength)
	require.NoError(t, err)
	noise := tiny.Field("noise", 4*16*16)
	for i := range noise {
		noise[i] *= 1.7
	}
	j := &Job{Picture: unit("photo", 128, 128), Prompt: prompt(), Schedule: s, Start: start, Tile: 128, noise: noise}
	if controls > 0 {
		j.Controls = []Control{{Image: unit("controlnet_tile photo", 128, 128), Scale: 0.75}, {Image: unit("controlnet_canny photo", 128, 128), Scale: 0.5}}
	}
	return j
}

func planar(m *kernels.Image) []float32 {
	w, h := m.Width(), m.Height()
	v := make([]float32, 3*w*h)
	for y := range h {
		for x, s := range m.RowF32(y) {
			v[x%3*w*h+y*w+x/3] = s
		}
	}
	return v
}

func worst(t testing.TB, m *kernels.Image, want tiny.Output) (d float64) {
	v := planar(m)
	require.NotEmpty(t, want.Values)
	for i, w := range want.Values {
		x := float64(v[i*want.Step] - w)
		d = max(d, x, -x)
	}
	return d
}

// limit is how far a picture may be from diffusers', samples in [0, 1]: float32 on a processor; float16 on a GPU, where 0.02 was seen.
func limit(e *Engine) float64 {
	if e.cuda {
		return 0.05
	}
	return 1e-3
}

// Whole pipelines give the pictures of diffusers' pipelines, with one network loaded at a time and with all of them.
func TestImg2Img(t *testing.T) {
	runs, err := tiny.Runs()
	require.NoError(t, err)
	for _, p := range []Profile{{Name: "one by one"}, {Name: "resident", Resident: true}} {
		e := open(t, "unet", true, p)
		for _, c := range []struct {
			name     string
			steps    int
			strength float64
		}{{"img2img 8 0.25", 8, 0.25}, {"img2img 4 0.5", 4, 0.5}, {"img2img 4 1.0", 4, 1}, {"img2img 2 0.5", 2, 0.5}, {"img2img 4 1.0 guided in part", 4, 1}} {
			if !p.Resident && c.strength == 1 && !strings.HasSuffix(c.name, "part") {
				continue // loads the networks for every step
			}
			j := job(t, c.steps, c.strength, 2)
			if strings.HasSuffix(c.name, "part") {
				j.Controls[0].To, j.Controls[1].From = 0.5, 0.5
			}
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			d := worst(t, r.Picture, runs[c.name])
			t.Logf("%s, %s: largest difference %.2g", c.name, p.Name, d)
			require.Less(t, d, limit(e), c.name)
			require.Empty(t, r.Bad)
			r.Picture.Free()
		}
	}
}

func TestInpaint(t *testing.T) {
	runs, err := tiny.Runs()
	require.NoError(t, err)
	values := make([]float32, 128*128)
	for y := 32; y < 96; y++ {
		for x := 40; x < 104; x++ {
			values[y*128+x] = 1
		}
	}
	m, err := sampler.NewMask(128, 128, values)
	require.NoError(t, err)
	for _, unet := range []string{"unet", "unet_inpaint"} {
		e := open(t, unet, false, Profile{})
		for strength, name := range map[float64]string{0.5: " inpaint 0.5", 1: " inpaint 1.0"} {
			j := job(t, 4, strength, 0)
			j.Mask = m
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			d := worst(t, r.Picture, runs[unet+name])
			t.Logf("%s%s: largest difference %.2g", unet, name, d)
			require.Less(t, d, limit(e), unet+name)
		}
	}
}

// A mask counts from a half on, also one that nobody binarised: for both kinds of UNet it is the same as the binarised one.
func TestSoftMask(t *testing.T) {
	soft := make([]float32, 128*128)
	for i := range soft {
		soft[i] = float32(i%128) / 127
	}
	soft[5] = float32(math.NaN())
	hard, err := sampler.NewMask(128, 128, soft)
	require.NoError(t, err)
	for _, unet := range []string{"unet", "unet_inpaint"} {
		e := open(t, unet, false, Profile{})
		var pics [][]float32
		for _, m := range []*sampler.Mask{hard, {Width: 128, Height: 128, Values: soft}} {
			j := job(t, 4, 0.5, 0)
			j.Mask = m
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			require.Empty(t, r.Bad)
			pics = append(pics, planar(r.Picture))
			r.Picture.Free()
		}
		if e.cuda {
			require.InDeltaSlice(t, pics[0], pics[1], 0.02, unet)
		} else {
			require.Equal(t, pics[0], pics[1], unet)
		}
	}
}

// A tile that is smaller than twice the usual overlap has half of itself in common with its neighbour where nothing is said.
func TestSmallTile(t *testing.T) {
	e := open(t, "unet", false, Profile{})
	j := job(t, 4, 0.5, 0)
	j.Tile, j.noise = 64, nil
	r, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	require.Equal(t, 9, r.Tiles)
}
