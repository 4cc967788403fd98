// Interleaved RGB bytes to and from planes, 16 pixels at a time, without intrinsics:
// vector extensions that GCC and clang lower to the target's byte shuffles.
#ifndef REALEDIT_SHUFFLE_H
#define REALEDIT_SHUFFLE_H

#include <string.h>

#include "simd.h"

typedef uint8_t re_v16 __attribute__((vector_size(16)));

#if defined(__clang__)
#define RE_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define RE_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (re_v16){__VA_ARGS__})
#endif

// n pixels from planes r, g, b.
RE_INLINE void re_interleave3(const uint8_t *restrict r, const uint8_t *restrict g, const uint8_t *restrict b, uint8_t *restrict d, size_t n) {
	size_t i = 0;
	for (; i + 16 <= n; i += 16) {
		re_v16 x, y, z, a;
		memcpy(&x, r + i, 16);
		memcpy(&y, g + i, 16);
		memcpy(&z, b + i, 16);
		a = RE_SHUFFLE(x, y, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
		a = RE_SHUFFLE(a, z, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15);
		memcpy(d + 3 * i, &a, 16);
		a = RE_SHUFFLE(x, y, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
		a = RE_SHUFFLE(a, z, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15);
		memcpy(d + 3 * i + 16, &a, 16);
		a = RE_SHUFFLE(x, y, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
		a = RE_SHUFFLE(a, z, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31);
		memcpy(d + 3 * i + 32, &a, 16);
	}
	for (; i < n; i++) {
		d[3 * i] = r[i];
		d[3 * i + 1] = g[i];
		d[3 * i + 2] = b[i];
	}
}

#endif
