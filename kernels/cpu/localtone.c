//go:build cgo

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include "localtone.h"
#include "remath.h"

#define CH 512 // pixels at a time

RE_INLINE float within(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

// The grid's row at the height of the picture's row y: n samples, c channels apart, into out, the last one twice.
RE_INLINE void grid_row(const float *grid, ptrdiff_t stride, int gw, int gh, int c, int k, int y, int h, float *restrict out) {
	double p = (y + 0.5) * gh / h - 0.5;
	p = p > 0 ? p : 0;
	p = p < gh - 1 ? p : gh - 1;
	int j = (int)p, j1 = j + 1 < gh ? j + 1 : j;
	float f = (float)(p - j), e = 1.0f - f;
	const float *a = (const float *)((const char *)grid + j * stride) + k, *b = (const float *)((const char *)grid + j1 * stride) + k;
	for (int i = 0; i < gw; i++) out[i] = a[i * c] * e + b[i * c] * f;
	out[gw] = out[gw - 1];
}

// Where each column of the picture lies in a grid's row.
RE_INLINE void grid_columns(int gw, int w, int *restrict at, float *restrict part) {
	for (int x = 0; x < w; x++) {
		double p = (x + 0.5) * gw / w - 0.5;
		p = p > 0 ? p : 0;
		p = p < gw - 1 ? p : gw - 1;
		at[x] = (int)p;
		part[x] = (float)(p - (int)p);
	}
}

// scratch: 2·(bw+1) + gw+1 + 4·w floats.
KERNEL(re_tone_rows, (const re_tone *t, int y0, int y1, float *scratch), (t, y0, y1, scratch), {
	float r[CH], g[CH], b[CH], beta[CH], level[CH], gain[CH], out[3 * CH];
	int w = t->w;
	float *ra = scratch, *rb = ra + t->bw + 1, *rg = rb + t->bw + 1, *bpart = rg + t->gw + 1, *gpart = bpart + w;
	int *bat = (int *)(gpart + w), *gat = bat + w;
	if (t->base) grid_columns(t->bw, w, bat, bpart);
	if (t->gain) grid_columns(t->gw, w, gat, gpart);
	int ssize = t->sf == RE_U8 ? 1 : t->sf == RE_U16 ? 2 : 4, dsize = t->df == RE_U8 ? 1 : t->df == RE_U16 ? 2 : 4;
	float m0 = t->matrix[0], m1 = t->matrix[1], m2 = t->matrix[2], m3 = t->matrix[3], m4 = t->matrix[4], m5 = t->matrix[5], m6 = t->matrix[6], m7 = t->matrix[7], m8 = t->matrix[8];
	float detail = t->detail, limit = t->limit, shoulder = t->shoulder, room = 1.0f - shoulder, inverse = room > 0.0f ? 1.0f / room : 0.0f;
	for (int i = 0; i < CH; i++) r[i] = g[i] = b[i] = 0; // the lanes past a row's end are computed too
	for (int y = y0; y < y1; y++) {
		if (t->base) {
			grid_row(t->base, t->bstride, t->bw, t->bh, 2, 0, y, t->h, ra);
			grid_row(t->base, t->bstride, t->bw, t->bh, 2, 1, y, t->h, rb);
		}
		if (t->gain) grid_row(t->gain, t->gstride, t->gw, t->gh, 1, 0, y, t->h, rg);
		for (int x = 0; x < w; x += CH) {
			int n = w - x < CH ? w - x : CH;
			const void *row = (const char *)t->src + y * t->sstride + (ptrdiff_t)3 * x * ssize;
			const float *restrict linear = t->linear;
			if (t->sf == RE_U8) {
				const uint8_t *s = row;
				for (int i = 0; i < n; i++) { r[i] = linear[s[3 * i]]; g[i] = linear[s[3 * i + 1]]; b[i] = linear[s[3 * i + 2]]; }
			} else if (t->sf == RE_U16) {
				const uint16_t *s = row;
				for (int i = 0; i < n; i++) { r[i] = linear[s[3 * i]]; g[i] = linear[s[3 * i + 1]]; b[i] = linear[s[3 * i + 2]]; }
			} else {
				const float *s = row;
				for (int i = 0; i < n; i++) { r[i] = re_srgb_linear(s[3 * i]); g[i] = re_srgb_linear(s[3 * i + 1]); b[i] = re_srgb_linear(s[3 * i + 2]); }
			}
			for (int i = 0; i < CH; i++) {
				float R = r[i], G = g[i], B = b[i];
				float u = (m0 * R + m1 * G) + m2 * B, v = (m3 * R + m4 * G) + m5 * B, z = (m6 * R + m7 * G) + m8 * B;
				r[i] = u;
				g[i] = v;
				b[i] = z;
				float Y = (0.2126f * u + 0.7152f * v) + 0.0722f * z;
				level[i] = re_log2(Y > 0x1p-16f ? Y : 0x1p-16f);
				beta[i] = level[i];
			}
			if (t->base)
				for (int i = 0; i < n; i++) {
					int j = bat[x + i];
					float f = bpart[x + i], e = 1.0f - f;
					beta[i] = (ra[j] * e + ra[j + 1] * f) * level[i] + (rb[j] * e + rb[j + 1] * f);
				}
			for (int i = 0; i < CH; i++) {
				beta[i] = within(beta[i], -16.0f, 4.0f);
				gain[i] = detail * within(level[i] - beta[i], -1.0f, 1.0f);
			}
			if (t->curve) {
				const float *restrict curve = t->curve;
				float scale = (float)(t->entries - 1) * 0.05f;
				int last = t->entries - 2;
				for (int i = 0; i < CH; i++) {
					float p = (beta[i] + 16.0f) * scale;
					int j = (int)p;
					j = j < last ? j : last;
					float f = p - (float)j;
					gain[i] += curve[j] * (1.0f - f) + curve[j + 1] * f;
				}
			}
			if (t->gain)
				for (int i = 0; i < n; i++) {
					int j = gat[x + i];
					float f = gpart[x + i];
					gain[i] += rg[j] * (1.0f - f) + rg[j + 1] * f;
				}
			for (int i = 0; i < CH; i++) {
				float k = re_exp2(within(gain[i], -limit, limit));
				float u = r[i] * k, v = g[i] * k, z = b[i] * k;
				float m = u > v ? u : v;
				m = m > z ? m : z;
				float over = (m - shoulder) * inverse;
				over = over > 0.0f ? over : 0.0f;
				float rolled = (shoulder + room * over / (1.0f + over)) / (m > 1e-30f ? m : 1e-30f);
				float s = over > 0.0f ? rolled : 1.0f;
				r[i] = re_srgb_encode(u * s);
				g[i] = re_srgb_encode(v * s);
				b[i] = re_srgb_encode(z * s);
			}
			for (int i = 0; i < n; i++) {
				out[3 * i] = r[i];
				out[3 * i + 1] = g[i];
				out[3 * i + 2] = b[i];
			}
			re_store_unit(t->df, out, (char *)t->dst + y * t->dstride + (ptrdiff_t)3 * x * dsize, (size_t)3 * n);
		}
	}
})
