#include "stream.cuh"
#include "ycbcr.h"

namespace ycbcr {

// One chroma plane's rows at a row of the picture: ¾ near and ¼ far, or both the same.
struct rows {
	const uchar *near, *far;
	__device__ __forceinline__ rows(const re_image &m, int y, int h) {
		int n = y, f = y;
		if (m.h != h) n = y / 2, f = min(max(n - 1 + 2 * (y & 1), 0), m.h - 1);
		near = stream::row<uchar>(m, n);
		far = stream::row<uchar>(m, f);
	}
	// Between the rows, times 4.
	__device__ __forceinline__ int at(int x) const { return 3 * near[x] + far[x]; }
};

// Chroma at pixel x, times 16 and less 2048.
template <bool HALF> RE_DEVICE int chroma(const rows &r, int x, int w) {
	if constexpr (!HALF) return 4 * r.at(x) - 2048;
	const int n = x / 2, f = min(max(n - 1 + 2 * (x & 1), 0), w - 1);
	return 3 * r.at(n) + r.at(f) - 2048;
}

// Chroma at 16 pixels from x on, a multiple of 16.
template <bool HALF> RE_DEVICE void chroma16(const rows &r, int x, int w, int (&out)[16]) {
	const int V = HALF ? 8 : 16, c = HALF ? x / 2 : x;
	stream::vec<uchar, V> n, f;
	n.load(r.near + c);
	f.load(r.far + c);
	if constexpr (!HALF) {
#pragma unroll
		for (int i = 0; i < 16; i++) out[i] = 12 * n.get(i) + 4 * f.get(i) - 2048;
	} else {
		int t[10];
		t[0] = r.at(max(c - 1, 0)) - 512;
		t[9] = r.at(min(c + 8, w - 1)) - 512;
#pragma unroll
		for (int i = 0; i < 8; i++) t[i + 1] = 3 * n.get(i) + f.get(i) - 512;
#pragma unroll
		for (int i = 0; i < 8; i++) out[2 * i] = 3 * t[i + 1] + t[i], out[2 * i + 1] = 3 * t[i + 1] + t[i + 2];
	}
}

RE_DEVICE uchar byte(int v) { return (uchar)min(max(v >> 20, 0), 255); }

// Coefficients times 2²⁰, of chroma times 16.
RE_DEVICE void rgb(int y, int u, int v, uchar *out) {
	const int base = (y << 20) + (1 << 19);
	out[0] = byte(base + 91881 * v);
	out[1] = byte(base - 22553 * u - 46802 * v);
	out[2] = byte(base + 116130 * u);
}

// As stream::each; a lane has 16 pixels of a row.
template <bool HALF> RE_DEVICE void all(const re_ycbcr &a) {
	__shared__ uint4 shared[8][32 * 3];
	const int lane = threadIdx.x, first = blockIdx.x * 512, left = min(a.dst.w - first, 512);
	const int full = a.aligned ? left / 16 : 0;
	for (int y = blockIdx.y * 8 + threadIdx.y; y < a.dst.h; y += gridDim.y * 8) {
		const uchar *luma = stream::row<uchar>(a.y, y) + first;
		const rows cb(a.cb, y, a.dst.h), cr(a.cr, y, a.dst.h);
		uchar *d = stream::row<uchar>(a.dst, y) + (int64_t)first * 3;
		if (full > 0) {
			stream::vec<uchar, 16> out[3];
			if (lane < full) {
				stream::vec<uchar, 16> l;
				int u[16], v[16];
				l.load(luma + lane * 16);
				chroma16<HALF>(cb, first + lane * 16, a.cb.w, u);
				chroma16<HALF>(cr, first + lane * 16, a.cr.w, v);
#pragma unroll
				for (int i = 0; i < 16; i++) {
					uchar c[3];
					rgb(l.get(i), u[i], v[i], c);
#pragma unroll
					for (int k = 0; k < 3; k++) out[(i * 3 + k) / 16].set((i * 3 + k) % 16, c[k]);
				}
			}
			stream::scatter(out, d, full, shared[threadIdx.y]);
		}
#pragma unroll 1
		for (int x = full * 16 + lane; x < left; x += 32)
			rgb(luma[x], chroma<HALF>(cb, first + x, a.cb.w), chroma<HALF>(cr, first + x, a.cr.w), d + 3 * x);
	}
}

} // namespace ycbcr

KERNEL(ycbcr_full, re_ycbcr, 256) { ycbcr::all<false>(a); }
KERNEL(ycbcr_half, re_ycbcr, 256) { ycbcr::all<true>(a); }
