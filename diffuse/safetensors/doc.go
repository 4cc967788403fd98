// Package safetensors reads and writes .safetensors files: eight bytes of length, a header in JSON that names every tensor's element
// type, shape and place, and the tensors' bytes without gaps (github.com/huggingface/safetensors, format of version 0.8).
//
// A header is checked in full when a file is opened, more strictly than the reference does: names and fields that are there twice or
// that the format does not know are refused, because two readers could understand them differently. Tensors are not read then. Their
// absolute offsets are known, so that a model in ONNX can refer to them in place as external data.
//
// Errors are *realedit.Error: CodeBadModel names the file and, where there is one, the tensor.
package safetensors
