// Photos and their fusion weights, for FusionWeights and Fuse: a warp walks down a strip of 64 columns of a photo, a lane
// holding two of them, and has the weights of two rows at a time.
//
// Where all photos are flat or grey their weights are rounding noise of binary32, and which photo then
// wins is up to it. So that a merge is OpenCV's there too, samples, luma, Laplacian and mean are computed in
// the very operations it uses, each rounded, its two fused multiply-adds included.
#ifndef RE_FUSION_CUH
#define RE_FUSION_CUH

#include "common.cuh"
#include "fusionweights.h"

namespace fusion {

const unsigned ALL = 0xffffffffu;

// Folds i into [0,n) about the centres of the edge samples and tells whether left and right are exchanged there.
RE_DEVICE int fold(int i, int n, bool &flipped) {
	flipped = false;
	if (n == 1) return 0;
	while (i < 0 || i >= n) {
		i = i < 0 ? -i : 2 * n - 2 - i;
		flipped = !flipped;
	}
	return i;
}

// Approximations with a relative error of 2⁻²³ (square root) and 2⁻²² (2^v, and log2 v away from 1).
RE_DEVICE float fast_sqrt(float v) {
#ifndef RE_EMU
	float r;
	asm("sqrt.approx.f32 %0, %1;" : "=f"(r) : "f"(v));
	return r;
#else
	return sqrtf(v);
#endif
}
RE_DEVICE float fast_exp2(float v) {
#ifndef RE_EMU
	float r;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
	return r;
#else
	return exp2f(v);
#endif
}

// 2^v for −250 ≤ v ≤ 0, relative error below 4e-7 of which the most lies where the result is small.
RE_DEVICE float fine_exp2(float v) {
	v *= 0.5f; // the square below reaches 2⁻²⁵⁰ without a denormal number on the way
	const float z = v + 12582912.0f; // 1.5·2²³: rounds to an integer, which stands in the low bits
	const float f = v - (z - 12582912.0f);
	float p = 1.535336188e-4f;
	p = p * f + 1.339887440e-3f;
	p = p * f + 9.618437357e-3f;
	p = p * f + 5.550332471e-2f;
	p = p * f + 2.402264791e-1f;
	p = p * f + 6.931472028e-1f;
	p = p * f + 1.0f;
	p = __uint_as_float(__float_as_uint(p) + (__float_as_uint(z) << 23));
	return p * p;
}

// v^e for v ≥ 0, e > 0.
template <bool FINE> RE_DEVICE float power(float v, float e) {
	if (e == 1.0f) return v;
	return FINE ? powf(v, e) : fast_exp2(e * __log2f(v));
}

// The weight of a pixel with these samples whose luma and that of its neighbours is given. FINE is for results that are compared with
// each other; a merge divides by the sum and bears errors of 1e-6.
template <bool FINE> RE_DEVICE float weigh(const re_weighing &q, float r, float g, float b, float up, float left, float mid, float right, float down) {
	const float c = fabsf(fmaf(-4.0f, mid, up + left) + right + down); // 4·mid is exact
	const float mean = __fmul_rn(r + g + b, 1.0f / 3.0f);
	const float sr = r - mean, sg = g - mean, sb = b - mean, squares = sr * sr + sg * sg + sb * sb;
	const float s = FINE ? sqrtf(squares) : fast_sqrt(squares);
	const float dr = r - 0.5f, dg = g - 0.5f, db = b - 0.5f, t = q.power * (dr * dr + dg * dg + db * db);
	float w = FINE ? fine_exp2(t) : fast_exp2(t);
	if (q.contrast != 0.0f) w *= power<FINE>(c, q.contrast);
	if (q.saturation != 0.0f) w *= power<FINE>(s, q.saturation);
	return w + 1e-12f;
}

// Where a lane's two columns lie.
struct columns {
	int first;    // column 0 of the strip
	int x[2];     // folded into the photo
	bool flip[2]; // whether left and right are exchanged
	bool inside;  // the whole strip lies in the photo

