package diffuse

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels/ort"
)

var promax = tinyControl{"controlnet_promax", []graph.ControlType{graph.Tile, graph.Lines}}

// A ControlNet Union with two images, with each in its part of the steps, and with one of them left out, gives the pictures of diffusers' pipeline,
// with one network loaded at a time and with all of them.
func TestUnionImg2Img(t *testing.T) {
	runs, err := tiny.Runs()
	require.NoError(t, err)
	for _, p := range []Profile{{Name: "one by one"}, {Name: "resident", Resident: true}} {
		e := openWith(t, "unet", p, promax)
		for name, change := range map[string]func(*Job){
			"promax img2img": func(*Job) {},
			"promax img2img guided in part": func(j *Job) {
				j.Controls[0].To, j.Controls[1].From = 0.5, 0.5
			},
			"promax img2img of lines": func(j *Job) { j.Controls[0].Scale = 0 },
		} {
			strength := 0.5
			if strings.HasSuffix(name, "part") {
				strength = 1
			}
			j := job(t, 4, strength, 2)
			change(j)
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			d := worst(t, r.Picture, runs[name])
			t.Logf("%s, %s: largest difference %.2g", name, p.Name, d)
			require.Less(t, d, limit(e), name)
			r.Picture.Free()
		}
	}
}

// A Union beside two ordinary ControlNets gives the same bytes in all ways of going over the tiles: three networks are more than one by one loads together.
func TestUnionTilesAgree(t *testing.T) {
	e := openWith(t, "unet", Profile{Resident: true}, tinyControl{name: "controlnet_tile"}, promax, tinyControl{name: "controlnet_canny"})
	j := tiled(t, 150, 101)
	c := j.Controls
	j.Controls = []Control{c[0], c[1], c[0], c[1]}
	j.Controls[2].Scale = 0.3
	var first []float32
	for _, p := range []Profile{{Resident: true}, {Resident: true, Batch: 4, VAEBatch: 2}, {Batch: 3, VAEBatch: 2}} {
		e.o.Profile = p
		r, err := e.Run(context.Background(), j)
		require.NoError(t, err)
		if first == nil {
			first = planar(r.Picture)
			continue
		}
		if e.cuda { // another batch is another kernel there
			require.InDeltaSlice(t, first, planar(r.Picture), 0.05)
			continue
		}
		require.Equal(t, first, planar(r.Picture), "%v", p)
	}
	for i := range j.Controls { // each image counts, and none for another
		k := *j
		k.Controls = append([]Control(nil), j.Controls...)
		k.Controls[i].Image = unit("another", 150, 101)
		r, err := e.Run(context.Background(), &k)
		require.NoError(t, err)
		require.NotEqual(t, first, planar(r.Picture), "image %d", i)
	}
	j.Controls = j.Controls[:3]
	_, err := e.Run(context.Background(), j)
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
}

// An Engine is not opened with a type of images that the Union does not know.
func TestUnionWithoutTile(t *testing.T) {
	e := openWith(t, "unet", Profile{}, tinyControl{"controlnet_union", []graph.ControlType{graph.Lines}})
	n := e.n
	n.Controls = []graph.ControlNet{{Weights: n.Controls[0].Weights, Types: promax.types}}
	_, err := Open(&n, &e.o)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
	require.ErrorContains(t, err, "task_embedding")
}

// filesOf are models whose files are those of tiny networks.
type filesOf map[string]string // by kind

func (m filesOf) Model(kind string) (realedit.Model, bool) {
	return realedit.Model{Name: kind, Kind: kind}, m[kind] != ""
}
func (m filesOf) Run(context.Context, string, ort.Values) (ort.Values, []realedit.Finding, error) {
	panic("not asked")
}
func (m filesOf) Files(_ context.Context, kind string) ([]string, error) {
	return []string{m[kind]}, nil
}
func (m filesOf) Keep(context.Context, string, func() (io.Closer, error)) (io.Closer, error) {
	panic("not asked")
}

