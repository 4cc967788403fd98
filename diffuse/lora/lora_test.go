package lora

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
)

//go:embed testdata/merged.json
var merged []byte

type module struct {
	Shape  []int
	Rank   int
	Alpha  float32
	Step   int
	Values []float32
}

func modulesOf(t testing.TB) map[string]module {
	t.Helper()
	var m map[string]module
	require.NoError(t, json.Unmarshal(merged, &m))
	return m
}

// tensor is one that a test writes.
type tensor struct {
	name  string
	shape []int
	v     []float32
}

func write(t testing.TB, path string, dtype safetensors.DType, all ...tensor) string {
	t.Helper()
	return writeWith(t, path, dtype, nil, all...)
}

func writeWith(t testing.TB, path string, dtype safetensors.DType, metadata map[string]string, all ...tensor) string {
	t.Helper()
	var specs []safetensors.Spec
	for _, x := range all {
		specs = append(specs, safetensors.Spec{Name: x.name, DType: dtype, Shape: x.shape})
	}
	require.NoError(t, safetensors.WriteFile(path, metadata, specs, func(i int, w io.Writer) error {
		b, ok := safetensors.FromF32(dtype, all[i].v)
		require.True(t, ok)
		_, err := w.Write(b)
		return err
	}))
	return path
}

func baseOf(t testing.TB, dtype safetensors.DType) *weights.Set {
	t.Helper()
	rec, err := tiny.Read()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "unet.safetensors")
	require.NoError(t, rec.Write(path, "unet", dtype))
	s, err := weights.Open(weights.UNet, path)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// naming is how a file writes the parts of a module.
type naming func(module string) (down, up, alpha string)

func kohya(m string) (string, string, string) {
	m = "lora_unet_" + strings.ReplaceAll(m, ".", "_")
	return m + ".lora_down.weight", m + ".lora_up.weight", m + ".alpha"
}

func peft(m string) (string, string, string) {
	m = "unet." + m
	return m + ".lora_A.weight", m + ".lora_B.weight", m + ".alpha"
}

func older(m string) (string, string, string) {
	own := "unet." + m + ".lora"
	if at, layer, ok := strings.Cut(m, ".attn1."); ok {
		own = "unet." + at + ".attn1.processor." + strings.TrimSuffix(layer, ".0") + "_lora"
	}
	return own + ".down.weight", own + ".up.weight", own + ".alpha"
}

func sgm(m string) (string, string, string) {
	for _, r := range [][2]string{{"down_blocks.1.attentions.0.", "input_blocks.4.1."}, {"down_blocks.0.resnets.0.conv1", "input_blocks.1.0.in_layers.2"},
		{"down_blocks.1.resnets.0.conv_shortcut", "input_blocks.4.0.skip_connection"}, {"time_embedding.linear_1", "time_embed.0"}} {
		m = strings.Replace(m, r[0], r[1], 1)
	}
	return kohya(m)
}

// file is the l-th LoRA of gen.py.
func file(t testing.TB, l int, n naming) string {
	var all []tensor
	for name, m := range modulesOf(t) {
		rank, alpha := m.Rank, m.Alpha
		if l == 1 {
			if rank, alpha = 2, 0; !strings.Contains(name, "attn1") {
				continue
			}
		}
		d, u, a := n(name)
		in := product(m.Shape[1:])
		ds, us := []int{rank, in}, []int{m.Shape[0], rank}
		if len(m.Shape) == 4 {
			ds, us = append([]int{rank}, m.Shape[1:]...), append(us, 1, 1)
		}
		all = append(all, tensor{d, ds, tiny.Field(string('0'+rune(l))+" down "+name, rank*in)}, tensor{u, us, tiny.Field(string('0'+rune(l))+" up "+name, m.Shape[0]*rank)})
		if alpha > 0 {
			all = append(all, tensor{a, nil, []float32{alpha}})
		}
	}
	return write(t, filepath.Join(t.TempDir(), "lora.safetensors"), safetensors.F32, all...)
}

