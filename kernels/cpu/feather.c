//go:build cgo

#include "vectorise.h"
#include "geometry.h"
#include "rows.h"

#define CHUNK 512

RE_INLINE size_t sample(int f) { return f == RE_U8 ? 1 : f == RE_F32 ? 4 : 2; }

// acc += w·t for n pixels of c channels.
RE_INLINE void add_weighted(float *restrict acc, const float *restrict w, const float *restrict t, int n, int c) {
	if (c == 3) for (int i = 0; i < n; i++) { acc[3 * i] += w[i] * t[3 * i]; acc[3 * i + 1] += w[i] * t[3 * i + 1]; acc[3 * i + 2] += w[i] * t[3 * i + 2]; }
	else if (c == 1) for (int i = 0; i < n; i++) acc[i] += w[i] * t[i];
	else for (int i = 0; i < n; i++) for (int k = 0; k < c; k++) acc[i * c + k] += w[i] * t[i * c + k];
}

RE_INLINE void divide(float *restrict acc, const float *restrict w, int n, int c) {
	if (c == 3) for (int i = 0; i < n; i++) { acc[3 * i] /= w[i]; acc[3 * i + 1] /= w[i]; acc[3 * i + 2] /= w[i]; }
	else if (c == 1) for (int i = 0; i < n; i++) acc[i] /= w[i];
	else for (int i = 0; i < n; i++) for (int k = 0; k < c; k++) acc[i * c + k] /= w[i];
}

// A stretch that one tile covers is that tile.
RE_INLINE void copy_span(int df, int sf, char *d, const char *s, size_t n, float scale) {
	if (df == sf) {
		memcpy(d, s, n * sample(df));
		return;
	}
	float buf[4 * CHUNK];
	for (size_t x = 0; x < n; x += 4 * CHUNK) {
		size_t m = n - x < 4 * CHUNK ? n - x : 4 * CHUNK;
		re_load_raw(sf, s + x * sample(sf), buf, m);
		re_store_raw(df, buf, scale, d + x * sample(df), m);
	}
}

KERNEL(re_feather, (int df, int sf, void *dst, size_t ds, int c, float scale, const re_tile *tiles, const int32_t *list, const re_span *spans, int nspans,
	int y0, int y1),
	(df, sf, dst, ds, c, scale, tiles, list, spans, nspans, y0, y1), {
	float acc[4 * CHUNK], px[4 * CHUNK], wsum[CHUNK], w[CHUNK];
	size_t dpx = sample(df) * (size_t)c, spx = sample(sf) * (size_t)c;
	for (int y = y0; y < y1; y++) {
		char *d = (char *)dst + (size_t)y * ds;
		for (const re_span *s = spans; s < spans + nspans; s++) {
			const int32_t *l = list + s->first;
			if (s->n == 1) {
				const re_tile *t = tiles + *l;
				const char *p = (const char *)t->pix + (size_t)(y - t->y) * t->stride + (size_t)(s->x0 - t->x) * spx;
				copy_span(df, sf, d + (size_t)s->x0 * dpx, p, (size_t)(s->x1 - s->x0) * (size_t)c, scale);
				continue;
			}
			for (int x = s->x0; x < s->x1; x += CHUNK) {
				int n = s->x1 - x < CHUNK ? s->x1 - x : CHUNK;
				for (int i = 0; i < n * c; i++) acc[i] = 0;
				for (int i = 0; i < n; i++) wsum[i] = 0;
				for (int k = 0; k < s->n; k++) {
					const re_tile *t = tiles + l[k];
					const float *wx = t->wx + (x - t->x);
					float wy = t->wy[y - t->y];
					for (int i = 0; i < n; i++) {
						w[i] = wx[i] * wy;
						wsum[i] += w[i];
					}
					re_load_raw(sf, (const char *)t->pix + (size_t)(y - t->y) * t->stride + (size_t)(x - t->x) * spx, px, (size_t)(n * c));
					add_weighted(acc, w, px, n, c);
				}
				divide(acc, wsum, n, c);
				re_store_raw(df, acc, scale, d + (size_t)x * dpx, (size_t)(n * c));
			}
		}
	}
})
