package diffuse

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
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
