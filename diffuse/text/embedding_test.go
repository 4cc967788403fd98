package text

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

func ramp(n int, from float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = from + float32(i)
	}
	return v
}

func TestCombine(t *testing.T) {
	first, second := ramp(Length*WidthCLIPL, 1), ramp(Length*WidthCLIPBigG, -50000)
	out, err := Combine(first, second)
	require.NoError(t, err)
	require.Equal(t, Length*Width, len(out))
	for i, x := range out {
		row, column := i/Width, i%Width
		want := second[row*WidthCLIPBigG+max(0, column-WidthCLIPL)]
		if column < WidthCLIPL {
			want = first[row*WidthCLIPL+column]
		}
		if x != want {
			t.Fatalf("%d, %d: %g, not %g", row, column, x, want)
		}
	}
	for _, bad := range [][2][]float32{{first[1:], second}, {first, second[1:]}, {second, first}, {nil, nil}, {first, make([]float32, len(second))}} {
		_, err := Combine(bad[0], bad[1])
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
	}
}

func TestEmbeddingCheck(t *testing.T) {
	e := &Embedding{"a room!", Fingerprint("a room!"), ramp(Length*Width, -65504), ramp(WidthCLIPBigG, 0)}
	for i := range e.Hidden {
		e.Hidden[i] = min(e.Hidden[i], 65504)
	}
	require.NoError(t, e.Check())
	for name, spoil := range map[string]func(*Embedding){
		"short":          func(e *Embedding) { e.Hidden = e.Hidden[:Width] },
		"long":           func(e *Embedding) { e.Hidden = append(e.Hidden, 0) },
		"no pooled":      func(e *Embedding) { e.Pooled = nil },
		"NaN":            func(e *Embedding) { e.Hidden[Length*Width-1] = float32(math.NaN()) },
		"infinite":       func(e *Embedding) { e.Pooled[3] = float32(math.Inf(-1)) },
		"beyond float16": func(e *Embedding) { e.Pooled[3] = 65505 },
		"zeros":          func(e *Embedding) { clear(e.Pooled) },
		"another prompt": func(e *Embedding) { e.Prompt = "a room?" },
		"no tokens":      func(e *Embedding) { e.Tokens = "" },
	} {
		bad := &Embedding{e.Prompt, e.Tokens, append([]float32(nil), e.Hidden...), append([]float32(nil), e.Pooled...)}
		spoil(bad)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(bad.Check()), name)
	}
}

// Spelling that makes no tokens of its own makes no embedding of its own; "!" counts though only the second tokenizer parts "!!".
func TestFingerprint(t *testing.T) {
	require.Equal(t, Fingerprint("A  bright\nroom "), Fingerprint("a bright room"))
	require.Equal(t, Fingerprint("cafe\u0301"), Fingerprint("CAFÉ"))
	require.NotEqual(t, Fingerprint("room!!"), Fingerprint("room! !"))
	require.NotEqual(t, Fingerprint(""), Fingerprint("!")) // equal for the second tokenizer but for where the end is
	long := strings.Repeat("room ", 75)
	require.Equal(t, Fingerprint(long), Fingerprint(long+"with a view"))
}

// What a preset's version stands for never changes: with another prompt it gets another version, and a line here.
func TestPresets(t *testing.T) {
	prints := map[string]string{
		"property":    "d82348880c7341c1",
		"interior":    "f408f0bbb7b6c327",
		"exterior":    "dc0e579662d012b4",
		"sky":         "19ca19b3e51ae43a",
		"window_view": "b20d30db980400ba",
		"ground":      "e9bb00bd57bc367f",
		"surface":     "3e85aaaa0a7ca955",
	}
	names := map[string]bool{}
	for _, p := range Presets() {
		require.False(t, names[p.Name])
		names[p.Name] = true
		require.Equal(t, prints[p.Name], Fingerprint(p.Prompt)[:16], "%s", p.Name)
		for _, e := range []Encoder{CLIPL, CLIPBigG} {
			ids, truncated := e.Tokenize(p.Prompt)
			require.False(t, truncated)
			require.Equal(t, p.Prompt, strings.ReplaceAll(decode(ids), " ,", ","), "small letters, single spaces, no marks")
		}
		got, err := PresetOf(p.Name)
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	_, err := PresetOf("castle")
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	Presets()[0].Prompt = "spoilt"
	require.NotEqual(t, "spoilt", Presets()[0].Prompt)
}
