#include "stream.cuh"
#include "srgb.cuh"
#include "localtone.h"

// About 250 instructions a pixel, 15 of them in the special function unit: arithmetic bounds this one, not memory. A thread
// goes down a column of the picture, so what the maps give between their columns stays in registers and changes
// only where the picture's row passes a row of a map; a pixel costs one multiply-add for each of the six values. Lanes
// are neighbouring columns.
namespace localtone {

// Where a pixel lies in a map of n samples: the sample before and the part of the way to the next.
RE_DEVICE void place(int64_t step, int i, int n, int &at, float &part) {
	int64_t p = step * i + (step >> 1) - ((int64_t)1 << 39);
	p = min(max(p, (int64_t)0), (int64_t)(n - 1) << 40);
	at = (int)(p >> 40);
	part = (float)(int)(p >> 16 & 0xffffff) * (1.0f / 16777216.0f);
}

// The same for a row: the bits of the row before, and the part.
RE_DEVICE float2 row_place(const re_tone_map &t, int y) {
	int at;
	float part;
	place(t.down, y, t.m.h, at, part);
	return make_float2(__int_as_float(at), part);
}

// One map along one column: its values on the map's row above the picture's row and their rise to the row below.
template <int C> struct column {
	float top[C], rise[C], part;
	int row, at, next; // next: samples to the column on the right
	__device__ __forceinline__ void start(const re_tone_map &t, int x) {
		int i;
		place(t.across, x, t.m.w, i, part);
		row = -1;
		at = i * C;
		next = i + 1 < t.m.w ? C : 0;
	}
	__device__ __forceinline__ void go(const re_tone_map &t, int to) {
		if (to == row) return;
		row = to;
		const float *p = row_of<float>(t.m, to) + at, *q = row_of<float>(t.m, min(to + 1, t.m.h - 1)) + at;
#pragma unroll
		for (int k = 0; k < C; k++) {
			top[k] = __fmaf_rn(part, p[k + next] - p[k], p[k]);
			rise[k] = __fmaf_rn(part, q[k + next] - q[k], q[k]) - top[k];
		}
	}
	__device__ __forceinline__ float value(int k, float down) const { return __fmaf_rn(down, rise[k], top[k]); }
};

// NaN becomes lo.
RE_DEVICE float within(float v, float lo, float hi) { return fminf(fmaxf(v, lo), hi); }
RE_DEVICE float most_of(float r, float g, float b) { return fmaxf(fmaxf(r, g), b); }
RE_DEVICE float luminance(float r, float g, float b) { return fmaxf(__fmaf_rn(0.0722f, b, __fmaf_rn(0.7152f, g, 0.2126f * r)), 1.0f / 65536.0f); }

// The median of a, b and 1.
RE_DEVICE float neutral_between(float a, float b) { return fmaxf(fminf(a, b), fminf(fmaxf(a, b), 1.0f)); }

// A pixel as it is stored, read early so that it is there when its turn comes.
struct stored { unsigned r, g, b; };

RE_DEVICE stored read(const re_image &m, int x, int y) {
	const int64_t at = (int64_t)3 * x;
	switch (m.format) {
	case RE_U8: { const uchar *p = row_of<uchar>(m, y) + at; return {p[0], p[1], p[2]}; }
	case RE_U16: { const ushort *p = row_of<ushort>(m, y) + at; return {p[0], p[1], p[2]}; }
	default: { const unsigned *p = row_of<unsigned>(m, y) + at; return {p[0], p[1], p[2]}; }
	}
}

RE_DEVICE void write(const re_image &m, int x, int y, float r, float g, float b) {
	const int64_t at = (int64_t)3 * x;
	switch (m.format) {
	case RE_U8: {
		uchar *p = row_of<uchar>(m, y) + at;
		p[0] = (uchar)(int)srgb::encode_fast(r, 255.0f, 0.5f), p[1] = (uchar)(int)srgb::encode_fast(g, 255.0f, 0.5f), p[2] = (uchar)(int)srgb::encode_fast(b, 255.0f, 0.5f);
		break;
	}
	case RE_U16: {
		ushort *p = row_of<ushort>(m, y) + at;
		p[0] = (ushort)(int)srgb::encode_fast(r, 65535.0f, 0.5f), p[1] = (ushort)(int)srgb::encode_fast(g, 65535.0f, 0.5f), p[2] = (ushort)(int)srgb::encode_fast(b, 65535.0f, 0.5f);
		break;
	}
	default: {
		float *p = row_of<float>(m, y) + at;
		p[0] = srgb::encode_fast(r, 1.0f, 0.0f), p[1] = srgb::encode_fast(g, 1.0f, 0.0f), p[2] = srgb::encode_fast(b, 1.0f, 0.0f);
	}
	}
}

} // namespace localtone

