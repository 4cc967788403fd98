// Package cuda is the operations of kernels.Ops on NVIDIA GPUs, behind the build tag cuda.
//
// The kernels (*.cu) are compiled ahead of time into kernels.fatbin, which is part of the
// binary; the driver (580 or newer) is looked up when the first GPU is asked for, so the same binary
// runs where there is none. What a build needs is prepared by
//
//	eval "$(go run github.com/realedit/realedit/kernels/cuda/cudaenv)"
//
// Without the tag the package is empty and no backend of that name is registered.
//
// Work of one backend is done in the order it was asked for, on one stream; operations return
// when their work is queued, unless they return numbers. Copies use streams of their own and
// have been done when Copy returns. An error that a kernel meets shows in a later call.
package cuda

//go:generate go run ./gen
