//go:build cgo

#include "vectorise.h"
#include "geometry.h"
#include "rows.h"

RE_INLINE int mirror(int i, int n) {
	if (n == 1) return 0;
	int p = 2 * (n - 1);
	i %= p;
	if (i < 0) i += p;
	return i < p - i ? i : p - i;
}

// Pixels of c floats from in[2i] and in[2i+1] to even and odd; w pixels in all.
RE_INLINE void split_pixels(const float *restrict in, int w, int c, float *restrict even, float *restrict odd) {
	int n = w / 2;
	if (c == 1) for (int i = 0; i < n; i++) { even[i] = in[2 * i]; odd[i] = in[2 * i + 1]; }
	else if (c == 3) {
		// Four floats are copied where three are meant; the next pixel overwrites the fourth.
		for (int i = 0; i < n; i++) {
			float a[4], b[4];
			memcpy(a, in + 6 * i, 16);
			memcpy(b, in + 6 * i + 3, 16);
			memcpy(even + 3 * i, a, 16);
			memcpy(odd + 3 * i, b, 16);
		}
	} else for (int i = 0; i < n; i++) for (int k = 0; k < c; k++) {
		even[i * c + k] = in[2 * i * c + k];
		odd[i * c + k] = in[(2 * i + 1) * c + k];
	}
	if (w % 2) for (int k = 0; k < c; k++) even[n * c + k] = in[(size_t)(w - 1) * c + k];
}

// Sums (1 4 6 4 1) down five rows, not divided; integers as stored, exactly.
RE_INLINE void column_sums(int sf, const void *const r[5], size_t n, float *restrict v) {
	if (sf == RE_U8) {
		const uint8_t *a = r[0], *b = r[1], *c = r[2], *d = r[3], *e = r[4];
		for (size_t i = 0; i < n; i++) v[i] = (float)(uint16_t)(a[i] + e[i] + 4 * (b[i] + d[i]) + 6 * c[i]);
	} else if (sf == RE_U16) {
		const uint16_t *a = r[0], *b = r[1], *c = r[2], *d = r[3], *e = r[4];
		for (size_t i = 0; i < n; i++) v[i] = (float)(a[i] + e[i] + 4 * (b[i] + d[i]) + 6 * c[i]);
	} else {
		const float *a = r[0], *b = r[1], *c = r[2], *d = r[3], *e = r[4];
		for (size_t i = 0; i < n; i++) v[i] = (a[i] + e[i]) + 4.0f * (b[i] + d[i]) + 6.0f * c[i];
	}
}

KERNEL(re_pyrdown, (int sf, float *dst, size_t ds, const void *src, size_t ss, int c, int w, int h, float *scratch, int y0, int y1),
	(sf, dst, ds, src, ss, c, w, h, scratch, y0, y1), {
	int dw = (w + 1) / 2;
	size_t n = (size_t)w * c;
	// Room for a mirrored pixel at either end of even and odd.
	float *restrict v = scratch;
	float *restrict even = v + n + 8;
	float *restrict odd = even + (size_t)(dw + 2) * c + 8;
	float scale = sf == RE_U8 ? 1.0f / 65280.0f : sf == RE_U16 ? 1.0f / 16776960.0f : 1.0f / 256.0f;
	for (int y = y0; y < y1; y++) {
		const void *r[5];
		for (int k = 0; k < 5; k++) r[k] = (const char *)src + (size_t)mirror(2 * y + k - 2, h) * ss;
		column_sums(sf, r, n, v);
		// Output i is e[i-1] + 4 o[i-1] + 6 e[i] + 4 o[i] + e[i+1].
		float *e = even + c;
		float *o = odd + c;
		split_pixels(v, w, c, e, o);
		for (int k = 0; k < c; k++) {
			e[k - c] = v[(size_t)mirror(-2, w) * c + k];
			o[k - c] = v[(size_t)mirror(-1, w) * c + k];
			e[(size_t)dw * c + k] = v[(size_t)mirror(2 * dw, w) * c + k];
			o[(size_t)(dw - 1) * c + k] = v[(size_t)mirror(2 * dw - 1, w) * c + k];
		}
		float *restrict d = (float *)((char *)dst + (size_t)y * ds);
		for (int i = 0; i < dw * c; i++) d[i] = ((e[i - c] + e[i + c]) + 4.0f * (o[i - c] + o[i]) + 6.0f * e[i]) * scale;
	}
})

// Pixels of c floats from even and odd to out[2i], out[2i+1]; w pixels in all.
RE_INLINE void merge_pixels(const float *restrict even, const float *restrict odd, int w, int c, float *restrict out) {
	int n = w / 2;
	if (c == 1) for (int i = 0; i < n; i++) { out[2 * i] = even[i]; out[2 * i + 1] = odd[i]; }
	else if (c == 3) {
		int last = w % 2 ? n : n - 1; // the last pixel's fourth float may lie outside the row
		for (int i = 0; i < last; i++) {
			float a[4], b[4];
			memcpy(a, even + 3 * i, 16);
			memcpy(b, odd + 3 * i, 16);
			memcpy(out + 6 * i, a, 16);
			memcpy(out + 6 * i + 3, b, 16);
		}
		for (int i = last; i < n; i++) for (int k = 0; k < 3; k++) { out[6 * i + k] = even[3 * i + k]; out[6 * i + 3 + k] = odd[3 * i + k]; }
	} else for (int i = 0; i < n; i++) for (int k = 0; k < c; k++) {
		out[2 * i * c + k] = even[i * c + k];
		out[(2 * i + 1) * c + k] = odd[i * c + k];
	}
	if (w % 2) for (int k = 0; k < c; k++) out[(size_t)(w - 1) * c + k] = even[n * c + k];
}

KERNEL(re_pyrup, (float *dst, size_t ds, int dw, const float *src, size_t ss, int c, int w, int h, float *scratch, int y0, int y1),
	(dst, ds, dw, src, ss, c, w, h, scratch, y0, y1), {
	size_t n = (size_t)w * c;
	float *restrict v = scratch + 8; // a mirrored pixel before and after
	float *restrict even = v + n + 12;
	float *restrict odd = even + n + 8;
	for (int y = y0; y < y1; y++) {
		int j = y / 2;
		// In the picture with zeros between, of height 2h, the row before the first is its second and the row after the last the last.
		const float *a = (const float *)((const char *)src + (size_t)(mirror(2 * j - 2, 2 * h) / 2) * ss);
		const float *b = (const float *)((const char *)src + (size_t)j * ss);
		const float *d = (const float *)((const char *)src + (size_t)(mirror(2 * j + 2, 2 * h) / 2) * ss);
		if (y % 2) for (size_t i = 0; i < n; i++) v[i] = 4.0f * (b[i] + d[i]);
		else for (size_t i = 0; i < n; i++) v[i] = (a[i] + d[i]) + 6.0f * b[i];
		for (int k = 0; k < c; k++) {
			v[k - c] = v[(size_t)(mirror(-2, 2 * w) / 2) * c + k];
			v[n + k] = v[n - c + k];
		}
		for (size_t i = 0; i < n; i++) {
			even[i] = ((v[i - c] + v[i + c]) + 6.0f * v[i]) * (1.0f / 64.0f);
			odd[i] = (v[i] + v[i + c]) * (4.0f / 64.0f);
		}
		merge_pixels(even, odd, dw, c, (float *)((char *)dst + (size_t)y * ds));
	}
})
