// Package lora merges LoRAs (Hu et al. 2021) into a network's weights: for each module that a LoRA changes
//
//	W' = W + Σ weight·(alpha/rank)·(up · down)
//
// in float32. alpha is a tensor of the file or in what diffusers and PEFT keep of an adapter's configuration (the file's metadata, adapter_config.json beside it), rank-stabilised
// ones among them; it is the rank where nothing says. up is [out, rank], down [rank, in] or, for convolutions, [rank, in, height, width] beside an up of
// [out, rank, 1, 1]. What is changed goes to a side file of its own, which weights.Set.With lays over the base: gigabytes stay where they are.
//
// Files may be those of kohya-ss/sd-scripts (lora_unet_…, lora_te1_…, lora_te2_…, with diffusers' or SGM's names of modules) or of diffusers and PEFT
// (unet.….lora_A.weight, ….lora.down.weight, attention processors). DoRA, LoHa, LoKr and whatever else is no sum of products of two matrices is refused by name.
//
// Training LoRAs is not this library's; kohya-ss/sd-scripts and diffusers' examples do it.
//
// Errors are *realedit.Error: CodeBadModel names the file and the module.
package lora
