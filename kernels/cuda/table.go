//go:build cuda && cgo

package cuda

import "github.com/realedit/realedit/kernels"

// table lists what is here; a new operation is its own .go, .h and .cu file and one line.
func (b *backend) table() kernels.Ops {
	return kernels.Ops{
		Convert: b.convert,
		Fuse:    b.fuse,
	}
}
