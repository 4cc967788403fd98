//go:build cgo

#pragma GCC optimize("no-trapping-math") // selections may be computed on both sides; no value changes
#include "deltae.h"
#include "remath.h"

#define CH 512 // pixels at a time

// n pixels to planes of linear light.
RE_INLINE void load_linear(int format, const void *row, const float *restrict linear, float *restrict v, int n) {
	float *restrict r = v, *restrict g = v + CH, *restrict b = v + 2 * CH;
	if (format == RE_U8) {
		const uint8_t *s = row;
		for (int i = 0; i < n; i++) { r[i] = linear[s[3 * i]]; g[i] = linear[s[3 * i + 1]]; b[i] = linear[s[3 * i + 2]]; }
	} else if (format == RE_U16) {
		const uint16_t *s = row;
		for (int i = 0; i < n; i++) { r[i] = linear[s[3 * i]]; g[i] = linear[s[3 * i + 1]]; b[i] = linear[s[3 * i + 2]]; }
	} else {
		const float *s = row;
		for (int i = 0; i < n; i++) { r[i] = re_srgb_linear(s[3 * i]); g[i] = re_srgb_linear(s[3 * i + 1]); b[i] = re_srgb_linear(s[3 * i + 2]); }
	}
}

RE_INLINE float lab_f(float t) {
	float c = re_cbrt(t > 0.008f ? t : 0.008f);
	return t > 0.008856f ? c : 7.787f * t + 0.137931034f;
}

// Linear planes to CIELAB in place; the white is divided out of the matrix.
RE_INLINE void to_lab(float *restrict v) {
	float *restrict r = v, *restrict g = v + CH, *restrict b = v + 2 * CH;
	for (int i = 0; i < CH; i++) {
		float R = r[i], G = g[i], B = b[i];
		float x = lab_f((0.433946363f * R + 0.376213873f * G) + 0.189825034f * B);
		float y = lab_f((0.212671f * R + 0.715160f * G) + 0.072169f * B);
		float z = lab_f((0.0177566746f * R + 0.109468879f * G) + 0.872704646f * B);
		r[i] = 116.0f * y - 16.0f;
		g[i] = 500.0f * (x - y);
		b[i] = 200.0f * (y - z);
	}
}

RE_INLINE float pow7(float c) { float c2 = c * c; return c2 * c2 * (c2 * c); }

