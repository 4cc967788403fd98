package diffuse

import (
	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
)

// Check looks whether the files of a model of models.json are what a kind of this package's wants: sound headers, and every tensor there in its shape. No weights are
// read. Kinds that are none of this package's are not looked at. Errors: CodeBadModel naming the tensor, CodeUnreadable.
func Check(kind string, paths ...string) error {
	f := graph.Form{Width: 64, Height: 64}
	var n weights.Network
	var build func(*weights.Set) (*graph.Graph, error)
	switch kind {
	case kindUNet, kindInpaint:
		n, build = weights.UNet, func(w *weights.Set) (*graph.Graph, error) { return graph.NewUNet(sdxlOf(w), f, w) }
	case kindTile, kindCanny, kindLineart:
		n, build = weights.ControlNet, func(w *weights.Set) (*graph.Graph, error) {
			return graph.NewControls(graph.SDXL, f, false, graph.ControlNet{Weights: w})
		}
	case kindUnion: // Correct wants types that ProMax has
		n, build = weights.ControlNet, func(w *weights.Set) (*graph.Graph, error) {
			return graph.NewControls(graph.SDXL, f, false, graph.ControlNet{Weights: w, Types: []graph.ControlType{graph.Tile, graph.Lines}})
		}
	case kindVAE:
		n, build = weights.VAE, func(w *weights.Set) (*graph.Graph, error) {
			if _, err := graph.NewVAEEncoder(graph.SDXLVAE, f, w); err != nil {
				return nil, err
			}
			return graph.NewVAEDecoder(graph.SDXLVAE, f, w)
		}
	case kindCLIPL:
		n, build = weights.TextEncoder, func(w *weights.Set) (*graph.Graph, error) { return graph.NewText(graph.CLIPL, f, w) }
	case kindBigG:
		n, build = weights.TextEncoder2, func(w *weights.Set) (*graph.Graph, error) { return graph.NewText(graph.CLIPBigG, f, w) }
	case kindPrompts:
		if len(paths) != 1 {
			return realedit.Errorf(realedit.CodeBadModel, kind, "%d files, and one is wanted", len(paths))
		}
		_, err := text.ReadEmbeddings(paths[0])
		return err
	case kindLoRA, kindFewStep: // fits or not, its base decides
		for _, p := range paths {
			file, err := safetensors.Open(p)
			if err != nil {
				return err
			}
			file.Close()
		}
		return nil
	default:
		return nil
	}
	w, err := weights.Open(n, paths...)
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = build(w)
	return err
}

// sdxlOf is SDXL's UNet as the weights have it: one that is made for inpainting reads nine channels.
func sdxlOf(w *weights.Set) graph.UNet {
	u := graph.SDXL
	if r, ok := w.Lookup("conv_in.weight"); ok && len(r.Shape) == 4 && r.Shape[1] == 9 {
		u.Inputs = 9
	}
	return u
}
