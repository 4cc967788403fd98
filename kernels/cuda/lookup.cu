#include "stream.cuh"
#include "lookup.h"

namespace lookup {

template <int S, int D> struct op {
	const typename sample<D>::type *tables;
	stream::divisor channels;
	__device__ __forceinline__ void operator()(const typename sample<S>::type *in, typename sample<D>::type *out, int x) const {
		*out = tables[channels.rest(x) * (S == RE_U8 ? 256 : 65536) + *in];
	}
};

// The tables of 8-bit samples lie in shared memory, those of 16 bits in the caches.
template <int S, int D> RE_DEVICE void all(const re_lookup &a) {
	typedef typename sample<D>::type DT;
	const DT *tables = stream::global<const DT>(a.tables);
	if constexpr (S == RE_U8) {
		DYNAMIC_SHARED(DT, shared);
		for (int i = threadIdx.y * 32 + threadIdx.x; i < 256 * a.count; i += 256) shared[i] = tables[i];
		__syncthreads();
		tables = shared;
	}
	stream::each<S, D, 1, 1, 4>(a.s, op<S, D>{tables, stream::divisor(a.count)});
}

} // namespace lookup

#define RE_LOOKUP(s_, S, d, D) \
	KERNEL_MIN(lookup_##s_##_##d, re_lookup, 256, 4) { lookup::all<S, D>(a); }
RE_LOOKUP(1, RE_U8, 1, RE_U8) RE_LOOKUP(1, RE_U8, 2, RE_U16) RE_LOOKUP(1, RE_U8, 4, RE_F32)
RE_LOOKUP(2, RE_U16, 1, RE_U8) RE_LOOKUP(2, RE_U16, 2, RE_U16) RE_LOOKUP(2, RE_U16, 4, RE_F32)
