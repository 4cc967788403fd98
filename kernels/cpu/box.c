//go:build cgo

// Means over squares by running sums: down the columns for a whole row at once, then along the row.
// Sums are kept in float64, where products of floats are exact and what is added can be taken away
// again, so that no error grows with the distance; every band starts afresh.

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include <string.h>

#include "box.h"

RE_INLINE const float *row(const float *p, ptrdiff_t stride, int y) { return (const float *)((const char *)p + y * stride); }
static inline int lower(int a, int b) { return a < b ? a : b; }
static inline int upper(int a, int b) { return a > b ? a : b; }

// Sums over the 2r+1 columns around each pixel, cut off at the borders; c channels interleaved.
RE_INLINE void along(const double *restrict col, double *restrict out, int w, int c, int r) {
	for (int k = 0; k < c; k++) {
		double s = 0;
		for (int x = 0; x < lower(r, w); x++) s += col[x * c + k];
		int x = 0;
		for (; x < w && x <= r; x++) {
			if (x + r < w) s += col[(x + r) * c + k];
			out[x * c + k] = s;
		}
		for (; x + r < w; x++) out[x * c + k] = s += col[(x + r) * c + k] - col[(x - r - 1) * c + k];
		for (; x < w; x++) out[x * c + k] = s -= col[(x - r - 1) * c + k];
	}
}

// 1 / the number of columns in the window of each pixel.
RE_INLINE void inverse_columns(double *inv, int w, int r) {
	for (int x = 0; x < w; x++) inv[x] = 1.0 / (lower(w - 1, x + r) - upper(0, x - r) + 1);
}

RE_INLINE void add(double *restrict col, const float *restrict s, int n) { for (int i = 0; i < n; i++) col[i] += (double)s[i]; }
RE_INLINE void take(double *restrict col, const float *restrict s, int n) { for (int i = 0; i < n; i++) col[i] -= (double)s[i]; }

// scratch: (2c+1)·w doubles.
KERNEL(re_box_rows, (float *dst, ptrdiff_t dstride, const float *src, ptrdiff_t sstride, int w, int h, int c, int r, int y0, int y1, double *scratch),
	   (dst, dstride, src, sstride, w, h, c, r, y0, y1, scratch), {
	size_t n = (size_t)w * c;
	double *col = scratch, *sum = col + n, *inv = sum + n;
	inverse_columns(inv, w, r);
	memset(col, 0, n * sizeof(double));
	for (int y = upper(0, y0 - r); y < lower(h, y0 + r); y++) add(col, row(src, sstride, y), (int)n);
	for (int y = y0; y < y1; y++) {
		if (y + r < h) add(col, row(src, sstride, y + r), (int)n);
		if (y > y0 && y - r - 1 >= 0) take(col, row(src, sstride, y - r - 1), (int)n);
		along(col, sum, w, c, r);
		double rows = 1.0 / (lower(h - 1, y + r) - upper(0, y - r) + 1);
		float *d = (float *)((char *)dst + y * dstride);
		for (int x = 0; x < w; x++)
			for (int k = 0; k < c; k++) d[x * c + k] = (float)(sum[x * c + k] * (inv[x] * rows));
	}
})

// The four column sums of a guide and a source: I, p, I², I·p.
RE_INLINE void moments(double *restrict col, const float *restrict g, const float *restrict s, int w, double sign) {
	double *restrict ci = col, *restrict cp = col + w, *restrict cii = col + 2 * w, *restrict cip = col + 3 * w;
	for (int x = 0; x < w; x++) {
		double i = (double)g[x] * sign, p = (double)s[x], j = (double)g[x];
		ci[x] += i;
		cp[x] += p * sign;
		cii[x] += i * j;
		cip[x] += i * p;
	}
}

// ring rows of coefficients are kept; scratch: 11·w doubles and 2·ring·w floats.
KERNEL(re_guided_rows, (float *dst, ptrdiff_t dstride, int coefficients, const float *guide, ptrdiff_t gstride, const float *src, ptrdiff_t sstride,
						int w, int h, int r, double eps, int y0, int y1, int ring, double *scratch),
	   (dst, dstride, coefficients, guide, gstride, src, sstride, w, h, r, eps, y0, y1, ring, scratch), {
	size_t n = (size_t)w;
	double *col = scratch, *sum = col + 4 * n, *ab = sum + 4 * n, *inv = ab + 2 * n;
	float *kept = (float *)(inv + n);
	int from = upper(0, y0 - r); // the first row of coefficients that is needed
	inverse_columns(inv, w, r);
	memset(col, 0, 4 * n * sizeof(double));
	memset(ab, 0, 2 * n * sizeof(double));
	for (int y = upper(0, from - r); y < lower(h, from + r); y++) moments(col, row(guide, gstride, y), row(src, sstride, y), w, 1.0);
	for (int z = from; z < y1 + r; z++) {
		if (z < h) { // coefficients of row z
			if (z + r < h) moments(col, row(guide, gstride, z + r), row(src, sstride, z + r), w, 1.0);
			if (z > from && z - r - 1 >= 0) moments(col, row(guide, gstride, z - r - 1), row(src, sstride, z - r - 1), w, -1.0);
			for (int k = 0; k < 4; k++) along(col + k * n, sum + k * n, w, 1, r);
			double rows = 1.0 / (lower(h - 1, z + r) - upper(0, z - r) + 1);
			float *restrict a = kept + (size_t)(z % ring) * 2 * n, *restrict b = a + n;
			const double *restrict si = sum, *restrict sp = sum + n, *restrict sii = sum + 2 * n, *restrict sip = sum + 3 * n;
			for (int x = 0; x < w; x++) {
				double m = inv[x] * rows, i = si[x] * m, p = sp[x] * m;
				double variance = sii[x] * m - i * i, cov = sip[x] * m - i * p;
				variance = variance > 0 ? variance : 0;
				double t = cov / (variance + eps);
				a[x] = (float)t;
				b[x] = (float)(p - t * i);
			}
			add(ab, a, 2 * w);
		}
		int y = z - r;
		if (y < y0) continue;
		if (y > y0 && y - r - 1 >= 0) take(ab, kept + (size_t)((y - r - 1) % ring) * 2 * n, 2 * w);
		along(ab, sum, w, 1, r);
		along(ab + n, sum + n, w, 1, r);
		double rows = 1.0 / (lower(h - 1, y + r) - upper(0, y - r) + 1);
		float *restrict d = (float *)((char *)dst + y * dstride);
		const float *restrict g = row(guide, gstride, y);
		const double *restrict sa = sum, *restrict sb = sum + n;
		if (coefficients)
			for (int x = 0; x < w; x++) {
				d[2 * x] = (float)(sa[x] * (inv[x] * rows));
				d[2 * x + 1] = (float)(sb[x] * (inv[x] * rows));
			}
		else
			for (int x = 0; x < w; x++) d[x] = (float)((sa[x] * (double)g[x] + sb[x]) * (inv[x] * rows));
	}
})
