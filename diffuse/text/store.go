package text

import (
	"fmt"
	"io"
	"strconv"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
)

// storeFormat is in the metadata of a file of embeddings.
const storeFormat = "realedit text embeddings 1"

// WriteEmbeddings writes embeddings to a .safetensors file: N.hidden [Length, Width] and N.pooled [WidthCLIPBigG] as F16, which is what networks
// on a GPU take, with the prompt and its fingerprint in the metadata; 318 KB for a prompt. Errors: CodeBadModel for an embedding that Check refuses, those of safetensors.WriteFile.
func WriteEmbeddings(path string, all []*Embedding) error {
	metadata := map[string]string{"format": storeFormat}
	var specs []safetensors.Spec
	var data [][]float32
	for i, e := range all {
		if err := e.Check(); err != nil {
			return err
		}
		n := strconv.Itoa(i)
		metadata[n+".prompt"], metadata[n+".tokens"] = e.Prompt, e.Tokens
		specs = append(specs, safetensors.Spec{Name: n + ".hidden", DType: safetensors.F16, Shape: []int{Length, Width}},
			safetensors.Spec{Name: n + ".pooled", DType: safetensors.F16, Shape: []int{WidthCLIPBigG}})
		data = append(data, e.Hidden, e.Pooled)
	}
	return safetensors.WriteFile(path, metadata, specs, func(i int, w io.Writer) error {
		b, _ := safetensors.FromF32(safetensors.F16, data[i])
		_, err := w.Write(b)
		return err
	})
}

// ReadEmbeddings reads what WriteEmbeddings wrote, each checked. Errors: CodeUnreadable, CodeBadModel.
func ReadEmbeddings(path string) ([]*Embedding, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := f.Metadata()
	if m["format"] != storeFormat {
		return nil, realedit.Errorf(realedit.CodeBadModel, "text embeddings", "%s is no file of them: format %.40q", path, m["format"])
	}
	names := f.Names()
	if len(names)%2 != 0 {
		return nil, realedit.Errorf(realedit.CodeBadModel, "text embeddings", "%s: %d tensors are no pairs", path, len(names))
	}
	all := make([]*Embedding, len(names)/2)
	for i := range all {
		n := strconv.Itoa(i)
		e := &Embedding{Prompt: m[n+".prompt"], Tokens: m[n+".tokens"], Hidden: make([]float32, Length*Width), Pooled: make([]float32, WidthCLIPBigG)}
		for name, to := range map[string][]float32{n + ".hidden": e.Hidden, n + ".pooled": e.Pooled} {
			if t, ok := f.Tensor(name); !ok || t.Elements() != len(to) {
				return nil, realedit.Errorf(realedit.CodeBadModel, "text embeddings", "%s: tensor %q is missing or not of %d numbers", path, name, len(to))
			}
			if err := f.ReadF32(name, to); err != nil {
				return nil, err
			}
		}
		if err := e.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all[i] = e
	}
	return all, nil
}

// FindEmbedding is the embedding of a prompt among all: one of the same tokens; nil where there is none.
func FindEmbedding(all []*Embedding, prompt string) *Embedding {
	want := Fingerprint(prompt)
	for _, e := range all {
		if e.Tokens == want {
			return e
		}
	}
	return nil
}
