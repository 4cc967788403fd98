package text

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/realedit/realedit"
)

// Widths of what the encoders give and the UNet takes.
const (
	WidthCLIPL    = 768                        // of a hidden state of the first encoder
	WidthCLIPBigG = 1280                       // of a hidden state of the second, and of the pooled embedding
	Width         = WidthCLIPL + WidthCLIPBigG // of a row of Embedding.Hidden: 2048
)

// largest is the largest number of 16-bit floats, in which models take embeddings.
const largest = 65504

// Embedding is what SDXL's UNet and ControlNets are told of a prompt. Where prompts are fixed it is made once with the two encoders and stored, and
// the encoders (1.6 GB) are not needed again.
type Embedding struct {
	Prompt string    // the text
	Tokens string    // Fingerprint(Prompt) when the encoders ran; a stored embedding whose prompt has another now is stale
	Hidden []float32 // Length × Width, row by row: Combine of the hidden states (UNet's encoder_hidden_states)
	Pooled []float32 // WidthCLIPBigG: the second encoder's text_embeds, its projection of the row at the first EOS, also where it is written into the prompt
}

// Check says whether the embedding can be used: its sizes are right, its numbers finite and within the range of 16-bit floats, neither part is all
// zeros, and Tokens is the fingerprint of Prompt. Errors: CodeBadModel.
func (e *Embedding) Check() error {
	if err := numbers("hidden states", e.Hidden, Length*Width); err != nil {
		return err
	}
	if err := numbers("pooled embedding", e.Pooled, WidthCLIPBigG); err != nil {
		return err
	}
	if want := Fingerprint(e.Prompt); e.Tokens != want {
		return realedit.Errorf(realedit.CodeBadModel, "text embedding", "of other tokens than those of %.80q: %.64q, not %s", e.Prompt, e.Tokens, want)
	}
	return nil
}

// Combine joins the hidden states of the two encoders for one prompt, row by row: first is Length × WidthCLIPL, the second-to-last hidden state of the first encoder
// (the output of layer 11 of 12), second Length × WidthCLIPBigG, that of the second (31 of 32), both without the final layer normalization (Podell et al. 2023,
// as diffusers does it). The result is Embedding.Hidden. Errors: CodeBadModel for sizes and numbers that Check would not take.
func Combine(first, second []float32) ([]float32, error) {
	if err := numbers("first encoder", first, Length*WidthCLIPL); err != nil {
		return nil, err
	}
	if err := numbers("second encoder", second, Length*WidthCLIPBigG); err != nil {
		return nil, err
	}
	out := make([]float32, 0, Length*Width)
	for i := range Length {
		out = append(out, first[i*WidthCLIPL:(i+1)*WidthCLIPL]...)
		out = append(out, second[i*WidthCLIPBigG:(i+1)*WidthCLIPBigG]...)
	}
	return out, nil
}

// numbers checks what an encoder gave or a file held.
func numbers(what string, v []float32, n int) error {
	if len(v) != n {
		return realedit.Errorf(realedit.CodeBadModel, "text embedding", "%s: %d numbers, not %d", what, len(v), n)
	}
	zero := true
	for i, x := range v {
		if !(math.Abs(float64(x)) <= largest) { // NaN too
			return realedit.Errorf(realedit.CodeBadModel, "text embedding", "%s: number %d is %g", what, i, x)
		}
		zero = zero && x == 0
	}
	if zero {
		return realedit.Errorf(realedit.CodeBadModel, "text embedding", "%s: all zeros", what)
	}
	return nil
}

// Fingerprint is the SHA-256, in hexadecimal, of both encoders' input for a prompt, CLIPL's first, each token as a little-endian int32. Equal
// fingerprints mean equal embeddings from the same encoders, whatever the prompts' spelling.
func Fingerprint(prompt string) string {
	var b []byte
	for _, e := range []Encoder{CLIPL, CLIPBigG} {
		ids, _ := e.Encode(prompt)
		for _, id := range ids {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
