// What the kernels of FuseRobust share: samples, validity, sums along a row, the merged luma before local contrast, its limit.
#ifndef RE_FUSE_ROBUST_CUH
#define RE_FUSE_ROBUST_CUH

#include "approx.cuh"
#include "common.cuh"
#include "fuse_robust.h"

namespace fuse_robust {

enum { RANGES = 24, BINS = 4096 };
enum { SELF, MEAN, OWN, OFFSET, PHOTO }; // planes of a step, as in the coefficients

// An integer below 2²³ as a float, without the conversion unit.
RE_DEVICE float small_float(uint32_t v) { return __uint_as_float(0x4B000000u | v) - 8388608.0f; }

// pixel<F> is a pixel of three channels, as stored and in 16 bits; column<F> is where those of a column lie, bytes from its
// first. Samples start anywhere, but rows of device memory lie multiples of 4 bytes apart, so that a column's bytes keep their places in words.
template <int F> struct column {
	const uchar *p;
	__device__ __forceinline__ column(uint64_t row, int x) : p(global<const uchar>(row) + 3 * (int64_t)x * (int)sizeof(typename sample<F>::type)) {}
};
template <> struct column<RE_U8> {
	const uchar *p, *q; // the words where the first and the last byte lie
	unsigned shift;
	__device__ __forceinline__ column(uint64_t row, int x) {
		const uint64_t at = row + 3 * (int64_t)x;
		p = global<const uchar>(at & ~3ull);
		q = global<const uchar>((at + 2) & ~3ull);
		shift = (unsigned)(at & 3) * 8;
	}
};

template <int F> struct pixel;
template <> struct pixel<RE_U8> {
	uint32_t v; // three bytes, and one of no meaning
	__device__ __forceinline__ void load(const column<RE_U8> &c, int64_t bytes) {
		v = __funnelshift_r(__ldg(reinterpret_cast<const uint32_t *>(c.p + bytes)), __ldg(reinterpret_cast<const uint32_t *>(c.q + bytes)), c.shift);
	}
	__device__ __forceinline__ void stored(float &r, float &g, float &b) const {
		r = __uint_as_float(__byte_perm(v, 0x4B000000u, 0x7540)) - 8388608.0f;
		g = __uint_as_float(__byte_perm(v, 0x4B000000u, 0x7541)) - 8388608.0f;
		b = __uint_as_float(__byte_perm(v, 0x4B000000u, 0x7542)) - 8388608.0f;
	}
	__device__ __forceinline__ void sixteen(uint32_t &r, uint32_t &g, uint32_t &b) const {
		r = 257 * (v & 255), g = 257 * (v >> 8 & 255), b = 257 * (v >> 16 & 255);
	}
	// The weights 19595, 38470, 7471 in two bytes each.
	__device__ __forceinline__ uint32_t luma() const {
		return (((__dp4a(v, 0x001D964Cu, 0u) << 8) + __dp4a(v, 0x002F468Bu, 0u)) * 257u + 32768u) >> 16;
	}
	static constexpr float unit = 1.0f / 255.0f;
};
template <> struct pixel<RE_U16> {
	uint32_t c[3];
	__device__ __forceinline__ void load(const column<RE_U16> &at, int64_t bytes) {
		const ushort *p = reinterpret_cast<const ushort *>(at.p + bytes);
		c[0] = __ldg(p), c[1] = __ldg(p + 1), c[2] = __ldg(p + 2);
	}
	__device__ __forceinline__ void stored(float &r, float &g, float &b) const { r = small_float(c[0]), g = small_float(c[1]), b = small_float(c[2]); }
	__device__ __forceinline__ void sixteen(uint32_t &r, uint32_t &g, uint32_t &b) const { r = c[0], g = c[1], b = c[2]; }
	__device__ __forceinline__ uint32_t luma() const { return (19595u * c[0] + 38470u * c[1] + 7471u * c[2] + 32768u) >> 16; }
	static constexpr float unit = 1.0f / 65535.0f;
};
template <> struct pixel<RE_F32> {
	float c[3]; // in [0,1], 0 for NaN
	__device__ __forceinline__ void load(const column<RE_F32> &at, int64_t bytes) {
		const float *p = reinterpret_cast<const float *>(at.p + bytes);
		for (int k = 0; k < 3; k++) c[k] = fminf(fmaxf(__ldg(p + k), 0.0f), 1.0f);
	}
	__device__ __forceinline__ void stored(float &r, float &g, float &b) const { r = c[0], g = c[1], b = c[2]; }
	__device__ __forceinline__ void sixteen(uint32_t &r, uint32_t &g, uint32_t &b) const { r = level16(c[0]), g = level16(c[1]), b = level16(c[2]); }
	__device__ __forceinline__ uint32_t luma() const {
		uint32_t r, g, b;
		sixteen(r, g, b);
		return (19595u * r + 38470u * g + 7471u * b + 32768u) >> 16;
	}
	static __device__ __forceinline__ uint32_t level16(float v) { return __float2uint_rz(__fadd_rn(__fmul_rn(v, 65535.0f), 0.5f)); }
	static constexpr float unit = 1.0f;
};

RE_DEVICE re_robust_photo photo_of(const re_robust &a, int i) {
	const re_robust_photo *p = global<const re_robust_photo>(a.photos) + i;
	re_robust_photo q;
	q.p = __ldg(&p->p), q.stride = __ldg(&p->stride), q.claim = __ldg(&p->claim), q.claim_stride = __ldg(&p->claim_stride), q.plane = __ldg(&p->plane);
	return q;
}

// The bytes from a row of a photo to one below; a row is shorter than 4 GiB.
RE_DEVICE int64_t rows_below(int rows, const re_robust_photo &p) { return (int64_t)((uint64_t)(uint32_t)rows * (uint32_t)p.stride); }

// How far a photo claims a pixel, of 255.
RE_DEVICE int claim_of(const re_robust_photo &p, int x, int y) {
	return p.claim ? __ldg(global<const uchar>(p.claim + (int64_t)y * p.claim_stride) + x) : 255;
}

// The least claim on a pixel; NOBODY, which is more than any, where no photo claims it and all take part in full.
enum { NOBODY = 256 };
RE_DEVICE int least_claim(const re_robust &a, int x, int y) {
	int least = 255, most = 0;
	for (int i = 0; i < a.n; i++) {
		const int c = claim_of(photo_of(a, i), x, y);
		least = min(least, c);
		most = max(most, c);
	}
	return most == 0 ? (int)NOBODY : least;
}

// p ≥ 0, below 2²², as an integer and what is left.
RE_DEVICE int split(float p, float &rest) {
	const float q = __fadd_rd(p, 8388608.0f);
	rest = p - (q - 8388608.0f);
	return __float_as_int(q) - 0x4B000000;
}

// T and F∘T of a scene level of 16 bits, and T's place among the base's ranges.
struct tones {
	float tone, fine, rest;
	int range;
};
RE_DEVICE tones tones_of(const re_robust &a, uint32_t scene) {
	float f;
	const int i = split(fmaf(small_float(scene), 256.0f / 65535.0f, 0.5f), f);
	const float4 c = __ldg(global<const float4>(a.tables + offsetof(re_robust_tables, curves)) + i);
	tones t;
	t.tone = fmaf(c.y, f, c.x);
	t.fine = fmaf(c.w, f, c.z);
	t.range = min(split(t.tone * 23.0f, t.rest), RANGES - 1);
	return t;
}

// x^(−1/3), x in [10⁻¹², 8]: 2⁻¹⁷ from the logarithm, squared by a step of Newton.
RE_DEVICE float inverse_cbrt(float x) {
	const float y = approx_exp2(approx_log2(x) * (-1.0f / 3.0f));
	return fmaf(y * (1.0f / 3.0f), fmaf(-x, y * y * y, 1.0f), y);
}

// The merged luma before local contrast, from the base there.
RE_DEVICE float merged_luma(const re_robust &a, const tones &t, float base) {
	float f;
	const int i = min(split(base * 1024.0f, f), 1024);
	const float2 law = __ldg(global<const float2>(a.tables + offsetof(re_robust_tables, law)) + i);
	const float d = fmaf(-0.25f, t.tone - base, 1.25f * (t.fine - fmaf(law.y, f, law.x)));
	float b = fmaf(0.97f, base - 0.5f, 0.5f);
	b = fmaf(-0.6f, fmaxf(b - 0.7f, 0.0f), b);
	const float room = fmaxf(d > 0.0f ? 0.985f - b : b, 1e-4f), v = fabsf(d);
	return fminf(fmaxf(fmaf(d * room, inverse_cbrt(fmaf(room * room, room, v * v * v)), b), 0.0f), 0.985f);
}

// A step of local contrast on a luma; rest is the offset and the photos' shares.
RE_DEVICE float limit(float luma, float self, float mean, float own, float rest) {
	const float m = fminf(fmaxf(fmaf(self, luma, mean), 0.0f), 0.985f), d = fmaf(own, luma, rest) - m;
	const float room = fmaxf(d > 0.0f ? 0.985f - m : 0.92f * m, 1e-4f), r = room * room, s = d * d, x = fmaf(r, r, s * s);
	return fminf(fmaxf(fmaf(d * room, approx_rsqrt(approx_sqrt(x)), m), 0.0f), 0.985f);
}

// How many of the entries at−r … at+r lie in [0,n).
RE_DEVICE int within(int at, int r, int n) { return min(at + r, n - 1) - max(at - r, 0) + 1; }

// prefix replaces v[j] by v[0] + … + v[j] in a fixed order, j below 768; a block of 256 threads. v has been written but not waited for;
// afterwards everybody sees the sums. warps has 8 entries.
template <class T> RE_DEVICE void prefix(T *v, T *warps) {
	const int t = threadIdx.x, lane = t % 32;
	__syncthreads();
	T *own = v + 3 * t;
	const T a = own[0], b = a + own[1], c = b + own[2];
	T sum = c;
	for (int d = 1; d < 32; d <<= 1) {
		const T left = __shfl_up_sync(0xffffffffu, sum, d);
		if (lane >= d) sum += left;
	}
	if (lane == 31) warps[t / 32] = sum;
	__syncthreads();
	T before = sum - c;
	for (int k = 0; k < t / 32; k++) before += warps[k];
	own[0] = before + a;
	own[1] = before + b;
	own[2] = before + c;
	__syncthreads();
}

// Rows of windows are summed in tiles of so many columns, r more on either side.
enum { TILE = 512, WIDE = 768 };

} // namespace fuse_robust

#endif
