//go:build cgo

// The second sweep of FuseRobust over pixels, which merges.
#include "vectorise.h"

#include "fuse_robust_limit.h"
#include "fuse_robust_pixels.h"

enum { WIDEST = 256, EIGHT = 8 }; // a reduced pixel at most, and what is expanded at once

// What a chunk of pixels is mixed from.
typedef struct {
	float weight[CHUNK];                                               // of one photo's colour
	float r[CHUNK], g[CHUNK], b[CHUNK], total[CHUNK], luma[2][CHUNK]; // sums over the photos, as stored
	const float *fit[2][RE_ROBUST_PHOTO], *share[2];                   // coefficients of both steps, and of one photo's luma in them
	uint8_t least[CHUNK], nobody[CHUNK];
	uint16_t at[CHUNK];
	float wide[2][RE_ROBUST_PHOTO + 1][CHUNK + 2 * WIDEST + EIGHT];
	float ramp[WIDEST + EIGHT];
} chunk;

static inline size_t fit_row(const re_robust *m) { return (size_t)m->lw + 2; } // one more at either end

size_t re_robust_merge_scratch(const re_robust *m) {
	return sizeof(chunk) + re_robust_gaps_scratch(m) + sizeof(float) * (m->w + 16 + 2 * (m->n + RE_ROBUST_PHOTO) * fit_row(m));
}

// The coefficients of row y: between two rows of reduced pixels.
KERNEL(re_robust_fit_rows, (const re_robust *m, int y, float *restrict out), (m, y, out), {
	float at = ((float)y + 0.5f) / (float)m->step - 0.5f;
	at = at > 0.0f ? at : 0.0f;
	at = at < (float)(m->lh - 1) ? at : (float)(m->lh - 1);
	int j = (int)at, w = m->lw, n = m->n + RE_ROBUST_PHOTO;
	float f = at - (float)j;
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < n; i++, out += w + 2) {
			const float *restrict p = m->fit[s] + ((size_t)j * n + i) * w, *restrict q = j + 1 < m->lh ? p + (size_t)n * w : p;
			for (int x = 0; x < w; x++) out[x + 1] = p[x] + (q[x] - p[x]) * f;
			out[0] = out[1];
			out[w + 1] = out[w];
		}
})

// Where pixel x lies: the gap after which reduced pixel, and how far from that gap's first pixel.
static inline int gap_of(const re_robust *m, int x, int *past) {
	int p = x - m->step / 2, j = p < 0 ? -1 : p / m->step;
	*past = p - j * m->step;
	return j;
}

// n values from pixel x on of a row of coefficients, in wide or where they are. EIGHT are written at once, over what the next gap writes.
RE_INLINE const float *expand(const re_robust *m, const float *restrict ramp, const float *restrict row, int x, int n, float *restrict wide) {
	int past, j = gap_of(m, x, &past), side = m->step;
	if (side == 1) return row + x + 1;
	for (int at = 0; at < past + n; at += side, j++) {
		int i = j < m->lw ? j : m->lw - 1; // what is left over at the right end
		float a = row[i + 1], d = row[i + 2] - a;
		for (int l = 0; l < EIGHT; l++) wide[at + l] = a + d * ramp[l];
		for (int q = EIGHT; q < side; q += EIGHT)
			for (int l = 0; l < EIGHT; l++) wide[at + q + l] = a + d * ramp[q + l];
	}
	return wide + past;
}

// The coefficients before those of the photos.
KERNEL(re_robust_expand_rows, (const re_robust *m, chunk *c, const float *rows, int x, int n), (m, c, rows, x, n), {
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < RE_ROBUST_PHOTO; i++)
			c->fit[s][i] = expand(m, c->ramp, rows + (s * (m->n + RE_ROBUST_PHOTO) + i) * fit_row(m), x, n, c->wide[s][i]);
})

KERNEL(re_robust_expand_photo, (const re_robust *m, chunk *c, const float *rows, int photo, int x, int n), (m, c, rows, photo, x, n), {
	for (int s = 0; s < 2; s++)
		c->share[s] = expand(m, c->ramp, rows + (s * (m->n + RE_ROBUST_PHOTO) + RE_ROBUST_PHOTO + photo) * fit_row(m), x, n, c->wide[s][RE_ROBUST_PHOTO]);
})

