// Package text is what Stable Diffusion XL needs of a prompt besides its two text encoders: the tokenizer in front of
// them (byte pair encoding, CLIP's vocabulary), what comes out of them as a stored embedding, and the prompts of the presets.
//
// The reference is what diffusers 0.42.1 loads: it asks for huggingface-hub 1.32 or newer, hence for transformers 5, whose
// CLIPTokenizer is the library "tokenizers" (recorded with 5.24.0 and 0.23.3) whatever it is called with. The tokenizer in Python of
// transformers 4 differed: with ftfy it made ordinary digits of full-width ones, dropped control characters and wrote a Greek word's last sigma as ς.
// The settings are those published with SDXL Turbo (the files of the base model only leave out what are defaults), where the marks
// of begin and end are found in any case of letters.
package text
