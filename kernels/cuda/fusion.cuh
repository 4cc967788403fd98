// Photos and their fusion weights, for FusionWeights and Fuse: a warp walks down a strip of 64 columns of a photo, a lane
// holding two of them, and has the weights of a row at a time.
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
	asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
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

RE_DEVICE float fast_log2(float v) {
#ifndef RE_EMU
	float r;
	asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
	return r;
#else
	return log2f(v);
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

// v^e for v ≥ 0; 1 where e is 0.
template <bool FINE> RE_DEVICE float power(float v, float e) {
	if (e == 0.0f) return 1.0f;
	if (e == 1.0f) return v;
	return FINE ? powf(v, e) : fast_exp2(e * fast_log2(v));
}

// The measures of a pixel with these samples whose luma and that of its neighbours is given; e is exposedness with its exponent.
// FINE is for results that are compared with each other; a merge divides by the sum and bears errors of 1e-6.
template <bool FINE> RE_DEVICE void measure(float factor, const float (&v)[3], float up, float left, float mid, float right, float down, float &c, float &s, float &e) {
	c = fabsf(fmaf(-4.0f, mid, up + left) + right + down); // 4·mid is exact
	const float mean = __fmul_rn(v[0] + v[1] + v[2], 1.0f / 3.0f);
	const float sr = v[0] - mean, sg = v[1] - mean, sb = v[2] - mean, squares = sr * sr + sg * sg + sb * sb;
	s = FINE ? sqrtf(squares) : fast_sqrt(squares);
	const float dr = v[0] - 0.5f, dg = v[1] - 0.5f, db = v[2] - 0.5f, t = factor * (dr * dr + dg * dg + db * db);
	e = FINE ? fine_exp2(t) : fast_exp2(t);
}

template <class T> struct pair_of;
template <> struct pair_of<uchar> { typedef uchar2 type; };
template <> struct pair_of<ushort> { typedef ushort2 type; };
template <> struct pair_of<float> { typedef float2 type; };

// Whether the strip of 64 columns from x on lies in a picture of w columns, and rows first to last in one of h rows.
RE_DEVICE bool within(int x, int w, int first, int last, int h) { return x >= 0 && x + 64 <= w && first >= 0 && last < h; }

// Two pixels as a lane loads them, and their samples in [0,1] as OpenCV has them: the stored value times 1/maximum in
// binary32. EDGE: loaded from two places, else side by side as words.
template <int F> struct two {
	typedef typename sample<F>::type T;
	T v[2][3];
	// From two places.
	__device__ __forceinline__ void load(const uchar *first, const uchar *second) {
		for (int j = 0; j < 3; j++) v[0][j] = __ldg(reinterpret_cast<const T *>(first) + j), v[1][j] = __ldg(reinterpret_cast<const T *>(second) + j);
	}
	// Side by side.
	static __device__ __forceinline__ int shift() { return 0; }
	__device__ __forceinline__ void load(const uchar *p) {
		typedef typename pair_of<T>::type T2;
		const T2 *r = reinterpret_cast<const T2 *>(p);
		const T2 a = __ldg(r), b = __ldg(r + 1), c = __ldg(r + 2);
		v[0][0] = a.x, v[0][1] = a.y, v[0][2] = b.x, v[1][0] = b.y, v[1][1] = c.x, v[1][2] = c.y;
	}
	template <bool EDGE> __device__ __forceinline__ void samples(float (&s)[2][3]) const {
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 3; j++) s[c][j] = F == RE_F32 ? fminf(fmaxf((float)v[c][j], 0.0f), 1.0f) : __fmul_rn((float)v[c][j], 1.0f / 65535.0f);
	}
};