// A photo's pixels as stored, by its weights.
#define ADD(name, S)                                                                                                            \
	RE_INLINE void name(chunk *restrict c, const S *restrict r, const S *restrict g, const S *restrict b, int n) {             \
		const float *restrict one = c->share[0], *restrict two = c->share[1];                                                   \
		for (int k = 0; k < n; k++) {                                                                                           \
			float R = (float)r[k], G = (float)g[k], B = (float)b[k], y = 0.299f * R + 0.587f * G + 0.114f * B;                  \
			c->r[k] += c->weight[k] * R;                                                                                        \
			c->g[k] += c->weight[k] * G;                                                                                        \
			c->b[k] += c->weight[k] * B;                                                                                        \
			c->luma[0][k] += one[k] * y;                                                                                        \
			c->luma[1][k] += two[k] * y;                                                                                        \
		}                                                                                                                       \
	}
ADD(add_u8, uint8_t)
ADD(add_f32, float)

KERNEL(re_robust_mix_u8, (chunk *c, const void *src, int n), (c, src, n), {
	uint8_t p[3][CHUNK];
	deinterleave3(src, p[0], p[1], p[2], n);
	add_u8(c, p[0], p[1], p[2], n);
})
KERNEL(re_robust_mix_u16, (chunk *c, const void *src, int n), (c, src, n), {
	float p[3][CHUNK];
	re_planes_f32(RE_U16, src, p[0], p[1], p[2], n);
	add_f32(c, p[0], p[1], p[2], n);
})
KERNEL(re_robust_mix_f32, (chunk *c, const void *src, int n), (c, src, n), {
	float p[3][CHUNK];
	re_planes_f32(RE_F32, src, p[0], p[1], p[2], n);
	add_f32(c, p[0], p[1], p[2], n);
})

// The merged pixels: local contrast in two steps, then the colour brought to that luma.
KERNEL(re_robust_finish, (chunk *c, const float *restrict luma, float unit, int n), (c, luma, unit, n), {
	const float *restrict self = c->fit[0][RE_ROBUST_SELF], *restrict self2 = c->fit[1][RE_ROBUST_SELF];
	const float *restrict mean = c->fit[0][RE_ROBUST_MEAN], *restrict mean2 = c->fit[1][RE_ROBUST_MEAN];
	const float *restrict own = c->fit[0][RE_ROBUST_OWN], *restrict own2 = c->fit[1][RE_ROBUST_OWN];
	const float *restrict offset = c->fit[0][RE_ROBUST_OFFSET], *restrict offset2 = c->fit[1][RE_ROBUST_OFFSET];
	float *restrict R = c->r, *restrict G = c->g, *restrict B = c->b;
	const float *restrict one = c->luma[0], *restrict two = c->luma[1];
	for (int k = 0; k < n; k++) {
		float r = R[k] * unit, g = G[k] * unit, b = B[k] * unit;
		float Y = re_robust_limit(luma[k], self[k], mean[k], own[k], offset[k] + one[k] * unit);
		Y = re_robust_limit(Y, self2[k], mean2[k], own2[k], offset2[k] + two[k] * unit);
		float old = 0.299f * r + 0.587f * g + 0.114f * b;
		float top = r > g ? r : g, bottom = r < g ? r : g, base = old + 0.03f;
		top = (top > b ? top : b) - old;
		bottom = old - (bottom < b ? bottom : b);
		top = top > 1e-4f ? top : 1e-4f;
		bottom = bottom > 1e-4f ? bottom : 1e-4f;
		float inv = 1.0f / (base * top * bottom); // one division for three
		float q = (Y + 0.03f) * (top * bottom) * inv, up = (0.99f - Y) * (base * bottom) * inv, down = Y * (base * top) * inv;
		q = q < 2.0f ? q : 2.0f;
		q = q < up ? q : up;
		q = q < down ? q : down;
		R[k] = Y + (r - old) * q;
		G[k] = Y + (g - old) * q;
		B[k] = Y + (b - old) * q;
	}
})

KERNEL(re_robust_store_u8, (const chunk *c, uint8_t *restrict dst, int n), (c, dst, n), {
	uint8_t t[3][CHUNK];
	re_store_unit(RE_U8, c->r, t[0], n);
	re_store_unit(RE_U8, c->g, t[1], n);
	re_store_unit(RE_U8, c->b, t[2], n);
	re_interleave3(t[0], t[1], t[2], dst, n);
})
KERNEL(re_robust_store_u16, (const chunk *c, uint16_t *restrict dst, int n), (c, dst, n), {
	uint16_t t[3][CHUNK];
	re_store_unit(RE_U16, c->r, t[0], n);
	re_store_unit(RE_U16, c->g, t[1], n);
	re_store_unit(RE_U16, c->b, t[2], n);
	for (int k = 0; k < n; k++) { dst[3 * k] = t[0][k]; dst[3 * k + 1] = t[1][k]; dst[3 * k + 2] = t[2][k]; }
})

