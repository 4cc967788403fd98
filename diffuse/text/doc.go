// Package text is what Stable Diffusion XL needs of a prompt besides its two text encoders: the tokenizer in front of
// them (byte pair encoding, CLIP's vocabulary), what comes out of them as a stored embedding, and the prompts of the presets.
//
// The reference is what diffusers 0.42.1 loads. It asks for huggingface-hub 1.32 or newer, hence for transformers 5, whose one
// CLIPTokenizer is the library "tokenizers" (recorded with 5.24.0 and 0.23.3; the fast tokenizer of transformers 4.57.6 gives the same). The slow one of
// transformers 4 differs on 55 of the recorded prompts: where ftfy is installed it straightens typographic quotes, resolves &amp;, makes full-width
// characters ordinary ones and drops control characters, and it writes a Greek word's last sigma as ς.
//
// The settings are those published with SDXL Turbo. An older form of them, in which pad_token is only a text, differs in that the first encoder's tokenizer
// finds <|endoftext|> in small letters only.
package text
