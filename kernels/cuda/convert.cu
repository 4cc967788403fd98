#include "stream.cuh"

namespace convert {

// One format's sample in another, the bits that the definition in float64 gives.
template <int S, int D> RE_DEVICE typename sample<D>::type change(typename sample<S>::type v) {
	if constexpr (S == D) return v;
	else if constexpr (S == RE_U8 && D == RE_U16) return (ushort)(v * 257);
	else if constexpr (S == RE_U16 && D == RE_U8) return (uchar)((v * 255u + 32895u) >> 16); // ⌊v/257 + ½⌋
	else if constexpr (S == RE_F32 && D == RE_F16) return v == v ? float_to_half(v) : (ushort)(__float_as_uint(v) >> 16 & 0x8000 | 0x7e00);
	else if constexpr (S == RE_F16 && D == RE_F32) return (v & 0x7fff) <= 0x7c00 ? half_to_float(v) : __uint_as_float((v & 0x8000u) << 16 | 0x7fc00000u | (v & 0x3ffu) << 13);
	else return stream::of_unit<D>(stream::unit<S>(v));
}

template <int S, int D> struct op {
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int) const { *out = change<S, D>(*in); }
};

} // namespace convert

#define RE_CONVERT(s, S, d, D) \
	KERNEL(convert_##s##_##d, re_stream, 256) { stream::each<S, D, 1, 1, 4>(a, convert::op<S, D>()); }
RE_PAIRS(RE_CONVERT)
