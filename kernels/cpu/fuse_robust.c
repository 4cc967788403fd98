//go:build cgo

// The first sweep of FuseRobust over pixels, which measures, and the one that mends the scene level where photos are missing.
#include "vectorise.h"

#include "fuse_robust_pixels.h"

// Luma in 16 bits of n pixels, a chunk at most.
KERNEL(re_robust_luma_u8, (const void *src, uint16_t *restrict luma, int n), (src, luma, n), {
	uint8_t r[CHUNK], g[CHUNK], b[CHUNK];
	deinterleave3(src, r, g, b, n);
	for (int x = 0; x < n; x++) luma[x] = (uint16_t)(((19595u * r[x] + 38470u * g[x] + 7471u * b[x]) * 257u + 32768u) >> 16);
})

KERNEL(re_robust_luma_u16, (const void *src, uint16_t *restrict luma, int n), (src, luma, n), {
	const uint16_t *s = src;
	for (int x = 0; x < n; x++) luma[x] = (uint16_t)((19595u * s[3 * x] + 38470u * s[3 * x + 1] + 7471u * s[3 * x + 2] + 32768u) >> 16);
})

KERNEL(re_robust_luma_f32, (const void *src, uint16_t *restrict luma, int n), (src, luma, n), {
	const float *s = src;
	for (int x = 0; x < n; x++) {
		uint32_t r = (uint32_t)(int32_t)(re_unit(s[3 * x]) * 65535.0f + 0.5f);
		uint32_t g = (uint32_t)(int32_t)(re_unit(s[3 * x + 1]) * 65535.0f + 0.5f);
		uint32_t b = (uint32_t)(int32_t)(re_unit(s[3 * x + 2]) * 65535.0f + 0.5f);
		luma[x] = (uint16_t)((19595u * r + 38470u * g + 7471u * b + 32768u) >> 16);
	}
})

static void luma16(int format, const void *src, uint16_t *luma, int n) {
	if (format == RE_U8) re_robust_luma_u8(src, luma, n);
	else if (format == RE_U16) re_robust_luma_u16(src, luma, n);
	else re_robust_luma_f32(src, luma, n);
}

size_t re_robust_scratch(const re_robust *m) { return sizeof(uint32_t) * (size_t)m->n * m->w; }

// Adds n levels from (x,y) on to the histograms of their cells.
static inline void count_levels(const re_robust *m, const uint16_t *restrict scene, int x, int y, int n) {
	if (y % m->every) return;
	uint32_t *row = m->counts + (size_t)(y / m->cell) * m->gw * LEVELS;
	for (int k = 0; k < n;) {
		int c = (x + k) / m->cell, end = (c + 1) * m->cell - x;
		uint32_t *restrict cell = row + (size_t)c * LEVELS;
		if (end > n) end = n;
		if (m->every == 2) {
			k += (x + k) & 1;
			for (; k < end; k += 2) cell[scene[k] >> 8]++;
			k = end;
		} else
			for (; k < end; k++) cell[scene[k] >> 8]++;
	}
}

KERNEL(re_robust_measure, (const re_robust *m, void *scratch, int y0, int y1), (m, scratch, y0, y1), {
	uint32_t *restrict column = scratch;
	int w = m->w, side = m->step, shift = side * side / 2, area = side * side;
	uint16_t luma[CHUNK];
	uint32_t sum[CHUNK];
	uint8_t least[CHUNK], nobody[CHUNK];
	float count = (float)m->n;
	for (int y = y0; y < y1; y++) {
		int first = y % side == 0, ly = y / side;
		if (m->whole && first && ly < m->lh)
			for (int i = 0; i < m->n; i++) memset(m->whole + ((size_t)i * m->lh + ly) * m->lw, 1, m->lw);
		uint16_t *row = m->scene + (size_t)y * w;
		for (int x = 0; x < w; x += CHUNK) {
			int n = w - x < CHUNK ? w - x : CHUNK, part = m->valid && least_claims(m, x, y, n, least, nobody);
			memset(sum, 0, sizeof sum);
			for (int i = 0; i < m->n; i++) {
				luma16(m->format, pixels_at(m, i, x, y), luma, n);
				uint32_t *restrict col = column + (size_t)i * w + x;
				if (first) for (int k = 0; k < n; k++) { sum[k] += luma[k]; col[k] = luma[k]; }
				else for (int k = 0; k < n; k++) { sum[k] += luma[k]; col[k] += luma[k]; }
			}
			uint16_t *restrict to = row + x;
			for (int k = 0; k < n; k++) to[k] = (uint16_t)(int32_t)((float)sum[k] / count + 0.5f);
			m->partial[(size_t)y * chunks(m) + x / CHUNK] = (uint8_t)part;
			if (!part) count_levels(m, to, x, y, n);
			else if (ly < m->lh)
				for (int i = 0; i < m->n; i++) {
					const uint8_t *claim = claim_at(m, i, x, y);
					uint8_t *all = m->whole + ((size_t)i * m->lh + ly) * m->lw;
					for (int k = 0; claim && k < n && (x + k) / side < m->lw; k++)
						if (claim[k] < 255 && !nobody[k]) all[(x + k) / side] = 0;
				}
		}
		if (y % side != side - 1 || ly >= m->lh) continue;
		for (int i = 0; i < m->n; i++) {
			const uint32_t *restrict col = column + (size_t)i * w;
			uint16_t *restrict low = m->low + ((size_t)i * m->lh + ly) * m->lw;
			for (int x = 0; x < m->lw; x++) {
				uint32_t s = shift;
				for (int k = 0; k < side; k++) s += col[x * side + k];
				low[x] = (uint16_t)(s / area);
			}
		}
	}
})

// ---- where photos are missing ----------------------------------------------------------------------

void re_robust_repair(const re_robust *m, int y0, int y1) {
	uint16_t luma[CHUNK];
	uint8_t least[CHUNK], nobody[CHUNK];
	double level[CHUNK], trust[CHUNK];
	for (int y = y0; y < y1; y++)
		for (int x = 0; x < m->w; x += CHUNK) {
			if (!m->partial[(size_t)y * chunks(m) + x / CHUNK]) continue;
			int n = m->w - x < CHUNK ? m->w - x : CHUNK;
			uint16_t *scene = m->scene + (size_t)y * m->w + x;
			least_claims(m, x, y, n, least, nobody);
			memset(level, 0, sizeof level);
			memset(trust, 0, sizeof trust);
			for (int i = 0; i < m->n; i++) {
				const uint8_t *claim = claim_at(m, i, x, y);
				luma16(m->format, pixels_at(m, i, x, y), luma, n);
				for (int k = 0; k < n; k++) {
					const double *t = m->back + ((size_t)i * 4097 + (luma[k] >> 4)) * 2;
					double f = (luma[k] & 15) / 16.0, c = (t[1] + (t[3] - t[1]) * f) * (claim ? claim[k] : 255);
					level[k] += c * (t[0] + (t[2] - t[0]) * f);
					trust[k] += c;
				}
			}
			for (int k = 0; k < n; k++) {
				if (least[k] == 255) continue;
				double f = least[k] / 255.0;
				scene[k] = (uint16_t)(f * scene[k] + (1 - f) * 65535 * (level[k] / trust[k]) + 0.5);
			}
			count_levels(m, scene, x, y, n);
		}
}
