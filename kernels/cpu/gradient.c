//go:build cgo

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include <math.h>

#include "gradient.h"
#include "rows.h"

// Folds i into [0,n) about the edge samples' centres.
static inline int reflect(int i, int n) {
	if (n == 1) return 0;
	int p = 2 * (n - 1);
	i %= p;
	if (i < 0) i += p;
	return i < p - i ? i : p - i;
}

// Three rows around each, with a mirrored sample on either side; pitch floats apart, row y in slot y mod 3.
RE_INLINE void load_padded(const void *src, ptrdiff_t stride, int format, int w, int h, int y, float *rows, int pitch) {
	float *p = rows + (size_t)((y + 3) % 3) * pitch + 16;
	re_load_unit(format, (const char *)src + reflect(y, h) * stride, p, (size_t)w);
	p[-1] = p[reflect(-1, w)];
	p[w] = p[reflect(w, w)];
}

// scratch: 3·(w+32) floats.
KERNEL(re_gradient_rows, (float *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int format, int w, int h, int y0, int y1, float *scratch),
	   (dst, dstride, src, sstride, format, w, h, y0, y1, scratch), {
	int pitch = w + 32;
	load_padded(src, sstride, format, w, h, y0 - 1, scratch, pitch);
	load_padded(src, sstride, format, w, h, y0, scratch, pitch);
	for (int y = y0; y < y1; y++) {
		load_padded(src, sstride, format, w, h, y + 1, scratch, pitch);
		const float *restrict u = scratch + (size_t)((y + 2) % 3) * pitch + 16, *restrict m = scratch + (size_t)(y % 3) * pitch + 16, *restrict l = scratch + (size_t)((y + 1) % 3) * pitch + 16;
		float *restrict d = (float *)((char *)dst + y * dstride);
		for (int x = 0; x < w; x++) {
			float gx = ((u[x + 1] - u[x - 1]) + (l[x + 1] - l[x - 1])) + 2.0f * (m[x + 1] - m[x - 1]);
			float gy = ((l[x - 1] - u[x - 1]) + (l[x + 1] - u[x + 1])) + 2.0f * (l[x] - u[x]);
			d[2 * x] = gx * 0.125f;
			d[2 * x + 1] = gy * 0.125f;
		}
	}
})

// Edges in two precisions: samples as stored, so that 8-bit ones stay exact integers in float and 16-bit ones in
// double; floats are taken to double, where the reference computes in the same order.
//
// scratch: 3 rows of samples, of ∂x, of ∂y and of squared magnitude, and one of floats: 13·(w+32).
#define EDGES(name, T, ABS)                                                                                                      \
	RE_INLINE void name(uint8_t *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int format, int w, int h, double least, \
						int y0, int y1, T *scratch, float *tmp) {                                                                \
		size_t pitch = (size_t)w + 32;                                                                                           \
		T *rows = scratch, *gxs = rows + 3 * pitch, *gys = gxs + 3 * pitch, *squares = gys + 3 * pitch;                          \
		T limit = (T)least, tan22 = (T)0.41421356237309503;                                                                      \
		for (int z = y0 - 1; z <= y1; z++) {                                                                                     \
			int c = reflect(z, h);                                                                                               \
			for (int k = 0; k < 3; k++) {                                                                                        \
				T *p = rows + k * pitch + 16;                                                                                    \
				re_load_raw(format, (const char *)src + reflect(c + k - 1, h) * sstride, tmp, (size_t)w);                        \
				for (int x = 0; x < w; x++) p[x] = (T)tmp[x];                                                                    \
				p[-1] = p[reflect(-1, w)];                                                                                       \
				p[w] = p[reflect(w, w)];                                                                                         \
			}                                                                                                                    \
			const T *restrict u = rows + 16, *restrict m = u + pitch, *restrict l = m + pitch;                                   \
			size_t slot = (size_t)((z + 3) % 3) * pitch + 16;                                                                    \
			T *restrict gx = gxs + slot, *restrict gy = gys + slot, *restrict sq = squares + slot;                               \
			for (int x = 0; x < w; x++) {                                                                                        \
				T a = ((u[x + 1] - u[x - 1]) + (l[x + 1] - l[x - 1])) + 2 * (m[x + 1] - m[x - 1]);                               \
				T b = ((l[x - 1] - u[x - 1]) + (l[x + 1] - u[x + 1])) + 2 * (l[x] - u[x]);                                       \
				gx[x] = a;                                                                                                       \
				gy[x] = b;                                                                                                       \
				sq[x] = a * a + b * b;                                                                                           \
			}                                                                                                                    \
			sq[-1] = sq[reflect(-1, w)];                                                                                         \
			sq[w] = sq[reflect(w, w)];                                                                                           \
			int y = z - 1;                                                                                                       \
			if (y < y0) continue;                                                                                                \
			const T *restrict su = squares + (size_t)((y + 2) % 3) * pitch + 16, *restrict sm = squares + (size_t)(y % 3) * pitch + 16, *restrict sl = squares + (size_t)((y + 1) % 3) * pitch + 16; \
			const T *restrict vx = gxs + (size_t)(y % 3) * pitch + 16, *restrict vy = gys + (size_t)(y % 3) * pitch + 16;        \
			uint8_t *restrict d = dst + y * dstride;                                                                             \
			for (int x = 0; x < w; x++) {                                                                                        \
				T a = vx[x], b = vy[x], aa = ABS(a), ab = ABS(b), s = sm[x];                                                     \
				int same = (a > 0) == (b > 0), flat = ab <= tan22 * aa, steep = aa <= tan22 * ab;                                \
				T p = sl[x + 1], q = su[x - 1], p2 = su[x + 1], q2 = sl[x - 1], p3 = sl[x], q3 = su[x], p4 = sm[x + 1], q4 = sm[x - 1]; \
				p = same ? p : p2;                                                                                               \
				q = same ? q : q2;                                                                                               \
				p = steep ? p3 : p;                                                                                              \
				q = steep ? q3 : q;                                                                                              \
				p = flat ? p4 : p;                                                                                               \
				q = flat ? q4 : q;                                                                                               \
				d[x] = (uint8_t)(-((s >= limit) & (s >= p) & (s >= q)));                                                         \
			}                                                                                                                    \
		}                                                                                                                        \
	}

EDGES(edges_float, float, fabsf)
EDGES(edges_double, double, fabs)

KERNEL(re_edge_rows, (uint8_t *dst, ptrdiff_t dstride, const void *src, ptrdiff_t sstride, int format, int w, int h, double least, int y0, int y1, double *scratch),
	   (dst, dstride, src, sstride, format, w, h, least, y0, y1, scratch), {
	float *tmp = (float *)(scratch + 12 * ((size_t)w + 32));
	if (format == RE_U8) edges_float(dst, dstride, src, sstride, format, w, h, ceil(least), y0, y1, (float *)scratch, tmp);
	else edges_double(dst, dstride, src, sstride, format, w, h, least, y0, y1, scratch, tmp);
})