// Two LoRAs, in every naming, give what numpy gives; the side file laid over the base changes these tensors alone.
func TestMerge(t *testing.T) {
	base := baseOf(t, safetensors.F32)
	want := modulesOf(t)
	var first string
	for name, n := range map[string]naming{"kohya": kohya, "PEFT": peft, "processors": older, "SGM": sgm} {
		dir := t.TempDir()
		m, err := Merge(context.Background(), base, []LoRA{{Path: file(t, 0, n)}, {Path: file(t, 1, n), Weight: -0.5}}, safetensors.Cache{Dir: dir})
		require.NoError(t, err, name)
		require.Equal(t, len(want), m.Changed)
		require.False(t, m.Cached)
		over, err := base.With(m.File)
		require.NoError(t, err)
		for module, w := range want {
			v := make([]float32, product(w.Shape))
			require.NoError(t, over.ReadF32(module+".weight", v))
			for i, x := range w.Values {
				require.InDelta(t, x, v[i*w.Step], 1e-6, "%s: %s", name, module)
			}
		}
		over.Close()
		b, err := os.ReadFile(m.File)
		require.NoError(t, err)
		if first == "" {
			first = string(b[1000:])
		}

		again, err := Merge(context.Background(), base, []LoRA{{Path: file(t, 0, n)}, {Path: file(t, 1, n), Weight: -0.5}}, safetensors.Cache{Dir: dir})
		require.NoError(t, err)
		require.Equal(t, m.File, again.File)
		require.True(t, again.Cached)
		require.NoError(t, os.Truncate(m.File, 5000))
		again, err = Merge(context.Background(), base, []LoRA{{Path: file(t, 0, n)}, {Path: file(t, 1, n), Weight: -0.5}}, safetensors.Cache{Dir: dir})
		require.NoError(t, err)
		require.False(t, again.Cached)
		c, err := os.ReadFile(m.File)
		require.NoError(t, err)
		require.Equal(t, b, c)

		other, err := Merge(context.Background(), base, []LoRA{{Path: file(t, 0, n), Weight: 0.4}}, safetensors.Cache{Dir: dir})
		require.NoError(t, err)
		require.NotEqual(t, m.File, other.File)
	}
}

// The base and the LoRA are not read again for their hashes where the check of the models has read them: bytes that change under the same size and time go unseen.
func TestHashesOnce(t *testing.T) {
	dir := t.TempDir()
	rec, err := tiny.Read()
	require.NoError(t, err)
	unet, l := filepath.Join(dir, "unet.safetensors"), filepath.Join(dir, "lora.safetensors")
	require.NoError(t, rec.Write(unet, "unet", safetensors.F16))
	require.NoError(t, os.Rename(file(t, 0, kohya), l))
	entries, sums := []map[string]string{}, map[string]string{}
	for kind, path := range map[string]string{"sdxl_unet": unet, "sdxl_lora": l} {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		sum := sha256.Sum256(b)
		sums[kind] = hex.EncodeToString(sum[:])
		entries = append(entries, map[string]string{"name": kind, "kind": kind, "file": filepath.Base(path), "sha256": sums[kind], "licence": "x", "source": "y"})
	}
	list, err := json.Marshal(map[string]any{"models": entries})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, realedit.ModelsFile), list, 0o600))
	models, err := realedit.OpenModels(os.DirFS(dir), nil)
	require.NoError(t, err)
	defer models.Close()
	for _, kind := range []string{"sdxl_unet", "sdxl_lora"} {
		paths, err := models.Files(t.Context(), kind)
		require.NoError(t, err)
		info, err := os.Stat(paths[0])
		require.NoError(t, err)
		f, err := os.OpenFile(paths[0], os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{0x11}, info.Size()-2)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, os.Chtimes(paths[0], time.Time{}, info.ModTime()))
	}
	base, err := weights.Open(weights.UNet, unet)
	require.NoError(t, err)
	defer base.Close()
	m, err := Merge(t.Context(), base, []LoRA{{Path: l, Weight: 1}}, safetensors.Cache{Dir: t.TempDir()})
	require.NoError(t, err)
	side, err := safetensors.Open(m.File)
	require.NoError(t, err)
	defer side.Close()
	require.Equal(t, sums["sdxl_unet"], side.Metadata()["base"])
	require.Equal(t, sums["sdxl_lora"]+" 1", side.Metadata()["lora.0"])
}

