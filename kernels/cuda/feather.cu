#include "feather.h"
#include "raw.cuh"

// A block makes 64 columns by 32 rows of dst, a thread one sample's column of them, eight rows at once: neighbouring
// threads read neighbouring samples of a tile, wherever it lies, and a tile's weight across is worked out once.
namespace feather {

const int WIDE = 64, HIGH = 32, ROWS = 8;

RE_DEVICE float weight(int from_low, int from_high, const re_feather &a) { return (float)min(min(from_low, from_high), a.ramp) * a.unit; }

// Samples of a column, ROWS of them from row ty of a tile on; those beyond its borders are its border's.
template <int F> RE_DEVICE void load(const re_feather_tile &t, int s, int ty, float *v) {
	typedef typename sample<F>::type T;
	T raw[ROWS];
#pragma unroll
	for (int r = 0; r < ROWS; r++) raw[r] = __ldg((const T *)(t.p + (int64_t)clamp_index(ty + r, t.h) * t.stride) + s);
#pragma unroll
	for (int r = 0; r < ROWS; r++) v[r] = raw_get<F>(raw[r]);
}

// n of them to rows y and on of dst.
template <int D> RE_DEVICE void store(const re_feather &a, int s, int y, int n, const float *v) {
	char *p = row_of<char>(a.dst, y);
#pragma unroll
	for (int r = 0; r < ROWS; r++, p += a.dst.stride)
		if (r < n) raw_store(D, p, s, v[r] * a.scale);
}
RE_DEVICE void store(const re_feather &a, int s, int y, const float *v) {
	const int n = a.dst.h - y;
	switch (a.dst.format) {
	case RE_U8: store<RE_U8>(a, s, y, n, v); break;
	case RE_U16: store<RE_U16>(a, s, y, n, v); break;
	case RE_F16: store<RE_F16>(a, s, y, n, v); break;
	default: store<RE_F32>(a, s, y, n, v);
	}
}

template <int F> RE_DEVICE void body(const re_feather &a) {
	const int c = a.dst.c;
	const int x0 = blockIdx.x % a.across * WIDE, y0 = blockIdx.x / a.across * HIGH, y1 = min(y0 + HIGH, a.dst.h);
	const int x = x0 + threadIdx.x / c, k = threadIdx.x % c;
	if (x >= a.dst.w) return;
	const int *lists = ((int *)a.lists);
	const int cell = y0 / RE_FEATHER_CELL * a.cells + x0 / RE_FEATHER_CELL, first = lists[cell], last = lists[cell + 1];
	const re_feather_tile *tiles = ((re_feather_tile *)a.tiles);

	int here = 0, only = 0; // tiles that touch the block
	for (int l = first; l < last && here < 2; l++) {
		const re_feather_tile &t = tiles[lists[l]];
		if (t.x >= x0 + WIDE || t.x + t.w <= x0 || t.y >= y1 || t.y + t.h <= y0) continue;
		here++;
		only = lists[l];
	}
	if (here == 1) { // it covers the block, for every pixel is covered
		const re_feather_tile t = tiles[only];
		for (int y = y0; y < y1; y += ROWS) {
			float v[ROWS];
			load<F>(t, (x - t.x) * c + k, y - t.y, v);
			store(a, x * c + k, y, v);
		}
		return;
	}
	for (int y = y0; y < y1; y += ROWS) {
		float sum[ROWS], weights[ROWS], one[ROWS];
		unsigned several = 0; // rows that more than one tile covers: what one tile covers is that tile
#pragma unroll
		for (int r = 0; r < ROWS; r++) sum[r] = weights[r] = one[r] = 0;
		for (int l = first; l < last; l++) {
			const re_feather_tile t = tiles[lists[l]];
			const int tx = x - t.x, ty = y - t.y;
			if (tx < 0 || tx >= t.w || ty + ROWS <= 0 || ty >= t.h) continue;
			const float wx = weight(tx + 1 + t.low_x, t.w - tx + t.high_x, a);
			float v[ROWS];
			load<F>(t, tx * c + k, ty, v);
#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				const bool in = ty + r >= 0 && ty + r < t.h;
				const float w = in ? wx * weight(ty + r + 1 + t.low_y, t.h - ty - r + t.high_y, a) : 0;
				several |= in && weights[r] > 0 ? 1u << r : 0;
				one[r] = in ? v[r] : one[r];
				sum[r] = in ? fmaf(w, v[r], sum[r]) : sum[r];
				weights[r] += w;
			}
		}
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			if (several >> r & 1) one[r] = sum[r] / weights[r];
		store(a, x * c + k, y, one);
	}
}

} // namespace feather

KERNEL(feather_u8, re_feather, 256) { feather::body<RE_U8>(a); }
KERNEL(feather_u16, re_feather, 256) { feather::body<RE_U16>(a); }
KERNEL(feather_f16, re_feather, 256) { feather::body<RE_F16>(a); }
KERNEL(feather_f32, re_feather, 256) { feather::body<RE_F32>(a); }
