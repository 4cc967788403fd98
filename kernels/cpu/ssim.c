//go:build cgo

// SSIM in one pass over blocks of 768 samples' width. Samples stay interleaved: a
// horizontal tap is c samples away. Each row is filtered horizontally once, into four
// quantities (x, y, x²+y², xy: SSIM needs only the sum of the variances), of which a window
// of rows lies in the level-2 cache; the vertical filter takes four output rows at a time from it.
//
// Samples are centred on half their range, which is exact and cuts the rounding of the
// variances to a quarter; the formula does not care about scale, so integers stay as they are.

#include <string.h>

#include "rows.h"
#include "ssim.h"

#define CH 768            // samples per block: a multiple of 16 lanes and of 1 to 4 channels
#define PAD 20            // samples of reach on either side: 5 pixels of 4 channels
#define IN 832            // floats per input row: CH + 2·PAD, rounded up
#define SLOT (4 * CH)     // floats per filtered row
#define SLOTS 34          // 30 rows of window and 4 of results
#define LANES 48          // a multiple of 1 to 4 channels

// The Gaussian of σ 1.5, normalised over 11 taps.
#define W0 0.266011725f
#define W1 0.213005538f
#define W2 0.109360690f
#define W3 0.0360007721f
#define W4 0.00759875814f
#define W5 0.00102838008f

// Folds i into [0,n) about the outer edges: 1 0 0 1.
static inline int fold(int i, int n) {
	i %= 2 * n;
	if (i < 0) i += 2 * n;
	return i < n ? i : 2 * n - 1 - i;
}

// len samples from position at (which may reach over either end) of a row, centred.
RE_INLINE void load_row(int f, const void *row, float *restrict out, int at, int len, int w, int c, float centre) {
	int n = w * c, from = at < 0 ? -at : 0, to = at + len > n ? n - at : len;
	if (f == RE_U8) { const uint8_t *s = (const uint8_t *)row + at; for (int i = from; i < to; i++) out[i] = (float)s[i] - centre; }
	else if (f == RE_U16) { const uint16_t *s = (const uint16_t *)row + at; for (int i = from; i < to; i++) out[i] = (float)s[i] - centre; }
	else { const float *s = (const float *)row + at; for (int i = from; i < to; i++) out[i] = s[i] - centre; }
	for (int i = 0; i < len; i++) {
		if (i == from) i = to;
		if (i >= len) break;
		int p = at + i + 8 * c * w * (at < 0), x = p / c - 8 * w * (at < 0), k = p % c;
		int j = fold(x, w) * c + k;
		float v = f == RE_U8 ? ((const uint8_t *)row)[j] : f == RE_U16 ? ((const uint16_t *)row)[j] : ((const float *)row)[j];
		out[i] = v - centre;
	}
}

RE_INLINE void horizontal(const float *restrict in, float *restrict out, int c) {
	for (int i = 0; i < CH; i++) {
		const float *p = in + i;
		float s = p[5 * c] * W0;
		s += (p[4 * c] + p[6 * c]) * W1;
		s += (p[3 * c] + p[7 * c]) * W2;
		s += (p[2 * c] + p[8 * c]) * W3;
		s += (p[1 * c] + p[9 * c]) * W4;
		s += (p[0] + p[10 * c]) * W5;
		out[i] = s;
	}
}

RE_INLINE void filter_row(const re_ssim_images *m, int y, int at, int len, float *restrict in, float *restrict slot, int c, float centre) {
	float *restrict x = in, *restrict v = in + IN, *restrict s = in + 2 * IN, *restrict q = in + 3 * IN;
	int r = fold(y, m->h);
	load_row(m->format, (const char *)m->a + r * m->astride, x, at - 5 * c, len + 10 * c, m->w, c, centre);
	load_row(m->format, (const char *)m->b + r * m->bstride, v, at - 5 * c, len + 10 * c, m->w, c, centre);
	for (int i = len + 10 * c; i < CH + 10 * c; i++) x[i] = v[i] = 0;
	for (int i = 0; i < CH + 10 * c; i++) {
		s[i] = x[i] * x[i] + v[i] * v[i];
		q[i] = x[i] * v[i];
	}
	horizontal(x, slot, c);
	horizontal(v, slot + CH, c);
	horizontal(s, slot + 2 * CH, c);
	horizontal(q, slot + 3 * CH, c);
}

