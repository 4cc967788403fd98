//go:build cgo

// MergeMertens in one sweep over the rows.
//
// The rows of all photos go down the picture together. Every level keeps the last eight rows of
// each photo's colours and normalised weight in a ring; as soon as five rows lie ready, the next row of the
// coarser level is made of them, and as soon as its neighbours lie ready, two rows of
// Σ weight·(Gaussian − up(coarser Gaussian)) are added up over the photos and written once. So a
// photo is read once, its weights are computed once, nothing of it is kept, and memory does not
// grow with the number of photos but for the rings.
//
// To work on several threads the sweep goes through few levels only and runs in bands, each of
// which repeats the rows its neighbours share with it; what is left of the photos then (1/256 of
// the pixels) goes through the same sweep a second time, in one band.
#include "fuse_mertens.h"

enum { MARGIN = 16, RING = 8, CHUNK = 512 };

// ---- rows -------------------------------------------------------------------------------------

KERNEL(re_mertens_load_u8, (const void *src, int w, uint8_t *p, size_t pitch, float *luma), (src, w, p, pitch, luma), {
	re_planes_u8(src, p, p + pitch, p + 2 * pitch, w);
	re_luma_u8(p, p + pitch, p + 2 * pitch, 255.0f, luma, w);
})

KERNEL(re_mertens_load_f32, (int format, const void *src, int w, float *p, size_t pitch, float *luma), (format, src, w, p, pitch, luma), {
	if (format == RE_U16) re_planes_f32(RE_U16, src, p, p + pitch, p + 2 * pitch, w);
	else re_planes_f32(RE_F32, src, p, p + pitch, p + 2 * pitch, w);
	re_luma_f32(p, p + pitch, p + 2 * pitch, format == RE_U16 ? 65535.0f : 1.0f, luma, w);
})

// The weights of a row of n photos, divided by their sum. Pixels and weights lie in blocks of 3 planes and 1 plane
// per photo; luma rows (up, mid, down) in blocks of one.
#define WEIGH(name, S, weights)                                                                                     \
	KERNEL(name, (const re_weighing *q, int n, int w, size_t pitch, const S *pix, const float *up, const float *mid, const float *down, float *weight), \
		   (q, n, w, pitch, pix, up, mid, down, weight), {                                                          \
		float total[CHUNK];                                                                                         \
		for (int x = 0; x < w; x += CHUNK) {                                                                        \
			int m = w - x < CHUNK ? w - x : CHUNK;                                                                  \
			for (int k = 0; k < m; k++) total[k] = 0.0f;                                                            \
			for (int i = 0; i < n; i++) {                                                                           \
				const S *p = pix + 3 * i * pitch + x;                                                               \
				size_t o = i * pitch + x;                                                                           \
				weights(p, p + pitch, p + 2 * pitch, up + o, mid + o, down + o, q, weight + o, m);                  \
				for (int k = 0; k < m; k++) total[k] += weight[o + k];                                              \
			}                                                                                                       \
			for (int k = 0; k < m; k++) total[k] = 1.0f / total[k];                                                 \
			for (int i = 0; i < n; i++)                                                                             \
				for (int k = 0; k < m; k++) weight[i * pitch + x + k] *= total[k];                                  \
		}                                                                                                           \
	})
WEIGH(re_mertens_weigh_u8, uint8_t, re_weights_u8)
WEIGH(re_mertens_weigh_f32, float, re_weights_f32)

