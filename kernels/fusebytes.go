package kernels

// FuseBytes is the device memory that Fuse takes at most for n photos of w×h pixels, beside the photos, what they claim
// and the result, of the format dst: for stages that say what they take, and what a backend on a device has to keep to.
//
// FuseRobust: 2 bytes a pixel, 47·n + 53 a reduced pixel (a box of 1, from 2000 pixels on the longer side of 2 and so
// on, docs/merge.md), tables. FuseMertens: 4·n + max(n, 4) bytes a pixel and the sums, 16, or 10 for results of U8.
func FuseBytes(w, h, n int, method FuseMethod, dst Format) int64 {
	if n < 2 && method == FuseRobust {
		return 0 // the photo is the result
	}
	pixels := (int64(w) + 63) &^ 63 * int64(h)
	if method == FuseMertens {
		sums := 16
		if dst == U8 {
			sums = 10
		}
		return pixels*int64(4*n+max(n, 4)+sums) + 1<<20
	}
	step := int64(min(256, max(1, max(w, h)/1000), w, h))
	return 2*pixels + int64(w)/step*(int64(h)/step)*int64(47*n+53) + fuseTables
}

// fuseTables is more than the tables take: cells of the base, 1.5 kB each, at most 96², and half a megabyte.
const fuseTables = 16 << 20
