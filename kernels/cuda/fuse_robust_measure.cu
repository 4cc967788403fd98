// The first look at all pixels: the scene level, the reduced lumas, how bright and how clipped each photo is. And its repair where
// photos are missing, and the cells' histograms of it.
#include "fuse_robust.cuh"

namespace fuse_robust {

// Rows of a block that are in flight at once.
enum { AHEAD = 8 };

// A block does one row of reduced pixels, span pixels of it (a multiple of step): a thread walks down one column of pixels. What it adds up goes to
// sums of the block, so that nothing is read twice. Shared memory: [n][boxes] sums, [n][2] light, with VALID
// [n][boxes] whether something is missing.
template <int F, bool VALID> RE_DEVICE void measure(const re_robust &a) {
	DYNAMIC_SHARED(uint32_t, box);
	const int boxes = a.span / a.step, t = threadIdx.x, ly = blockIdx.x / a.tiles, tile = blockIdx.x % a.tiles;
	const int x = tile * a.span + t, y0 = ly * a.step, rows = min(a.step, a.h - y0), own = t / a.step;
	uint32_t *const light = box + a.n * boxes, *const missing = light + 2 * a.n;
	for (int j = t; j < a.n * (boxes * (VALID ? 2 : 1) + 2); j += blockDim.x) box[j] = 0;
	__syncthreads();
	if (t < a.span && x < a.w) {
		for (int r0 = 0; r0 < rows; r0 += AHEAD) {
			uint32_t sum[AHEAD], nobody = 0;
#pragma unroll
			for (int r = 0; r < AHEAD; r++) sum[r] = 0;
			if (VALID)
				for (int r = 0; r < min(AHEAD, rows - r0); r++) nobody |= (uint32_t)(least_claim(a, x, y0 + r0 + r) == NOBODY) << r;
			for (int i = 0; i < a.n; i++) {
				const re_robust_photo p = photo_of(a, i);
				uint32_t down = 0;
				const column<F> at(p.p + (int64_t)(y0 + r0) * p.stride, x);
				pixel<F> v[AHEAD];
#pragma unroll
				for (int r = 0; r < AHEAD; r++) v[r].load(at, rows_below(min(r, rows - r0 - 1), p));
#pragma unroll
				for (int r = 0; r < AHEAD; r++) {
					const uint32_t luma = v[r].luma();
					sum[r] += luma;
					down += r0 + r < rows ? luma : 0;
				}
				atomicAdd(&box[i * boxes + own], down);
				if (VALID && p.claim)
					for (int r = 0; r < min(AHEAD, rows - r0); r++)
						if (claim_of(p, x, y0 + r0 + r) < 255 && !(nobody >> r & 1)) missing[i * boxes + own] = 1;
			}
			ushort *scene = global<ushort>(a.scene) + (y0 + r0) * a.scene_stride + x;
#pragma unroll
			for (int r = 0; r < AHEAD; r++)
				if (r0 + r < rows) scene[r * a.scene_stride] = (ushort)__float2uint_rz(__fadd_rn(__fdiv_rn(__uint2float_rn(sum[r]), (float)a.n), 0.5f));
		}
		if (x % a.step == a.step / 2 && rows == a.step && x - a.step / 2 + a.step <= a.w)
			for (int i = 0; i < a.n; i++) {
				const re_robust_photo p = photo_of(a, i);
				pixel<F> v;
				uint32_t r, g, b;
				v.load(column<F>(p.p + (int64_t)(y0 + a.step / 2) * p.stride, x), 0);
				v.sixteen(r, g, b);
				const uint32_t top = max(max(r, g), b);
				atomicAdd(&light[2 * i], v.luma());
				if (top >= 64880 || top <= 655) atomicAdd(&light[2 * i + 1], 1u);
			}
	}
	__syncthreads();
	for (int j = t; j < 2 * a.n; j += blockDim.x)
		if (light[j]) atomicAdd(global<unsigned long long>(a.lights) + j, (unsigned long long)light[j]);
	if (ly >= a.lh) return;
	const uint32_t area = a.step * a.step;
	for (int j = t; j < a.n * boxes; j += blockDim.x) {
		const int i = j / boxes, lx = tile * boxes + j % boxes;
		if (lx >= a.lw) continue;
		const int64_t at = ((int64_t)i * a.lh + ly) * a.lw + lx;
		global<ushort>(a.low)[at] = (ushort)((area / 2 + box[j]) / area);
		if (VALID) global<uchar>(a.whole)[at] = !missing[j];
	}
}

// The scene level of a pixel that not all photos show: what those that do say it is, as far as one lacks it. In float64, step by step as
// the reference, for the result is an integer.
template <int F> RE_DEVICE void repair(const re_robust &a) {
	const int x = blockIdx.x % a.tiles * blockDim.x + threadIdx.x, y = blockIdx.x / a.tiles;
	if (x >= a.w) return;
	const int least = least_claim(a, x, y);
	if (least >= 255) return;
	double level = 0, trust = 0;
	for (int i = 0; i < a.n; i++) {
		const re_robust_photo p = photo_of(a, i);
		pixel<F> v;
		v.load(column<F>(p.p + (int64_t)y * p.stride, x), 0);
		const uint32_t luma = v.luma();
		const double *e = global<const double>(a.back) + 2 * ((int64_t)i * 4097 + (luma >> 4)), f = (luma & 15) / 16.0;
		const double g = __dadd_rn(e[0], __dmul_rn(e[2] - e[0], f)), c = __dmul_rn(__dadd_rn(e[1], __dmul_rn(e[3] - e[1], f)), (double)claim_of(p, x, y));
		level = __dadd_rn(level, __dmul_rn(c, g));
		trust = __dadd_rn(trust, c);
	}
	ushort *scene = global<ushort>(a.scene) + y * a.scene_stride + x;
	const double f = least / 255.0;
	*scene = (ushort)__double2int_rz(__dadd_rn(__dadd_rn(__dmul_rn(f, (double)*scene), __dmul_rn(__dmul_rn(1 - f, 65535.0), level / trust)), 0.5));
}

} // namespace fuse_robust

