// Four neighbouring samples of a row to each thread of a block, columns beyond the borders included: how the pyramid's steps read.
#ifndef RE_PYRAMID_CUH
#define RE_PYRAMID_CUH

#include "raw.cuh"

namespace pyramid {

const int THREADS = 256, ROOM = 4 * THREADS; // samples that a block holds of a row

// An index folded into [0,n) about the centres of the edge samples (reflect-101).
RE_DEVICE int mirror(int i, int n) {
	if (n == 1) return 0;
	while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
	return i;
}

template <int F> struct four;
template <> struct four<RE_U8> { typedef unsigned held; };
template <> struct four<RE_U16> { typedef uint2 held; };
template <> struct four<RE_F32> { typedef float4 held; };

RE_DEVICE float4 open(unsigned v) { return make_float4(byte_to_float<0>(v), byte_to_float<1>(v), byte_to_float<2>(v), byte_to_float<3>(v)); }
RE_DEVICE float4 open(uint2 v) { return make_float4((float)(v.x & 0xffff), (float)(v.x >> 16), (float)(v.y & 0xffff), (float)(v.y >> 16)); }
RE_DEVICE float4 open(float4 v) { return v; }
RE_DEVICE void pack(const uchar *v, unsigned *o) { *o = v[0] | v[1] << 8 | v[2] << 16 | (unsigned)v[3] << 24; }
RE_DEVICE void pack(const ushort *v, uint2 *o) { *o = make_uint2(v[0] | (unsigned)v[1] << 16, v[2] | (unsigned)v[3] << 16); }
RE_DEVICE void pack(const float *v, float4 *o) { *o = make_float4(v[0], v[1], v[2], v[3]); }

// Samples s … s+3 of rows of n pixels of c channels, where column x is taken from FOLD(x, n).
template <int F> struct reader {
	typedef typename sample<F>::type T;
	typedef typename four<F>::held held;
	int at[4]; // at[0] alone where the four lie side by side
	bool together;

	template <class FOLD> __device__ __forceinline__ reader(int s, int n, int c, bool wide, FOLD fold) {
		together = wide && s >= 0 && s + 4 <= n * c;
		at[0] = s;
		if (!together)
#pragma unroll
			for (int i = 0; i < 4; i++) {
				const int x = (s + i + 16 * c) / c - 16; // s is not far below 0
				at[i] = fold(x, n) * c + (s + i - x * c);
			}
	}
	__device__ __forceinline__ held get(const char *row) const {
		const T *p = (const T *)row;
		held v;
		if (together) return __ldg((const held *)(p + at[0]));
		const T w[4] = {__ldg(p + at[0]), __ldg(p + at[1]), __ldg(p + at[2]), __ldg(p + at[3])};
		pack(w, &v);
		return v;
	}
};

} // namespace pyramid

#endif
