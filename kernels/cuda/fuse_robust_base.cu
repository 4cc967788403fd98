// The base of FuseRobust, and with it the merged luma of the reduced pixels.
#include "fuse_robust.cuh"

// A cell's sums of near and of near·T for the ranges of the base; a warp.
KERNEL(robust_cells, re_robust, 128) {
	using namespace fuse_robust;
	const int cell = blockIdx.x * 4 + threadIdx.x / 32, z = threadIdx.x % 32;
	if (cell >= a.gw * a.gh || z >= RANGES) return;
	const uint32_t *counts = global<const uint32_t>(a.counts) + (int64_t)cell * 256;
	const double *near = global<const double>(a.tables + offsetof(re_robust_tables, near)) + z, *tone = global<const double>(a.tables + offsetof(re_robust_tables, tone));
	double n = 0, v = 0;
	for (int k = 0; k < 256; k += 4) {
		const uint4 c = __ldg(reinterpret_cast<const uint4 *>(counts + k));
		if (!(c.x | c.y | c.z | c.w)) continue;
		const uint32_t four[4] = {c.x, c.y, c.z, c.w};
#pragma unroll
		for (int q = 0; q < 4; q++) {
			const double w = __ldg(near + (k + q) * RANGES) * four[q];
			n += w;
			v += w * __ldg(tone + k + q);
		}
	}
	double *sums = global<double>(a.cells) + (int64_t)cell * 2 * RANGES + z;
	sums[0] = n;
	sums[RANGES] = v;
}

// The base of a cell: its neighbours' sums under the tent. A thread per cell and range.
KERNEL(robust_base, re_robust, 128) {
	using namespace fuse_robust;
	const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
	const int z = j % RANGES, x = j / RANGES % a.gw, y = j / RANGES / a.gw;
	if (y >= a.gh) return;
	double n = 0, v = 0;
	for (int dy = max(-3, -y); dy <= min(3, a.gh - 1 - y); dy++) {
		double row_n = 0, row_v = 0;
		const double *sums = global<const double>(a.cells) + ((int64_t)(y + dy) * a.gw + x) * 2 * RANGES + z;
		for (int dx = max(-3, -x); dx <= min(3, a.gw - 1 - x); dx++) {
			const double w = (4 - abs(dx)) / 16.0;
			row_n += w * __ldg(sums + dx * 2 * RANGES);
			row_v += w * __ldg(sums + dx * 2 * RANGES + RANGES);
		}
		const double w = (4 - abs(dy)) / 16.0;
		n += w * row_n;
		v += w * row_v;
	}
	global<float>(a.base)[j] = (float)((v + 1e-3 * z / (RANGES - 1)) / (n + 1e-3));
}

namespace fuse_robust {

// Where a position lies between n entries: entry i, and how far towards the next.
RE_DEVICE int tap(float at, int n, float &f) {
	at = fminf(fmaxf(at, 0.0f), (float)(n - 1));
	const int i = min((int)at, max(n - 2, 0));
	f = at - (float)i;
	return i;
}

// The base between two cells of a row, at a place among the ranges.
RE_DEVICE float between(const float *p, const float *q, const tones &t, float f) {
	const int z = t.range, next = min(z + 1, RANGES - 1);
	const float u = fmaf(__ldg(q + z) - __ldg(p + z), f, __ldg(p + z)), v = fmaf(__ldg(q + next) - __ldg(p + next), f, __ldg(p + next));
	return fmaf(v - u, t.rest, u);
}

} // namespace fuse_robust

// The merged luma of the reduced pixels. Their scene level is the mean of the photos' lumas, or where not all
// photos show all of one, that of the repaired pixels.
KERNEL(robust_level, re_robust, 128) {
	using namespace fuse_robust;
	const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, size = (int64_t)a.lw * a.lh;
	if (j >= size) return;
	const int x = j % a.lw, y = j / a.lw;
	uint32_t sum = 0, whole = 1, scene;
	for (int i = 0; i < a.n; i++) {
		sum += __ldg(global<const ushort>(a.low) + i * size + j);
		if (a.whole) whole &= global<const uchar>(a.whole)[i * size + j];
	}
	if (whole) scene = __float2uint_rz(__fadd_rn(__fdiv_rn(__uint2float_rn(sum), (float)a.n), 0.5f));
	else {
		const uint32_t area = a.step * a.step;
		uint32_t box = area / 2;
		const ushort *p = global<const ushort>(a.scene) + (int64_t)y * a.step * a.scene_stride + (int64_t)x * a.step;
		for (int r = 0; r < a.step; r++)
			for (int k = 0; k < a.step; k++) box += p[r * a.scene_stride + k];
		scene = box / area;
	}
	const tones t = tones_of(a, scene);
	const float side = (float)(a.cell / a.step);
	float fx, fy;
	const int cx = tap(((float)x + 0.5f) / side - 0.5f, a.gw, fx), cy = tap(((float)y + 0.5f) / side - 0.5f, a.gh, fy);
	const float *p = global<const float>(a.base) + ((int64_t)cy * a.gw + cx) * RANGES;
	const int right = cx + 1 < a.gw ? RANGES : 0;
	const int64_t below = cy + 1 < a.gh ? (int64_t)a.gw * RANGES : 0;
	const float u = between(p, p + right, t, fx), v = between(p + below, p + below + right, t, fx);
	global<float>(a.level)[j] = merged_luma(a, t, fmaf(v - u, fy, u));
}
