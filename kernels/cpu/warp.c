//go:build cgo

#include "vectorise.h"
#include "geometry.h"
#include "rows.h"

#define CHUNK 256 // columns of dst that are worked on at once

// Positions of CHUNK pixels: the sample at or before the position, and Keys' weights for samples −1, 0, 1, 2 around it.
typedef struct {
	int32_t ix[CHUNK + 1], iy[CHUNK + 1];
	float wx[CHUNK + 1][4], wy[CHUNK + 1][4];
	int inside; // all 16 samples of every pixel lie in src
} places;

// A position clamped to where the edges are all there is, NaN to the low end.
RE_INLINE double in_reach(double p, int n) {
	p = p > -4.0 ? p : -4.0;
	return p < n + 4 ? p : n + 4;
}

// Keys' weights at t, for samples −1, 0, 1, 2.
#define KEYS(t, w)                                   \
	do {                                             \
		(w)[0] = t * (-0.5f + t * (1.0f - 0.5f * t)); \
		(w)[1] = 1.0f + t * t * (-2.5f + 1.5f * t);   \
		(w)[2] = t * (0.5f + t * (2.0f - 1.5f * t));  \
		(w)[3] = t * t * (-0.5f + 0.5f * t);          \
	} while (0)

RE_INLINE void keys(float t, float w[4]) { KEYS(t, w); }

#include "warp_smooth.h"

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

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define LOAD8(p) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define LOAD16(p) _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define LOADF(p) _mm256_loadu_ps(p)

// Down four rows at p, eight samples; the same sums in the same order as SLOW's.
#define DOWN(LOAD, p, stride)                                                                                                  \
	_mm256_add_ps(                                                                                                             \
		_mm256_add_ps(_mm256_mul_ps(w0, LOAD(p)), _mm256_mul_ps(w1, LOAD((p) + (stride)))),                                    \
		_mm256_add_ps(_mm256_mul_ps(w2, LOAD((p) + 2 * (stride))), _mm256_mul_ps(w3, LOAD((p) + 3 * (stride)))))

// RGB pixels: taps 0, 1 (six samples and two that are dropped) in one vector, taps 2, 3 in another.
#define INSIDE_RGB(T, LOAD)                                                                                                    \
	const __m256i front = _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 1, 1), back = _mm256_setr_epi32(2, 2, 2, 3, 3, 3, 3, 3);         \
	const __m256i second = _mm256_setr_epi32(3, 4, 5, 5, 5, 5, 5, 5);                                                          \
	ptrdiff_t row = (ptrdiff_t)(ss / sizeof(T));                                                                               \
	for (int i = 0; i < n; i++) {                                                                                              \
		const T *r = (const T *)(src + (size_t)(p->iy[i] - 1) * ss) + (size_t)(p->ix[i] - 1) * 3;                              \
		__m256 w0 = _mm256_broadcast_ss(&p->wy[i][0]), w1 = _mm256_broadcast_ss(&p->wy[i][1]);                                 \
		__m256 w2 = _mm256_broadcast_ss(&p->wy[i][2]), w3 = _mm256_broadcast_ss(&p->wy[i][3]);                                 \
		__m256 wx = _mm256_castps128_ps256(_mm_loadu_ps(p->wx[i]));                                                            \
		__m256 a = _mm256_mul_ps(DOWN(LOAD, r, row), _mm256_permutevar8x32_ps(wx, front));                                     \
		__m256 b = _mm256_mul_ps(DOWN(LOAD, r + 6, row), _mm256_permutevar8x32_ps(wx, back));                                  \
		a = _mm256_add_ps(a, b);                                                                                               \
		a = _mm256_add_ps(a, _mm256_permutevar8x32_ps(a, second));                                                             \
		_mm_storeu_ps(out + 3 * i, _mm256_castps256_ps128(a)); /* the fourth is overwritten by the next pixel */               \
	}

// Two grey pixels at once, four taps each.
#define INSIDE_GREY(T, PAIR)                                                                                                   \
	ptrdiff_t row = (ptrdiff_t)(ss / sizeof(T));                                                                               \
	for (int i = 0; i < n; i += 2) { /* an odd last pixel is computed with the one after it, a place that exists */            \
		const T *r = (const T *)(src + (size_t)(p->iy[i] - 1) * ss) + (p->ix[i] - 1);                                          \
		const T *q = (const T *)(src + (size_t)(p->iy[i + 1] - 1) * ss) + (p->ix[i + 1] - 1);                                  \
		__m256 wy = _mm256_loadu_ps(p->wy[i]);                                                                                 \
		__m256 w0 = _mm256_permute_ps(wy, 0x00), w1 = _mm256_permute_ps(wy, 0x55);                                             \
		__m256 w2 = _mm256_permute_ps(wy, 0xaa), w3 = _mm256_permute_ps(wy, 0xff);                                             \
		__m256 a = _mm256_add_ps(                                                                                              \
			_mm256_add_ps(_mm256_mul_ps(w0, PAIR(r, q)), _mm256_mul_ps(w1, PAIR(r + row, q + row))),                           \
			_mm256_add_ps(_mm256_mul_ps(w2, PAIR(r + 2 * row, q + 2 * row)), _mm256_mul_ps(w3, PAIR(r + 3 * row, q + 3 * row)))); \
		a = _mm256_mul_ps(a, _mm256_loadu_ps(p->wx[i]));                                                                       \
		a = _mm256_add_ps(a, _mm256_permute_ps(a, 0x4e));                                                                      \
		a = _mm256_add_ps(a, _mm256_permute_ps(a, 0xb1));                                                                      \
		out[i] = _mm256_cvtss_f32(a);                                                                                          \
		out[i + 1] = _mm_cvtss_f32(_mm256_extractf128_ps(a, 1));                                                               \
	}

