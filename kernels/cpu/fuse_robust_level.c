//go:build cgo

// The merged luma of FuseRobust before local contrast, from the scene level. Table look-ups are loops of their own, scalar, into short
// buffers; gather instructions are no faster, and the rest of each chunk is vector work.
#include "vectorise.h"

#include "fuse_robust_limit.h"
#include "fuse_robust_pixels.h"

size_t re_robust_gaps_scratch(const re_robust *m) { return sizeof(float) * 4 * RANGES * (m->gw + 1); }

// For every gap between two columns of cells (one before the first, one after the last): B between
// levels z and z+1 is c[0] + fx·c[1] + fz·(c[2] + fx·c[3]).
KERNEL(re_robust_gaps, (const re_robust *m, int side, int y, float *out), (m, side, y, out), {
	float at = ((float)y + 0.5f) / (float)side - 0.5f;
	at = at > 0.0f ? at : 0.0f;
	at = at < (float)(m->gh - 1) ? at : (float)(m->gh - 1);
	int j = (int)at;
	float f = at - (float)j;
	const float *p = m->base + (size_t)j * m->gw * RANGES, *q = j + 1 < m->gh ? p + m->gw * RANGES : p;
	for (int c = 0; c <= m->gw; c++) {
		const float *pa = p + (c > 0 ? c - 1 : 0) * RANGES, *qa = q + (c > 0 ? c - 1 : 0) * RANGES;
		const float *pb = p + (c < m->gw ? c : c - 1) * RANGES, *qb = q + (c < m->gw ? c : c - 1) * RANGES;
		float a[RANGES + 1], b[RANGES + 1];
		for (int z = 0; z < RANGES; z++) {
			a[z] = pa[z] + (qa[z] - pa[z]) * f;
			b[z] = pb[z] + (qb[z] - pb[z]) * f - a[z];
		}
		a[RANGES] = a[RANGES - 1];
		b[RANGES] = b[RANGES - 1];
		for (int z = 0; z < RANGES; z++, out += 4) {
			out[0] = a[z];
			out[1] = b[z];
			out[2] = a[z + 1] - a[z];
			out[3] = b[z + 1] - b[z];
		}
	}
})

// out[k] = table[at[k]], entries of 4 and 2 floats.
RE_INLINE void look4(const float *table, const int32_t *at, float *out, int n) {
	for (int k = 0; k < n; k++) memcpy(out + 4 * k, table + 4 * (size_t)(uint32_t)at[k], 16);
}
RE_INLINE void look2(const float *table, const int32_t *at, float *out, int n) {
	for (int k = 0; k < n; k++) memcpy(out + 2 * k, table + 2 * (size_t)(uint32_t)at[k], 8);
}

KERNEL(re_robust_levels, (const re_robust *m, int side, const float *gaps, const uint16_t *restrict scene, float *restrict luma, int w),
	   (m, side, gaps, scene, luma, w), {
	int32_t at[CHUNK];
	float f[CHUNK], four[4 * CHUNK], tone[CHUNK], fine[CHUNK], base[CHUNK], fx[CHUNK], two[2 * CHUNK];
	float per = 1.0f / (float)side, half = 0.5f + 0.5f * (float)side;
	for (int x = 0; x < w; x += CHUNK, scene += CHUNK, luma += CHUNK) {
		int n = w - x < CHUNK ? w - x : CHUNK;
		for (int k = 0; k < n; k++) {
			float p = (float)(int32_t)scene[k] * (256.0f / 65535.0f) + 0.5f; // the table has an entry before the first level
			int32_t i = (int32_t)p;
			at[k] = i;
			f[k] = p - (float)i;
		}
		look4(m->curves, at, four, n);
		for (int k = 0; k < n; k++) {
			tone[k] = four[4 * k] + four[4 * k + 1] * f[k];
			fine[k] = four[4 * k + 2] + four[4 * k + 3] * f[k];
			float z = tone[k] * 23.0f; // tones and their means lie in [0,1]
			int32_t i = (int32_t)z;
			f[k] = z - (float)i;
			float c = ((float)(x + k) + half) * per; // counted from half a cell before the picture: gap 0 ends at cell 0's centre
			int32_t gap = (int32_t)c;
			fx[k] = c - (float)gap;
			at[k] = gap * RANGES + i;
		}
		look4(gaps, at, four, n);
		for (int k = 0; k < n; k++) {
			float b = four[4 * k] + four[4 * k + 1] * fx[k] + (four[4 * k + 2] + four[4 * k + 3] * fx[k]) * f[k];
			base[k] = b;
			float p = b * 1024.0f;
			int32_t i = (int32_t)p;
			at[k] = i;
			f[k] = p - (float)i;
		}
		look2(m->law, at, two, n);
		for (int k = 0; k < n; k++) {
			float d = -0.25f * (tone[k] - base[k]) + 1.25f * (fine[k] - (two[2 * k] + two[2 * k + 1] * f[k]));
			float b = 0.5f + 0.97f * (base[k] - 0.5f), excess = b > 0.7f ? b - 0.7f : 0.0f;
			b -= 0.6f * excess;
			float room = d > 0.0f ? 0.985f - b : b, v = fabsf(d);
			room = room > 1e-4f ? room : 1e-4f;
			v = b + d * room * re_inverse_cbrt(room * room * room + v * v * v);
			v = v > 0.0f ? v : 0.0f;
			luma[k] = v < 0.985f ? v : 0.985f;
		}
	}
})

void re_robust_low_levels(const re_robust *m, void *scratch, int y0, int y1) {
	float *gaps = scratch;
	uint16_t *scene = (uint16_t *)(gaps + (size_t)4 * RANGES * (m->gw + 1));
	int side = m->step, area = side * side;
	size_t size = (size_t)m->lw * m->lh;
	for (int y = y0; y < y1; y++) {
		for (int x = 0; x < m->lw; x++) {
			size_t j = (size_t)y * m->lw + x;
			uint32_t sum = 0;
			int whole = 1;
			for (int i = 0; i < m->n; i++) {
				sum += m->low[i * size + j];
				whole &= !m->whole || m->whole[i * size + j];
			}
			if (whole) {
				scene[x] = (uint16_t)(int32_t)((float)sum / (float)m->n + 0.5f);
				continue;
			}
			uint64_t box = (uint64_t)(area / 2);
			for (int k = 0; k < area; k++) box += m->scene[(size_t)(y * side + k / side) * m->w + x * side + k % side];
			scene[x] = (uint16_t)(box / (uint64_t)area);
		}
		re_robust_gaps(m, m->cell / side, y, gaps);
		re_robust_levels(m, m->cell / side, gaps, scene, m->level + (size_t)y * m->lw, m->lw);
	}
}
