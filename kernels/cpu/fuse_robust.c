//go:build cgo

// FuseRobust over pixels: one sweep that measures, one that merges, and in between, where photos
// are missing, one that mends the scene level. Table look-ups are loops of their own, scalar, into short
// buffers; gather instructions are no faster, and the rest of each chunk is vector work.
#include "vectorise.h"

#include "fuse_robust.h"
#include "fusion.h"
#include "remath.h"
#include "shuffle.h"

enum { CHUNK = RE_ROBUST_CHUNK, LEVELS = 256, RANGES = 24 };

static inline int chunks(const re_robust *m) { return (m->w + CHUNK - 1) / CHUNK; }
static inline size_t pixel_bytes(int format) { return format == RE_U8 ? 3 : format == RE_U16 ? 6 : 12; }

// ---- samples ------------------------------------------------------------------------------------

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

// Luma in 16 bits.
RE_INLINE void luma16(int format, const void *src, uint16_t *restrict luma, int n) {
	if (format == RE_U8) {
		uint8_t r[CHUNK], g[CHUNK], b[CHUNK];
		deinterleave3(src, r, g, b, n);
		for (int x = 0; x < n; x++) luma[x] = (uint16_t)(((19595u * r[x] + 38470u * g[x] + 7471u * b[x]) * 257u + 32768u) >> 16);
	} else if (format == RE_U16) {
		const uint16_t *s = src;
		for (int x = 0; x < n; x++) luma[x] = (uint16_t)((19595u * s[3 * x] + 38470u * s[3 * x + 1] + 7471u * s[3 * x + 2] + 32768u) >> 16);
	} else {
		const float *s = src;
		for (int x = 0; x < n; x++) {
			uint32_t r = (uint32_t)(int32_t)(re_unit(s[3 * x]) * 65535.0f + 0.5f);
			uint32_t g = (uint32_t)(int32_t)(re_unit(s[3 * x + 1]) * 65535.0f + 0.5f);
			uint32_t b = (uint32_t)(int32_t)(re_unit(s[3 * x + 2]) * 65535.0f + 0.5f);
			luma[x] = (uint16_t)((19595u * r + 38470u * g + 7471u * b + 32768u) >> 16);
		}
	}
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

// ---- first sweep ----------------------------------------------------------------------------------

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

#define MEASURE(name, FORMAT)                                                                                   \
	KERNEL(name, (const re_robust *m, uint32_t *restrict column, int y0, int y1), (m, column, y0, y1), {        \
		int w = m->w, side = m->step, shift = side * side / 2, area = side * side;                              \
		uint16_t luma[CHUNK];                                                                                   \
		uint32_t sum[CHUNK];                                                                                    \
		uint8_t least[CHUNK], nobody[CHUNK];                                                                    \
		float count = (float)m->n;                                                                              \
		for (int y = y0; y < y1; y++) {                                                                         \
			int first = y % side == 0, ly = y / side;                                                           \
			if (first && ly < m->lh) memset(m->whole + (size_t)ly * m->lw, 1, m->lw);                           \
			uint16_t *row = m->scene + (size_t)y * w;                                                           \
			for (int x = 0; x < w; x += CHUNK) {                                                                \
				int n = w - x < CHUNK ? w - x : CHUNK, part = m->valid && least_claims(m, x, y, n, least, nobody); \
				memset(sum, 0, sizeof sum);                                                                     \
				for (int i = 0; i < m->n; i++) {                                                                \
					luma16(FORMAT, pixels_at(m, i, x, y), luma, n);                                             \
					uint32_t *restrict col = column + (size_t)i * w + x;                                        \
					if (first) for (int k = 0; k < n; k++) { sum[k] += luma[k]; col[k] = luma[k]; }             \
					else for (int k = 0; k < n; k++) { sum[k] += luma[k]; col[k] += luma[k]; }                  \
				}                                                                                               \
				uint16_t *restrict to = row + x;                                                                \
				for (int k = 0; k < n; k++) to[k] = (uint16_t)(int32_t)((float)sum[k] / count + 0.5f);          \
				m->partial[(size_t)y * chunks(m) + x / CHUNK] = (uint8_t)part;                                  \
				if (!part) count_levels(m, to, x, y, n);                                                        \
				else if (ly < m->lh)                                                                            \
					for (int k = 0; k < n; k++)                                                                 \
						if (least[k] < 255 && (x + k) / side < m->lw) m->whole[(size_t)ly * m->lw + (x + k) / side] = 0; \
			}                                                                                                   \
			if (y % side != side - 1 || ly >= m->lh) continue;                                                  \
			for (int i = 0; i < m->n; i++) {                                                                    \
				const uint32_t *restrict col = column + (size_t)i * w;                                          \
				uint16_t *restrict low = m->low + ((size_t)i * m->lh + ly) * m->lw;                             \
				for (int x = 0; x < m->lw; x++) {                                                               \
					uint32_t s = shift;                                                                         \
					for (int k = 0; k < side; k++) s += col[x * side + k];                                      \
					low[x] = (uint16_t)(s / area);                                                              \
				}                                                                                               \
			}                                                                                                   \
		}                                                                                                       \
	})
MEASURE(measure_u8, RE_U8)
MEASURE(measure_u16, RE_U16)
MEASURE(measure_f32, RE_F32)

void re_robust_measure(const re_robust *m, void *scratch, int y0, int y1) {
	if (m->format == RE_U8) measure_u8(m, scratch, y0, y1);
	else if (m->format == RE_U16) measure_u16(m, scratch, y0, y1);
	else measure_f32(m, scratch, y0, y1);
}

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

// ---- second sweep ---------------------------------------------------------------------------------

// For row y and every gap between two columns of cells (one before the first, one after the last): B between
// levels z and z+1 is c[0] + fx·c[1] + fz·(c[2] + fx·c[3]).
RE_INLINE void base_row(const re_robust *m, int y, float *restrict out) {
	float at = ((float)y + 0.5f) / (float)m->cell - 0.5f;
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
}

// out[k] = table[at[k]], entries of 4 and 2 floats.
RE_INLINE void look4(const float *table, const int32_t *at, float *out, int n) {
	for (int k = 0; k < n; k++) memcpy(out + 4 * k, table + 4 * (size_t)(uint32_t)at[k], 16);
}
RE_INLINE void look2(const float *table, const int32_t *at, float *out, int n) {
	for (int k = 0; k < n; k++) memcpy(out + 2 * k, table + 2 * (size_t)(uint32_t)at[k], 8);
}

// The merged luma of n pixels from x on, n a chunk at most; levels are 16 bits.
RE_INLINE void target(const re_robust *m, const float *gaps, const uint16_t *restrict scene, int x, int n, float *restrict luma) {
	int32_t at[CHUNK];
	float f[CHUNK], four[4 * CHUNK], tone[CHUNK], fine[CHUNK], base[CHUNK], fx[CHUNK], two[2 * CHUNK];
	for (int k = 0; k < n; k++) {
		float p = (float)scene[k] * (256.0f / 65535.0f) - 0.5f;
		p = p > 0.0f ? p : 0.0f;
		p = p < 255.0f ? p : 255.0f;
		int32_t i = (int32_t)p;
		at[k] = i;
		f[k] = p - (float)i;
	}
	look4(m->curves, at, four, n);
	float side = (float)m->cell, half = 0.5f * side;
	for (int k = 0; k < n; k++) {
		tone[k] = four[4 * k] + four[4 * k + 1] * f[k];
		fine[k] = four[4 * k + 2] + four[4 * k + 3] * f[k];
		float z = tone[k] * 23.0f;
		z = z > 0.0f ? z : 0.0f;
		z = z < 23.0f ? z : 23.0f;
		int32_t i = (int32_t)z;
		f[k] = z - (float)i;
		float c = (float)(x + k) + 0.5f + half; // counted from half a cell before the picture: gap 0 ends at cell 0's centre
		int32_t gap = (int32_t)(c / side);
		fx[k] = (c - (float)gap * side) / side;
		at[k] = gap * RANGES + i;
	}
	look4(gaps, at, four, n);
	for (int k = 0; k < n; k++) {
		float b = four[4 * k] + four[4 * k + 1] * fx[k] + (four[4 * k + 2] + four[4 * k + 3] * fx[k]) * f[k];
		base[k] = b;
		float p = b * 1024.0f;
		p = p > 0.0f ? p : 0.0f;
		p = p < 1024.0f ? p : 1024.0f;
		int32_t i = (int32_t)p;
		i = i < 1023 ? i : 1023;
		at[k] = i;
		f[k] = p - (float)i;
	}
	look2(m->law, at, two, n);
	for (int k = 0; k < n; k++) {
		float d = -0.25f * (tone[k] - base[k]) + 1.25f * (fine[k] - (two[2 * k] + two[2 * k + 1] * f[k]));
		float b = 0.5f + 0.94f * (base[k] - 0.5f), excess = b > 0.7f ? b - 0.7f : 0.0f;
		b -= 0.6f * excess;
		float room = d > 0.0f ? 0.985f - b : b, v = fabsf(d);
		room = room > 1e-4f ? room : 1e-4f;
		float t = v / room;
		v = v / re_cbrt(1.0f + t * t * t);
		v = d > 0.0f ? b + v : b - v;
		v = v > 0.0f ? v : 0.0f;
		luma[k] = v < 0.985f ? v : 0.985f;
	}
}

#define ADD(name, S)                                                                                            \
	RE_INLINE void name(const float *restrict weight, const S *restrict r, const S *restrict g, const S *restrict b, \
						float *restrict R, float *restrict G, float *restrict B, int n) {                       \
		for (int k = 0; k < n; k++) {                                                                           \
			R[k] += weight[k] * (float)r[k];                                                                    \
			G[k] += weight[k] * (float)g[k];                                                                    \
			B[k] += weight[k] * (float)b[k];                                                                    \
		}                                                                                                       \
	}
ADD(add_u8, uint8_t)
ADD(add_f32, float)

RE_INLINE void store(int format, const float *restrict r, const float *restrict g, const float *restrict b, void *restrict dst, int n) {
	if (format == RE_U8) {
		uint8_t t[3][CHUNK];
		re_store_unit(RE_U8, r, t[0], n);
		re_store_unit(RE_U8, g, t[1], n);
		re_store_unit(RE_U8, b, t[2], n);
		re_interleave3(t[0], t[1], t[2], dst, n);
	} else if (format == RE_U16) {
		uint16_t t[3][CHUNK], *restrict d = dst;
		re_store_unit(RE_U16, r, t[0], n);
		re_store_unit(RE_U16, g, t[1], n);
		re_store_unit(RE_U16, b, t[2], n);
		for (int k = 0; k < n; k++) { d[3 * k] = t[0][k]; d[3 * k + 1] = t[1][k]; d[3 * k + 2] = t[2][k]; }
	} else {
		float *restrict d = dst;
		for (int k = 0; k < n; k++) { d[3 * k] = r[k]; d[3 * k + 1] = g[k]; d[3 * k + 2] = b[k]; }
	}
}

#define MERGE(name, FORMAT)                                                                                     \
	KERNEL(name, (const re_robust *m, float *gaps, void *dst, ptrdiff_t stride, int y0, int y1), (m, gaps, dst, stride, y0, y1), { \
		float luma[CHUNK], R[CHUNK], G[CHUNK], B[CHUNK], weight[CHUNK], total[CHUNK];                           \
		uint8_t least[CHUNK], nobody[CHUNK];                                                                    \
		uint16_t at[CHUNK];                                                                                     \
		float unit = FORMAT == RE_U8 ? 1.0f / 255.0f : FORMAT == RE_U16 ? 1.0f / 65535.0f : 1.0f;               \
		for (int y = y0; y < y1; y++) {                                                                         \
			base_row(m, y, gaps);                                                                               \
			for (int x = 0; x < m->w; x += CHUNK) {                                                             \
				int n = m->w - x < CHUNK ? m->w - x : CHUNK;                                                    \
				const uint16_t *restrict scene = m->scene + (size_t)y * m->w + x;                               \
				int part = m->partial[(size_t)y * chunks(m) + x / CHUNK];                                       \
				if (part) least_claims(m, x, y, n, least, nobody);                                              \
				target(m, gaps, scene, x, n, luma);                                                             \
				uint16_t low = 4095, high = 0;                                                                  \
				for (int k = 0; k < n; k++) {                                                                   \
					uint16_t i = scene[k] >> 4;                                                                 \
					at[k] = i;                                                                                  \
					low = i < low ? i : low;                                                                    \
					high = i > high ? i : high;                                                                 \
				}                                                                                               \
				for (int k = 0; k < n; k++) R[k] = G[k] = B[k] = total[k] = 0.0f;                               \
				for (int i = 0; i < m->n; i++) {                                                                \
					if (!part && (high < m->support[2 * i] || low > m->support[2 * i + 1])) continue;           \
					const float *table = m->weights + (size_t)i * 4096;                                         \
					for (int k = 0; k < n; k++) weight[k] = table[at[k]];                                       \
					if (part) {                                                                                 \
						const uint8_t *claim = claim_at(m, i, x, y);                                            \
						for (int k = 0; k < n; k++) {                                                           \
							float c = !claim || nobody[k] ? 255.0f : claim[k];                                  \
							if (least[k] < 255) weight[k] = (weight[k] + 1.0f / 1048576.0f) * c;                \
							total[k] += weight[k];                                                              \
						}                                                                                       \
					}                                                                                           \
					const void *src = pixels_at(m, i, x, y);                                                    \
					if (FORMAT == RE_U8) {                                                                      \
						uint8_t p[3][CHUNK];                                                                    \
						deinterleave3(src, p[0], p[1], p[2], n);                                                \
						add_u8(weight, p[0], p[1], p[2], R, G, B, n);                                           \
					} else {                                                                                    \
						float p[3][CHUNK];                                                                      \
						re_planes_f32(FORMAT, src, p[0], p[1], p[2], n);                                        \
						add_f32(weight, p[0], p[1], p[2], R, G, B, n);                                          \
					}                                                                                           \
				}                                                                                               \
				if (part) for (int k = 0; k < n; k++) { R[k] /= total[k]; G[k] /= total[k]; B[k] /= total[k]; }  \
				for (int k = 0; k < n; k++) {                                                                   \
					float r = R[k] * unit, g = G[k] * unit, b = B[k] * unit, Y = luma[k];                       \
					float old = 0.299f * r + 0.587f * g + 0.114f * b;                                           \
					float top = r > g ? r : g, bottom = r < g ? r : g;                                          \
					top = (top > b ? top : b) - old;                                                            \
					bottom = old - (bottom < b ? bottom : b);                                                   \
					float q = Y / (old > 1e-3f ? old : 1e-3f);                                                  \
					q = q > 0.5f ? q : 0.5f;                                                                    \
					q = q < 2.0f ? q : 2.0f;                                                                    \
					float up = (0.99f - Y) / (top > 1e-4f ? top : 1e-4f), down = Y / (bottom > 1e-4f ? bottom : 1e-4f); \
					q = q < up ? q : up;                                                                        \
					q = q < down ? q : down;                                                                    \
					R[k] = Y + (r - old) * q;                                                                   \
					G[k] = Y + (g - old) * q;                                                                   \
					B[k] = Y + (b - old) * q;                                                                   \
				}                                                                                               \
				char *to = (char *)dst + y * stride + x * pixel_bytes(m->dst_format);                           \
				if (m->dst_format == RE_U8) store(RE_U8, R, G, B, to, n);                                       \
				else if (m->dst_format == RE_U16) store(RE_U16, R, G, B, to, n);                                \
				else store(RE_F32, R, G, B, to, n);                                                             \
			}                                                                                                   \
		}                                                                                                       \
	})
MERGE(merge_u8, RE_U8)
MERGE(merge_u16, RE_U16)
MERGE(merge_f32, RE_F32)

void re_robust_merge(const re_robust *m, float *scratch, void *dst, ptrdiff_t stride, int y0, int y1) {
	if (m->format == RE_U8) merge_u8(m, scratch, dst, stride, y0, y1);
	else if (m->format == RE_U16) merge_u16(m, scratch, dst, stride, y0, y1);
	else merge_f32(m, scratch, dst, stride, y0, y1);
}
