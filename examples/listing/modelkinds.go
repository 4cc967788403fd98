package main

import (
	"strings"

	"github.com/realedit/realedit"
)

// modelKind is a kind of model that the library's stages ask for; docs/models.md says what goes in and comes out.
type modelKind struct {
	kind, enables string
	// A model of the kind that is published, its licence, and where it comes from.
	model, licence, source string
	args                   string // what scripts/models/fetch.py needs beside the folder: nothing where it fetches the model, else the file that the source leads to
	weights                bool   // published as .safetensors, which are taken as they are
}

// fetch is the one command that gets the model into a folder and checks it.
func (k modelKind) fetch(folder string) string {
	if k.weights {
		return "put the file into " + quoted(folder) + " and what `listing models FILE.safetensors` prints into its " + realedit.ModelsFile + ", with kind \"" + k.kind + "\", licence and source"
	}
	return strings.TrimSpace("python3 scripts/models/fetch.py " + k.kind + " " + quoted(folder) + " " + k.args)
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
	{"clip", "interior or exterior, and the room, by what the photo shows", "clip-vit-base-patch32", "MIT", "Hugging Face Xenova/clip-vit-base-patch32", "", false},
	{"sky", "sky masks by a network trained on skies", "skyseg", "not stated: ask its author", "Hugging Face JianyuanWang/skyseg", "", false},
	{"semantic", "sky and windows by ADE20K classes", "a SegFormer or another network with ADE20K's 150 classes", "the weights'; NVIDIA's SegFormer is for non-commercial use",
		"your own export", "--file MODEL.onnx --name NAME --licence LICENCE", false},
	{"saliency", "a mask of what stands out, for a host's own stages: none of the library's asks for it", "u2net", "Apache-2.0", "GitHub danielgatis/rembg, release v0.0.0", "", false},
	{"sam2_encoder", "finer edges of windows and skies, with sam2_decoder", "SAM 2 (Hiera B+), image encoder", "Apache-2.0", "GitHub vietanhdev/samexporter, from Hugging Face facebook/sam2-hiera-base-plus", "--file MODEL.onnx", false},
	{"sam2_decoder", "finer edges of windows and skies, with sam2_encoder", "SAM 2 (Hiera B+), mask decoder", "Apache-2.0", "GitHub vietanhdev/samexporter, from Hugging Face facebook/sam2-hiera-base-plus", "--file MODEL.onnx", false},
	{"owlv2", "boxes of windows, where no bracket proves them", "owlv2-base-patch16-ensemble", "Apache-2.0", "Hugging Face google/owlv2-base-patch16-ensemble, through optimum's export", "--file MODEL.onnx", false},
	{"sdxl_unet", "with sdxl_vae and prompts: -correct, tone and colour by SDXL through the lock; -sky model, -view model", "SDXL-Lightning, 8 steps, UNet", "CreativeML OpenRAIL++-M: its restrictions of use go on to users", "Hugging Face ByteDance/SDXL-Lightning, sdxl_lightning_8step_unet.safetensors", "", true},
	{"sdxl_unet_inpaint", "with sdxl_lora_inpaint, sdxl_vae and prompts: -sky model and -view model, better than sdxl_unet does", "SDXL inpainting 0.1, UNet", "CreativeML OpenRAIL++-M: its restrictions of use go on to users", "Hugging Face diffusers/stable-diffusion-xl-1.0-inpainting-0.1, unet", "", true},
	{"sdxl_lora_inpaint", "few steps for sdxl_unet_inpaint, merged into it", "SDXL-Lightning, 8 steps, LoRA", "CreativeML OpenRAIL++-M", "Hugging Face ByteDance/SDXL-Lightning, sdxl_lightning_8step_lora.safetensors", "", true},
	{"sdxl_vae", "the autoencoder of -correct", "sdxl-vae-fp16-fix", "MIT", "Hugging Face madebyollin/sdxl-vae-fp16-fix, sdxl_vae.safetensors", "", true},
	{"sdxl_controlnet_tile", "-correct keeps to the picture's colours and textures", "controlnet-tile-sdxl-1.0", "Apache-2.0", "Hugging Face xinsir/controlnet-tile-sdxl-1.0", "", true},
	{"sdxl_controlnet_canny", "-correct keeps to the picture's edges", "controlnet-canny-sdxl-1.0", "Apache-2.0", "Hugging Face xinsir/controlnet-canny-sdxl-1.0", "", true},
	{"sdxl_controlnet_lineart", "-correct keeps to the picture's edges, without sdxl_controlnet_canny", "a Lineart ControlNet for SDXL", "its own", "whoever made it", "", true},
	{"sdxl_controlnet_union", "the work of sdxl_controlnet_tile and sdxl_controlnet_canny by one network, where these are not there", "controlnet-union-sdxl-1.0, ProMax", "Apache-2.0",
		"Hugging Face xinsir/controlnet-union-sdxl-1.0, diffusion_pytorch_model_promax.safetensors", "", true},
	{"sdxl_text_encoder", "prompts for -correct, with sdxl_text_encoder_2", "SDXL base 1.0, text_encoder", "CreativeML OpenRAIL++-M", "Hugging Face stabilityai/stable-diffusion-xl-base-1.0", "", true},
	{"sdxl_text_encoder_2", "prompts for -correct, with sdxl_text_encoder", "SDXL base 1.0, text_encoder_2", "CreativeML OpenRAIL++-M", "Hugging Face stabilityai/stable-diffusion-xl-base-1.0", "", true},
	{"sdxl_prompts", "prompts for -correct in place of the text encoders (1.6 GB)", "stored text embeddings", "the encoders'", "text.WriteEmbeddings of what diffuse.Encode says", "", true},
	{"sdxl_lora", "a style for -correct", "a LoRA for SDXL", "its own", "whoever made it", "", true},
}
