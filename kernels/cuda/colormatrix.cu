#include "stream.cuh"
#include "colormatrix.h"

namespace colormatrix {

// Stored samples as numbers, and the way back.
template <int F> RE_DEVICE float number(typename sample<F>::type v) {
	if constexpr (F == RE_F16) return half_to_float(v);
	else return (float)v;
}
template <int F> RE_DEVICE typename sample<F>::type of_number(float v) {
	if constexpr (F == RE_U8) return (uchar)(int)(fminf(fmaxf(v, 0.0f), 255.0f) + 0.5f);
	else if constexpr (F == RE_U16) return (ushort)(int)(fminf(fmaxf(v, 0.0f), 65535.0f) + 0.5f);
	else return sample<F>::put(v);
}

template <int S, int D> struct op {
	const float *m;
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int) const {
		const float r = number<S>(in[0]), g = number<S>(in[1]), b = number<S>(in[2]);
#pragma unroll
		for (int k = 0; k < 3; k++)
			out[k] = of_number<D>(__fmaf_rn(m[4 * k], r, __fmaf_rn(m[4 * k + 1], g, __fmaf_rn(m[4 * k + 2], b, m[4 * k + 3]))));
	}
};

} // namespace colormatrix

#define RE_COLORMATRIX(s_, S, d, D) \
	KERNEL(colormatrix_##s_##_##d, re_colormatrix, 256) { stream::each<S, D, 3, 3, 1>(a.s, colormatrix::op<S, D>{a.m}); }
RE_PAIRS(RE_COLORMATRIX)
