package ort

import "errors"

var (
	// ErrNoLibrary: there is no libonnxruntime, or only such that this package cannot use. The text names every path that was tried.
	ErrNoLibrary = errors.New("no ONNX Runtime library")
	// ErrBadModel: the model's bytes, signature or run are not what they have to be.
	ErrBadModel = errors.New("bad model")
)
