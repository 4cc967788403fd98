// What all kernels use: the form of a kernel, samples in and out, sums over a block.
//
// A kernel takes one struct by value (declared in a .h that the Go side includes too) and is
// declared with KERNEL. The files are one translation unit (kernels.cu), so everything but kernels lives
// in a namespace of the file's name. The same sources are compiled as C++ for the emulator (emu/).
#ifndef RE_COMMON_CUH
#define RE_COMMON_CUH

#include "image.h"

#ifndef RE_EMU
// KERNEL(name, args, threads) declares a kernel; a is its argument, threads the most threads of a block.
#define KERNEL(name, args, threads) extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ args a)
// KERNEL_MIN also asks for that many blocks on a multiprocessor, which bounds registers.
#define KERNEL_MIN(name, args, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ args a)
// DYNAMIC_SHARED(T, name) is the block's dynamic shared memory as T[].
#define DYNAMIC_SHARED(T, name)                    \
	extern __shared__ __align__(16) uint8_t re_dynamic[]; \
	T *const name = reinterpret_cast<T *>(re_dynamic)
#else
#include "emu/emu.h"
#endif

typedef unsigned char uchar;
typedef unsigned short ushort;

#define RE_DEVICE static __device__ __forceinline__

// global is a pointer to device memory, of which the compiler then knows that it is no shared memory.
template <class T> RE_DEVICE T *global(uint64_t p) {
#ifndef RE_EMU
	return static_cast<T *>(__cvta_global_to_generic(p));
#else
	return reinterpret_cast<T *>(p);
#endif
}

// Row y of an image.
template <class T> RE_DEVICE T *row_of(const re_image &m, int y) { return global<T>(m.p + (int64_t)y * m.stride); }

// binary16 to binary32, exactly, and back, to nearest even.
RE_DEVICE float half_to_float(ushort h) {
#ifndef RE_EMU
	float f;
	asm("{.reg .f16 t; mov.b16 t, %1; cvt.f32.f16 %0, t;}" : "=f"(f) : "h"(h));
	return f;
#else
	return emu_half_to_float(h);
#endif
}
RE_DEVICE ushort float_to_half(float f) {
#ifndef RE_EMU
	ushort h;
	asm("{.reg .f16 t; cvt.rn.f16.f32 t, %1; mov.b16 %0, t;}" : "=h"(h) : "f"(f));
	return h;
#else
	return emu_float_to_half(f);
#endif
}

// sample<F> is a format's type, its value in [0,1] units and the way back (integers round half up, clamped; NaN is 0).
template <int F> struct sample;
template <> struct sample<RE_U8> {
	typedef uchar type;
	static __device__ __forceinline__ float get(uchar v) { return v * (1.0f / 255.0f); }
	static __device__ __forceinline__ uchar put(float v) { return (uchar)(int)fminf(fmaxf(v, 0.0f) * 255.0f + 0.5f, 255.0f); }
};
template <> struct sample<RE_U16> {
	typedef ushort type;
	static __device__ __forceinline__ float get(ushort v) { return v * (1.0f / 65535.0f); }
	static __device__ __forceinline__ ushort put(float v) { return (ushort)(int)fminf(fmaxf(v, 0.0f) * 65535.0f + 0.5f, 65535.0f); }
};
template <> struct sample<RE_F16> {
	typedef ushort type;
	static __device__ __forceinline__ float get(ushort v) { return half_to_float(v); }
	static __device__ __forceinline__ ushort put(float v) { return float_to_half(v); }
};
template <> struct sample<RE_F32> {
	typedef float type;
	static __device__ __forceinline__ float get(float v) { return v; }
	static __device__ __forceinline__ float put(float v) { return v; }
};

// Sums over a warp and over a block in a fixed order, so that they do not depend on scheduling. block_sum wants
// a shared array of one entry a warp; thread 0 has the result.
template <class T> RE_DEVICE T warp_sum(T v) {
	for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
	return v;
}
RE_DEVICE float warp_max(float v) {
	for (int d = 16; d > 0; d >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, d));
	return v;
}
template <class T> RE_DEVICE T block_sum(T v, T *shared) {
	const int t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z), n = (blockDim.x * blockDim.y * blockDim.z + 31) / 32;
	v = warp_sum(v);
	if (t % 32 == 0) shared[t / 32] = v;
	__syncthreads();
	if (t == 0)
		for (int i = 1; i < n; i++) v += shared[i];
	__syncthreads();
	return v;
}

#endif