// Six bytes within two words: from the first byte on, or in odd lanes and away from the edge from the third.
template <> struct two<RE_U8> {
	unsigned a, b;
	__device__ __forceinline__ void load(const uchar *p, const uchar *q) {
		a = __ldg(p) | __ldg(p + 1) << 8 | __ldg(p + 2) << 16 | (unsigned)__ldg(q) << 24;
		b = __ldg(q + 1) | __ldg(q + 2) << 8;
	}
	// Bytes before the first that the words begin.
	static __device__ __forceinline__ int shift() { return 2 * (threadIdx.x & 1); }
	__device__ __forceinline__ void load(const uchar *p) {
		const unsigned *r = reinterpret_cast<const unsigned *>(p);
		a = __ldg(r), b = __ldg(r + 1);
	}
	template <bool EDGE> __device__ __forceinline__ void samples(float (&s)[2][3]) const {
		const bool third = !EDGE && (threadIdx.x & 1);
		const unsigned lo = __byte_perm(a, b, third ? 0x5432 : 0x3210), hi = __byte_perm(b, 0, third ? 0x4432 : 0x4410);
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
};

// A walk of a warp, which is the whole block, down the rows of a strip of a w×h photo. The first row has no weights. EDGE:
// rows and columns may lie outside and are folded in. Without it the strip lies within the photo, a row above and two below
// included, and on a multiple of four columns, and so do all photos' rows (aligned).
template <int F, bool FINE, bool EDGE> struct walk {
	enum { size = 3 * sizeof(typename sample<F>::type) };
	const uchar *p;           // row 0 of the photo, or without EDGE a lane's pixels in the next row to fetch
	int64_t stride;
	int y;                    // the next row
	int x[2];                 // a lane's columns; complemented where left and right are exchanged
	two<F> next[2];           // rows y+1 and y+2, on their way
	float s[2][3];            // row y
	float before[2], luma[2]; // rows y−1 and y

	__device__ __forceinline__ int column(int c) const { return EDGE ? x[c] ^ x[c] >> 31 : x[c]; }
	__device__ __forceinline__ void fetch(two<F> &t, int i, int h) {
		if (EDGE) {
			bool turned;
			const uchar *row = p + fold(i, h, turned) * stride;
			t.load(row + column(0) * size, row + column(1) * size);
		} else {
			t.load(p);
			p += stride;
		}
	}
	__device__ __forceinline__ void brighten(const float (&v)[2][3], float (&out)[2]) const {
		for (int c = 0; c < 2; c++) out[c] = fmaf(v[c][2], 0.114f, fmaf(v[c][0], 0.299f, __fmul_rn(v[c][1], 0.587f)));
	}

	// Rows from first on are going to be asked for, columns from x0 on.
	__device__ __forceinline__ void start(const re_image &m, int w, int h, int x0, int first) {
		p = reinterpret_cast<const uchar *>(m.p), stride = m.stride, y = first;
		for (int c = 0; c < 2; c++) {
			x[c] = x0 + 2 * (int)threadIdx.x + c;
			bool turned;
			if (EDGE) x[c] = fold(x[c], w, turned), x[c] = turned ? ~x[c] : x[c];
		}
		if (!EDGE) p += y * stride + x[0] * size - two<F>::shift();
		two<F> t;
		fetch(t, y, h);
		for (int i = 0; i < 2; i++) fetch(next[i], y + 1 + i, h);
		t.template samples<EDGE>(s);
		brighten(s, luma);
		before[0] = before[1] = 0.0f;
	}

	// Samples and weights of row y; without weights where wanted is false. Lanes 0 and 31 know the weight of their inner column only.
	__device__ __forceinline__ void step(const re_weighing &q, int h, bool wanted, float (&v)[2][3], float (&w)[2]) {
		float after[2], t[2][3];
		next[0].template samples<EDGE>(t);
		brighten(t, after);
		next[0] = next[1];
		fetch(next[1], y + 3, h);
		w[0] = w[1] = 0.0f;
		if (wanted) {
			const float left = __shfl_up_sync(ALL, luma[1], 1), right = __shfl_down_sync(ALL, luma[0], 1);
			float up[2] = {before[0], before[1]}, down[2] = {after[0], after[1]}, l[2] = {left, luma[0]}, r[2] = {luma[1], right};
			if (EDGE) { // the weights outside are those inside bit by bit, so the sums must run in their order
				bool turned;
				fold(y, h, turned);
				for (int c = 0; c < 2; c++) {
					if (turned) up[c] = after[c], down[c] = before[c];
					const float o = l[c];
					if (x[c] < 0) l[c] = r[c], r[c] = o;
				}
			}
			float contrast[2], saturation[2], exposedness[2];
			for (int c = 0; c < 2; c++) measure<FINE>(q.power, s[c], up[c], l[c], luma[c], r[c], down[c], contrast[c], saturation[c], exposedness[c]);
			if (q.general)
				for (int c = 0; c < 2; c++) contrast[c] = power<FINE>(contrast[c], q.contrast), saturation[c] = power<FINE>(saturation[c], q.saturation);
			for (int c = 0; c < 2; c++) w[c] = fmaf(contrast[c] * saturation[c], exposedness[c], 1e-12f);
		}
		for (int c = 0; c < 2; c++) {
			before[c] = luma[c], luma[c] = after[c];
			for (int j = 0; j < 3; j++) v[c][j] = s[c][j], s[c][j] = t[c][j];
		}
		y++;
	}
};

} // namespace fusion

#endif