// What is stored in 16 bits is rounded once, to nearest even.
func TestRounded(t *testing.T) {
	base := baseOf(t, safetensors.F16)
	m, err := Merge(context.Background(), base, []LoRA{{Path: file(t, 0, kohya)}}, safetensors.Cache{Dir: t.TempDir()})
	require.NoError(t, err)
	side, err := weights.Open(weights.UNet, m.File)
	require.NoError(t, err)
	defer side.Close()
	r, ok := side.Lookup("time_embedding.linear_1.weight")
	require.True(t, ok)
	require.Equal(t, safetensors.F16, r.DType)
	b, ok := safetensors.FromF32(safetensors.BF16, []float32{1, math.Float32frombits(0x3f808000), math.Float32frombits(0x3f818000)})
	require.True(t, ok)
	require.Equal(t, []byte{0x80, 0x3f, 0x80, 0x3f, 0x82, 0x3f}, b)
}

// Tensors of types that are no weights are refused by name, and so are empty ones of the base.
func TestRefusedTensors(t *testing.T) {
	const m, target = "lora_unet_down_blocks_1_attentions_0_proj_in", "down_blocks.1.attentions.0.proj_in.weight"
	file := func(down, up, alpha safetensors.DType, in int) string {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		specs := []safetensors.Spec{{Name: m + ".lora_down.weight", DType: down, Shape: []int{2, in}}, {Name: m + ".lora_up.weight", DType: up, Shape: []int{64, 2}}, {Name: m + ".alpha", DType: alpha}}
		require.NoError(t, safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
			n := specs[i].DType.Size()
			for _, d := range specs[i].Shape {
				n *= d
			}
			_, err := w.Write(make([]byte, n))
			return err
		}))
		return path
	}
	base := baseOf(t, safetensors.F16)
	empty, err := weights.Open(weights.UNet, write(t, filepath.Join(t.TempDir(), "empty.safetensors"), safetensors.F16, tensor{target, []int{64, 0}, nil}))
	require.NoError(t, err)
	defer empty.Close()
	bytes, err := weights.Open(weights.UNet, func() string {
		path := filepath.Join(t.TempDir(), "bytes.safetensors")
		require.NoError(t, safetensors.WriteFile(path, nil, []safetensors.Spec{{Name: target, DType: safetensors.F8E4M3, Shape: []int{64, 64}}}, func(_ int, w io.Writer) error {
			_, err := w.Write(make([]byte, 64*64))
			return err
		}))
		return path
	}())
	require.NoError(t, err)
	defer bytes.Close()
	const f = safetensors.F16
	for says, c := range map[string]struct {
		base *weights.Set
		path string
	}{
		`tensor "` + m + `.lora_down.weight": holds I8`:    {base, file(safetensors.I8, f, f, 64)},
		`tensor "` + m + `.lora_up.weight": holds F8_E5M2`: {base, file(f, safetensors.F8E5M2, f, 64)},
		`tensor "` + m + `.alpha": holds I64`:              {base, file(f, f, safetensors.I64, 64)},
		`proj_in: the tensor [64 0] is empty`:              {empty, file(f, f, f, 0)},
		`tensor "` + target + `" holds F8_E4`:              {bytes, file(f, f, f, 64)},
	} {
		dir := t.TempDir()
		_, err := Merge(t.Context(), c.base, []LoRA{{Path: c.path}}, safetensors.Cache{Dir: dir})
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", says, err)
		require.ErrorContains(t, err, says)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, says)
	}
}

