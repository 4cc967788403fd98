//go:build cgo

#include "geometry.h"
#include "rows.h"

// Vectors wider than the baseline's registers are used only in inlined functions, so no ABI is at stake.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define CHUNK 128

// Positions of CHUNK pixels: the sample at or before the position, and Keys' weights for samples −1, 0, 1, 2 around it.
typedef struct {
	int32_t ix[CHUNK], iy[CHUNK];
	float wx[CHUNK][4], wy[CHUNK][4];
	int inside; // all 16 samples of every pixel, and 16 bytes from the first of a row, lie in src
} places;

// A position clamped to where the edges are all there is, NaN to the low end.
RE_INLINE double in_reach(double p, int n) {
	p = p > -4.0 ? p : -4.0;
	return p < n + 4 ? p : n + 4;
}

RE_INLINE void keys(float t, float w[4]) {
	w[0] = t * (-0.5f + t * (1.0f - 0.5f * t));
	w[1] = 1.0f + t * t * (-2.5f + 1.5f * t);
	w[2] = t * (0.5f + t * (2.0f - 1.5f * t));
	w[3] = t * t * (-0.5f + 0.5f * t);
}

RE_INLINE void place(const double *restrict h, int x0, int y, int n, int sw, int sh, int reach, places *restrict p, uint8_t *restrict valid) {
	double px[CHUNK], py[CHUNK];
	double ax = h[1] * y + h[2], ay = h[4] * y + h[5], ad = h[7] * y + h[8];
	if (h[6] == 0.0) { // the same numbers, with one division
		double r = 1.0 / ad;
		for (int i = 0; i < n; i++) {
			double x = x0 + i;
			px[i] = (h[0] * x + ax) * r;
			py[i] = (h[3] * x + ay) * r;
		}
	} else {
		for (int i = 0; i < n; i++) {
			double x = x0 + i, r = 1.0 / (h[6] * x + ad);
			px[i] = (h[0] * x + ax) * r;
			py[i] = (h[3] * x + ay) * r;
		}
	}
	if (valid) {
		double mx = sw - 1, my = sh - 1;
		for (int i = 0; i < n; i++) valid[i] = (uint8_t)-((px[i] >= 0.0) & (px[i] <= mx) & (py[i] >= 0.0) & (py[i] <= my));
	}
	float fx[CHUNK], fy[CHUNK];
	int out = 0;
	for (int i = 0; i < n; i++) {
		double u = in_reach(px[i], sw), v = in_reach(py[i], sh);
		int32_t a = (int32_t)u, b = (int32_t)v;
		a -= u < a;
		b -= v < b;
		fx[i] = (float)(u - a);
		fy[i] = (float)(v - b);
		p->ix[i] = a;
		p->iy[i] = b;
		out |= (a < 1) | (a > reach) | (b < 1) | (b > sh - 3);
	}
	p->inside = !out;
	for (int i = 0; i < n; i++) keys(fx[i], p->wx[i]);
	for (int i = 0; i < n; i++) keys(fy[i], p->wy[i]);
}

