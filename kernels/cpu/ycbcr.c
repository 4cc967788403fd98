//go:build cgo

#include "vectorise.h"
#include "formats.h"
#include "rows.h"
#include "shuffle.h"

#define CHUNK 2048

RE_INLINE int clampi(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

// Chroma at pixels [x0,x0+n) (x0 even) of a row between plane rows p (near) and q (far), times 16 and less 2048.
RE_INLINE void chroma(const uint8_t *restrict p, const uint8_t *restrict q, int cw, int w, int x0, int n, int16_t *restrict out) {
	if (cw == w) {
		for (int i = 0; i < n; i++) out[i] = (int16_t)(12 * p[x0 + i] + 4 * q[x0 + i] - 2048);
		return;
	}
	int16_t t[CHUNK / 2 + 2]; // t[i+1] belongs to chroma sample c0+i, times 4
	int c0 = x0 / 2, m = (n + 1) / 2;
	for (int i = 0; i < m; i++) t[i + 1] = (int16_t)(3 * p[c0 + i] + q[c0 + i]);
	int l = clampi(c0 - 1, cw), r = clampi(c0 + m, cw);
	t[0] = (int16_t)(3 * p[l] + q[l]);
	t[m + 1] = (int16_t)(3 * p[r] + q[r]);
	for (int i = 0; i < m; i++) { // out has room for an even number
		out[2 * i] = (int16_t)(3 * t[i + 1] + t[i] - 2048);
		out[2 * i + 1] = (int16_t)(3 * t[i + 1] + t[i + 2] - 2048);
	}
}

RE_INLINE uint8_t byte(int32_t v) {
	v >>= 20;
	v = v > 0 ? v : 0;
	return (uint8_t)(v < 255 ? v : 255);
}

RE_INLINE void chroma_rows(int j, int h, int ch, int *p, int *q) {
	*p = *q = j;
	if (ch != h) {
		*p = j / 2;
		*q = clampi(j % 2 ? *p + 1 : *p - 1, ch);
	}
}

KERNEL(re_ycbcr, (uint8_t *dst, size_t ds, const uint8_t *y, size_t ys, const uint8_t *cb, size_t cbs, const uint8_t *cr, size_t crs,
	int w, int h, int cw, int ch, int y0, int y1),
	(dst, ds, y, ys, cb, cbs, cr, crs, w, h, cw, ch, y0, y1), {
	int16_t u[CHUNK + 2], v[CHUNK + 2];
	uint8_t r[CHUNK], g[CHUNK], b[CHUNK];
	for (int j = y0; j < y1; j++) {
		int p, q;
		chroma_rows(j, h, ch, &p, &q);
		for (int x = 0; x < w; x += CHUNK) {
			int n = w - x < CHUNK ? w - x : CHUNK;
			const uint8_t *l = y + (size_t)j * ys + x;
			chroma(cb + (size_t)p * cbs, cb + (size_t)q * cbs, cw, w, x, n, u);
			chroma(cr + (size_t)p * crs, cr + (size_t)q * crs, cw, w, x, n, v);
			for (int i = 0; i < n; i++) {
				// Coefficients times 2²⁰, of chroma times 16.
				int32_t base = (l[i] << 20) + (1 << 19);
				r[i] = byte(base + 91881 * v[i]);
				g[i] = byte(base - 22553 * u[i] - 46802 * v[i]);
				b[i] = byte(base + 116130 * u[i]);
			}
			re_interleave3(r, g, b, dst + (size_t)j * ds + 3 * (size_t)x, (size_t)n);
		}
	}
})
