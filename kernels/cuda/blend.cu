#include "stream.cuh"
#include "blend.h"

namespace blend {

// At 0 and 1 the sample's bits are copied; NaN in the mask counts as 0. Between integers there is nothing to clamp.
template <int F> RE_DEVICE typename sample<F>::type mix(typename sample<F>::type a, typename sample<F>::type b, float t) {
	t = __saturatef(t);
	const float v = __fmaf_rn(stream::number<F>(b), t, stream::number<F>(a) * (1.0f - t));
	typename sample<F>::type m;
	if constexpr (F == RE_U8 || F == RE_U16) m = (typename sample<F>::type)(int)(v + 0.5f);
	else m = sample<F>::put(v);
	return t > 0.0f ? t < 1.0f ? m : b : a;
}

// As stream::each, with two sources and a mask, of which neighbouring lanes read the same few bytes.
template <int F, int M> RE_DEVICE void all(const re_blend &a) {
	typedef typename sample<F>::type T;
	typedef typename sample<M>::type MT;
	const int V = 16 / sizeof(T), G = 2, tile = 32 * V * G;
	const int lane = threadIdx.x, first = blockIdx.x * tile, left = min(a.samples - first, tile);
	const int full = a.aligned ? left / V : 0;
	const stream::divisor channels(a.dst.c);
	for (int y = blockIdx.y * 8 + threadIdx.y; y < a.dst.h; y += gridDim.y * 8) {
		const T *pa = stream::row<T>(a.a, y) + first, *pb = stream::row<T>(a.b, y) + first;
		const MT *mask = stream::row<MT>(a.mask, y);
		T *d = stream::row<T>(a.dst, y) + first;
		stream::vec<T, V> va[G], vb[G];
#pragma unroll
		for (int g = 0; g < G; g++) {
			const int x = (g * 32 + lane) * V;
			if (g * 32 + lane < full) va[g].load(pa + x), vb[g].load(pb + x);
		}
#pragma unroll
		for (int g = 0; g < G; g++) {
			const int x = (g * 32 + lane) * V;
			if (g * 32 + lane < full) {
				stream::vec<T, V> out;
				MT m[V];
#pragma unroll
				for (int i = 0; i < V; i++) m[i] = mask[channels.quotient(first + x + i)];
#pragma unroll
				for (int i = 0; i < V; i++) out.set(i, mix<F>(va[g].get(i), vb[g].get(i), sample<M>::get(m[i])));
				out.store(d + x);
			}
		}
#pragma unroll 1
		for (int x = full * V + lane; x < left; x += 32) d[x] = mix<F>(pa[x], pb[x], sample<M>::get(mask[channels.quotient(first + x)]));
	}
}

} // namespace blend

#define RE_BLEND(f, F, m, M) \
	KERNEL_MIN(blend_##f##_##m, re_blend, 256, 4) { blend::all<F, M>(a); }
#define RE_BLENDS(f, F) RE_BLEND(f, F, u8, RE_U8) RE_BLEND(f, F, u16, RE_U16) RE_BLEND(f, F, f32, RE_F32)
RE_BLENDS(u8, RE_U8) RE_BLENDS(u16, RE_U16) RE_BLENDS(f16, RE_F16) RE_BLENDS(f32, RE_F32)