func TestRefused(t *testing.T) {
	base := baseOf(t, safetensors.F16)
	const m = "lora_unet_down_blocks_1_attentions_0_proj_in"
	pair := func(name string) []tensor {
		return []tensor{{name + ".lora_down.weight", []int{2, 64}, tiny.Field("a", 128)}, {name + ".lora_up.weight", []int{64, 2}, tiny.Field("b", 128)}}
	}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		all  []tensor
		says string
	}{
		"DoRA":          {append(pair(m), tensor{m + ".dora_scale", []int{64, 1}, make([]float32, 64)}), "DoRA"},
		"LoHa":          {[]tensor{{m + ".hada_w1_a", []int{1}, []float32{0}}}, "LoHa"},
		"LoKr":          {[]tensor{{m + ".lokr_w1", []int{1}, []float32{0}}}, "LoKr"},
		"whole":         {[]tensor{{m + ".diff", []int{1}, []float32{0}}}, "differences"},
		"a model":       {[]tensor{{"conv_in.weight", []int{1}, []float32{0}}}, "not of a LoRA's"},
		"other model":   {append(pair(m), pair("lora_unet_double_blocks_0_img_attn_proj")...), "1 of 2 modules are not in unet.safetensors, the first double_blocks_0"},
		"no up":         {pair(m)[:1], "missing"},
		"shapes":        {[]tensor{{m + ".lora_down.weight", []int{2, 63}, make([]float32, 126)}, pair(m)[1]}, "do not fit"},
		"ranks":         {[]tensor{{m + ".lora_down.weight", []int{3, 64}, make([]float32, 192)}, pair(m)[1]}, "no rank"},
		"rank 0":        {[]tensor{{m + ".lora_down.weight", []int{0, 64}, nil}, {m + ".lora_up.weight", []int{64, 0}, nil}}, "module down_blocks_1_attentions_0_proj_in: the rank of down [0 64] is not 1"},
		"huge rank":     {[]tensor{{m + ".lora_down.weight", []int{4097, 64}, make([]float32, 4097*64)}, {m + ".lora_up.weight", []int{64, 4097}, make([]float32, 64*4097)}}, "the rank of down [4097 64] is not 1 to 4096"},
		"NaN":           {[]tensor{{m + ".lora_down.weight", []int{1, 64}, append(make([]float32, 63), nan)}, {m + ".lora_up.weight", []int{64, 1}, make([]float32, 64)}}, "NaN"},
		"NaN alpha":     {append(pair(m), tensor{m + ".alpha", nil, []float32{nan}}), "alpha"},
		"endless alpha": {append(pair(m), tensor{m + ".alpha", nil, []float32{float32(math.Inf(-1))}}), "module down_blocks_1_attentions_0_proj_in: alpha is -Inf"},
		"long alpha":    {append(pair(m), tensor{m + ".alpha", []int{2}, []float32{1, 1}}), "alpha"},
		"a norm":        {pair("lora_unet_down_blocks_1_attentions_0_norm"), "no matrices"},
		"too large":     {append(pair(m), tensor{m + ".alpha", nil, []float32{1e7}}), "more than F16"},
		"both namings":  {append(pair(m), pair("lora_unet_input_blocks_4_1_proj_in")...), "the same"},
		"nothing in it": {nil, "nothing"},
	} {
		path := write(t, filepath.Join(t.TempDir(), "x.safetensors"), safetensors.F32, c.all...)
		dir := t.TempDir()
		_, err := Merge(context.Background(), base, []LoRA{{Path: path, Weight: 1}}, safetensors.Cache{Dir: dir})
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", name, err)
		require.ErrorContains(t, err, c.says, name)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
	_, err := Merge(context.Background(), base, []LoRA{{Path: "x", Weight: 3}}, safetensors.Cache{Dir: t.TempDir()})
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	_, err = Merge(context.Background(), base, []LoRA{{Path: filepath.Join(t.TempDir(), "none")}}, safetensors.Cache{Dir: t.TempDir()})
	require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))

	te := write(t, filepath.Join(t.TempDir(), "te.safetensors"), safetensors.F32, pair("lora_te1_text_model_encoder_layers_0_mlp_fc1")...)
	r, err := Merge(context.Background(), base, []LoRA{{Path: te}}, safetensors.Cache{Dir: t.TempDir()})
	require.NoError(t, err)
	require.Equal(t, Merged{Others: 1}, *r)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Merge(ctx, base, []LoRA{{Path: file(t, 0, kohya)}}, safetensors.Cache{Dir: t.TempDir()})
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "%v", err)
}

