#include "stream.cuh"

namespace luma {

// Integers to integers without rounding before the last: twice the sum times Max(D) over 2000 Max(S), by whole numbers.
template <int S, int D> struct op {
	typedef typename sample<S>::type ST;
	typedef typename sample<D>::type DT;
	__device__ __forceinline__ void operator()(const ST *in, DT *out, int) const {
		if constexpr (S == RE_U8 || S == RE_U16) {
			const unsigned sum = 299u * in[0] + 587u * in[1] + 114u * in[2];
			if constexpr (D == S) *out = (DT)((sum + 500u) / 1000u);
			else if constexpr (D == RE_U16) *out = (DT)((sum * 257u + 500u) / 1000u);
			else if constexpr (D == RE_U8) *out = (DT)((sum + 128500u) / 257000u);
			else *out = sample<D>::put((float)sum * (S == RE_U8 ? 1.0f / 255000.0f : 1.0f / 65535000.0f));
		} else {
			const float r = sample<S>::get(in[0]), g = sample<S>::get(in[1]), b = sample<S>::get(in[2]);
			*out = stream::of_unit<D>(__fmaf_rn(0.114f, b, __fmaf_rn(0.587f, g, 0.299f * r)));
		}
	}
};

} // namespace luma

#define RE_LUMA(s, S, d, D) \
	KERNEL(luma_##s##_##d, re_stream, 256) { stream::each<S, D, 3, 1, 1>(a, luma::op<S, D>()); }
RE_PAIRS(RE_LUMA)
