//go:build cgo

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include "localtone.h"
#include "remath.h"

#define CH 512 // pixels at a time

RE_INLINE float within(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

RE_INLINE float luminance(float r, float g, float b) {
	float y = (0.2126f * r + 0.7152f * g) + 0.0722f * b;
	return y > 0x1p-16f ? y : 0x1p-16f;
}

// The median of a, b and 1.
RE_INLINE float neutral_between(float a, float b) {
	float lo = a < b ? a : b, hi = a < b ? b : a;
	hi = hi < 1.0f ? hi : 1.0f;
	return lo > hi ? lo : hi;
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

// scratch: 2·(bw+1) + gw+1 + 3·(tw+1) + 6·w floats.
KERNEL(re_tone_rows, (const re_tone *t, int y0, int y1, float *scratch), (t, y0, y1, scratch), {
	float tintr[CH], tintg[CH], tintb[CH], r[CH], g[CH], b[CH], beta[CH], level[CH], gain[CH], out[3 * CH];
	int w = t->w;
	float *ra = scratch, *rb = ra + t->bw + 1, *rg = rb + t->bw + 1, *bpart = rg + t->gw + 1, *gpart = bpart + w;
	float *tpart = gpart + w, *tr = tpart + w, *tg = tr + t->tw + 1, *tb = tg + t->tw + 1;
	int *bat = (int *)(tb + t->tw + 1), *gat = bat + w, *tat = gat + w;
	if (t->tint) grid_columns(t->tw, w, tat, tpart);
	if (t->base) grid_columns(t->bw, w, bat, bpart);
	if (t->gain) grid_columns(t->gw, w, gat, gpart);
	int ssize = t->sf == RE_U8 ? 1 : t->sf == RE_U16 ? 2 : 4, dsize = t->df == RE_U8 ? 1 : t->df == RE_U16 ? 2 : 4;
	float m0 = t->matrix[0], m1 = t->matrix[1], m2 = t->matrix[2], m3 = t->matrix[3], m4 = t->matrix[4], m5 = t->matrix[5], m6 = t->matrix[6], m7 = t->matrix[7], m8 = t->matrix[8];
	float detail = t->detail, limit = t->limit, shoulder = t->shoulder, room = 1.0f - shoulder, inverse = room > 0.0f ? 1.0f / room : 0.0f;
	for (int i = 0; i < CH; i++) tintr[i] = tintg[i] = tintb[i] = 1.0f;
	for (int i = 0; i < CH; i++) r[i] = g[i] = b[i] = 0; // the lanes past a row's end are computed too
	for (int y = y0; y < y1; y++) {
		if (t->base) {
			grid_row(t->base, t->bstride, t->bw, t->bh, 2, 0, y, t->h, ra);
			grid_row(t->base, t->bstride, t->bw, t->bh, 2, 1, y, t->h, rb);
		}
		if (t->gain) grid_row(t->gain, t->gstride, t->gw, t->gh, 1, 0, y, t->h, rg);
		if (t->tint) {
			grid_row(t->tint, t->tstride, t->tw, t->th, 3, 0, y, t->h, tr);
			grid_row(t->tint, t->tstride, t->tw, t->th, 3, 1, y, t->h, tg);
			grid_row(t->tint, t->tstride, t->tw, t->th, 3, 2, y, t->h, tb);
		}
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
			if (t->tint) {
				for (int i = 0; i < n; i++) {
					int j = tat[x + i];
					float f = tpart[x + i], e = 1.0f - f;
					tintr[i] = tr[j] * e + tr[j + 1] * f;
					tintg[i] = tg[j] * e + tg[j + 1] * f;
					tintb[i] = tb[j] * e + tb[j + 1] * f;
				}
				if (t->share) {
					const float *restrict share = t->share;
					float scale = (float)(t->pairs - 1);
					int last = t->pairs - 2;
					for (int i = 0; i < n; i++) {
						float most = r[i] > g[i] ? r[i] : g[i];
						most = within(most > b[i] ? most : b[i], 0.0f, 1.0f) * scale;
						int j = (int)most;
						j = j < last ? j : last;
						float f = most - (float)j, e = 1.0f - f;
						tintr[i] = tintg[i] + (share[2 * j] * e + share[2 * j + 2] * f) * (tintr[i] - tintg[i]);
						tintb[i] = tintg[i] + (share[2 * j + 1] * e + share[2 * j + 3] * f) * (tintb[i] - tintg[i]);
					}
				}
				for (int i = 0; i < n; i++) {
					tintr[i] = re_exp2(within(tintr[i], -32.0f, 32.0f));
					tintg[i] = re_exp2(within(tintg[i], -32.0f, 32.0f));
					tintb[i] = re_exp2(within(tintb[i], -32.0f, 32.0f));
				}
			}
			for (int i = 0; i < CH; i++) {
				float R = r[i], G = g[i], B = b[i];
				float u = ((m0 * R + m1 * G) + m2 * B) * tintr[i], v = ((m3 * R + m4 * G) + m5 * B) * tintg[i], z = ((m6 * R + m7 * G) + m8 * B) * tintb[i];
				float most = R > G ? R : G;
				most = most > B ? most : B;
				float near = within((most - 0.70f) * (1.0f / (0.95f - 0.70f)), 0.0f, 1.0f);
				near = near * near * (3.0f - 2.0f * near);
				float yv = luminance(R, G, B), yq = luminance(u, v, z), iv = 1.0f / yv, iq = 1.0f / yq;
				float cr = neutral_between(R * iv, u * iq), cg = neutral_between(G * iv, v * iq), cb = neutral_between(B * iv, z * iq);
				float part = near * yq / luminance(cr, cg, cb), rest = 1.0f - near;
				u = rest * u + part * cr;
				v = rest * v + part * cg;
				z = rest * z + part * cb;
				r[i] = u;
				g[i] = v;
				b[i] = z;
				level[i] = re_log2(luminance(u, v, z));
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