// (1 4 6 4 1)² over five rows of w samples, times scale/256, every other column; tmp holds a row with its margins.
#define DOWN(name, S, T)                                                                                         \
	RE_INLINE void name##_row(const S *restrict a, const S *restrict b, const S *restrict c, const S *restrict d, \
							  const S *restrict e, int w, float scale, T *restrict tmp, float *restrict out) {   \
		T *t = tmp + MARGIN;                                                                                     \
		for (int x = 0; x < w; x++) t[x] = (T)((T)a[x] + (T)e[x]) + 4 * ((T)b[x] + (T)d[x]) + 6 * (T)c[x];       \
		t[-1] = t[re_mirror(-1, w)];                                                                             \
		t[-2] = t[re_mirror(-2, w)];                                                                             \
		T p = t[re_mirror(w, w)], q = t[re_mirror(w + 1, w)];                                                    \
		t[w] = p;                                                                                                \
		t[w + 1] = q;                                                                                            \
		int half = (w + 1) / 2;                                                                                  \
		scale *= 1.0f / 256.0f;                                                                                  \
		for (int x = 0; x < half; x++) {                                                                         \
			T s = (T)(t[2 * x - 2] + t[2 * x + 2]) + 4 * (t[2 * x - 1] + t[2 * x + 1]) + 6 * t[2 * x];           \
			out[x] = (float)s * scale;                                                                           \
		}                                                                                                        \
		/* the margin that up() reads */                                                                         \
		out[-1] = out[half > 1 ? 1 : 0];                                                                         \
		out[half] = out[half - 1];                                                                               \
	}
DOWN(down_u8, uint8_t, uint16_t)
DOWN(down_f32, float, float)

KERNEL(re_mertens_down_u8, (const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d, const uint8_t *e, int w, float scale, float *tmp, float *out),
	   (a, b, c, d, e, w, scale, tmp, out), { down_u8_row(a, b, c, d, e, w, scale, (uint16_t *)tmp, out); })
KERNEL(re_mertens_down_f32, (const float *a, const float *b, const float *c, const float *d, const float *e, int w, float scale, float *tmp, float *out),
	   (a, b, c, d, e, w, scale, tmp, out), { down_f32_row(a, b, c, d, e, w, scale, tmp, out); })

// up(coarse) for m positions from even x on: rows p, q, r are the coarse ones before, at and after y/2.
RE_INLINE void up_chunk(const float *restrict p, const float *restrict q, const float *restrict r, int odd, int m, float *restrict v, float *restrict out) {
	int half = (m + 1) / 2;
	if (odd) for (int k = 0; k < half + 2; k++) v[k] = (q[k - 1] + r[k - 1]) * 0.5f;
	else for (int k = 0; k < half + 2; k++) v[k] = (p[k - 1] + r[k - 1]) * 0.125f + q[k - 1] * 0.75f;
	for (int k = 0; k < half; k++) {
		out[2 * k] = (v[k] + v[k + 2]) * 0.125f + v[k + 1] * 0.75f;
		out[2 * k + 1] = (v[k + 1] + v[k + 2]) * 0.5f;
	}
}

// A row of Σᵢ weightᵢ·(pixᵢ·scale − up(coarseᵢ)) into sum: 3 planes, of int16 where fine16.
// coarse blocks (p, q, r) hold 4 planes per photo, pix and weight as their steps say. Without coarse rows it
// is Σ weight·pix: the coarsest level.
#define ADD(name, S)                                                                                                  \
	KERNEL(name, (int n, int w, int odd, float scale, const S *pix, size_t pix_step, size_t pix_pitch,                \
				  const float *weight, size_t weight_step, const float *p, const float *q, const float *r,            \
				  size_t coarse_pitch, int fine16, void *sum, size_t sum_pitch),                                      \
		   (n, w, odd, scale, pix, pix_step, pix_pitch, weight, weight_step, p, q, r, coarse_pitch, fine16, sum, sum_pitch), { \
		float acc[3][CHUNK], up[CHUNK + 2], v[CHUNK / 2 + 18];                                                        \
		for (int x = 0; x < w; x += CHUNK) {                                                                          \
			int m = w - x < CHUNK ? w - x : CHUNK;                                                                    \
			for (int c = 0; c < 3; c++)                                                                               \
				for (int k = 0; k < m; k++) acc[c][k] = 0.0f;                                                         \
			for (int i = 0; i < n; i++)                                                                               \
				for (int c = 0; c < 3; c++) {                                                                         \
					const float *restrict t = weight + i * weight_step + x;                                           \
					const S *restrict s = pix + i * pix_step + c * pix_pitch + x;                                     \
					float *restrict a = acc[c];                                                                       \
					if (p) {                                                                                          \
						size_t o = (4 * i + c) * coarse_pitch + x / 2;                                                \
						up_chunk(p + o, q + o, r + o, odd, m, v, up);                                                 \
						for (int k = 0; k < m; k++) a[k] += t[k] * ((float)s[k] * scale - up[k]);                     \
					} else {                                                                                          \
						for (int k = 0; k < m; k++) a[k] += t[k] * ((float)s[k] * scale);                             \
					}                                                                                                 \
				}                                                                                                     \
			for (int c = 0; c < 3; c++)                                                                               \
				if (fine16) {                                                                                         \
					int16_t *restrict d = (int16_t *)sum + c * sum_pitch + x;                                         \
					for (int k = 0; k < m; k++) d[k] = (int16_t)((int)(acc[c][k] * RE_MERTENS_FINE + 32768.5f) - 32768); \
				} else {                                                                                              \
					float *restrict d = (float *)sum + c * sum_pitch + x;                                             \
					for (int k = 0; k < m; k++) d[k] = acc[c][k];                                                     \
				}                                                                                                     \
		}                                                                                                             \
	})
