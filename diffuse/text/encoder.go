package text

import (
	"math"
	"strings"
)

// Length is the number of tokens that an encoder takes: the mark of the begin, at most 75 of the prompt, the mark of the end, padding.
const Length = 77

// Numbers of the tokens that are not text. All tokens lie in [0, EOS].
const (
	BOS int32 = 49406 // begin of the text, <|startoftext|>
	EOS int32 = 49407 // end of the text, <|endoftext|>
)

// Encoder is one of the two text encoders of SDXL. They share the vocabulary and differ in two things: what fills the rest of the
// Length tokens, and what an exclamation mark is. The second one's padding is the token "!", and its tokenizer takes every "!" of a
// prompt for that token, 0, on its own, where the first has tokens for "!" (256), "!!" (748) and so on. OpenCLIP, which trained the
// encoder, does not; diffusers does (huggingface/diffusers#4153).
type Encoder uint8

// The encoders.
const (
	CLIPL    Encoder = iota // text_encoder: CLIP ViT-L/14, padded with EOS
	CLIPBigG                // text_encoder_2: OpenCLIP ViT-bigG/14, padded with 0
)

// Pad is the token that fills what a prompt leaves of Length.
func (e Encoder) Pad() int32 {
	if e == CLIPBigG {
		return 0
	}
	return EOS
}

// Tokenize is the prompt's tokens without marks and padding, in [0, EOS], and whether they are more than an encoder takes, 75. Any string
// is a prompt: bytes that are no UTF-8 count as U+FFFD. Upper and lower case, kinds and numbers of spaces make no difference. The time
// is proportional to the length, times its logarithm for one long word.
func (e Encoder) Tokenize(prompt string) (ids []int32, truncated bool) {
	ids = e.tokenize(prompt, math.MaxInt)
	return ids, len(ids) > Length-2
}

// Encode is the encoder's input for a prompt: BOS, the first 75 tokens, EOS and padding, and whether tokens were left out. Both encoders take their input without an attention mask, so the padding matters.
func (e Encoder) Encode(prompt string) (ids [Length]int32, truncated bool) {
	tokens := e.tokenize(prompt, Length-2)
	n := copy(ids[1:Length-1], tokens)
	ids[0], ids[n+1] = BOS, EOS
	for i := n + 2; i < Length; i++ {
		ids[i] = e.Pad()
	}
	return ids, len(tokens) > Length-2
}

// tokenize appends whole words until there are more than enough tokens.
func (e Encoder) tokenize(prompt string, enough int) []int32 {
	var m merger
	prompt = validUTF8(prompt)
	for len(m.out) <= enough {
		part, rest, found := prompt, "", false
		if e == CLIPBigG { // before anything else is done to the text
			part, rest, found = strings.Cut(prompt, "!")
		}
		words(normalize(part), func(word string) bool {
			switch word {
			case bosText:
				m.out = append(m.out, BOS)
			case eosText:
				m.out = append(m.out, EOS)
			default:
				m.word(word)
			}
			return len(m.out) <= enough
		})
		if !found {
			break
		}
		m.out = append(m.out, e.Pad())
		prompt = rest
	}
	return m.out
}
