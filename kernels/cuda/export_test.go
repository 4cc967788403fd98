//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

// Watch makes f learn of every image that travels between the host and the backend's GPU.
func Watch(b kernels.Backend, f func(up bool, m *kernels.Image)) { b.(*backend).watch = f }

// Emulated tells whether the driver is the emulated one.
func Emulated(b kernels.Backend) bool { return emulated(b.(*backend)) }

// GPU is a backend on the first GPU, else the test is skipped.
var GPU = gpu
