// SSIM in one pass. With s = x+y and d = x−y the formula needs four filtered quantities, not five:
//
//	S = (s̄² − d̄² + 2C1)/(s̄² + d̄² + 2C1) · (var s − var d + 2C2)/(var s + var d + 2C2)
//
// where a mean is the Gaussian's and var q = mean q² − (mean q)². Where two pictures are alike, d is small and the
// rounding of var s cancels in the quotient. s is centred on its range, which is exact and cuts that rounding further;
// the formula does not care about scale, so integers stay as they are.
//
// A thread walks down a column of samples. The vertical filter is in transposed form: an output's partial sums wait in
// registers, each sample adds to eleven of them while they move up one, so nothing is read twice and nothing is moved.
// Eight rows of results go to shared memory as (s, s², d, d²); from there each thread takes one row, one
// channel and eight pixels to the end. There, a pixel's place is left free after every eight so that the
// sixteen-byte accesses of eight neighbouring threads meet different banks.
#include "approx.cuh"
#include "ssim.h"

namespace ssim {

const int threads = RE_SSIM_THREADS, span = RE_SSIM_SPAN, reach = RE_SSIM_REACH, rows = 8;

// The Gaussian of σ 1.5 over 11 taps; as float32 they sum to 1 within 2⁻²⁹.
RE_DEVICE constexpr float weight(int i) {
	return i == 5 ? 0.266011715f : i == 4 || i == 6 ? 0.213005543f : i == 3 || i == 7 ? 0.109360687f : i == 2 || i == 8 ? 0.0360007733f : i == 1 || i == 9 ? 0.00759875821f : 0.00102838012f;
}

template <int C> struct shape {
	static const int width = (threads / C - 2 * reach) / span * span, groups = width / span, units = groups * C; // units of a row
	static const int slots = C * (width + 2 * reach + (width + 2 * reach - 1) / span + 1);
	static const int pitch = slots + (units - slots % 8 + 8) % 8; // the next row's first unit goes on from this row's last
};

// threadIdx.x, asked for anew: what follows from it takes no registers while it is not needed.
RE_DEVICE int thread() {
#ifndef RE_EMU
	int t;
	asm volatile("mov.u32 %0, %%tid.x;" : "=r"(t));
	return t;
#else
	return threadIdx.x;
#endif
}

// Folds i into [0,n) about the outer edges: 1 0 0 1.
RE_DEVICE int fold(int i, int n) {
	i %= 2 * n;
	if (i < 0) i += 2 * n;
	return i < n ? i : 2 * n - 1 - i;
}

// s and d of two samples, s centred. Integers become floats in the low bits of 2²³ and 1.5·2²³.
template <int F> struct pair {
	static __device__ __forceinline__ void get(int x, int y, float &s, float &d) {
		s = __int_as_float(0x4B000000 + x + y) - (F == RE_U8 ? 8388608.0f + 255 : 8388608.0f + 65535);
		d = __int_as_float(0x4B400000 + x - y) - 12582912.0f;
	}
};
template <> struct pair<RE_F32> {
	static __device__ __forceinline__ void get(float x, float y, float &s, float &d) {
		s = x + y - 1.0f;
		d = x - y;
	}
};

// The rows y … y+7 of a column.
template <int F> RE_DEVICE void load(const re_ssim &a, int y, uint32_t column, float (&s)[rows], float (&d)[rows]) {
	typedef typename sample<F>::type T;
	const T *p = row_of<const T>(a.a, y) + column, *q = row_of<const T>(a.b, y) + column;
	T u[rows], v[rows];
#pragma unroll
	for (int r = 0; r < rows; r++) {
		u[r] = __ldg(reinterpret_cast<const T *>(reinterpret_cast<const char *>(p) + r * a.a.stride));
		v[r] = __ldg(reinterpret_cast<const T *>(reinterpret_cast<const char *>(q) + r * a.b.stride));
	}
#pragma unroll
	for (int r = 0; r < rows; r++) pair<F>::get(u[r], v[r], s[r], d[r]);
}

// The same where y reaches over an end of the picture, in less code.
RE_DEVICE float2 load_folded(const re_ssim &a, int y, uint32_t column) {
	float2 v;
	y = fold(y, a.a.h);
	if (a.a.format == RE_U8) pair<RE_U8>::get(row_of<const uchar>(a.a, y)[column], row_of<const uchar>(a.b, y)[column], v.x, v.y);
	else if (a.a.format == RE_U16) pair<RE_U16>::get(row_of<const ushort>(a.a, y)[column], row_of<const ushort>(a.b, y)[column], v.x, v.y);
	else pair<RE_F32>::get(row_of<const float>(a.a, y)[column], row_of<const float>(a.b, y)[column], v.x, v.y);
	return v;
}

// The vertical filter of one quantity: push takes the next sample and returns the output that it is the last of.
struct filter {
	float z[10];
	__device__ __forceinline__ float push(float v) {
		const float out = fmaf(weight(0), v, z[0]);
#pragma unroll
		for (int i = 0; i < 9; i++) z[i] = fmaf(weight(i + 1), v, z[i + 1]);
		z[9] = __fmul_rn(weight(10), v);
		return out;
	}
	// Keeps the compiler from putting the sums off until after the barrier, with all their samples in registers.
	__device__ __forceinline__ void settle() {
#ifndef RE_EMU
#pragma unroll
		for (int i = 0; i < 10; i++) asm volatile("" : "+f"(z[i]));
#endif
	}
};

// The formula, from the four filtered quantities. Errors of the approximate reciprocal are 2⁻²³. Nothing is left to the
// compiler to contract: it would do so differently from pixel to pixel of a thread, and a window would differ from its picture.
RE_DEVICE float similarity(float4 q, const re_ssim &a) {
	const float vs = __fadd_rn(fmaf(-q.x, q.x, q.y), a.c2), vd = fmaf(-q.z, q.z, q.w);
	const float m = __fadd_rn(q.x, a.top), md = __fmul_rn(q.z, q.z), ms = fmaf(m, m, a.c1);
	const float n = __fsub_rn(vs, vd), d = __fadd_rn(vs, vd);
	return a.structure ? __fmul_rn(n, approx_rcp(d)) : __fmul_rn(__fmul_rn(n, __fsub_rn(ms, md)), approx_rcp(__fmul_rn(d, __fadd_rn(ms, md))));
}

template <int C> RE_DEVICE void body(const re_ssim &a) {
	typedef shape<C> is;
	static_assert(is::pitch * rows <= 48 * 64, "static shared memory is 48 KiB");
	__shared__ __align__(16) float4 tile[rows * is::pitch];
	__shared__ double partial[threads / 32];

	const int t = threadIdx.x, x0 = (int)blockIdx.x * is::width, first = (int)blockIdx.y * a.rows;
	const int last = min(first + a.rows, a.a.h);

	// Going down: this thread's column, and its place in a row of the tile.
	const int pixel = t / C;
	const uint32_t column = (uint32_t)(fold(x0 + pixel - reach, a.a.w) * C + t % C);
	const bool used = pixel < is::width + 2 * reach; // the last few threads are left over
	float4 *const put = tile + t + C * (pixel / span);

	filter fs = {}, fss = {}, fd = {}, fdd = {};
	float sum = 0;
	for (int y = first - 2 * rows; y < last; y += rows) { // the first two rounds fill the filters
		float s[rows], d[rows];
		const int from = y + reach;
		if (from < 0 || from + rows > a.a.h) { // through shared memory, each thread for itself
			float2 *const own = reinterpret_cast<float2 *>(tile) + t;
#pragma unroll 1
			for (int r = 0; r < rows; r++) own[r * threads] = load_folded(a, from + r, column);
#pragma unroll
			for (int r = 0; r < rows; r++) {
				s[r] = own[r * threads].x;
				d[r] = own[r * threads].y;
			}
			__syncthreads();
		} else if (a.a.format == RE_U8) load<RE_U8>(a, from, column, s, d);
		else if (a.a.format == RE_U16) load<RE_U16>(a, from, column, s, d);
		else load<RE_F32>(a, from, column, s, d);
#pragma unroll
		for (int r = 0; r < rows; r++) {
			const float4 q = make_float4(fs.push(s[r]), fss.push(__fmul_rn(s[r], s[r])), fd.push(d[r]), fdd.push(__fmul_rn(d[r], d[r])));
			if (used) put[r * is::pitch] = q;
		}
		fs.settle(), fss.settle(), fd.settle(), fdd.settle();
		__syncthreads();
		if (y < first) continue;

		// Going across: this thread's row, first pixel and channel.
		const int u = thread(), row = u / is::units, group = u % is::units / C, channel = u % C; // units is a multiple of C
		const float4 *const take = tile + row * is::pitch + group * C * (span + 1) + channel;
		float v[span];
		if (row < rows) {
			float4 f[span] = {};
#pragma unroll
			for (int i = 0; i < span + 2 * reach; i++) {
				const float4 q = take[(i + i / span) * C];
#pragma unroll
				for (int k = max(0, i - 2 * reach); k <= min(i, span - 1); k++) {
					const float w = weight(i - k);
					f[k].x = fmaf(w, q.x, f[k].x);
					f[k].y = fmaf(w, q.y, f[k].y);
					f[k].z = fmaf(w, q.z, f[k].z);
					f[k].w = fmaf(w, q.w, f[k].w);
				}
			}
#pragma unroll
			for (int k = 0; k < span; k++) v[k] = similarity(f[k], a);
			if (y + row >= a.y0 && y + row < a.y1) {
				const int x = x0 + group * span, x_from = a.x0 - x, x_to = a.x1 - x; // of the eight pixels, those that count
				float eight = 0;
#pragma unroll
				for (int k = 0; k < span; k++) eight += k >= x_from && k < x_to ? v[k] : 0.0f;
				sum += eight;
			}
		}
		__syncthreads();

		if (a.m.p) { // through shared memory, so that rows are written whole
			float *const out = reinterpret_cast<float *>(tile);
			if (row < rows)
#pragma unroll
				for (int k = 0; k < span; k++) out[row * is::width * C + (group * span + k) * C + channel] = v[k];
			__syncthreads();
			const int n = min(is::width, a.a.w - x0) * C;
			for (int r = 0; r < min(rows, last - y); r++)
				for (int i = t; i < n; i += threads) row_of<float>(a.m, y + r)[x0 * C + i] = out[r * is::width * C + i];
			__syncthreads();
		}
	}

#pragma unroll 1
	for (int k = 0; k < C; k++) {
		const double all = block_sum(t % C == k ? (double)sum : 0.0, partial);
		if (t == 0) reinterpret_cast<double *>(a.sums)[(int64_t)(blockIdx.y * gridDim.x + blockIdx.x) * C + k] = all;
	}
}

} // namespace ssim

// Two blocks on a multiprocessor, where its shared memory holds two.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define RE_SSIM_BLOCKS 1
#else
#define RE_SSIM_BLOCKS 2
#endif
KERNEL_MIN(ssim_1, re_ssim, RE_SSIM_THREADS, RE_SSIM_BLOCKS) { ssim::body<1>(a); }
KERNEL_MIN(ssim_2, re_ssim, RE_SSIM_THREADS, RE_SSIM_BLOCKS) { ssim::body<2>(a); }
KERNEL_MIN(ssim_3, re_ssim, RE_SSIM_THREADS, RE_SSIM_BLOCKS) { ssim::body<3>(a); }
KERNEL_MIN(ssim_4, re_ssim, RE_SSIM_THREADS, RE_SSIM_BLOCKS) { ssim::body<4>(a); }