ADD(re_mertens_add_u8, uint8_t)
ADD(re_mertens_add_f32, float)

// ---- the sweep --------------------------------------------------------------------------------

typedef struct {
	int p, q;      // rows [p,q) are made
	int a, b;      // rows [a,b) of the sum are written
	int next, sum; // the next row to make, the next row of the sum to write
	size_t pitch;
	int mask;      // of the ring
	float *ring;   // [row&mask][photo][4][pitch]; level 0: weights, [row&mask][photo][pitch]
} level;

typedef struct {
	const re_mertens *m;
	void *const *sums;
	float *whole, *tmp, *luma;
	void *pix; // level 0: [row&7][photo][3][pitch] of uint8_t or float
	level l[RE_MERTENS_LEVELS];
} sweep;

static size_t pix_size(const re_mertens *m) { return m->weigh.format == RE_U8 ? 1 : 4; }

static size_t block(const sweep *s, int l) { return (size_t)s->m->n * (l ? 4 : 1) * s->l[l].pitch; }

static float *row_at(const sweep *s, int l, int y) { return s->l[l].ring + (size_t)(y & s->l[l].mask) * block(s, l) + MARGIN; }

static char *pix_at(const sweep *s, int y) {
	return (char *)s->pix + ((size_t)(y & (RING - 1)) * s->m->n * 3 * s->l[0].pitch + MARGIN) * pix_size(s->m);
}

size_t re_mertens_sum_bytes(const re_mertens *m, int l) {
	return re_mertens_pitch(m->wide[l]) * 3 * m->high[l] * (l == 0 && m->fine16 ? 2 : 4);
}

static char *sum_at(const re_mertens *m, void *sum, int l, int y) {
	return (char *)sum + (re_mertens_pitch(m->wide[l]) * 3 * y + MARGIN) * (l == 0 && m->fine16 ? 2 : 4);
}

size_t re_mertens_scratch(const re_mertens *m) {
	size_t bytes = re_mertens_pitch(m->wide[m->first]) * 4;
	if (m->first == 0) bytes += re_mertens_pitch(m->wide[0]) * m->n * (RING * (3 * pix_size(m) + 4) + 4 * 4);
	for (int l = m->first + 1; l <= m->last; l++) bytes += re_mertens_pitch(m->wide[l]) * m->n * RING * 4 * 4;
	return bytes;
}

