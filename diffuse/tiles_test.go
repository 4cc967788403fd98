package diffuse

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// tiled is a job of several tiles.
func tiled(t testing.TB, w, h int) *Job {
	j := job(t, 4, 0.5, 2)
	j.noise, j.Seed = nil, 7
	j.Picture = unit("tiled", w, h)
	j.Controls[0].Image, j.Controls[1].Image = unit("one", w, h), unit("two", w, h)
	j.Tile, j.Overlap = 64, 16
	return j
}

// Pictures of every shape, and all ways of going over the tiles, give the same bytes.
func TestTilesAgree(t *testing.T) {
	e := open(t, "unet", true, Profile{Resident: true})
	for _, size := range [][2]int{{150, 101}, {1, 1}} {
		j := tiled(t, size[0], size[1])
		var first []float32
		for _, p := range []Profile{{Resident: true}, {Batch: 3, VAEBatch: 2}} {
			e.o.Profile = p
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			require.Equal(t, j.Picture.Bounds(), r.Picture.Bounds())
			if first == nil {
				first = planar(r.Picture)
				continue
			}
			if !e.cuda { // another batch is another kernel there
				require.Equal(t, first, planar(r.Picture), "%v %v", size, p)
			}
		}
		if size[0] == 1 {
			j.Seed++
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			require.NotEqual(t, first, planar(r.Picture))
		}
	}
}

// A picture that is taken whole is what one tile of its size gives, and may have any proportions.
func TestWhole(t *testing.T) {
	e := open(t, "unet", true, Profile{Resident: true})
	j := job(t, 4, 0.5, 2)
	tile, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	j.Whole = true
	one, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	require.Equal(t, 1, one.Tiles)
	d := 0.0 // the sizes that it is told differ
	for i, v := range planar(one.Picture) {
		d = max(d, math.Abs(float64(v-planarOf(tile.Picture, i))))
	}
	require.Less(t, d, 0.2)
	j = tiled(t, 200, 70)
	j.Whole = true
	r, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	require.Equal(t, j.Picture.Bounds(), r.Picture.Bounds())
	j.Picture = unit("long", 2049, 2)
	j.Controls[0].Image, j.Controls[1].Image = j.Picture, j.Picture
	_, err = e.Run(context.Background(), j)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
}

// planarOf is value i of planar.
func planarOf(m *kernels.Image, i int) float32 {
	w, h := m.Width(), m.Height()
	return m.RowF32(i % (w * h) / w)[i%w*3+i/(w*h)]
}

// Samples of 8 and 16 bits go in and come out; no steps are a copy.
func TestFormats(t *testing.T) {
	e := open(t, "unet", false, Profile{})
	pix8, pix16 := make([]uint8, 3*70*66), make([]uint16, 3*70*66)
	for i, v := range tiny.Field("formats", len(pix8)) {
		pix8[i] = uint8((v + 1) * 127)
		pix16[i] = uint16(pix8[i]) * 257
	}
	m8, err := kernels.Wrap(pix8, 70, 66, 3)
	require.NoError(t, err)
	m16, err := kernels.Wrap(pix16, 70, 66, 3)
	require.NoError(t, err)
	j := tiled(t, 70, 66)
	j.Controls = nil
	j.Picture = m8
	r8, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	j.Picture = m16
	r16, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	differ, near := 0, 0.6
	if e.cuda { // whose sums have no one order
		near = 1.6
	}
	for y := range 66 {
		a, b := r8.Picture.RowU8(y), r16.Picture.RowU16(y)
		for x := range a {
			require.InDelta(t, float64(b[x])/257, float64(a[x]), near)
			if a[x] != m8.RowU8(y)[x] {
				differ++
			}
		}
	}
	require.Greater(t, differ, 1000)

	j.Start, err = j.Schedule.StartAt(0.2)
	require.NoError(t, err)
	r, err := e.Run(context.Background(), j)
	require.NoError(t, err)
	for y := range 66 {
		require.Equal(t, m16.RowU16(y), r.Picture.RowU16(y))
	}
}

// A UNet that gives NaN leaves the picture as it was and says where.
func TestNaN(t *testing.T) {
	needORT(t)
	rec, err := tiny.Read()
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, rec.Write(path, name, safetensors.F32))
		return path
	}
	spoil := func(path, tensor string) {
		f, err := safetensors.Open(path)
		require.NoError(t, err)
		at, ok := f.Tensor(tensor)
		require.True(t, ok)
		f.Close()
		w, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = w.WriteAt([]byte{0, 0, 0xc0, 0x7f}, at.Offset)
		require.NoError(t, errors.Join(err, w.Close()))
	}
	unet, vae := write("unet"), write("vae")
	spoil(unet, "conv_out.bias")
	run := func() (*Result, *Job, error) {
		u, err := weights.Open(weights.UNet, unet)
		require.NoError(t, err)
		v, err := weights.Open(weights.VAE, vae)
		require.NoError(t, err)
		e, err := Open(&Networks{UNet: u, VAE: v, Arch: tiny.UNet, VAEArch: tiny.VAE}, &Options{Devices: devices(t)})
		require.NoError(t, err)
		defer e.Close()
		j := tiled(t, 100, 64)
		j.Controls = nil
		r, err := e.Run(context.Background(), j)
		return r, j, err
	}
	r, j, err := run()
	require.NoError(t, err)
	require.Len(t, r.Bad, r.Tiles)
	require.InDeltaSlice(t, planar(j.Picture), planar(r.Picture), 1e-6)

	spoil(vae, "encoder.conv_in.bias")
	_, _, err = run()
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
}

