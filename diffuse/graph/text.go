package graph

import (
	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/onnx"
)

// Text is the architecture of a CLIP text encoder.
type Text struct {
	Vocabulary, Width, Inner, Layers, Heads int
	Quick                                   bool // GELU as x·sigmoid(1.702·x)
	Pooled                                  int  // width of the pooled embedding; 0 = there is none
}

// The text encoders of SDXL.
var (
	CLIPL    = Text{Vocabulary: 49408, Width: 768, Inner: 3072, Layers: 12, Heads: 12, Quick: true}
	CLIPBigG = Text{Vocabulary: 49408, Width: 1280, Inner: 5120, Layers: 32, Heads: 20, Pooled: 1280}
)

func (t *Text) check() error {
	for _, n := range []struct {
		field  string
		n, top int
	}{{"Vocabulary", t.Vocabulary, 1 << 20}, {"Width", t.Width, 1 << 13}, {"Inner", t.Inner, 1 << 15}, {"Layers", t.Layers, 64}, {"Heads", t.Heads, 64}} {
		if n.n < 1 || n.n > n.top {
			return realedit.Errorf(realedit.CodeBadOption, "build graph", "Text.%s: %d is outside [1, %d]", n.field, n.n, n.top)
		}
	}
	if t.Layers < 2 || t.Width%t.Heads != 0 {
		return realedit.Errorf(realedit.CodeBadOption, "build graph", "Text: %d layers, %d wide with %d heads: at least 2 layers, and heads of one width are wanted", t.Layers, t.Width, t.Heads)
	}
	return nil
}

// NewText is a text encoder. Input: input_ids int64 [B, 77], whose largest id ends the text. Outputs: hidden [B, 77, Width], the states before the last layer without
// the final normalisation, which SDXL takes; with Pooled text_embeds [B, Pooled], the projection of the end's final state. Width and Height of the form are of no meaning here.
func NewText(t Text, f Form, w *weights.Set) (*Graph, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	f.Width, f.Height = 64, 64
	b := newBuilder("text encoder", f, 64)
	b.within("", w)
	n := f.batch()
	ids := b.input("input_ids", onnx.Int64, n, Tokens)
	const p = "text_model."
	x := b.op("Gather", []int{n, Tokens, t.Width}, []string{b.param(p+"embeddings.token_embedding.weight", t.Vocabulary, t.Width), ids.name})
	x = b.add(x, value{b.param(p+"embeddings.position_embedding.weight", Tokens, t.Width), nil})
	x = b.reshape(x, n*Tokens, t.Width)
	s := whole(x)
	var hidden value
	last := t.Layers
	if t.Pooled == 0 {
		last-- // nobody takes what the last layer says
	}
	for l := range last {
		if l == t.Layers-1 {
			hidden = b.total(s)
		}
		s = b.textLayer(s, &t, p+"encoder.layers."+itoa(l), n)
	}
	if t.Pooled == 0 {
		hidden = b.total(s)
	}
	b.output("hidden", b.reshape(hidden, n, Tokens, t.Width))
	if t.Pooled > 0 {
		y := b.reshape(b.layerNorm(b.total(s), p+"final_layer_norm"), n, Tokens, t.Width)
		end := b.op("ArgMax", []int{n, 1}, []string{ids.name}, attr("axis", int64(1)), attr("keepdims", int64(1)))
		of := b.op("Expand", []int{n, 1, t.Width}, []string{b.reshape(end, n, 1, 1).name, b.int64s(n, 1, t.Width)})
		y = b.op("GatherElements", []int{n, 1, t.Width}, []string{y.name, of.name}, attr("axis", int64(1)))
		b.output("text_embeds", b.linear(b.reshape(y, n, t.Width), "text_projection", t.Pooled, false))
	}
	return b.graph()
}

func (b *builder) textLayer(s *sum, t *Text, name string, batch int) *sum {
	y := b.layerNormOf(s, name+".layer_norm1")
	part := func(which string) value { return b.linear(y, name+".self_attn."+which+"_proj", t.Width, true) }
	o := b.attend(part("q"), part("k"), part("v"), t.Heads, batch, true)
	s = b.sumOf(b.linear(o, name+".self_attn.out_proj", t.Width, false), b.total(s), b.param(name+".self_attn.out_proj.bias", t.Width))
	y = b.linear(b.layerNormOf(s, name+".layer_norm2"), name+".mlp.fc1", t.Inner, true)
	if t.Quick {
		y = b.quickGelu(y)
	} else {
		y = b.gelu(y)
	}
	return b.sumOf(b.linear(y, name+".mlp.fc2", t.Width, false), b.total(s), b.param(name+".mlp.fc2.bias", t.Width))
}