// Row y of the next coarser level's photos.
static void make_coarser(sweep *s, int l, int y) {
	const re_mertens *m = s->m;
	int w = m->wide[l], r[5];
	for (int k = 0; k < 5; k++) r[k] = re_mirror(2 * y - 2 + k, m->high[l]);
	size_t pitch = s->l[l].pitch, cp = s->l[l + 1].pitch;
	float *out = row_at(s, l + 1, y);
	const float *f[5];
	for (int k = 0; k < 5; k++) f[k] = row_at(s, l, r[k]);
	if (l > 0) {
		for (int c = 0; c < 4 * m->n; c++)
			re_mertens_down_f32(f[0] + c * pitch, f[1] + c * pitch, f[2] + c * pitch, f[3] + c * pitch, f[4] + c * pitch, w, 1.0f, s->tmp, out + c * cp);
		return;
	}
	for (int i = 0; i < m->n; i++) {
		for (int c = 0; c < 3; c++) {
			size_t o = (3 * i + c) * pitch * pix_size(m);
			const char *g[5];
			for (int k = 0; k < 5; k++) g[k] = pix_at(s, r[k]) + o;
			float scale = 1.0f / m->weigh.top;
			if (m->weigh.format == RE_U8)
				re_mertens_down_u8((const uint8_t *)g[0], (const uint8_t *)g[1], (const uint8_t *)g[2], (const uint8_t *)g[3], (const uint8_t *)g[4], w, scale, s->tmp, out + (4 * i + c) * cp);
			else
				re_mertens_down_f32((const float *)g[0], (const float *)g[1], (const float *)g[2], (const float *)g[3], (const float *)g[4], w, scale, s->tmp, out + (4 * i + c) * cp);
		}
		size_t o = i * pitch;
		re_mertens_down_f32(f[0] + o, f[1] + o, f[2] + o, f[3] + o, f[4] + o, w, 1.0f, s->tmp, out + (4 * i + 3) * cp);
	}
}

// Row y of the sum.
static void add_row(sweep *s, int l, int y) {
	const re_mertens *m = s->m;
	int w = m->wide[l], odd = y & 1, fine16 = l == 0 && m->fine16;
	size_t pitch = s->l[l].pitch, cp = 0;
	const float *p = NULL, *q = NULL, *r = NULL, *f = row_at(s, l, y);
	if (l < m->levels) {
		int h = m->high[l + 1], c = y / 2;
		cp = s->l[l + 1].pitch;
		p = row_at(s, l + 1, re_mirror(c - 1, h));
		q = row_at(s, l + 1, c);
		r = row_at(s, l + 1, c + 1 < h ? c + 1 : h - 1);
	}
	void *sum = sum_at(m, s->sums[l], l, y);
	if (l > 0) {
		re_mertens_add_f32(m->n, w, odd, 1.0f, f, 4 * pitch, pitch, f + 3 * pitch, 4 * pitch, p, q, r, cp, fine16, sum, pitch);
		return;
	}
	float scale = 1.0f / m->weigh.top;
	if (m->weigh.format == RE_U8)
		re_mertens_add_u8(m->n, w, odd, scale, (const uint8_t *)pix_at(s, y), 3 * pitch, pitch, f, pitch, p, q, r, cp, fine16, sum, pitch);
	else
		re_mertens_add_f32(m->n, w, odd, scale, (const float *)pix_at(s, y), 3 * pitch, pitch, f, pitch, p, q, r, cp, fine16, sum, pitch);
}

// Row y of level l is there: makes what depends on it.
static void ready(sweep *s, int l, int y) {
	const re_mertens *m = s->m;
	level *v = &s->l[l];
	if (l == m->last) {
		if (y < v->a || y >= v->b) return;
		if (l == m->levels) add_row(s, l, y);
		else memcpy(s->whole + (size_t)y * block(s, l), row_at(s, l, y) - MARGIN, block(s, l) * sizeof(float));
		return;
	}
	level *c = v + 1;
	int bottom = m->high[l] - 1;
	while (c->next < c->q && (2 * c->next + 2 < bottom ? 2 * c->next + 2 : bottom) <= y) {
		int j = c->next++;
		make_coarser(s, l, j);
		ready(s, l + 1, j);
		while (v->sum < v->b && (v->sum / 2 + 1 < m->high[l + 1] ? v->sum / 2 + 1 : m->high[l + 1] - 1) <= j) add_row(s, l, v->sum++);
	}
}

// Loads row y of every photo.
static void load(sweep *s, const void *const *photos, const ptrdiff_t *strides, int y) {
	const re_mertens *m = s->m;
	size_t pitch = s->l[0].pitch;
	for (int i = 0; i < m->n; i++) {
		const char *src = (const char *)photos[i] + y * strides[i];
		float *luma = s->luma + ((size_t)(y & 3) * m->n + i) * pitch + MARGIN;
		char *p = pix_at(s, y) + 3 * i * pitch * pix_size(m);
		if (m->weigh.format == RE_U8) re_mertens_load_u8(src, m->wide[0], (uint8_t *)p, pitch, luma);
		else re_mertens_load_f32(m->weigh.format, src, m->wide[0], (float *)p, pitch, luma);
	}
}

