// The summary of the reduced pixels that the tables are made from: robust.Summary.
#include "fuse_robust.cuh"

namespace fuse_robust {

// Pixels of a block of robust_summary, and photos it sums up; a level's sum of them fits into 32 bits.
enum { PIXELS = 2048, PHOTOS = 16 };

// Tiles of robust_windows.
enum { SIDE = 32, REACH = 20, ALL = SIDE + 2 * REACH, FIVE = ALL - 10, TEN = FIVE - 10, SLOTS = 1024 };

// The least of so many entries apart, from v on; both halves.
template <int COUNT> RE_DEVICE uint32_t least_of(const uint32_t *v, int apart) {
	uint32_t m = v[0];
#pragma unroll
	for (int k = 1; k < COUNT; k++) m = __vminu2(m, v[k * apart]);
	return m;
}

// The corners of a square of squares, so far apart.
RE_DEVICE uint32_t least_corner(const uint32_t *v, int apart, int stride) {
	return __vminu2(__vminu2(v[0], v[apart]), __vminu2(v[apart * stride], v[apart * stride + apart]));
}

// Counts a window. Neighbours are alike, so a block counts by itself, each key in the slot it hashes to; a key whose slot is taken goes to the whole at once.
RE_DEVICE void count(const re_robust &a, uint32_t *keys, uint32_t *counts, uint32_t window) {
	const uint32_t key = (window & 255) << 8 | (255 - (window >> 16)), slot = (key * 40503u >> 6) % SLOTS;
	const uint32_t had = atomicCAS(&keys[slot], ~0u, key);
	if (had == ~0u || had == key) atomicAdd(&counts[slot], 1u);
	else atomicAdd(global<uint32_t>(a.windows) + key, 1u);
}

} // namespace fuse_robust

// Levels, counts and sums. Blocks: over pixels, over photos.
KERNEL(robust_summary, re_robust, 256) {
	using namespace fuse_robust;
	__shared__ uint32_t counts[2][256], sums[PHOTOS][256];
	const int t = threadIdx.x, i0 = blockIdx.y * PHOTOS, photos = min((int)PHOTOS, a.n - i0);
	const int64_t size = (int64_t)a.lw * a.lh;
	const ushort *low = global<const ushort>(a.low);
	counts[0][t] = counts[1][t] = 0;
	for (int i = 0; i < photos; i++) sums[i][t] = 0;
	__syncthreads();
	for (int64_t j = (int64_t)blockIdx.x * PIXELS + t, end = min((long long)size, (long long)(blockIdx.x + 1ll) * PIXELS); j < end; j += 256) {
		uint32_t sum = 0, whole = 1;
		for (int i = 0; i < a.n; i++) {
			sum += __ldg(low + i * size + j);
			if (a.whole) whole &= global<const uchar>(a.whole)[i * size + j];
		}
		const uint32_t k = sum / a.n >> 8;
		if (i0 == 0) {
			global<uchar>(a.seen)[j] = (uchar)k;
			atomicAdd(&counts[0][k], 1u);
			if (whole) atomicAdd(&counts[1][k], 1u);
		}
		if (whole || a.everyone)
			for (int i = 0; i < photos; i++) atomicAdd(&sums[i][k], (uint32_t)__ldg(low + (i0 + i) * size + j));
	}
	__syncthreads();
	if (counts[0][t]) atomicAdd(global<uint32_t>(a.all) + t, counts[0][t]);
	if (counts[1][t]) atomicAdd(global<uint32_t>(a.shared) + t, counts[1][t]);
	for (int i = 0; i < photos; i++)
		if (sums[i][t]) atomicAdd(global<unsigned long long>(a.sums) + (i0 + i) * 256 + t, (unsigned long long)sums[i][t]);
}

// Windows by their lowest and highest level, of 32×32 pixels a block: the lower half of a word has the lowest, the upper
// half 255 minus the highest, so that both are minima. Wider windows are made of narrower ones.
KERNEL(robust_windows, re_robust, 256) {
	using namespace fuse_robust;
	__shared__ uint32_t one[ALL * ALL], two[ALL * FIVE], keys[SLOTS], counts[SLOTS];
	const int t = threadIdx.x, x0 = blockIdx.x % a.tiles * SIDE, y0 = blockIdx.x / a.tiles * SIDE;
	for (int j = t; j < SLOTS; j += 256) keys[j] = ~0u, counts[j] = 0;
	for (int j = t; j < ALL * ALL; j += 256) {
		const int x = min(max(x0 - REACH + j % ALL, 0), a.lw - 1), y = min(max(y0 - REACH + j / ALL, 0), a.lh - 1);
		const uint32_t k = global<const uchar>(a.seen)[(int64_t)y * a.lw + x];
		one[j] = k | (255 - k) << 16;
	}
	__syncthreads();
	for (int j = t; j < ALL * FIVE; j += 256) two[j] = least_of<11>(one + j / FIVE * ALL + j % FIVE, 1);
	__syncthreads();
	for (int j = t; j < FIVE * FIVE; j += 256) one[j] = least_of<11>(two + j, FIVE);
	__syncthreads();
	for (int j = t; j < TEN * TEN; j += 256) two[j] = least_corner(one + j / TEN * FIVE + j % TEN, 10, FIVE);
	__syncthreads();
	for (int j = t; j < SIDE * SIDE; j += 256) {
		const int x = j % SIDE, y = j / SIDE;
		if (x0 + x >= a.lw || y0 + y >= a.lh) continue;
		count(a, keys, counts, one[(y + 15) * FIVE + x + 15]);
		count(a, keys, counts, two[(y + 10) * TEN + x + 10]);
		count(a, keys, counts, least_corner(two + y * TEN + x, 20, TEN));
	}
	__syncthreads();
	for (int j = t; j < SLOTS; j += 256)
		if (counts[j]) atomicAdd(global<uint32_t>(a.windows) + keys[j], counts[j]);
}