RE_INLINE RE_AVX2 int32_t word(const void *p) { int32_t v; memcpy(&v, p, 4); return v; }
#define PAIR8(r, q) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(word(r)), word(q), 1)))
#define PAIR16(r, q) _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(r)), _mm_loadl_epi64((const __m128i *)(q)))))
#define PAIRF(r, q) _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(r)), _mm_loadu_ps(q), 1)

// n pixels inside src to floats in stored scale; out has room for four more.
RE_AVX2 static void inside_avx2(int f, int c, float *out, const char *src, size_t ss, places *p, int n) {
	if (c == 1 && n % 2) { // the pixel after the last
		p->ix[n] = p->ix[n - 1];
		p->iy[n] = p->iy[n - 1];
	}
	if (c == 3) {
		if (f == RE_U8) { INSIDE_RGB(uint8_t, LOAD8) }
		else if (f == RE_U16) { INSIDE_RGB(uint16_t, LOAD16) }
		else { INSIDE_RGB(float, LOADF) }
	} else {
		if (f == RE_U8) { INSIDE_GREY(uint8_t, PAIR8) }
		else if (f == RE_U16) { INSIDE_GREY(uint16_t, PAIR16) }
		else { INSIDE_GREY(float, PAIRF) }
	}
}
#endif

#define BY_CHANNELS(T, STORE)                \
	if (!p->inside) SLOW(T, STORE)           \
	else if (c == 1) INSIDE(T, STORE, 1)     \
	else if (c == 2) INSIDE(T, STORE, 2)     \
	else if (c == 3) INSIDE(T, STORE, 3)     \
	else INSIDE(T, STORE, 4)

RE_INLINE void sample_row(int f, void *restrict dst, const char *restrict src, size_t ss, int c, int sw, int sh, places *restrict p, int n) {
#if defined(__x86_64__) && defined(__GNUC__)
	if (re_isa >= 1 && (c == 3 || c == 1) && p->inside) {
		float out[3 * CHUNK + 4];
		inside_avx2(f, c, out, src, ss, p, n);
		re_store_raw(f, out, 1.0f, dst, (size_t)(n * c));
		return;
	}
#endif
	if (f == RE_U8) { BY_CHANNELS(uint8_t, LEVEL8) }
	else if (f == RE_U16) { BY_CHANNELS(uint16_t, LEVEL16) }
	else { BY_CHANNELS(float, PLAIN) }
}

typedef union { places p; smooth s; } warp_scratch;

size_t re_warp_scratch(void) { return (sizeof(warp_scratch) + 63) / 64 * 16; }

KERNEL(re_warp, (int f, void *dst, size_t ds, uint8_t *valid, size_t vs, const void *src, size_t ss, int c, int sw, int sh, int dw,
	const double *h, float *scratch, int y0, int y1),
	(f, dst, ds, valid, vs, src, ss, c, sw, sh, dw, h, scratch, y0, y1), {
	size_t px = (size_t)c * (f == RE_U8 ? 1 : f == RE_U16 ? 2 : 4);
	// The last ix whose four taps lie in the row; for RGB, with the two samples that are read beside them.
	int reach = c == 3 ? sw - 4 : sw - 3;
	warp_scratch *u = (warp_scratch *)scratch; // not on the stack: threads of musl have 128 KiB of it
	for (int x = 0; x < dw; x += CHUNK) {
		int n = dw - x < CHUNK ? dw - x : CHUNK;
		int easy = is_smooth(h, x, y0, y1, &u->s);
		if (easy) for (int i = 0; i < RING; i++) u->s.tag[i] = INT32_MIN;
		for (int y = y0; y < y1; y++) {
			char *to = (char *)dst + (size_t)y * ds + (size_t)x * px;
			uint8_t *v = valid ? valid + (size_t)y * vs + x : NULL;
			if (easy) {
				smooth_row(h, f, c, to, v, src, ss, sw, sh, x, y, n, &u->s);
				continue;
			}
			place(h, x, y, n, sw, sh, reach, &u->p, v);
			sample_row(f, to, src, ss, c, sw, sh, &u->p, n);
		}
	}
})