void re_mertens_band(const re_mertens *m, const void *const *photos, const ptrdiff_t *strides, void *const *sums, float *whole, void *scratch, int r0, int r1) {
	sweep s = {.m = m, .sums = sums, .whole = whole};
	float *free = scratch;
	s.tmp = free;
	free += re_mertens_pitch(m->wide[m->first]);
	for (int l = m->last; l >= m->first; l--) {
		level *v = &s.l[l];
		int h = m->high[l], up = m->last - l;
		v->a = r0 << up < h ? r0 << up : h;
		v->b = r1 << up < h ? r1 << up : h;
		if (l == m->last) {
			v->p = r0 > 0 ? r0 - 1 : 0;
			v->q = r1 < h ? r1 + 1 : h;
		} else {
			v->p = v[1].p > 0 ? 2 * v[1].p - 2 : 0;
			v->q = 2 * v[1].q + 1 < h ? 2 * v[1].q + 1 : h;
		}
		v->next = v->p;
		v->sum = v->a;
		v->pitch = re_mertens_pitch(m->wide[l]);
		v->mask = RING - 1;
		v->ring = free;
		if (l > m->first) free += RING * block(&s, l);
	}
	level *v = &s.l[m->first];
	if (m->first > 0) { // the rows lie ready
		v->ring = whole;
		v->mask = -1;
		for (int y = v->p; y < v->q; y++) ready(&s, m->first, y);
		return;
	}
	free += RING * block(&s, 0);
	s.luma = free;
	s.pix = free + 4 * block(&s, 0);
	int h = m->high[0], loaded = v->p > 0 ? v->p - 1 : 0;
	for (int y = v->p; y < v->q; y++) {
		while (loaded <= y + 1 && loaded < h) load(&s, photos, strides, loaded++);
		const float *luma[3];
		for (int k = 0; k < 3; k++) luma[k] = s.luma + (size_t)(re_mirror(y - 1 + k, h) & 3) * block(&s, 0) + MARGIN;
		if (m->weigh.format == RE_U8)
			re_mertens_weigh_u8(&m->weigh, m->n, m->wide[0], v->pitch, (const uint8_t *)pix_at(&s, y), luma[0], luma[1], luma[2], row_at(&s, 0, y));
		else
			re_mertens_weigh_f32(&m->weigh, m->n, m->wide[0], v->pitch, (const float *)pix_at(&s, y), luma[0], luma[1], luma[2], row_at(&s, 0, y));
		ready(&s, 0, y);
	}
}

// ---- collapse ---------------------------------------------------------------------------------

// The margin that up() reads, around 3 planes of a row.
RE_INLINE void pad_sum(float *row, size_t pitch, int w) {
	for (int c = 0; c < 3; c++, row += pitch) {
		row[-1] = row[w > 1 ? 1 : 0];
		row[w] = row[w - 1];
	}
}

KERNEL(re_mertens_collapse, (const re_mertens *m, int l, float *sum, const float *coarse, int y0, int y1), (m, l, sum, coarse, y0, y1), {
	int w = m->wide[l], h = m->high[l + 1 <= m->levels ? l + 1 : l];
	size_t pitch = re_mertens_pitch(w), cp = l < m->levels ? re_mertens_pitch(m->wide[l + 1]) : 0;
	float up[CHUNK + 2], v[CHUNK / 2 + 18];
	for (int y = y0; y < y1; y++) {
		float *row = sum + (size_t)y * 3 * pitch + MARGIN;
		if (l < m->levels) {
			int k = y / 2, next = k + 1 < h ? k + 1 : h - 1;
			const float *p = coarse + (size_t)re_mirror(k - 1, h) * 3 * cp + MARGIN, *q = coarse + (size_t)k * 3 * cp + MARGIN, *r = coarse + (size_t)next * 3 * cp + MARGIN;
			for (int c = 0; c < 3; c++)
				for (int x = 0; x < w; x += CHUNK) {
					int n = w - x < CHUNK ? w - x : CHUNK;
					size_t o = c * cp + x / 2;
					up_chunk(p + o, q + o, r + o, y & 1, n, v, up);
					float *restrict d = row + c * pitch + x;
					for (int i = 0; i < n; i++) d[i] += up[i];
				}
		}
		pad_sum(row, pitch, w);
	}
})