// Sharma, Wu, Dalal 2005. Hues are kept as unit vectors: the mean hue is the direction of the bisector, the cosines of
// its multiples come from addition theorems, and ΔH from the cross product, so that one
// arctangent is left, for the distance from the blue region at 275°.
RE_INLINE void difference(const float *restrict p, const float *restrict q, float *restrict out) {
	const float k = 6103515625.0f; // 25⁷
	for (int i = 0; i < CH; i++) {
		float l1 = p[i], a1 = p[i + CH], b1 = p[i + 2 * CH], l2 = q[i], a2 = q[i + CH], b2 = q[i + 2 * CH];
		float c7 = pow7(0.5f * (sqrtf(a1 * a1 + b1 * b1) + sqrtf(a2 * a2 + b2 * b2)));
		float g = 1.5f - 0.5f * sqrtf(c7 / (c7 + k));
		a1 *= g;
		a2 *= g;
		float c1 = sqrtf(a1 * a1 + b1 * b1), c2 = sqrtf(a2 * a2 + b2 * b2), cc = c1 * c2;
		float cross = a1 * (b2 - b1) - b1 * (a2 - a1), dot = a1 * a2 + b1 * b2;

		// ΔH = 2 √(C₁C₂) sin(Δh/2): by the half angle's cosine when that is large, else by the sine itself.
		float sum = cc + dot, gap = cc - dot;
		float sine = sqrtf(2.0f * (gap > 0.0f ? gap : 0.0f));
		sine = copysignf(sine, cross);
		float dh = dot >= 0.0f ? cross * sqrtf(2.0f / (sum > 1e-30f ? sum : 1e-30f)) : sine;

		// The bisector; of a colour and grey it is the colour's own hue; of opposite hues the one at right angles that lies between them.
		float m1 = cc > 0.0f ? c2 : 1.0f, m2 = cc > 0.0f ? c1 : 1.0f;
		float ux = m1 * a1 + m2 * a2, uy = m1 * b1 + m2 * b2, un = ux * ux + uy * uy;
		float side = copysignf(1.0f, b1 != 0.0f ? b1 : a1);
		float ox = -b1 * side, oy = a1 * side;
		ux = un < 1e-30f ? ox : ux;
		uy = un < 1e-30f ? oy : uy;
		un = ux * ux + uy * uy;
		float ui = 1.0f / sqrtf(un > 1e-30f ? un : 1e-30f);
		float cs1 = ux * ui, sn1 = uy * ui; // (0,0) for two greys, where C and ΔH are 0 too
		float cs2 = cs1 * cs1 - sn1 * sn1, sn2 = 2.0f * (cs1 * sn1);
		float cs3 = cs2 * cs1 - sn2 * sn1, sn3 = sn2 * cs1 + cs2 * sn1;
		float cs4 = cs2 * cs2 - sn2 * sn2, sn4 = 2.0f * (cs2 * sn2);
		float t = 1.0f - 0.17f * (cs1 * 0.866025404f + sn1 * 0.5f) + 0.24f * cs2 +
			0.32f * (cs3 * 0.994521895f - sn3 * 0.104528463f) - 0.20f * (cs4 * 0.453990500f + sn4 * 0.891006524f);

		// Hue minus 275°, which the definition takes without wrapping from 0…360: past +85° it is below −275°.
		float away = re_atan2(sn1 * 0.0871557427f + cs1 * 0.996194698f, cs1 * 0.0871557427f - sn1 * 0.996194698f);
		float d = away * 2.29183118f; // degrees by 25
		float theta = re_exp2(-1.44269504f * (d * d)) * 1.04719755f; // 2·30° in radians
		theta = d > 3.4f ? 0.0f : theta;

		float cm = 0.5f * (c1 + c2), m7 = pow7(cm);
		float rc = 2.0f * sqrtf(m7 / (m7 + k)), rt = -re_sin_third(theta) * rc;
		float lm = 0.5f * (l1 + l2) - 50.0f, l = lm * lm;
		float x = (l2 - l1) / (1.0f + 0.015f * l / sqrtf(20.0f + l));
		float y = (c2 - c1) / (1.0f + 0.045f * cm);
		float z = dh / (1.0f + 0.015f * cm * t);
		float e = (x * x + y * y) + (z * z + rt * (y * z));
		out[i] = sqrtf(e > 0.0f ? e : 0.0f);
	}
}

// Rows [y0,y1): the map, and the sum, count, maximum and histogram of the pixels that count.
KERNEL(re_deltae_rows, (const re_deltae_images *m, int y0, int y1, re_deltae_stats *stats, uint32_t *histogram), (m, y0, y1, stats, histogram), {
	float p[3 * CH], q[3 * CH], d[CH], top[16];
	double sum[16];
	int64_t n = 0;
	for (int i = 0; i < 16; i++) top[i] = 0, sum[i] = 0;
	for (int i = 0; i < 3 * CH; i++) p[i] = q[i] = 0;
	int size = m->format == RE_U8 ? 1 : m->format == RE_U16 ? 2 : 4;
	for (int y = y0; y < y1; y++) {
		for (int x = 0; x < m->w; x += CH) {
			int len = m->w - x < CH ? m->w - x : CH;
			load_linear(m->format, (const char *)m->a + y * m->astride + (ptrdiff_t)3 * x * size, m->linear, p, len);
			load_linear(m->format, (const char *)m->b + y * m->bstride + (ptrdiff_t)3 * x * size, m->linear, q, len);
			to_lab(p);
			to_lab(q);
			difference(p, q, d);
			if (m->out) memcpy((char *)m->out + y * m->ostride + (size_t)x * 4, d, (size_t)len * 4);
			int counted = len;
			if (m->mask) { // keep the pixels that count, in order
				const uint8_t *s = m->mask + y * m->mstride + x;
				counted = 0;
				for (int i = 0; i < len; i++) {
					d[counted] = d[i];
					counted += s[i] > 127;
				}
			}
			for (int i = 0; i < counted; i++) histogram[re_float_bits(d[i]) >> RE_DELTAE_SHIFT]++;
			for (int i = counted; i < CH; i++) d[i] = 0;
			for (int i = 0; i < CH; i += 16)
				for (int l = 0; l < 16; l++) {
					sum[l] += (double)d[i + l];
					top[l] = d[i + l] > top[l] ? d[i + l] : top[l];
				}
			n += counted;
		}
	}
	stats->n = n;
	stats->sum = 0;
	stats->max = 0;
	for (int l = 0; l < 16; l++) {
		stats->sum += sum[l];
		stats->max = top[l] > stats->max ? top[l] : stats->max;
	}
})