// What diffusers and PEFT keep of an adapter's configuration is its strength: the same bytes come out as with alphas in tensors.
func TestConfigured(t *testing.T) {
	base := baseOf(t, safetensors.F32)
	const q, k = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k"
	pair := func(prefix, module string) []tensor {
		return []tensor{{prefix + module + ".lora_A.weight", []int{4, 64}, tiny.Field("a "+module, 256)}, {prefix + module + ".lora_B.weight", []int{64, 4}, tiny.Field("b "+module, 256)}}
	}
	both := func(prefix string) []tensor { return append(pair(prefix, q), pair(prefix, k)...) }
	tensors := func(path string) map[string][]float32 {
		t.Helper()
		m, err := Merge(context.Background(), base, []LoRA{{Path: path, Weight: 1}}, safetensors.Cache{Dir: t.TempDir()})
		require.NoError(t, err)
		side, err := safetensors.Open(m.File)
		require.NoError(t, err)
		defer side.Close()
		all := map[string][]float32{}
		for _, name := range []string{q + ".weight", k + ".weight"} {
			all[name] = make([]float32, 64*64)
			require.NoError(t, side.ReadF32(name, all[name]))
		}
		return all
	}
	alphas := func(aq, ak float32) map[string][]float32 {
		t.Helper()
		return tensors(write(t, filepath.Join(t.TempDir(), "l.safetensors"), safetensors.F32,
			append(both("unet."), tensor{"unet." + q + ".alpha", nil, []float32{aq}}, tensor{"unet." + k + ".alpha", nil, []float32{ak}})...))
	}
	inside := func(metadata string, all ...tensor) string {
		t.Helper()
		return writeWith(t, filepath.Join(t.TempDir(), "l.safetensors"), safetensors.F32, map[string]string{"lora_adapter_metadata": metadata}, all...)
	}
	beside := func(config string, all ...tensor) string {
		t.Helper()
		dir := t.TempDir()
		if config != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, besideName), []byte(config), 0o644))
		}
		return write(t, filepath.Join(dir, "adapter_model.safetensors"), safetensors.F32, all...)
	}
	require.NotEqual(t, alphas(4, 4), alphas(8, 8))
	require.Equal(t, alphas(4, 4), tensors(inside(`{"text_encoder.lora_alpha": 1}`, both("unet.")...)), "another network's")
	require.Equal(t, alphas(8, 8), tensors(inside(`{"unet.lora_alpha": 8, "unet.r": 4, "unet.alpha_pattern": {}, "unet.use_rslora": false, "unet.target_modules": ["to_q"]}`, both("unet.")...)))
	require.Equal(t, alphas(16, 16), tensors(inside(`{"unet.lora_alpha": 8, "unet.use_rslora": true}`, both("unet.")...)))
	require.Equal(t, alphas(8, 2), tensors(inside(`{"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_k": 2}}`, both("unet.")...)))
	require.Equal(t, alphas(8, 8), tensors(inside(`{"unet.lora_alpha": 8, "unet.alpha_pattern": {"n1.to_k": 2}}`, both("unet.")...)), "whole parts of names")
	require.Equal(t, alphas(8, 8), tensors(beside(`{"lora_alpha": 8, "r": 4, "peft_type": "LORA"}`, both(peftPrefix)...)))
	require.Equal(t, alphas(4, 4), tensors(beside("{", both("unet.")...)), "not a file of PEFT's")

	for says, path := range map[string]string{
		"no such file":                     beside("", both(peftPrefix)...),
		"unexpected end of JSON":           beside("{", both(peftPrefix)...),
		"there is no lora_alpha":           inside(`{"unet.r": 4}`, both("unet.")...),
		"metadata lora_adapter_metadata":   inside("[", both("unet.")...),
		"lora_alpha: json":                 inside(`{"unet.lora_alpha": "8"}`, both("unet.")...),
		"error parsing regexp":             inside(`{"unet.lora_alpha": 8, "unet.alpha_pattern": {"(?=x)": 2}}`, both("unet.")...),
		"8 by its tensor, 2 by PEFT's con": inside(`{"unet.lora_alpha": 2}`, append(both("unet."), tensor{"unet." + q + ".alpha", nil, []float32{8}})...),
	} {
		_, err := Merge(context.Background(), base, []LoRA{{Path: path}}, safetensors.Cache{Dir: t.TempDir()})
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", says, err)
		require.ErrorContains(t, err, says)
	}

	// Another configuration beside the same file is another LoRA, in the cache too.
	path, dir := beside(`{"lora_alpha": 8}`, both(peftPrefix)...), t.TempDir()
	a, err := Merge(context.Background(), base, []LoRA{{Path: path}}, safetensors.Cache{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), besideName), []byte(`{"lora_alpha": 2}`), 0o644))
	b, err := Merge(context.Background(), base, []LoRA{{Path: path}}, safetensors.Cache{Dir: dir})
	require.NoError(t, err)
	require.NotEqual(t, a.File, b.File)
	require.False(t, b.Cached)
}