RE_INLINE void store_pixels(int format, const float *restrict r, const float *restrict g, const float *restrict b, void *restrict dst, int n) {
	if (format == RE_U8) {
		uint8_t t[3][CHUNK], *restrict d = dst;
		re_store_unit(RE_U8, r, t[0], n);
		re_store_unit(RE_U8, g, t[1], n);
		re_store_unit(RE_U8, b, t[2], n);
		for (int i = 0; i < n; i++) { d[3 * i] = t[0][i]; d[3 * i + 1] = t[1][i]; d[3 * i + 2] = t[2][i]; }
	} else if (format == RE_U16) {
		uint16_t t[3][CHUNK], *restrict d = dst;
		re_store_unit(RE_U16, r, t[0], n);
		re_store_unit(RE_U16, g, t[1], n);
		re_store_unit(RE_U16, b, t[2], n);
		for (int i = 0; i < n; i++) { d[3 * i] = t[0][i]; d[3 * i + 1] = t[1][i]; d[3 * i + 2] = t[2][i]; }
	} else {
		float *restrict d = dst;
		for (int i = 0; i < n; i++) { d[3 * i] = re_unit(r[i]); d[3 * i + 1] = re_unit(g[i]); d[3 * i + 2] = re_unit(b[i]); }
	}
}

KERNEL(re_mertens_finish, (const re_mertens *m, const void *sum, const float *coarse, void *dst, ptrdiff_t stride, int y0, int y1), (m, sum, coarse, dst, stride, y0, y1), {
	int w = m->wide[0], levels = m->levels, h = levels ? m->high[1] : 1;
	size_t pitch = re_mertens_pitch(w), cp = levels ? re_mertens_pitch(m->wide[1]) : 0, px = m->dst_format == RE_U8 ? 3 : m->dst_format == RE_U16 ? 6 : 12;
	float up[CHUNK + 2], v[CHUNK / 2 + 18], out[3][CHUNK];
	for (int y = y0; y < y1; y++) {
		int k = y / 2, next = k + 1 < h ? k + 1 : h - 1;
		const float *p = coarse + (size_t)re_mirror(k - 1, h) * 3 * cp + MARGIN, *q = coarse + (size_t)k * 3 * cp + MARGIN, *r = coarse + (size_t)next * 3 * cp + MARGIN;
		for (int x = 0; x < w; x += CHUNK) {
			int n = w - x < CHUNK ? w - x : CHUNK;
			for (int c = 0; c < 3; c++) {
				size_t at = ((size_t)y * 3 + c) * pitch + MARGIN + x;
				if (levels) up_chunk(p + c * cp + x / 2, q + c * cp + x / 2, r + c * cp + x / 2, y & 1, n, v, up);
				else for (int i = 0; i < n; i++) up[i] = 0.0f;
				if (m->fine16) {
					const int16_t *restrict s = (const int16_t *)sum + at;
					for (int i = 0; i < n; i++) out[c][i] = up[i] + (float)s[i] * (1.0f / RE_MERTENS_FINE);
				} else {
					const float *restrict s = (const float *)sum + at;
					for (int i = 0; i < n; i++) out[c][i] = up[i] + s[i];
				}
			}
			void *d = (char *)dst + y * stride + x * px;
			if (m->dst_format == RE_U8) store_pixels(RE_U8, out[0], out[1], out[2], d, n);
			else if (m->dst_format == RE_U16) store_pixels(RE_U16, out[0], out[1], out[2], d, n);
			else store_pixels(RE_F32, out[0], out[1], out[2], d, n);
		}
	}
})
