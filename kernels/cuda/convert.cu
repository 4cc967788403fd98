#include "common.cuh"
#include "convert.h"

namespace convert {

// The value changed from one format's maximum to the other's, rounded once.
template <int S, int D> struct change {
	static __device__ __forceinline__ typename sample<D>::type of(typename sample<S>::type v) { return sample<D>::put(sample<S>::get(v)); }
};
template <int F> struct change<F, F> {
	static __device__ __forceinline__ typename sample<F>::type of(typename sample<F>::type v) { return v; }
};

template <int S, int D> RE_DEVICE void body(const re_convert &a) {
	const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
	if (x < a.samples && y < a.dst.h) row_of<typename sample<D>::type>(a.dst, y)[x] = change<S, D>::of(row_of<typename sample<S>::type>(a.src, y)[x]);
}

} // namespace convert

#define PAIR(s, S, d, D) KERNEL(convert_##s##_##d, re_convert, 256) { convert::body<S, D>(a); }
#define ALL(s, S) PAIR(s, S, u8, RE_U8) PAIR(s, S, u16, RE_U16) PAIR(s, S, f16, RE_F16) PAIR(s, S, f32, RE_F32)
ALL(u8, RE_U8) ALL(u16, RE_U16) ALL(f16, RE_F16) ALL(f32, RE_F32)
