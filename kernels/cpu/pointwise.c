//go:build cgo

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include "pointwise.h"
#include "rows.h"

#define CH 1024 // pixels at a time

RE_INLINE int size_of(int format) { return format == RE_U8 ? 1 : format == RE_F32 ? 4 : 2; }

// m maps stored samples to stored samples.
KERNEL(re_color_matrix_rows, (void *dst, ptrdiff_t dstride, int df, const void *src, ptrdiff_t sstride, int sf, int w, int y0, int y1, const float *m),
	   (dst, dstride, df, src, sstride, sf, w, y0, y1, m), {
	float in[3 * CH], out[3 * CH];
	float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3], m4 = m[4], m5 = m[5], m6 = m[6], m7 = m[7], m8 = m[8], m9 = m[9], m10 = m[10], m11 = m[11];
	for (int y = y0; y < y1; y++)
		for (int x = 0; x < w; x += CH) {
			int n = w - x < CH ? w - x : CH;
			re_load_raw(sf, (const char *)src + y * sstride + (ptrdiff_t)3 * x * size_of(sf), in, (size_t)3 * n);
			for (int i = 0; i < n; i++) {
				float r = in[3 * i], g = in[3 * i + 1], b = in[3 * i + 2];
				out[3 * i] = ((m0 * r + m1 * g) + m2 * b) + m3;
				out[3 * i + 1] = ((m4 * r + m5 * g) + m6 * b) + m7;
				out[3 * i + 2] = ((m8 * r + m9 * g) + m10 * b) + m11;
			}
			re_store_raw(df, out, 1.0f, (char *)dst + y * dstride + (ptrdiff_t)3 * x * size_of(df), (size_t)3 * n);
		}
})

// Channel k's table is tables[starts[k]] up to starts[k+1].
KERNEL(re_curve_rows, (void *dst, ptrdiff_t dstride, int df, const float *src, ptrdiff_t sstride, int w, int c, int y0, int y1, const float *tables, const int *starts),
	   (dst, dstride, df, src, sstride, w, c, y0, y1, tables, starts), {
	float out[4 * CH];
	for (int y = y0; y < y1; y++)
		for (int x = 0; x < w; x += CH) {
			int n = w - x < CH ? w - x : CH;
			const float *s = (const float *)((const char *)src + y * sstride) + (size_t)x * c;
			for (int k = 0; k < c; k++) {
				const float *t = tables + starts[k];
				int last = starts[k + 1] - starts[k] - 1;
				float scale = (float)last;
				for (int i = 0; i < n; i++) {
					float v = s[i * c + k];
					v = v > 0.0f ? v : 0.0f;
					v = (v < 1.0f ? v : 1.0f) * scale;
					int j = (int)v;
					j = j < last - 1 ? j : last - 1;
					float f = v - (float)j;
					out[i * c + k] = t[j] * (1.0f - f) + t[j + 1] * f;
				}
			}
			re_store_unit(df, out, (char *)dst + y * dstride + (ptrdiff_t)x * c * size_of(df), (size_t)n * c);
		}
})