// Four rows of one quantity from the 14 rows of the window that they reach.
#define ROW(k) p[(k) * SLOT]
#define SUM(r) \
	((ROW(r + 5) * W0 + (ROW(r + 4) + ROW(r + 6)) * W1) + ((ROW(r + 3) + ROW(r + 7)) * W2 + (ROW(r + 2) + ROW(r + 8)) * W3)) + \
		((ROW(r + 1) + ROW(r + 9)) * W4 + (ROW(r) + ROW(r + 10)) * W5)

RE_INLINE void vertical(const float *restrict window, float *restrict out) {
	for (int i = 0; i < SLOT; i++) {
		const float *p = window + i;
		out[i] = SUM(0);
		out[i + SLOT] = SUM(1);
		out[i + 2 * SLOT] = SUM(2);
		out[i + 3 * SLOT] = SUM(3);
	}
}

// The formula for one row, in place of its first quantity.
RE_INLINE void similarity(float *restrict f, float centre, float c1, float c2, int structure) {
	float *restrict mx = f;
	const float *restrict my = f + CH, *restrict ms = f + 2 * CH, *restrict mq = f + 3 * CH;
	for (int i = 0; i < CH; i++) {
		float x = mx[i], y = my[i], xy = x * y, sq = x * x + y * y;
		float a = 2.0f * (mq[i] - xy) + c2, b = (ms[i] - sq) + c2;
		float X = x + centre, Y = y + centre;
		float l = 2.0f * (X * Y) + c1, d = (X * X + Y * Y) + c1;
		mx[i] = structure ? a / b : (l * a) / (d * b);
	}
}

RE_INLINE void block(const re_ssim_images *m, int y0, int y1, int at, double *restrict lanes, float *restrict scratch, int c) {
	int n = m->w * c, len = n - at < CH ? n - at : CH;
	float centre = 0.5f * m->top, c1 = 1e-4f * m->top * m->top, c2 = 9e-4f * m->top * m->top;
	float *window = scratch, *out = window + (SLOTS - 4) * SLOT, *in = window + SLOTS * SLOT;
	int have = 0, first = y0 - 5; // the window holds rows first … first+have-1
	for (int y = y0; y < y1; y += 4) {
		if (y + 9 - first > SLOTS - 4) { // no room for the next four: move the ten rows that are still needed
			memmove(window, window + (y - 5 - first) * SLOT, 10 * SLOT * sizeof(float));
			first = y - 5;
			have = 10;
		}
		for (; first + have < y + 9; have++) filter_row(m, first + have, at, len, in, window + have * SLOT, c, centre);
		vertical(window + (y - 5 - first) * SLOT, out);
		for (int r = 0; r < 4 && y + r < y1; r++) {
			float *s = out + r * SLOT;
			similarity(s, centre, c1, c2, m->structure);
			if (m->out) memcpy((char *)m->out + (y + r) * m->mstride + (size_t)at * 4, s, (size_t)len * 4);
			if (y + r < m->y0 || y + r >= m->y1) continue;
			for (int i = 0; i < CH && at + i < m->x0 * c; i++) s[i] = 0;
			for (int i = m->x1 * c - at > 0 ? m->x1 * c - at : 0; i < CH; i++) s[i] = 0;
			for (int i = 0; i < CH; i += LANES)
				for (int l = 0; l < LANES; l++) lanes[l] += (double)s[i + l];
		}
	}
}

// Rows [y0,y1): sums[k] becomes the sum of channel k's map over the pixels that count.
KERNEL(re_ssim_rows, (const re_ssim_images *m, int y0, int y1, double *sums, float *scratch), (m, y0, y1, sums, scratch), {
	double lanes[LANES];
	for (int l = 0; l < LANES; l++) lanes[l] = 0;
	for (int at = 0; at < m->w * m->c; at += CH) {
		if (m->c == 1) block(m, y0, y1, at, lanes, scratch, 1);
		else if (m->c == 2) block(m, y0, y1, at, lanes, scratch, 2);
		else if (m->c == 3) block(m, y0, y1, at, lanes, scratch, 3);
		else block(m, y0, y1, at, lanes, scratch, 4);
	}
	for (int k = 0; k < m->c; k++) sums[k] = 0;
	for (int l = 0; l < LANES; l++) sums[l % m->c] += lanes[l];
})
