// The frame of operations that read and write each pixel once, which is all about memory: accesses of 16 bytes,
// neighbouring lanes at neighbouring addresses, several in flight per thread.
//
// A block is 32×8 threads: 8 rows, a warp on each, and a tile of a row's items. An item is N samples in and M out
// (a sample: 1 and 1; a pixel's luma: 3 and 1). A lane works on groups of V items, V such that the wider of the two
// formats fills 16 bytes with V samples: a group is N vectors in and M out. With N or M above 1 the vectors
// of a lane's group are not neighbours of other lanes' vectors, so they change hands in shared memory, which at strides of 3
// vectors has no bank conflicts. What does not fill a group, and rows that are not aligned, goes item by item, neighbouring
// lanes on neighbouring items.
#ifndef RE_STREAM_CUH
#define RE_STREAM_CUH

#include "common.cuh"
#include "stream.h"

namespace stream {

// global is a pointer into device memory, of which the compiler then knows that it is no shared memory.
template <class T> RE_DEVICE T *global(uint64_t p) {
#ifndef RE_EMU
	return static_cast<T *>(__cvta_global_to_generic(p));
#else
	return reinterpret_cast<T *>(p);
#endif
}

// Row y of an image, as such a pointer.
template <class T> RE_DEVICE T *row(const re_image &m, int y) { return global<T>(m.p + (int64_t)y * m.stride); }

// access<B> is a type that is read and written as B bytes at once.
template <int B> struct access;
template <> struct access<4> { typedef unsigned type; };
template <> struct access<8> { typedef uint2 type; };
template <> struct access<16> { typedef uint4 type; };

RE_DEVICE void words_of(unsigned v, unsigned *w) { w[0] = v; }
RE_DEVICE void words_of(uint2 v, unsigned *w) { w[0] = v.x, w[1] = v.y; }
RE_DEVICE void words_of(uint4 v, unsigned *w) { w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w; }
RE_DEVICE void words_to(const unsigned *w, unsigned &v) { v = w[0]; }
RE_DEVICE void words_to(const unsigned *w, uint2 &v) { v = make_uint2(w[0], w[1]); }
RE_DEVICE void words_to(const unsigned *w, uint4 &v) { v = make_uint4(w[0], w[1], w[2], w[3]); }

// vec is V samples in registers; indices are known when compiling.
template <class T, int V> struct vec {
	static const int bytes = V * sizeof(T);
	typedef typename access<bytes>::type whole;
	unsigned w[bytes / 4];
	__device__ __forceinline__ void load(const void *p) { words_of(*reinterpret_cast<const whole *>(p), w); }
	__device__ __forceinline__ void store(void *p) const { words_to(w, *reinterpret_cast<whole *>(p)); }
	__device__ __forceinline__ T get(int i) const {
		if constexpr (sizeof(T) == 1) return (T)(w[i / 4] >> 8 * (i % 4) & 0xff);
		else if constexpr (sizeof(T) == 2) return (T)(w[i / 2] >> 16 * (i % 2) & 0xffff);
		else return __uint_as_float(w[i]);
	}
	// set is called for i = 0, 1, 2, … in this order.
	__device__ __forceinline__ void set(int i, T v) {
		if constexpr (sizeof(T) == 1) w[i / 4] = i % 4 ? w[i / 4] | (unsigned)v << 8 * (i % 4) : v;
		else if constexpr (sizeof(T) == 2) w[i / 2] = i % 2 ? w[i / 2] | (unsigned)v << 16 : v;
		else w[i] = __float_as_uint(v);
	}
};

// gather gives each lane below groups its N consecutive vectors of a warp's groups, which start at p. All lanes take part.
template <int N, class T, int V> RE_DEVICE void gather(vec<T, V> (&own)[N], const T *p, int groups, uint4 *shared) {
	typedef typename vec<T, V>::whole whole;
	whole *const s = reinterpret_cast<whole *>(shared);
	const int lane = threadIdx.x;
	vec<T, V> v[N];
#pragma unroll
	for (int j = 0; j < N; j++)
		if (j * 32 + lane < groups * N) v[j].load(p + (j * 32 + lane) * V);
#pragma unroll
	for (int j = 0; j < N; j++)
		if (j * 32 + lane < groups * N) v[j].store(s + j * 32 + lane);
	__syncwarp();
#pragma unroll
	for (int j = 0; j < N; j++)
		if (lane < groups) own[j].load(s + lane * N + j);
	__syncwarp();
}

// scatter is the way back.
template <int N, class T, int V> RE_DEVICE void scatter(const vec<T, V> (&own)[N], T *p, int groups, uint4 *shared) {
	typedef typename vec<T, V>::whole whole;
	whole *const s = reinterpret_cast<whole *>(shared);
	const int lane = threadIdx.x;
#pragma unroll
	for (int j = 0; j < N; j++)
		if (lane < groups) own[j].store(s + lane * N + j);
	__syncwarp();
	vec<T, V> v[N];
#pragma unroll
	for (int j = 0; j < N; j++)
		if (j * 32 + lane < groups * N) v[j].load(s + j * 32 + lane);
#pragma unroll
	for (int j = 0; j < N; j++)
		if (j * 32 + lane < groups * N) v[j].store(p + (j * 32 + lane) * V);
	__syncwarp();
}

// each applies op to all items of an image: op(in, out, x) makes out[M] of in[N], x being the item's number in its row.
// A lane has G groups in flight. In place is allowed.
template <int S, int D, int N, int M, int G, class Op> RE_DEVICE void each(const re_stream &a, const Op &op) {
	typedef typename sample<S>::type ST;
	typedef typename sample<D>::type DT;
	const int wider = sizeof(ST) > sizeof(DT) ? sizeof(ST) : sizeof(DT), V = 16 / wider, tile = 32 * V * G;
	const int lane = threadIdx.x, first = blockIdx.x * tile, left = min(a.items - first, tile);
	const int full = a.aligned ? left / V : 0;
	for (int y = blockIdx.y * 8 + threadIdx.y; y < a.dst.h; y += gridDim.y * 8) {
		const ST *s = row<ST>(a.src, y) + (int64_t)first * N;
		DT *d = row<DT>(a.dst, y) + (int64_t)first * M;
		if constexpr (N == 1 && M == 1) {
			vec<ST, V> in[G];
#pragma unroll
			for (int g = 0; g < G; g++)
				if (g * 32 + lane < full) in[g].load(s + (g * 32 + lane) * V);
#pragma unroll
			for (int g = 0; g < G; g++) {
				const int at = (g * 32 + lane) * V;
				if (g * 32 + lane < full) {
					vec<DT, V> out;
#pragma unroll
					for (int i = 0; i < V; i++) {
						ST v = in[g].get(i);
						DT r;
						op(&v, &r, first + at + i);
						out.set(i, r);
					}
					out.store(d + at);
				}
			}
		} else {
			__shared__ uint4 shared[8][32 * (N > M ? N : M)];
#pragma unroll 1
			for (int g = 0; g < G; g++) {
				const int groups = min(32, full - g * 32);
				if (groups <= 0) break;
				vec<ST, V> in[N];
				vec<DT, V> out[M];
				gather(in, s + g * 32 * V * N, groups, shared[threadIdx.y]);
#pragma unroll
				for (int i = 0; i < V; i++) {
					ST v[N];
					DT r[M];
#pragma unroll
					for (int k = 0; k < N; k++) v[k] = in[(i * N + k) / V].get((i * N + k) % V);
					op(v, r, first + (g * 32 + lane) * V + i);
#pragma unroll
					for (int k = 0; k < M; k++) out[(i * M + k) / V].set((i * M + k) % V, r[k]);
				}
				if constexpr (M > 1) scatter(out, d + g * 32 * V * M, groups, shared[threadIdx.y]);
				else if (lane < groups) out[0].store(d + (g * 32 + lane) * V);
			}
		}
#pragma unroll 1
		for (int x = full * V + lane; x < left; x += 32) {
			ST v[N];
			DT r[M];
#pragma unroll
			for (int k = 0; k < N; k++) v[k] = s[(int64_t)x * N + k];
			op(v, r, first + x);
#pragma unroll
			for (int k = 0; k < M; k++) d[(int64_t)x * M + k] = r[k];
		}
	}
}

// divisor divides a row's sample numbers (up to 2²²) by a number of channels.
struct divisor {
	unsigned n, inverse; // 2³¹/n, rounded up
	__device__ __forceinline__ divisor(int n) : n(n), inverse(0x7fffffffu / n + 1) {}
	__device__ __forceinline__ unsigned quotient(unsigned x) const { return __umulhi(2 * x, inverse); }
	__device__ __forceinline__ unsigned rest(unsigned x) const { return x - quotient(x) * n; }
};

// unit is a sample in [0,1] units, integers divided by their maximum with one rounding: the quotient by a
// reciprocal, and its remainder.
template <int F> RE_DEVICE float unit(typename sample<F>::type v) {
	if constexpr (F == RE_U8 || F == RE_U16) {
		const float top = F == RE_U8 ? 255.0f : 65535.0f, r = 1.0f / top, q = (float)v * r;
		return __fmaf_rn(__fmaf_rn(-q, top, (float)v), r, q);
	} else return sample<F>::get(v);
}

// level is v·top rounded half up and clamped, NaN as 0: exactly, since the sum is cut to a float below it.
RE_DEVICE unsigned level(float v, float top) { return (unsigned)(int)__fmaf_rd(__saturatef(v), top, 0.5f); }

// of_unit is the way back from unit.
template <int F> RE_DEVICE typename sample<F>::type of_unit(float v) {
	if constexpr (F == RE_U8) return (uchar)level(v, 255.0f);
	else if constexpr (F == RE_U16) return (ushort)level(v, 65535.0f);
	else return sample<F>::put(v);
}

// number is a sample as it is stored, and of_number the way back.
template <int F> RE_DEVICE float number(typename sample<F>::type v) {
	if constexpr (F == RE_F16) return half_to_float(v);
	else return (float)v;
}
template <int F> RE_DEVICE typename sample<F>::type of_number(float v) {
	if constexpr (F == RE_U8) return (uchar)(int)(fminf(fmaxf(v, 0.0f), 255.0f) + 0.5f);
	else if constexpr (F == RE_U16) return (ushort)(int)(fminf(fmaxf(v, 0.0f), 65535.0f) + 0.5f);
	else return sample<F>::put(v);
}

} // namespace stream

// RE_PAIRS(K) and RE_FROM(K, s, S) are K(s, S, d, D) for all pairs of formats, names and numbers.
#define RE_FROM(K, s, S) K(s, S, u8, RE_U8) K(s, S, u16, RE_U16) K(s, S, f16, RE_F16) K(s, S, f32, RE_F32)
#define RE_PAIRS(K) RE_FROM(K, u8, RE_U8) RE_FROM(K, u16, RE_U16) RE_FROM(K, f16, RE_F16) RE_FROM(K, f32, RE_F32)

#endif
