package text

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

func stored(prompt string, seed int) *Embedding {
	e := &Embedding{Prompt: prompt, Tokens: Fingerprint(prompt), Hidden: make([]float32, Length*Width), Pooled: make([]float32, WidthCLIPBigG)}
	for i := range e.Hidden {
		e.Hidden[i] = kernels.HalfFrom(float32((i*7919+seed)%2001-1000) / 333).Float32()
	}
	for i := range e.Pooled {
		e.Pooled[i] = kernels.HalfFrom(float32((i*104729+seed)%2001-1000) / 500).Float32()
	}
	return e
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prompts.safetensors")
	var all []*Embedding
	for i, p := range Presets() {
		all = append(all, stored(p.Prompt, i))
	}
	require.NoError(t, WriteEmbeddings(path, all))
	got, err := ReadEmbeddings(path)
	require.NoError(t, err)
	require.Equal(t, all, got)
	require.Same(t, got[1], FindEmbedding(got, "  "+Presets()[1].Prompt+"\n")) // the same tokens
	require.Nil(t, FindEmbedding(got, "something else"))

	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, spoil := range map[string]func(){
		"another prompt": func() { copy(b[100:], b) },
		"cut off":        func() { b = b[:len(b)-1] },
	} {
		spoil()
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, err = ReadEmbeddings(path)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s: %v", name, err)
	}
	bad := stored("x", 1)
	bad.Prompt = "y"
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(WriteEmbeddings(path, []*Embedding{bad})))
}
