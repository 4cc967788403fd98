//go:build cuda && cgo

package cuda

// #include "image.h"
import "C"

// aligned tells whether all rows of the images start on multiples of n bytes, so that n bytes can be read at once.
func aligned(n int, images ...C.re_image) bool {
	for _, m := range images {
		if (int64(m.p)|int64(m.stride))%int64(n) != 0 {
			return false
		}
	}
	return true
}

func flag(v bool) C.int32_t {
	if v {
		return 1
	}
	return 0
}
