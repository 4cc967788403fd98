#include "feather.h"
#include "raw.cuh"

// A block makes 64 columns by 32 rows of dst, a thread one sample's column of them, eight rows at once: neighbouring
// threads read neighbouring samples of a tile, wherever it lies, and a tile's weight across is worked out once.
namespace feather {

const int WIDE = 64, HIGH = 32, ROWS = 8;

RE_DEVICE float weight(int from_low, int from_high, const re_feather &a) { return (float)min(min(from_low, from_high), a.ramp) * a.unit; }

template <int F> RE_DEVICE void body(const re_feather &a) {
	typedef typename sample<F>::type T;
	const int c = a.dst.c;
	const int bx = blockIdx.x % a.across, by = blockIdx.x / a.across;
	const int x = bx * WIDE + threadIdx.x / c, k = threadIdx.x % c;
	if (x >= a.dst.w) return;
	const int cell = by * HIGH / RE_FEATHER_CELL * a.cells + bx * WIDE / RE_FEATHER_CELL;
	const int *lists = (const int *)a.lists;
	const int first = lists[cell], last = lists[cell + 1];
	for (int y0 = by * HIGH; y0 < by * HIGH + HIGH && y0 < a.dst.h; y0 += ROWS) {
		float sum[ROWS], weights[ROWS];
		unsigned some = 0, several = 0; // rows that a tile covers, and that more than one do
#pragma unroll
		for (int r = 0; r < ROWS; r++) sum[r] = weights[r] = 0;
		for (int l = first; l < last; l++) {
			const re_feather_tile &t = ((const re_feather_tile *)a.tiles)[lists[l]];
			const int tx = x - t.x, ty = y0 - t.y;
			if (tx < 0 || tx >= t.w || ty + ROWS <= 0 || ty >= t.h) continue;
			const float wx = weight(tx + 1 + t.low_x, t.w - tx + t.high_x, a);
			float v[ROWS];
			const char *p = (const char *)t.p + ty * t.stride + (tx * c + k) * (int)sizeof(T);
#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				v[r] = 0;
				if (ty + r >= 0 && ty + r < t.h) v[r] = raw_get<F>(__ldg((const T *)(p + r * t.stride)));
			}
#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				if (ty + r < 0 || ty + r >= t.h) continue;
				const float w = wx * weight(ty + r + 1 + t.low_y, t.h - ty - r + t.high_y, a);
				const unsigned bit = 1u << r;
				if (!(some & bit)) { // what one tile covers is that tile: not multiplied until a second one comes
					some |= bit;
					sum[r] = v[r];
					weights[r] = w;
					continue;
				}
				if (!(several & bit)) {
					several |= bit;
					sum[r] *= weights[r];
				}
				sum[r] += w * v[r];
				weights[r] += w;
			}
		}
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			if (y0 + r < a.dst.h) raw_store(a.dst.format, row_of<char>(a.dst, y0 + r), x * c + k, (several >> r & 1 ? sum[r] / weights[r] : sum[r]) * a.scale);
	}
}

} // namespace feather

KERNEL(feather_u8, re_feather, 256) { feather::body<RE_U8>(a); }
KERNEL(feather_u16, re_feather, 256) { feather::body<RE_U16>(a); }
KERNEL(feather_f16, re_feather, 256) { feather::body<RE_F16>(a); }
KERNEL(feather_f32, re_feather, 256) { feather::body<RE_F32>(a); }
