// Package graph builds the networks of SDXL as ONNX models: the UNet (4 channels, or the 9 of inpainting), ControlNets, both halves of the
// autoencoder and the two text encoders. Shapes are fixed when a graph is built, and weights stay where they were published: the graph refers to
// their bytes inside the .safetensors files, under diffusers' names, so that nothing is converted or copied on disk.
//
// A Form says what a graph is for. On a processor it computes in float32 with operators that every provider has. On a GPU it computes in float16,
// pictures lie channels last, and what ONNX Runtime's CUDA provider can do in one pass is one operator: group normalisation with the sum before it and the
// activation behind it, layer normalisation with the residual sum, the gated unit of the feed-forward layers.
//
// The architectures are those of diffusers 0.42 (UNet2DConditionModel, ControlNetModel, ControlNetUnionModel, AutoencoderKL) and transformers 5 (CLIPTextModel,
// CLIPTextModelWithProjection); testdata records what these computed.
//
// Errors are *realedit.Error: CodeBadModel names the tensor that is missing or of another shape, CodeBadOption a field of a Form or an architecture.
package graph