RE_INLINE int clampi(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

// One pixel with edges replicated: down the four columns first, then across, as in the fast paths.
#define SLOW(T, STORE)                                                                                   \
	for (int i = 0; i < n; i++) {                                                                        \
		const T *r[4];                                                                                   \
		for (int j = 0; j < 4; j++) r[j] = (const T *)(src + (size_t)clampi(p->iy[i] + j - 1, sh) * ss);  \
		const float *wx = p->wx[i], *wy = p->wy[i];                                                      \
		for (int k = 0; k < c; k++) {                                                                    \
			float q[4];                                                                                  \
			for (int j = 0; j < 4; j++) {                                                                \
				size_t o = (size_t)clampi(p->ix[i] + j - 1, sw) * c + k;                                 \
				q[j] = ((wy[0] * r[0][o] + wy[1] * r[1][o]) + (wy[2] * r[2][o] + wy[3] * r[3][o])) * wx[j]; \
			}                                                                                            \
			float v = (q[0] + q[2]) + (q[1] + q[3]);                                                     \
			((T *)dst)[i * c + k] = (T)STORE(v);                                                         \
		}                                                                                                \
	}

// The same where nothing needs clamping, for a constant c.
#define INSIDE(T, STORE, c)                                                                              \
	for (int i = 0; i < n; i++) {                                                                        \
		const T *r0 = (const T *)(src + (size_t)(p->iy[i] - 1) * ss) + (p->ix[i] - 1) * c;                \
		const T *r1 = (const T *)((const char *)r0 + ss);                                                \
		const T *r2 = (const T *)((const char *)r1 + ss);                                                \
		const T *r3 = (const T *)((const char *)r2 + ss);                                                \
		const float *wx = p->wx[i], *wy = p->wy[i];                                                      \
		float q[4 * c];                                                                                  \
		for (int o = 0; o < 4 * c; o++)                                                                  \
			q[o] = ((wy[0] * r0[o] + wy[1] * r1[o]) + (wy[2] * r2[o] + wy[3] * r3[o])) * wx[o / c];       \
		for (int k = 0; k < c; k++) {                                                                    \
			float v = (q[k] + q[2 * c + k]) + (q[c + k] + q[3 * c + k]);                                 \
			((T *)dst)[i * c + k] = (T)STORE(v);                                                         \
		}                                                                                                \
	}

#define PLAIN(v) (v)
#define LEVEL8(v) re_level(v, 255.0f)
#define LEVEL16(v) re_level(v, 65535.0f)

// Sixteen lanes of the 4 taps × 3 channels of an 8-bit pixel; four bytes more than needed are read and dropped.
typedef float v16f __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint8_t v16b __attribute__((vector_size(16)));

#if defined(__clang__)
#define LANES(a, ...) __builtin_shufflevector(a, a, __VA_ARGS__)
#else
#define LANES(a, ...) __builtin_shuffle(a, (v16i){__VA_ARGS__})
#endif

RE_INLINE v16f load16(const uint8_t *p) {
	v16b b;
	memcpy(&b, p, 16);
	return __builtin_convertvector(b, v16f);
}

RE_INLINE void inside_rgb8(uint8_t *restrict dst, const char *restrict src, size_t ss, const places *restrict p, int n) {
	for (int i = 0; i < n; i++) {
		const uint8_t *r = (const uint8_t *)src + (size_t)(p->iy[i] - 1) * ss + (size_t)(p->ix[i] - 1) * 3;
		const float *wy = p->wy[i], *wx = p->wx[i];
		v16f q = (wy[0] * load16(r) + wy[1] * load16(r + ss)) + (wy[2] * load16(r + 2 * ss) + wy[3] * load16(r + 3 * ss));
		v16f w = {wx[0], wx[0], wx[0], wx[1], wx[1], wx[1], wx[2], wx[2], wx[2], wx[3], wx[3], wx[3], 0, 0, 0, 0};
		q *= w;
		q += LANES(q, 6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
		q += LANES(q, 3, 4, 5, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
		dst[3 * i] = (uint8_t)re_level(q[0], 255.0f);
		dst[3 * i + 1] = (uint8_t)re_level(q[1], 255.0f);
		dst[3 * i + 2] = (uint8_t)re_level(q[2], 255.0f);
	}
}

#define BY_CHANNELS(T, STORE)                \
	if (!p->inside) SLOW(T, STORE)           \
	else if (c == 1) INSIDE(T, STORE, 1)     \
	else if (c == 2) INSIDE(T, STORE, 2)     \
	else if (c == 3) INSIDE(T, STORE, 3)     \
	else INSIDE(T, STORE, 4)

RE_INLINE void sample_row(int f, void *restrict dst, const char *restrict src, size_t ss, int c, int sw, int sh, const places *restrict p, int n) {
	if (f == RE_U8 && c == 3 && p->inside) inside_rgb8(dst, src, ss, p, n);
	else if (f == RE_U8) { BY_CHANNELS(uint8_t, LEVEL8) }
	else if (f == RE_U16) { BY_CHANNELS(uint16_t, LEVEL16) }
	else { BY_CHANNELS(float, PLAIN) }
}

KERNEL(re_warp, (int f, void *dst, size_t ds, uint8_t *valid, size_t vs, const void *src, size_t ss, int c, int sw, int sh, int dw,
	const double *h, int y0, int y1),
	(f, dst, ds, valid, vs, src, ss, c, sw, sh, dw, h, y0, y1), {
	size_t px = (size_t)c * (f == RE_U8 ? 1 : f == RE_U16 ? 2 : 4);
	// The last ix whose four taps lie in the row, and for 8-bit RGB its 16 bytes too.
	int reach = f == RE_U8 && c == 3 ? sw - 5 : sw - 3;
	places p;
	for (int y = y0; y < y1; y++)
		for (int x = 0; x < dw; x += CHUNK) {
			int n = dw - x < CHUNK ? dw - x : CHUNK;
			place(h, x, y, n, sw, sh, reach, &p, valid ? valid + (size_t)y * vs + x : NULL);
			sample_row(f, (char *)dst + (size_t)y * ds + (size_t)x * px, src, ss, c, sw, sh, &p, n);
		}
})
