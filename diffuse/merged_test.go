package diffuse

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
)

// withLoRA is the tiny UNet's file and one of a LoRA of rank 2 for a module of 64 by 64.
func withLoRA(t *testing.T, module string) filesOf {
	t.Helper()
	rec, err := tiny.Read()
	require.NoError(t, err)
	dir := t.TempDir()
	files := filesOf{kindUNet: filepath.Join(dir, "unet.safetensors"), kindLoRA: filepath.Join(dir, "lora.safetensors")}
	require.NoError(t, rec.Write(files[kindUNet], "unet", safetensors.F16))
	specs := []safetensors.Spec{{Name: module + ".lora_down.weight", DType: safetensors.F16, Shape: []int{2, 64}}, {Name: module + ".lora_up.weight", DType: safetensors.F16, Shape: []int{64, 2}}}
	require.NoError(t, safetensors.WriteFile(files[kindLoRA], nil, specs, func(i int, w io.Writer) error {
		b, _ := safetensors.FromF32(safetensors.F16, tiny.Field(specs[i].Name, 128))
		_, err := w.Write(b)
		return err
	}))
	return files
}

// A LoRA that has nothing for the UNet is no LoRA for it: the picture would be as without it.
func TestLoRAOfAnotherNetwork(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	files := withLoRA(t, "lora_te1_text_model_encoder_layers_0_mlp_fc1")
	env, k := &realedit.Env{Models: files, Log: slog.New(slog.DiscardHandler)}, &kit{}
	base, err := k.set(t.Context(), env, weights.UNet, kindUNet)
	require.NoError(t, err)
	defer k.Close()
	_, err = k.merged(t.Context(), env, base, kindLoRA, 1)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "lora.safetensors")
}

// A LoRA is merged once into the user's cache, where the next that asks finds it, and the kit's networks hold it.
func TestMergedInTheCache(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	if cache != home {
		t.Skip("the user's cache of this system is not where XDG_CACHE_HOME says")
	}
	const target = "down_blocks.1.attentions.0.proj_in.weight"
	files := withLoRA(t, "lora_unet_down_blocks_1_attentions_0_proj_in")
	env := &realedit.Env{Models: files, Log: slog.New(slog.DiscardHandler)}
	var side string
	var made os.FileInfo
	for range 2 {
		k := &kit{}
		base, err := k.set(t.Context(), env, weights.UNet, kindUNet)
		require.NoError(t, err)
		merged, err := k.merged(t.Context(), env, base, kindLoRA, 1)
		require.NoError(t, err)
		require.Equal(t, []string{kindUNet, kindLoRA}, k.kinds)
		before, after := make([]float32, 64*64), make([]float32, 64*64)
		require.NoError(t, base.ReadF32(target, before))
		require.NoError(t, merged.ReadF32(target, after))
		require.NotEqual(t, before, after)
		r, _ := merged.Lookup(target)
		require.Equal(t, filepath.Join(home, "realedit", "lora"), filepath.Dir(r.File))
		info, err := os.Stat(r.File)
		require.NoError(t, err)
		if made != nil {
			require.Equal(t, side, r.File)
			require.True(t, os.SameFile(made, info), "it was made again")
		}
		side, made = r.File, info

		ago := time.Now().Add(-24 * time.Hour)
		require.NoError(t, os.Chtimes(side, ago, ago))
		_, _, err = safetensors.Cache{Dir: filepath.Dir(side), Limit: 1}.File(t.Context(), "another", nil, nil, func(string) error { return nil })
		require.NoError(t, err)
		require.FileExists(t, side, "networks are made of it")
		require.NoError(t, k.Close())
	}
	_, _, err = safetensors.Cache{Dir: filepath.Dir(side), Limit: 1}.File(t.Context(), "another", nil, nil, func(string) error { return nil })
	require.NoError(t, err)
	require.NoFileExists(t, side, "nobody has it any more")
}
