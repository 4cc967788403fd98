package diffuse

import (
	"context"
	"fmt"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/kernels/ort"
)

// TextEncoders are the weights of SDXL's two text encoders.
type TextEncoders struct{ CLIPL, CLIPBigG *weights.Set }

// Encode is what the text encoders say of prompts, one after the other. They are loaded for it, in float16 on a GPU (1.6 GB), in float32 on the
// processor (3.3 GB), and given back. Of Options only the library, the first device and the threads count.
//
// Errors: CodeBadModel naming the tensor, or where what the encoders say cannot be an embedding; CodeNoDevice, CodeNoLibrary, CodeOutOfMemory, CodeCancelled.
func Encode(ctx context.Context, n *TextEncoders, o *Options, prompts ...string) ([]*text.Embedding, error) {
	if n == nil || n.CLIPL == nil || n.CLIPBigG == nil {
		return nil, realedit.Errorf(realedit.CodeBadOption, "encode prompts", "both text encoders are wanted")
	}
	all, err := encode(ctx, n, o, graph.CLIPL, graph.CLIPBigG, text.Combine, prompts)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if err := e.Check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func encode(ctx context.Context, n *TextEncoders, o *Options, first, second graph.Text, combine func(first, second []float32) ([]float32, error), prompts []string) ([]*text.Embedding, error) {
	if o == nil {
		o = &Options{}
	}
	p := o.providers()[0]
	r, err := o.runtime(p)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	form := graph.Form{CUDA: p.Name == "cuda"}
	hidden, pooled := make([][2][]float32, len(prompts)), make([][]float32, len(prompts))
	for k, c := range []struct {
		arch graph.Text
		w    *weights.Set
		of   text.Encoder
	}{{first, n.CLIPL, text.CLIPL}, {second, n.CLIPBigG, text.CLIPBigG}} {
		g, err := graph.NewText(c.arch, form, c.w)
		if err != nil {
			return nil, err
		}
		m := g.Model(fmt.Sprint("text encoder ", k+1))
		for i, prompt := range prompts {
			ids, _ := c.of.Encode(prompt)
			in := make([]int64, len(ids))
			for j, id := range ids {
				in[j] = int64(id)
			}
			out, err := say(ctx, r, m, ort.Values{"input_ids": {Shape: []int64{1, text.Length}, Data: in}})
			if err != nil {
				return nil, err
			}
			hidden[i][k] = load(out["hidden"], 0, text.Length*c.arch.Width)
			if c.arch.Pooled > 0 {
				pooled[i] = load(out["text_embeds"], 0, c.arch.Pooled)
			}
		}
		r.Trim()
	}
	all := make([]*text.Embedding, len(prompts))
	for i, prompt := range prompts {
		h, err := combine(hidden[i][0], hidden[i][1])
		if err != nil {
			return nil, err
		}
		all[i] = &text.Embedding{Prompt: prompt, Tokens: text.Fingerprint(prompt), Hidden: h, Pooled: pooled[i]}
	}
	return all, nil
}

// say runs a network once; it stays loaded.
func say(ctx context.Context, r *ort.Runtime, m *ort.Model, in ort.Values) (ort.Values, error) {
	s, err := acquire(ctx, r, m)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	out, err := s.Run(ctx, in)
	if err != nil {
		return nil, endedError(ctx, err)
	}
	return out, nil
}
