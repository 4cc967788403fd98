#include "stream.cuh"
#include "srgb.cuh"

namespace srgb {

// All values of U8 decoded, in shared memory. Ends with a barrier.
RE_DEVICE void fill_linear(float *linear) {
	for (int i = threadIdx.y * blockDim.x + threadIdx.x; i < 256; i += blockDim.x * blockDim.y) linear[i] = decode_exact(stream::unit<RE_U8>((uchar)i));
	__syncthreads();
}

template <int S, int D> struct decode {
	const float *linear; // for U8
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int) const {
		if constexpr (S == RE_U8) *out = sample<D>::put(linear[*in]);
		else if constexpr (D == RE_F32) *out = decode_exact(stream::unit<S>(*in));
		else *out = sample<D>::put(decode_fast(sample<S>::get(*in)));
	}
};

template <int S, int D> struct encode {
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int) const {
		const float v = sample<S>::get(*in);
		if constexpr (D == RE_U8) *out = (uchar)(int)encode_fast(v, 255.0f, 0.5f);
		else if constexpr (D == RE_U16) *out = (ushort)(int)encode_fast(v, 65535.0f, 0.5f);
		else if constexpr (D == RE_F16) *out = float_to_half(encode_fast(v, 1.0f, 0.0f));
		else *out = encode_exact(v);
	}
};

template <int S, int D> RE_DEVICE void decode_all(const re_stream &a) {
	DYNAMIC_SHARED(float, linear); // for U8
	if constexpr (S == RE_U8) fill_linear(linear);
	stream::each<S, D, 1, 1, 4>(a, decode<S, D>{linear});
}

} // namespace srgb

#define RE_DECODE(s, S, d, D) \
	KERNEL(srgb_decode_##s##_##d, re_stream, 256) { srgb::decode_all<S, D>(a); }
#define RE_DECODES(s, S) RE_DECODE(s, S, f16, RE_F16) RE_DECODE(s, S, f32, RE_F32)
RE_DECODES(u8, RE_U8) RE_DECODES(u16, RE_U16) RE_DECODES(f16, RE_F16) RE_DECODES(f32, RE_F32)

#define RE_ENCODE(s, S, d, D) \
	KERNEL(srgb_encode_##s##_##d, re_stream, 256) { stream::each<S, D, 1, 1, 4>(a, srgb::encode<S, D>()); }
RE_FROM(RE_ENCODE, f16, RE_F16) RE_FROM(RE_ENCODE, f32, RE_F32)