// The weights of photo i where it or another is not valid everywhere.
static void claimed(const re_robust *m, chunk *c, int i, int x, int y, int n) {
	const uint8_t *claim = claim_at(m, i, x, y);
	float *one = c->wide[0][RE_ROBUST_PHOTO], *two = c->wide[1][RE_ROBUST_PHOTO]; // copied, for rows may be shared
	memmove(one, c->share[0], sizeof(float) * n);
	memmove(two, c->share[1], sizeof(float) * n);
	c->share[0] = one;
	c->share[1] = two;
	for (int k = 0; k < n; k++) {
		float v = !claim || c->nobody[k] ? 255.0f : claim[k];
		if (c->least[k] < 255) c->weight[k] = (c->weight[k] + 1.0f / 1048576.0f) * v;
		c->total[k] += c->weight[k];
		if (v > 0.0f) continue;
		one[k] = two[k] = 0.0f;
	}
}

// Entries of the weights for n scene levels; range: the least and the greatest.
KERNEL(re_robust_bins, (const uint16_t *restrict scene, uint16_t *restrict at, int *range, int n), (scene, at, range, n), {
	uint16_t low = 4095, high = 0;
	for (int k = 0; k < n; k++) {
		uint16_t i = scene[k] >> 4;
		at[k] = i;
		low = i < low ? i : low;
		high = i > high ? i : high;
	}
	range[0] = low;
	range[1] = high;
})

// The chunk of n pixels from (x,y) on; levels is their luma before local contrast.
static void merge_chunk(const re_robust *m, chunk *c, const float *rows, const float *levels, int x, int y, int n, void *dst) {
	int part = m->partial[(size_t)y * chunks(m) + x / CHUNK];
	if (part) least_claims(m, x, y, n, c->least, c->nobody);
	int range[2];
	re_robust_bins(m->scene + (size_t)y * m->w + x, c->at, range, n);
	memset(c->r, 0, sizeof(float) * 6 * CHUNK); // all sums
	for (int i = 0; i < m->n; i++) {
		if (!part && (range[1] < m->support[2 * i] || range[0] > m->support[2 * i + 1])) memset(c->weight, 0, sizeof c->weight);
		else {
			const float *table = m->weights + (size_t)i * 4096;
			for (int k = 0; k < n; k++) c->weight[k] = table[c->at[k]];
		}
		re_robust_expand_photo(m, c, rows, i, x, n);
		if (part) claimed(m, c, i, x, y, n);
		const void *src = pixels_at(m, i, x, y);
		if (m->format == RE_U8) re_robust_mix_u8(c, src, n);
		else if (m->format == RE_U16) re_robust_mix_u16(c, src, n);
		else re_robust_mix_f32(c, src, n);
	}
	if (part) for (int k = 0; k < n; k++) { c->r[k] /= c->total[k]; c->g[k] /= c->total[k]; c->b[k] /= c->total[k]; }
	re_robust_expand_rows(m, c, rows, x, n);
	re_robust_finish(c, levels, m->format == RE_U8 ? 1.0f / 255.0f : m->format == RE_U16 ? 1.0f / 65535.0f : 1.0f, n);
	if (m->dst_format == RE_U8) re_robust_store_u8(c, dst, n);
	else if (m->dst_format == RE_U16) re_robust_store_u16(c, dst, n);
	else {
		float *d = dst;
		for (int k = 0; k < n; k++) { d[3 * k] = c->r[k]; d[3 * k + 1] = c->g[k]; d[3 * k + 2] = c->b[k]; }
	}
}

void re_robust_merge(const re_robust *m, void *scratch, void *dst, ptrdiff_t stride, int y0, int y1) {
	chunk *c = scratch;
	float *gaps = (float *)(c + 1), *levels = gaps + re_robust_gaps_scratch(m) / sizeof(float), *rows = levels + m->w + 16;
	for (int q = 0; q < WIDEST + EIGHT; q++) c->ramp[q] = ((float)q + (m->step % 2 ? 0.0f : 0.5f)) / (float)m->step;
	for (int y = y0; y < y1; y++) {
		re_robust_gaps(m, m->cell, y, gaps);
		re_robust_levels(m, m->cell, gaps, m->scene + (size_t)y * m->w, levels, m->w);
		re_robust_fit_rows(m, y, rows);
		for (int x = 0; x < m->w; x += CHUNK)
			merge_chunk(m, c, rows, levels + x, x, y, m->w - x < CHUNK ? m->w - x : CHUNK, (char *)dst + y * stride + x * pixel_bytes(m->dst_format));
	}
}
