// Package ort runs ONNX models with ONNX Runtime: one environment for the process, opened when it is first needed and never closed.
//
// The library (libonnxruntime, 1.24 or newer) is no part of a build: Find tells where it is looked for, docs/ort.md how it gets there.
// Without cgo everything that would need it answers kernels.ErrNoCgo.
//
// A Runtime keeps sessions of models, charges them to a memory budget, and lets go of the one that has lain longest when
// another needs its place. GPU sessions are made, run and destroyed on one operating-system thread per GPU; sessions on the processor run side by side.
// What a model is given and gives back lies in Go slices that are pinned while it runs. Its answers are the same bytes each
// time on the processor, for one version of the library and one kind of processor.
package ort