KERNEL_MIN(localtone_columns, re_localtone, 256, 4) {
	using namespace localtone;
	DYNAMIC_SHARED(float, linear); // all values of U8 decoded
	float2(*const rows)[3] = reinterpret_cast<float2(*)[3]>(linear + 256); // where a row lies in base, gain and tint
	float4 *const share = reinterpret_cast<float4 *>(linear + 256 + 6 * RE_TONE_ROWS);
	float2 *const curve = reinterpret_cast<float2 *>(share + a.shares);
	const int t = threadIdx.x, y0 = blockIdx.y * RE_TONE_ROWS, y1 = min(y0 + RE_TONE_ROWS, a.dst.h), x = blockIdx.x * 256 + t;
	for (int i = t; i < a.shares; i += 256) share[i] = reinterpret_cast<const float4 *>(a.share)[i];
	for (int i = t; i < a.curves; i += 256) curve[i] = reinterpret_cast<const float2 *>(a.curve)[i];
	linear[t] = srgb::decode_exact(stream::unit<RE_U8>((uchar)t));
	if (t < RE_TONE_ROWS) {
		rows[t][0] = row_place(a.base, y0 + t);
		rows[t][1] = row_place(a.gain, y0 + t);
		rows[t][2] = row_place(a.tint, y0 + t);
	}
	__syncthreads();
	if (x >= a.dst.w) return;

	column<2> base;
	column<1> gain;
	column<3> tint;
	if (a.base.m.p) base.start(a.base, x);
	if (a.gain.m.p) gain.start(a.gain, x);
	if (a.tint.m.p) tint.start(a.tint, x);
	stored next = read(a.src, x, y0);
#pragma unroll 1
	for (int y = y0; y < y1; y++) {
		const stored now = next;
		if (y + 1 < y1) next = read(a.src, x, y + 1);
		float r, g, b;
		if (a.src.format == RE_U8) r = linear[now.r], g = linear[now.g], b = linear[now.b];
		else {
			r = __uint_as_float(now.r), g = __uint_as_float(now.g), b = __uint_as_float(now.b);
			if (a.src.format == RE_U16) r = now.r * (1.0f / 65535.0f), g = now.g * (1.0f / 65535.0f), b = now.b * (1.0f / 65535.0f);
			r = srgb::decode_fast(r), g = srgb::decode_fast(g), b = srgb::decode_fast(b);
		}
		const float most = most_of(r, g, b);
		float u = __fmaf_rn(a.matrix[0], r, __fmaf_rn(a.matrix[1], g, a.matrix[2] * b));
		float v = __fmaf_rn(a.matrix[3], r, __fmaf_rn(a.matrix[4], g, a.matrix[5] * b));
		float w = __fmaf_rn(a.matrix[6], r, __fmaf_rn(a.matrix[7], g, a.matrix[8] * b));
		if (a.tint.m.p) {
			const float2 at = rows[y - y0][2];
			tint.go(a.tint, __float_as_int(at.x));
			float tr = tint.value(0, at.y), tg = tint.value(1, at.y), tb = tint.value(2, at.y);
			if (a.shares) {
				const float p = most * (float)a.shares;
				const int i = min((int)p, a.shares - 1);
				const float f = p - (float)i;
				const float4 s = share[i];
				tr = __fmaf_rn(__fmaf_rn(f, s.z, s.x), tr - tg, tg);
				tb = __fmaf_rn(__fmaf_rn(f, s.w, s.y), tb - tg, tg);
			}
			u *= fast_exp2(within(tr, -32.0f, 32.0f));
			v *= fast_exp2(within(tg, -32.0f, 32.0f));
			w *= fast_exp2(within(tb, -32.0f, 32.0f));
		}
		float near = __saturatef((most - 0.70f) * (1.0f / (0.95f - 0.70f)));
		if (near > 0.0f) {
			near = near * near * __fmaf_rn(-2.0f, near, 3.0f);
			const float yq = luminance(u, v, w), iv = fast_reciprocal(luminance(r, g, b)), iq = fast_reciprocal(yq);
			const float cr = neutral_between(r * iv, u * iq), cg = neutral_between(g * iv, v * iq), cb = neutral_between(b * iv, w * iq);
			const float part = near * yq * fast_reciprocal(luminance(cr, cg, cb)), rest = 1.0f - near;
			u = __fmaf_rn(part, cr, rest * u);
			v = __fmaf_rn(part, cg, rest * v);
			w = __fmaf_rn(part, cb, rest * w);
		}
		const float level = fast_log2(luminance(u, v, w));
		float beta = level;
		if (a.base.m.p) {
			const float2 at = rows[y - y0][0];
			base.go(a.base, __float_as_int(at.x));
			beta = __fmaf_rn(base.value(0, at.y), level, base.value(1, at.y));
		}
		beta = within(beta, -16.0f, 4.0f);
		float stops = a.detail * within(level - beta, -1.0f, 1.0f);
		if (a.curves) {
			const float p = (beta + 16.0f) * ((float)a.curves * 0.05f);
			const int i = min((int)p, a.curves - 1);
			const float2 c = curve[i];
			stops += __fmaf_rn(p - (float)i, c.y, c.x);
		}
		if (a.gain.m.p) {
			const float2 at = rows[y - y0][1];
			gain.go(a.gain, __float_as_int(at.x));
			stops += gain.value(0, at.y);
		}
		float k = fast_exp2(within(stops, -a.limit, a.limit));
		const float m = most_of(u, v, w) * k, over = m - a.shoulder;
		if (over > 0.0f && a.shoulder < 1.0f) { // with d = 1 − s and o = m − s: s + d·o/(d+o), over m
			const float room = 1.0f - a.shoulder;
			k *= __fmaf_rn(a.shoulder, room + over, room * over) * fast_reciprocal((room + over) * m);
		}
		write(a.dst, x, y, u * k, v * k, w * k);
	}
}
