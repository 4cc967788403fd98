package main

import "strings"

// modelKind is a kind of model that the library's stages ask for; docs/models.md says what goes in and comes out.
type modelKind struct {
	kind, enables string
	// A model of the kind that is published, its licence, and where it comes from.
	model, licence, source string
	script                 bool // scripts/models/fetch.py fetches it; else it takes the file that the source leads to
}

// fetch is the one command that gets the model into a folder and checks it.
func (k modelKind) fetch(folder string) string {
	file := ""
	if !k.script {
		file = " --file MODEL.onnx"
	}
	return "python3 scripts/models/fetch.py " + k.kind + " " + quoted(folder) + file
}

// quoted is a path for a shell.
func quoted(s string) string {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '.' || r == '-' || r == '_') {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}

var modelKinds = []modelKind{
	{"clip", "interior or exterior, and the room, by what the photo shows", "clip-vit-base-patch32", "MIT", "Hugging Face Xenova/clip-vit-base-patch32", true},
	{"sky", "sky masks by a network trained on skies", "skyseg", "not stated: ask its author", "Hugging Face JianyuanWang/skyseg", true},
	{"semantic", "sky and windows by ADE20K classes", "a SegFormer or another network with ADE20K's 150 classes", "the weights'; NVIDIA's SegFormer is for non-commercial use",
		"your own export", false},
	{"saliency", "what stands out, kept apart from the sky", "u2net", "Apache-2.0", "GitHub danielgatis/rembg, release v0.0.0", true},
	{"sam2_encoder", "finer edges of windows and skies, with sam2_decoder", "SAM 2 (Hiera B+), image encoder", "Apache-2.0", "GitHub vietanhdev/samexporter, from Hugging Face facebook/sam2-hiera-base-plus", false},
	{"sam2_decoder", "finer edges of windows and skies, with sam2_encoder", "SAM 2 (Hiera B+), mask decoder", "Apache-2.0", "GitHub vietanhdev/samexporter, from Hugging Face facebook/sam2-hiera-base-plus", false},
	{"owlv2", "boxes of windows, where no bracket proves them", "owlv2-base-patch16-ensemble", "Apache-2.0", "Hugging Face google/owlv2-base-patch16-ensemble, through optimum's export", false},
}