// A Union takes the images that have no ControlNet of their own, each as its type, and is left alone where all have.
func TestUnionInPlaceOfControlNets(t *testing.T) {
	rec, err := tiny.Read()
	require.NoError(t, err)
	dir := t.TempDir()
	all := filesOf{kindTile: "controlnet_tile", kindCanny: "controlnet_canny", kindLineart: "controlnet_canny", kindUnion: "controlnet_promax"}
	for kind, name := range all {
		all[kind] = filepath.Join(dir, kind)
		require.NoError(t, rec.Write(all[kind], name, safetensors.F16))
	}
	both := []string{kindTile, kindCanny}
	for _, c := range []struct {
		there       []string
		tile, canny float64
		images      []string // kinds, in the order of the engine's images
		nets        []string // kinds
		types       []graph.ControlType
	}{
		{both, 1, 1, both, both, nil},
		{[]string{kindTile, kindCanny, kindUnion}, 1, 1, both, both, nil},
		{[]string{kindUnion}, 1, 1, both, []string{kindUnion}, []graph.ControlType{graph.Tile, graph.Lines}},
		{[]string{kindUnion}, -1, 1, []string{kindCanny}, []string{kindUnion}, []graph.ControlType{graph.Lines}},
		{[]string{kindUnion}, -1, -1, nil, nil, nil},
		{[]string{kindTile, kindUnion}, 1, 1, both, []string{kindTile, kindUnion}, []graph.ControlType{graph.Lines}},
		{[]string{kindCanny, kindUnion}, 1, 1, []string{kindCanny, kindTile}, []string{kindCanny, kindUnion}, []graph.ControlType{graph.Tile}},
		{[]string{kindCanny}, 1, 1, []string{kindCanny}, []string{kindCanny}, nil},
		{[]string{kindCanny, kindLineart}, 1, 1, []string{kindCanny}, []string{kindCanny}, nil},
		{[]string{kindLineart, kindUnion}, 1, 1, []string{kindLineart, kindTile}, []string{kindLineart, kindUnion}, []graph.ControlType{graph.Tile}},
		{nil, 1, 1, nil, nil, nil},
	} {
		files := filesOf{}
		for _, kind := range c.there {
			files[kind] = all[kind]
		}
		env := &realedit.Env{Models: files}
		k := &kit{}
		k.controls, k.union = controlKinds(env.HasModel, Correct{Tile: c.tile, Canny: c.canny}.wants().controls)
		require.Equal(t, c.images, k.controls, "%+v", c)
		nets, err := k.controlNets(t.Context(), env)
		require.NoError(t, err)
		require.Equal(t, c.nets, k.kinds, "%+v", c)
		require.Len(t, nets, len(c.nets))
		images := 0
		for i, n := range nets {
			r, _ := n.Weights.Lookup(n.Weights.Names()[0])
			require.Equal(t, files[c.nets[i]], r.File)
			images += n.Images()
			if c.nets[i] == kindUnion {
				require.Equal(t, c.types, n.Types)
			} else {
				require.Empty(t, n.Types)
			}
		}
		require.Equal(t, len(k.controls), images)
		require.NoError(t, k.Close())
	}
}

// A file of ProMax's full size passes, with the parts that are its own looked at; one of the Union without Tile does not.
func TestCheckUnion(t *testing.T) {
	file := func(types ...graph.ControlType) string {
		g, err := graph.NewControls(graph.SDXL, graph.Form{Width: 64, Height: 64}, false, graph.ControlNet{Types: types})
		require.NoError(t, err)
		header, at := map[string]any{}, int64(0)
		for name, shape := range g.Tensors() {
			n := int64(2)
			for _, d := range shape {
				n *= int64(d)
			}
			header[strings.TrimPrefix(name, "controlnet 0/")] = map[string]any{"dtype": "F16", "shape": shape, "data_offsets": []int64{at, at + n}}
			at += n
		}
		text, err := json.Marshal(header)
		require.NoError(t, err)
		f, err := os.Create(filepath.Join(t.TempDir(), "union.safetensors"))
		require.NoError(t, err)
		defer f.Close()
		_, err = f.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...))
		require.NoError(t, err)
		require.NoError(t, f.Truncate(8+int64(len(text))+at)) // its numbers are zero, and nowhere on the disk
		return f.Name()
	}
	require.NoError(t, Check(kindUnion, file(graph.Tile)))
	err := Check(kindUnion, file(graph.Lines))
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
	require.ErrorContains(t, err, "task_embedding")
}
