// Package weights finds the tensors of SDXL's networks under one set of names, those of diffusers' and transformers' state dictionaries, wherever published
// files keep them: files of one network with these names, whole or in shards, and single files in the naming of the original training code (SGM, LDM,
// OpenCLIP). Only headers are read; a tensor's place is its bytes' absolute position, so that a graph can refer to them there.
//
// The correspondence of names is that of diffusers 0.42 (loaders/single_file_utils.py), of which testdata/names.py recorded what it does.
//
// Errors are *realedit.Error: CodeBadModel names the file and the tensor.
package weights
