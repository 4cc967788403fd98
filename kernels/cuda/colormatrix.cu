#include "stream.cuh"
#include "colormatrix.h"

namespace colormatrix {

template <int S, int D> struct op {
	const float *m;
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int) const {
		const float r = stream::number<S>(in[0]), g = stream::number<S>(in[1]), b = stream::number<S>(in[2]);
#pragma unroll
		for (int k = 0; k < 3; k++)
			out[k] = stream::of_number<D>(__fmaf_rn(m[4 * k], r, __fmaf_rn(m[4 * k + 1], g, __fmaf_rn(m[4 * k + 2], b, m[4 * k + 3]))));
	}
};

} // namespace colormatrix

#define RE_COLORMATRIX(s_, S, d, D) \
	KERNEL(colormatrix_##s_##_##d, re_colormatrix, 256) { stream::each<S, D, 3, 3, 1>(a.s, colormatrix::op<S, D>{a.m}); }
RE_PAIRS(RE_COLORMATRIX)
