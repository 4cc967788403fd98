// What the sweeps of FuseRobust share: where pixels lie, and how they are read.
#ifndef REALEDIT_FUSE_ROBUST_PIXELS_H
#define REALEDIT_FUSE_ROBUST_PIXELS_H

#include "fuse_robust.h"
#include "fusion.h"
#include "shuffle.h"

enum { CHUNK = RE_ROBUST_CHUNK, LEVELS = 256, RANGES = 24 };

static inline int chunks(const re_robust *m) { return (m->w + CHUNK - 1) / CHUNK; }
static inline size_t pixel_bytes(int format) { return format == RE_U8 ? 3 : format == RE_U16 ? 6 : 12; }

// 16 pixels at a time, as re_interleave3.
RE_INLINE void deinterleave3(const uint8_t *restrict s, uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, int n) {
	int i = 0;
	for (; i + 16 <= n; i += 16) {
		re_v16 x, y, z, a;
		memcpy(&x, s + 3 * i, 16);
		memcpy(&y, s + 3 * i + 16, 16);
		memcpy(&z, s + 3 * i + 32, 16);
		a = RE_SHUFFLE(x, y, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
		a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
		memcpy(r + i, &a, 16);
		a = RE_SHUFFLE(x, y, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
		a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
		memcpy(g + i, &a, 16);
		a = RE_SHUFFLE(x, y, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
		a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
		memcpy(b + i, &a, 16);
	}
	for (; i < n; i++) { r[i] = s[3 * i]; g[i] = s[3 * i + 1]; b[i] = s[3 * i + 2]; }
}

static inline const void *pixels_at(const re_robust *m, int i, int x, int y) {
	return (const char *)m->photos[i] + y * m->strides[i] + x * pixel_bytes(m->format);
}

// The row of photo i's validity from x on; NULL where all is valid.
static inline const uint8_t *claim_at(const re_robust *m, int i, int x, int y) {
	return m->valid && m->valid[i] ? (const uint8_t *)m->valid[i] + y * m->valid_strides[i] + x : NULL;
}

// The least claim of the photos on each of n pixels, and whether no photo claims it; 255 there. Returns whether any is below 255.
RE_INLINE int least_claims(const re_robust *m, int x, int y, int n, uint8_t *restrict least, uint8_t *restrict nobody) {
	uint8_t most[CHUNK];
	memset(least, 255, n);
	memset(most, 0, n);
	for (int i = 0; i < m->n; i++) {
		const uint8_t *restrict c = claim_at(m, i, x, y);
		if (!c) {
			memset(most, 255, n);
			continue;
		}
		for (int k = 0; k < n; k++) {
			least[k] = c[k] < least[k] ? c[k] : least[k];
			most[k] = c[k] > most[k] ? c[k] : most[k];
		}
	}
	uint8_t all = 255;
	for (int k = 0; k < n; k++) {
		nobody[k] = most[k] == 0;
		least[k] |= (uint8_t)-nobody[k];
		all &= least[k];
	}
	return all != 255;
}

#endif