#define FUSE_ROBUST_MEASURE(f, F)                                                                       \
	KERNEL(robust_measure_##f, re_robust, 256) { fuse_robust::measure<F, false>(a); }                    \
	KERNEL(robust_measure_##f##_valid, re_robust, 256) { fuse_robust::measure<F, true>(a); }             \
	KERNEL(robust_repair_##f, re_robust, 256) { fuse_robust::repair<F>(a); }
FUSE_ROBUST_MEASURE(u8, RE_U8)
FUSE_ROBUST_MEASURE(u16, RE_U16)
FUSE_ROBUST_MEASURE(f32, RE_F32)

// A cell's histogram of the scene level's upper 8 bits; a block.
KERNEL(robust_histogram, re_robust, 256) {
	__shared__ uint32_t counts[256];
	const int t = threadIdx.x, x0 = blockIdx.x % a.gw * a.cell, y0 = blockIdx.x / a.gw * a.cell;
	const int first = (x0 + a.every - 1) / a.every, across = (min(x0 + a.cell, a.w) + a.every - 1) / a.every - first;
	const int top = (y0 + a.every - 1) / a.every, down = (min(y0 + a.cell, a.h) + a.every - 1) / a.every - top;
	counts[t] = 0;
	__syncthreads();
	for (int j = t; j < across * down; j += 256) {
		const int64_t x = (int64_t)(first + j % across) * a.every, y = (int64_t)(top + j / across) * a.every;
		atomicAdd(&counts[__ldg(global<const ushort>(a.scene) + y * a.scene_stride + x) >> 8], 1u);
	}
	__syncthreads();
	global<uint32_t>(a.counts)[(int64_t)blockIdx.x * 256 + t] = counts[t];
}
