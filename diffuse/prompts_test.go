package diffuse

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
)

// join is text.Combine for the tiny encoders' widths.
func join(first, second []float32) (out []float32, err error) {
	a, b := len(first)/text.Length, len(second)/text.Length
	for i := range text.Length {
		out = append(append(out, first[i*a:(i+1)*a]...), second[i*b:(i+1)*b]...)
	}
	return out, nil
}

// A prompt becomes what transformers makes of it, from the text to the joined states.
func TestEncode(t *testing.T) {
	needORT(t)
	rec, err := tiny.Read()
	require.NoError(t, err)
	load := func(name string, n weights.Network) *weights.Set {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, rec.Write(path, name, safetensors.F32))
		s, err := weights.Open(n, path)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	n := &TextEncoders{load("prompt_encoder", weights.TextEncoder), load("prompt_encoder_2", weights.TextEncoder2)}
	first, second := tiny.TextEncoder, tiny.TextEncoder2
	first.Vocabulary, second.Vocabulary = 49408, 49408
	o := &Options{Devices: devices(t)}
	got, err := encode(context.Background(), n, o, first, second, join, []string{"a house", "A photo of a  cat"})
	require.NoError(t, err)
	limit := 1e-4
	if len(o.Devices) > 0 {
		limit = 0.02
	}
	want := rec.Outputs["prompt"]
	for name, v := range map[string][]float32{"hidden": got[1].Hidden, "pooled": got[1].Pooled} {
		w := want[name]
		for i, x := range w.Values {
			require.InDelta(t, x, v[i*w.Step], limit, name)
		}
	}
	require.Equal(t, text.Fingerprint("a photo of a cat"), got[1].Tokens)
	require.NotEqual(t, got[0].Pooled, got[1].Pooled)

	_, err = Encode(context.Background(), n, o, "x") // these are not SDXL's
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%v", err)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the user left"))
	_, err = encode(ctx, n, o, first, second, join, []string{"x"})
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "%v", err)
}

// The encoders are loaded once, for all presets of which there is no stored embedding; who waits for them can give up, and goes on where who asked first gives up.
func TestPresetsAreEncodedTogether(t *testing.T) {
	stored, err := text.PresetOf("interior")
	require.NoError(t, err)
	var asked [][]string
	begun, end := make(chan bool, 1), make(chan bool)
	k := &kit{turn: make(chan struct{}, 1), encoded: map[string]*text.Embedding{}, encoders: &TextEncoders{},
		stored: []*text.Embedding{{Prompt: stored.Prompt, Tokens: text.Fingerprint(stored.Prompt)}},
		encode: func(ctx context.Context, _ *TextEncoders, _ *Options, prompts ...string) (all []*text.Embedding, err error) {
			asked = append(asked, prompts)
			begun <- true
			select {
			case <-end:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			for _, p := range prompts {
				all = append(all, &text.Embedding{Prompt: p})
			}
			return all, nil
		}}
	e, err := k.prompt(t.Context(), "interior")
	require.NoError(t, err)
	require.Same(t, k.stored[0], e)
	require.Empty(t, asked)

	first, giveUp := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { _, err := k.prompt(first, "sky"); failed <- err }()
	<-begun
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = k.prompt(gone, "ground")
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
	got := make(chan *text.Embedding)
	go func() { e, err := k.prompt(t.Context(), "exterior"); require.NoError(t, err); got <- e }()
	giveUp()
	require.ErrorIs(t, <-failed, context.Canceled)
	<-begun
	close(end)
	exterior, err := text.PresetOf("exterior")
	require.NoError(t, err)
	require.Equal(t, exterior.Prompt, (<-got).Prompt)
	for _, p := range text.Presets() {
		e, err := k.prompt(t.Context(), p.Name)
		require.NoError(t, err)
		require.Equal(t, p.Prompt, e.Prompt)
	}
	require.Len(t, asked, 2, "one of them given up")
	require.Len(t, asked[1], len(text.Presets())-1)
}