	__device__ __forceinline__ void at(int x0, int lane, int w) {
		first = x0;
		inside = x0 >= 0 && x0 + 64 <= w;
		for (int c = 0; c < 2; c++) x[c] = fold(x0 + 2 * lane + c, w, flip[c]);
	}
};

// Two pixels as a lane loads them, and their samples in [0,1] as OpenCV has them: the stored value times 1/maximum in binary32.
template <int F> struct two;
template <> struct two<RE_U8> {
	// Six bytes within two words, at an even offset for an even lane; always at the lower end where plain is not set.
	unsigned a, b;
	__device__ __forceinline__ void load(const uchar *row, const columns &k, int lane, bool plain) {
		if (plain) {
			const unsigned *p = reinterpret_cast<const unsigned *>(row + 3 * k.first) + (6 * lane >> 2);
			a = p[0], b = p[1];
		} else {
			const uchar *p = row + 3 * k.x[0], *q = row + 3 * k.x[1];
			a = p[0] | p[1] << 8 | p[2] << 16 | (unsigned)q[0] << 24;
			b = q[1] | q[2] << 8;
		}
	}
	__device__ __forceinline__ void samples(float (&s)[2][3], int lane, bool plain) const {
		const bool high = plain && (lane & 1);
		const unsigned lo = __byte_perm(a, b, high ? 0x5432 : 0x3210), hi = __byte_perm(b, 0, high ? 0x4432 : 0x4410);
		// 2²³ + v has v in its low bits; the product less 2²³/255 is then v/255 rounded once.
		const unsigned magic = 0x4b000000;
		const float unit = 1.0f / 255.0f, shift = -8388608.0f * unit;
		s[0][0] = fmaf(__uint_as_float(__byte_perm(lo, magic, 0x7440)), unit, shift);
		s[0][1] = fmaf(__uint_as_float(__byte_perm(lo, magic, 0x7441)), unit, shift);
		s[0][2] = fmaf(__uint_as_float(__byte_perm(lo, magic, 0x7442)), unit, shift);
		s[1][0] = fmaf(__uint_as_float(__byte_perm(lo, magic, 0x7443)), unit, shift);
		s[1][1] = fmaf(__uint_as_float(__byte_perm(hi, magic, 0x7440)), unit, shift);
		s[1][2] = fmaf(__uint_as_float(__byte_perm(hi, magic, 0x7441)), unit, shift);
	}
	static __device__ __forceinline__ bool plain(const re_image &m, const columns &k) {
		return k.inside && ((m.p + 3 * k.first | m.stride) & 3) == 0;
	}
};
template <> struct two<RE_U16> {
	ushort v[2][3];
	__device__ __forceinline__ void load(const uchar *row, const columns &k, int, bool) {
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) v[c][j] = reinterpret_cast<const ushort *>(row)[3 * k.x[c] + j];
	}
	__device__ __forceinline__ void samples(float (&s)[2][3], int, bool) const {
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) s[c][j] = __fmul_rn((float)v[c][j], 1.0f / 65535.0f);
	}
	static __device__ __forceinline__ bool plain(const re_image &, const columns &) { return false; }
};
template <> struct two<RE_F32> {
	float v[2][3];
	__device__ __forceinline__ void load(const uchar *row, const columns &k, int, bool) {
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) v[c][j] = reinterpret_cast<const float *>(row)[3 * k.x[c] + j];
	}
	__device__ __forceinline__ void samples(float (&s)[2][3], int, bool) const {
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) s[c][j] = fminf(fmaxf(v[c][j], 0.0f), 1.0f);
	}
	static __device__ __forceinline__ bool plain(const re_image &, const columns &) { return false; }
};

// A walk down the rows of a strip, two at a time.
template <int F, bool FINE> struct walk {
	re_image m;
	columns k;
	int lane, y;        // the next row
	bool plain, inside; // inside: no row or column of the strip is folded
	two<F> next[2];     // rows y+1 and y+2, on their way
	float s[2][3];      // row y
	float before[2], luma[2]; // rows y−1 and y

	__device__ __forceinline__ const uchar *row(int i) const {
		bool flip;
		return row_of<const uchar>(m, fold(i, m.h, flip));
	}
	__device__ __forceinline__ void brighten(const float (&v)[2][3], float (&out)[2]) const {
		for (int c = 0; c < 2; c++) out[c] = fmaf(v[c][2], 0.114f, fmaf(v[c][0], 0.299f, __fmul_rn(v[c][1], 0.587f)));
	}

	// Rows first to last are going to be asked for, columns from x on.
	__device__ __forceinline__ void start(const re_image &photo, int x, int first, int last, int l) {
		m = photo, lane = l, y = first;
		k.at(x, lane, m.w);
		plain = two<F>::plain(m, k);
		inside = k.inside && first > 0 && last < m.h - 1;
		two<F> t[2];
		for (int i = 0; i < 2; i++) t[i].load(row(y - 1 + i), k, lane, plain);
		for (int i = 0; i < 2; i++) next[i].load(row(y + 1 + i), k, lane, plain);
		t[0].samples(s, lane, plain);
		brighten(s, before);
		t[1].samples(s, lane, plain);
		brighten(s, luma);
	}

	// Row y's weights; after is the luma of row y+1.
	__device__ __forceinline__ void weights(const re_weighing &q, int at, const float (&v)[2][3], const float (&above)[2], const float (&mid)[2], const float (&below)[2], float (&w)[2]) const {
		const float left = __shfl_up_sync(ALL, mid[1], 1), right = __shfl_down_sync(ALL, mid[0], 1);
		float up[2] = {above[0], above[1]}, down[2] = {below[0], below[1]}, l[2] = {left, mid[0]}, r[2] = {mid[1], right};
		if (!inside) { // the weights outside are those inside bit by bit, so the sums must run in their order
			bool turn;
			fold(at, m.h, turn);
			for (int c = 0; c < 2; c++) {
				if (turn) up[c] = below[c], down[c] = above[c];
				if (k.flip[c]) {
					const float t = l[c];
					l[c] = r[c], r[c] = t;
				}
			}
		}
		for (int c = 0; c < 2; c++) w[c] = weigh<FINE>(q, v[c][0], v[c][1], v[c][2], up[c], l[c], mid[c], r[c], down[c]);
	}

	// Samples and weights of rows y and y+1; without weights where wanted is false. Lanes 0 and 31 know the weight of their inner column only.
	__device__ __forceinline__ void step(const re_weighing &q, bool want0, bool want1, float (&v)[2][2][3], float (&w)[2][2]) {
		float s2[2][3], luma1[2], luma2[2];
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) v[0][c][j] = s[c][j];
		next[0].samples(v[1], lane, plain);
		next[1].samples(s2, lane, plain);
		for (int i = 0; i < 2; i++) next[i].load(row(y + 3 + i), k, lane, plain);
		brighten(v[1], luma1);
		brighten(s2, luma2);
		w[0][0] = w[0][1] = w[1][0] = w[1][1] = 0.0f;
		if (want0) weights(q, y, v[0], before, luma, luma1, w[0]);
		if (want1) weights(q, y + 1, v[1], luma, luma1, luma2, w[1]);
		for (int c = 0; c < 2; c++) {
			before[c] = luma1[c], luma[c] = luma2[c];
			for (int j = 0; j < 3; j++) s[c][j] = s2[c][j];
		}
		y += 2;
	}
};

} // namespace fusion

#endif
