package weights

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
)

//go:embed testdata/names.json
var recorded []byte

func read(t *testing.T) (pairs map[string][][2]string, openCLIP map[string][]float32) {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(recorded, &all))
	pairs = map[string][][2]string{}
	for k, raw := range all {
		if k == "open_clip" {
			require.NoError(t, json.Unmarshal(raw, &openCLIP))
			continue
		}
		var p [][2]string
		require.NoError(t, json.Unmarshal(raw, &p))
		pairs[k] = p
	}
	return pairs, openCLIP
}

// Names of single files become what diffusers makes of them; those of diffusers stay; those of other networks in the file are left out.
func TestNames(t *testing.T) {
	pairs, _ := read(t)
	require.Len(t, pairs, 5)
	for network, list := range pairs {
		require.NotEmpty(t, list)
		for _, p := range list {
			want := p[1]
			if strings.HasPrefix(network, "text_encoder") && !strings.HasPrefix(want, "text_model.") {
				want = "text_model." + want // the prefix of published files, which newer versions leave out
			}
			require.Equal(t, []part{{name: want}}, names[Network(network)](p[0]), p[0])
			require.Equal(t, []part{{name: want}}, names[Network(network)](p[1]), p[1])
			for other := range names {
				if other != Network(network) && other != ControlNet && network != "controlnet" {
					require.Empty(t, names[other](p[0]), "%s of %s", p[0], other)
				}
			}
		}
	}
	require.Equal(t, "x.attentions.0.to_out.0.weight", names[VAE]("x.attentions.0.proj_attn.weight")[0].name)
	require.Equal(t, "add_embedding.linear_2.bias", names[ControlNet]("control_model.label_emb.0.2.bias")[0].name)
	require.Equal(t, "up_blocks.1.upsamplers.0.conv.bias", names[UNet]("output_blocks.5.2.conv.bias")[0].name)
}

func write(t *testing.T, name string, tensors map[string][]float32, shapes map[string][]int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	var specs []safetensors.Spec
	for k, v := range tensors {
		shape := shapes[k]
		if shape == nil {
			shape = []int{len(v)}
		}
		specs = append(specs, safetensors.Spec{Name: k, DType: safetensors.F32, Shape: shape})
	}
	require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		var b bytes.Buffer
		for _, x := range tensors[specs[i].Name] {
			binary.Write(&b, binary.LittleEndian, x)
		}
		_, err := w.Write(b.Bytes())
		return err
	}))
	return path
}

func count(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i)
	}
	return v
}

// Fused and turned matrices of OpenCLIP are read as diffusers reads them, and are where Lookup says.
func TestOpenCLIP(t *testing.T) {
	_, want := read(t)
	const p = "conditioner.embedders.1.model."
	path := write(t, "single.safetensors", map[string][]float32{
		p + "text_projection":                              count(16),
		p + "transformer.resblocks.0.attn.in_proj_weight":  count(48),
		p + "transformer.resblocks.0.attn.in_proj_bias":    count(12),
		"model.diffusion_model.input_blocks.0.0.weight":    count(3),
		"conditioner.embedders.0.transformer.text_model.x": count(3),
		"first_stage_model.encoder.mid.attn_1.q.weight":    count(4),
		p + "logit_scale":                                  count(1),
	}, map[string][]int{p + "text_projection": {4, 4}, p + "transformer.resblocks.0.attn.in_proj_weight": {12, 4},
		"first_stage_model.encoder.mid.attn_1.q.weight": {2, 2, 1, 1}})
	s, err := Open(TextEncoder2, path)
	require.NoError(t, err)
	defer s.Close()
	require.Len(t, s.Names(), 7)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, v := range want {
		if !strings.HasPrefix(name, "text_") {
			name = "text_model." + name
		}
		got := make([]float32, len(v))
		require.NoError(t, s.ReadF32(name, got), name)
		require.Equal(t, v, got, name)
		r, ok := s.Lookup(name)
		require.True(t, ok)
		for i := range got {
			at := r.Offset + 4*int64(i)
			if r.Transposed {
				at = r.Offset + 4*int64(i%4*4+i/4)
			}
			require.Equal(t, v[i], math.Float32frombits(binary.LittleEndian.Uint32(data[at:])), name)
		}
	}
	vae, err := Open(VAE, path)
	require.NoError(t, err)
	defer vae.Close()
	require.Equal(t, []string{"encoder.mid_block.attentions.0.to_q.weight"}, vae.Names())
	require.NoError(t, vae.ReadF32(vae.Names()[0], make([]float32, 4)))
}

func TestShardsAndSides(t *testing.T) {
	a := write(t, "1.safetensors", map[string][]float32{"conv_in.weight": count(4), "conv_in.bias": count(2)}, map[string][]int{"conv_in.weight": {2, 2}})
	b := write(t, "2.safetensors", map[string][]float32{"conv_out.bias": count(3)}, nil)
	s, err := Open(UNet, a, b)
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, []string{"conv_in.bias", "conv_in.weight", "conv_out.bias"}, s.Names())
	one, err := s.SHA256(t.Context())
	require.NoError(t, err)
	require.Len(t, one, 64)

	merged, err := s.With(write(t, "side.safetensors", map[string][]float32{"conv_in.weight": {9, 8, 7, 6}}, map[string][]int{"conv_in.weight": {2, 2}}))
	require.NoError(t, err)
	defer merged.Close()
	v := make([]float32, 4)
	require.NoError(t, merged.ReadF32("conv_in.weight", v))
	require.Equal(t, []float32{9, 8, 7, 6}, v)
	require.NoError(t, s.ReadF32("conv_in.weight", v))
	require.Equal(t, count(4), v)
	two, err := merged.SHA256(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, one, two)

	for name, f := range map[string]func() error{
		"twice": func() error { _, err := Open(UNet, a, a); return err },
		"both names": func() error {
			_, err := Open(UNet, write(t, "x", map[string][]float32{"conv_in.bias": count(1), "model.diffusion_model.input_blocks.0.0.bias": count(1)}, nil))
			return err
		},
		"not in it": func() error {
			_, err := Open(TextEncoder, write(t, "x", map[string][]float32{"first_stage_model.quant_conv.bias": count(1)}, nil))
			return err
		},
		"no three": func() error {
			_, err := Open(TextEncoder2, write(t, "x", map[string][]float32{"conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_bias": count(4)}, nil))
			return err
		},
		"no matrix": func() error {
			_, err := Open(TextEncoder2, write(t, "x", map[string][]float32{"conditioner.embedders.1.model.text_projection": count(4)}, nil))
			return err
		},
		"another shape": func() error {
			_, err := s.With(write(t, "x", map[string][]float32{"conv_in.weight": count(4)}, nil))
			return err
		},
		"another name": func() error {
			_, err := s.With(write(t, "x", map[string][]float32{"conv_in.weights": count(4)}, nil))
			return err
		},
		"missing": func() error { return s.ReadF32("x", nil) },
	} {
		err := f()
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", name, err)
	}
	for _, f := range []func() error{
		func() error { _, err := Open(UNet); return err },
		func() error { _, err := Open("x", a); return err },
		func() error { return s.ReadF32("conv_in.weight", v[:3]) },
	} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(f()))
	}
	_, err = Open(UNet, filepath.Join(t.TempDir(), "none"))
	require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))
}