// A job ends within a batch of tiles of its context, as cancelled whatever its cause.
func TestCancel(t *testing.T) {
	e := open(t, "unet", true, Profile{})
	ctx, cancel := context.WithCancelCause(context.Background())
	j := tiled(t, 300, 300)
	var at time.Time
	j.Progress = func(f float64) {
		if f > 0.3 && at.IsZero() {
			at = time.Now()
			cancel(errors.New("the user left"))
		}
	}
	_, err := e.Run(ctx, j)
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "%v", err)
	require.Less(t, time.Since(at), 2*time.Second)
	_, err = e.Run(ctx, j)
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "%v", err)
}

func TestBadJobs(t *testing.T) {
	e := open(t, "unet", true, Profile{})
	for name, spoil := range map[string]func(*Job){
		"no picture":         func(j *Job) { j.Picture = nil },
		"grey":               func(j *Job) { j.Picture, _ = kernels.Wrap(make([]uint8, 100), 10, 10, 1) },
		"half":               func(j *Job) { j.Picture, _ = kernels.Wrap(make([]kernels.Half, 300), 10, 10, 3) },
		"a control less":     func(j *Job) { j.Controls = j.Controls[:1] },
		"another size":       func(j *Job) { j.Controls[1].Image = unit("x", 99, 64) },
		"two channels":       func(j *Job) { j.Controls[1].Image, _ = kernels.Wrap(make([]uint8, 2*100*64), 100, 64, 2) },
		"scale":              func(j *Job) { j.Controls[0].Scale = float32(math.NaN()) },
		"window":             func(j *Job) { j.Controls[0].From = 1 },
		"tile":               func(j *Job) { j.Tile = 100 },
		"huge tile":          func(j *Job) { j.Tile = 4096 },
		"overlap":            func(j *Job) { j.Overlap = 60 },
		"no prompt":          func(j *Job) { j.Prompt = nil },
		"infinite prompt":    func(j *Job) { j.Prompt.Pooled[3] = float32(math.Inf(1)) },
		"another's start":    func(j *Job) { j.Start.Steps = 8 },
		"mask cut short":     func(j *Job) { j.Mask = &sampler.Mask{Height: 64, Width: 100, Values: make([]float32, 4)} },
		"whole and long":     func(j *Job) { j.Whole = true; j.Picture = unit("x", 3000, 2) },
		"mask of other size": func(j *Job) { j.Mask = &sampler.Mask{Height: 2, Width: 2, Values: make([]float32, 4)} },
	} {
		j := tiled(t, 100, 64)
		spoil(j)
		_, err := e.Run(context.Background(), j)
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), "%s: %v", name, err)
	}
}

// Networks of SDXL's size are refused on a processor before anything is loaded, and those of another model by the tensor's name.
func TestWrongNetworks(t *testing.T) {
	dir := t.TempDir()
	sparse := func(name string, tensors map[string][]int) *weights.Set {
		var specs []safetensors.Spec
		for k, shape := range tensors {
			specs = append(specs, safetensors.Spec{Name: k, DType: safetensors.F16, Shape: shape})
		}
		path := filepath.Join(dir, name)
		head := &headOnly{}
		err := safetensors.Write(head, nil, specs, func(int, io.Writer) error { return errEnough })
		require.ErrorIs(t, err, errEnough)
		size := int64(len(head.b))
		for _, s := range specs {
			n := int64(2)
			for _, d := range s.Shape {
				n *= int64(d)
			}
			size += n
		}
		require.NoError(t, os.WriteFile(path, head.b, 0o600))
		require.NoError(t, os.Truncate(path, size)) // a hole: no disk
		s, err := weights.Open(weights.UNet, path)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	f := graph.Form{Width: 64, Height: 64}
	g, err := graph.NewUNet(graph.SDXL, f, nil)
	require.NoError(t, err)
	unet := sparse("unet", g.Tensors())
	_, err = Open(&Networks{UNet: unet, VAE: unet}, nil)
	require.Equal(t, realedit.CodeOutOfMemory, realedit.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "10.3 GB")

	_, err = Open(&Networks{UNet: unet, VAE: unet, Arch: tiny.UNet}, nil)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
	_, err = Open(&Networks{}, nil)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err), "%v", err)
}

var errEnough = errors.New("enough")

type headOnly struct{ b []byte }

func (h *headOnly) Write(p []byte) (int, error) {
	h.b = append(h.b, p...)
	return len(p), nil
}

// The halves of the autoencoder have the provider's options from when they are made on: a session of them may be on its way while another profile takes over.
func TestAutoencoderOptions(t *testing.T) {
	e := open(t, "unet", false, Profile{})
	e.cuda = true
	f := graph.Form{CUDA: true, Batch: 1, Width: 64, Height: 64}
	of := func(resident bool) *ort.Model {
		e.o.Profile.Resident = resident
		m, err := e.vae("vae encoder", f, graph.NewVAEEncoder)
		require.NoError(t, err)
		return m
	}
	kept, passing := of(true), of(false)
	require.Equal(t, map[string]string{"prefer_nhwc": "1", "fuse_conv_bias": "1"}, kept.Options["cuda"])
	require.Equal(t, map[string]string{"prefer_nhwc": "1", "sdpa_kernel": "19"}, passing.Options["cuda"])
	require.NotEqual(t, kept.Key, passing.Key)
	require.Same(t, kept, of(true))
}
