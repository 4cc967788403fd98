// CUDA's device language on the processor: enough of it to run this package's kernels as C++.
// Threads of a block are fibers that take turns at barriers, blocks run one after the other.
// It checks logic, not speed, and not what only a GPU can show (races, memory order, alignment faults).
#ifndef RE_EMU_H
#define RE_EMU_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <algorithm>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __noinline__
#define __restrict__
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
#define EMU_VEC(T, N)                                                        \
	struct alignas(sizeof(T) * 2) N##2 { T x, y; };                          \
	struct N##3 { T x, y, z; };                                              \
	struct alignas(sizeof(T) * 4 > 16 ? 16 : sizeof(T) * 4) N##4 { T x, y, z, w; }; \
	static inline N##2 make_##N##2(T x, T y) { return {x, y}; }              \
	static inline N##3 make_##N##3(T x, T y, T z) { return {x, y, z}; }      \
	static inline N##4 make_##N##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMU_VEC(float, float)
EMU_VEC(double, double)
EMU_VEC(int, int)
EMU_VEC(unsigned char, uchar)
EMU_VEC(unsigned short, ushort)
EMU_VEC(short, short)
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static const int warpSize = 32;

// The scheduler (emu.cu).
void emu_block_barrier();
void emu_warp_barrier(unsigned mask);
int emu_lane();
extern unsigned char *emu_dynamic;   // dynamic shared memory of the running block
extern uint64_t emu_exchange[32][32]; // by warp, by lane

typedef void (*emu_entry)(const void *args);
int emu_register(const char *name, emu_entry run, size_t bytes, int threads);

#define KERNEL(name, args, threads)                                                               \
	static void name(const args &a);                                                              \
	static void emu_run_##name(const void *p) { name(*(const args *)p); }                         \
	static int emu_reg_##name = emu_register(#name, emu_run_##name, sizeof(args), threads);       \
	static void name(const args &a)
#define KERNEL_MIN(name, args, threads, blocks) KERNEL(name, args, threads)
#define DYNAMIC_SHARED(T, name) T *const name = reinterpret_cast<T *>(emu_dynamic)

static inline void __syncthreads() { emu_block_barrier(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emu_warp_barrier(mask); }
static inline void __threadfence() {}
static inline void __threadfence_block() {}

static inline int emu_warp() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) / 32; }
// Every lane of the mask puts a value down, all wait, every lane picks one up, all wait.
template <class T> static T emu_swap(unsigned mask, T v, int from) {
	static_assert(sizeof(T) <= 8, "");
	uint64_t bits = 0;
	memcpy(&bits, &v, sizeof v);
	emu_exchange[emu_warp()][emu_lane()] = bits;
	emu_warp_barrier(mask);
	bits = emu_exchange[emu_warp()][from & 31];
	emu_warp_barrier(mask);
	memcpy(&v, &bits, sizeof v);
	return v;
}
template <class T> static T __shfl_sync(unsigned m, T v, int lane, int width = 32) { return emu_swap(m, v, (emu_lane() & ~(width - 1)) | (lane & (width - 1))); }
template <class T> static T __shfl_xor_sync(unsigned m, T v, int d, int width = 32) { (void)width; return emu_swap(m, v, emu_lane() ^ d); }
template <class T> static T __shfl_down_sync(unsigned m, T v, int d, int width = 32) {
	int l = emu_lane();
	return emu_swap(m, v, (l & (width - 1)) + d < width ? l + d : l);
}
template <class T> static T __shfl_up_sync(unsigned m, T v, int d, int width = 32) {
	int l = emu_lane();
	return emu_swap(m, v, (l & (width - 1)) >= d ? l - d : l);
}
static inline unsigned __ballot_sync(unsigned m, int p) {
	unsigned r = 0;
	emu_exchange[emu_warp()][emu_lane()] = p != 0;
	emu_warp_barrier(m);
	for (int i = 0; i < 32; i++)
		if (m >> i & 1) r |= (unsigned)emu_exchange[emu_warp()][i] << i;
	emu_warp_barrier(m);
	return r;
}
static inline int __any_sync(unsigned m, int p) { return __ballot_sync(m, p) != 0; }
static inline int __all_sync(unsigned m, int p) { return __ballot_sync(m, p) == m; }
static inline unsigned __activemask() { return 0xffffffffu; }
template <class T> static T emu_reduce(unsigned m, T v, T (*f)(T, T)) {
	emu_exchange[emu_warp()][emu_lane()] = (uint64_t)(int64_t)v;
	emu_warp_barrier(m);
	bool first = true;
	T r = v;
	for (int i = 0; i < 32; i++)
		if (m >> i & 1) {
			T o = (T)emu_exchange[emu_warp()][i];
			r = first ? o : f(r, o);
			first = false;
		}
	emu_warp_barrier(m);
	return r;
}
static inline unsigned __reduce_add_sync(unsigned m, unsigned v) { return emu_reduce<unsigned>(m, v, [](unsigned a, unsigned b) { return a + b; }); }
static inline int __reduce_add_sync(unsigned m, int v) { return emu_reduce<int>(m, v, [](int a, int b) { return a + b; }); }
static inline unsigned __reduce_min_sync(unsigned m, unsigned v) { return emu_reduce<unsigned>(m, v, [](unsigned a, unsigned b) { return a < b ? a : b; }); }
static inline unsigned __reduce_max_sync(unsigned m, unsigned v) { return emu_reduce<unsigned>(m, v, [](unsigned a, unsigned b) { return a > b ? a : b; }); }

