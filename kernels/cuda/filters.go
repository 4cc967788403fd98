//go:build cuda && cgo

package cuda

// #include "image.h"
import "C"

// aligned tells whether all rows of an image start on a multiple of n bytes.
func aligned(m C.re_image, n int) bool { return (int64(m.p)|int64(m.stride))%int64(n) == 0 }

func flag(v bool) C.int32_t {
	if v {
		return 1
	}
	return 0
}
