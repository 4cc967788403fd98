// Package kernels is pixels and where they live: images in a backend's memory,
// the backends that hold them, and one table of operations on them.
//
// It knows nothing of photographs, brackets or houses; the packages above it do.
// Backends register themselves from their init functions:
//
//	ref   every operation in plain Go: slow, and the definition of what is right
//	cpu   the same in C through cgo, row bands over goroutines
//	cuda  the same on NVIDIA GPUs (build tag cuda)
//
// A program that imports the root package realedit has all of them; a program
// that wants only kernels imports the backends it needs for their side effect.
package kernels
