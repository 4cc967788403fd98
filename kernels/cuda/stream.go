//go:build cuda && cgo

package cuda

// #include "stream.h"
import "C"

import "github.com/realedit/realedit/kernels"

// Groups of a row that a lane of stream.cuh has in flight, for operations on samples and on pixels.
const (
	sampleGroups = 4
	pixelGroups  = 1
)

// stream describes an operation from src to dst to the kernels of stream.cuh.
func (c *call) stream(dst, src *kernels.Image, items int) C.re_stream {
	s := C.re_stream{src: c.in(src), dst: c.out(dst), items: C.int32_t(items)}
	s.aligned = flag(aligned(16, s.src, s.dst))
	return s
}

// streamed queues a kernel of stream.cuh with the argument struct that holds s. Its blocks have tables of so many bytes
// in shared memory.
func streamed[A any](c *call, name string, s *C.re_stream, groups, tables int, args *A) {
	wider := max(kernels.Format(s.src.format).Size(), kernels.Format(s.dst.format).Size())
	x := over(int(s.items), 32*16/wider*groups)
	launch(c, name, dims{x, c.rowBlocks(x, int(s.dst.h), tables), 1}, dims{32, 8, 1}, tables, args)
}

// rowBlocks is how many blocks of 8 rows to start beside each of x: one for each 8 rows, or, where each has tables to
// load first, as many as keep the GPU busy.
func (c *call) rowBlocks(x, h, tables int) int {
	n := min(over(h, 8), 65535)
	if tables > 0 {
		n = min(n, max(1, c.b.cores*16/x))
	}
	return n
}