// Atomics: one thread runs at a time.
template <class T, class U> static T atomicAdd(T *p, U v) { T o = *p; *p = (T)(o + (T)v); return o; }
template <class T, class U> static T atomicSub(T *p, U v) { T o = *p; *p = (T)(o - (T)v); return o; }
template <class T, class U> static T atomicMax(T *p, U v) { T o = *p; if ((T)v > o) *p = (T)v; return o; }
template <class T, class U> static T atomicMin(T *p, U v) { T o = *p; if ((T)v < o) *p = (T)v; return o; }
template <class T, class U> static T atomicOr(T *p, U v) { T o = *p; *p = o | (T)v; return o; }
template <class T, class U> static T atomicExch(T *p, U v) { T o = *p; *p = (T)v; return o; }
template <class T, class U, class V> static T atomicCAS(T *p, U c, V v) { T o = *p; if (o == (T)c) *p = (T)v; return o; }
template <class T, class U> static T atomicAdd_block(T *p, U v) { return atomicAdd(p, v); }

template <class T> static T __ldg(const T *p) { return *p; }
template <class T> static T __ldcs(const T *p) { return *p; }
template <class T> static void __stcs(T *p, T v) { *p = v; }

// Arithmetic with a stated rounding; never contracted (the emulator is built with -ffp-contract=off).
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fmaf_rd(float a, float b, float c) {
	double exact = fma((double)a, (double)b, (double)c);
	float f = (float)exact;
	return f > exact ? nextafterf(f, -INFINITY) : f;
}
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fadd_rd(float a, float b) {
	double s = (double)a + b; // exact for what is near in magnitude
	float f = (float)s;
	return f > s ? nextafterf(f, -INFINITY) : f;
}
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frcp_rn(float a) { return 1 / a; }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline float __fdividef(float a, float b) { return a / b; }
#define __expf expf
#define __logf logf
#define __log2f log2f
#define __powf powf
#define __sinf sinf
#define __cosf cosf
static inline float rsqrtf(float a) { return 1 / sqrtf(a); }
static inline float rcbrtf(float a) { return 1 / cbrtf(a); }
static inline float __frsqrt_rn(float a) { return 1 / sqrtf(a); }
static inline float __saturatef(float a) { return a > 0 ? (a < 1 ? a : 1) : 0; }
static inline int __float2int_rn(float a) { return (int)nearbyintf(a); }
static inline int __float2int_rd(float a) { return (int)floorf(a); }
static inline int __float2int_rz(float a) { return (int)a; }
static inline unsigned __float2uint_rn(float a) { return a > 0 ? (unsigned)nearbyintf(a) : 0; }
static inline unsigned __float2uint_rz(float a) { return a > 0 ? (unsigned)a : 0; }
static inline int __double2int_rd(double a) { return (int)floor(a); }
static inline int __double2int_rn(double a) { return (int)nearbyint(a); }
static inline int __double2int_rz(double a) { return (int)a; }
static inline float __int2float_rn(int a) { return (float)a; }
static inline float __uint2float_rn(unsigned a) { return (float)a; }
static inline float __int_as_float(int a) { float f; memcpy(&f, &a, 4); return f; }
static inline int __float_as_int(float f) { int a; memcpy(&a, &f, 4); return a; }
static inline float __uint_as_float(unsigned a) { float f; memcpy(&f, &a, 4); return f; }
static inline unsigned __float_as_uint(float f) { unsigned a; memcpy(&a, &f, 4); return a; }
static inline double __longlong_as_double(long long a) { double f; memcpy(&f, &a, 8); return f; }
static inline long long __double_as_longlong(double f) { long long a; memcpy(&a, &f, 8); return a; }
static inline int __popc(unsigned a) { return __builtin_popcount(a); }
static inline int __clz(int a) { return a ? __builtin_clz(a) : 32; }
static inline int __ffs(int a) { return __builtin_ffs(a); }
static inline int __mul24(int a, int b) { return a * b; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned s) {
	uint64_t v = (uint64_t)y << 32 | x;
	unsigned r = 0;
	for (int i = 0; i < 4; i++) r |= (unsigned)(v >> 8 * (s >> 4 * i & 7) & 255) << 8 * i;
	return r;
}
static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned s) { return (unsigned)(((uint64_t)hi << 32 | lo) >> (s & 31)); }
static inline int __dp4a(int a, int b, int c) {
	for (int i = 0; i < 4; i++) c += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
	return c;
}
static inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
	for (int i = 0; i < 4; i++) c += (a >> 8 * i & 255) * (b >> 8 * i & 255);
	return c;
}
static inline unsigned __vminu4(unsigned a, unsigned b) {
	unsigned r = 0;
	for (int i = 0; i < 32; i += 8) r |= std::min(a >> i & 255, b >> i & 255) << i;
	return r;
}
static inline unsigned __vminu2(unsigned a, unsigned b) { return std::min(a & 65535, b & 65535) | std::min(a >> 16, b >> 16) << 16; }
static inline unsigned __vmaxu4(unsigned a, unsigned b) {
	unsigned r = 0;
	for (int i = 0; i < 32; i += 8) r |= std::max(a >> i & 255, b >> i & 255) << i;
	return r;
}

// CUDA has min and max of mixed types as built-ins.
#define EMU_MINMAX(T)                                              \
	static inline T min(T a, T b) { return a < b ? a : b; }        \
	static inline T max(T a, T b) { return a > b ? a : b; }
EMU_MINMAX(int)
EMU_MINMAX(unsigned)
EMU_MINMAX(long)
EMU_MINMAX(unsigned long)
EMU_MINMAX(long long)
EMU_MINMAX(unsigned long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

float emu_half_to_float(unsigned short h);
unsigned short emu_float_to_half(float f);

#endif
