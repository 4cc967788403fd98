#include "common.cuh"
#include "histogram.h"

namespace histogram {

typedef unsigned long long count_t;

RE_DEVICE bool picked(const re_image &mask, int x, int y) { return mask.p == 0 || row_of<const uchar>(mask, y)[x] > 127; }

// Eight-bit samples. A photograph has flat areas, where all threads of a warp meet one bin: each thread counts in the
// set of bins of its lane, which with 32 sets lies in its own bank, so that no two threads of a warp ever wait for each other.
template <int C> struct sets {
	unsigned *bins; // of this lane
	int log2;
	// Counts a sample of channel k; at is where its byte starts in word.
	__device__ __forceinline__ void add(unsigned word, int at, int k) const { atomicAdd(bins + ((k * 256 + (word >> at & 255)) << log2), 1u); }
};

template <int C, bool MASKED> RE_DEVICE void words(const re_histogram &a, const sets<C> &s) {
	const int h = a.src.h, step = gridDim.x * blockDim.x;
	const unsigned total = (unsigned)a.units * h;
	for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < total; i += step) {
		const int y = i / a.units, u = i - y * a.units;
		const uint4 *p = reinterpret_cast<const uint4 *>(row_of<const uchar>(a.src, y)) + 3 * u;
		unsigned v[12], m[12 / C];
#pragma unroll
		for (int j = 0; j < 3; j++) {
			const uint4 q = __ldg(p + j);
			v[4 * j] = q.x;
			v[4 * j + 1] = q.y;
			v[4 * j + 2] = q.z;
			v[4 * j + 3] = q.w;
		}
		if (MASKED) {
			const unsigned *q = reinterpret_cast<const unsigned *>(row_of<const uchar>(a.mask, y)) + 12 / C * u;
#pragma unroll
			for (int j = 0; j < 12 / C; j++) m[j] = __ldg(q + j);
		}
#pragma unroll
		for (int b = 0; b < 48; b++)
			if (!MASKED || m[b / C / 4] >> (8 * (b / C % 4) + 7) & 1) s.add(v[b / 4], 8 * (b % 4), b % C);
	}
}

// Pixels from column x0 on, a warp 256 of a row at a time.
template <int C> RE_DEVICE void pixels(const re_histogram &a, const sets<C> &s, int x0) {
	const int w = a.src.w, h = a.src.h, segments = (w - x0 + 255) / 256, lane = threadIdx.x % 32;
	const unsigned total = (unsigned)segments * h, step = gridDim.x * blockDim.x / 32;
	for (unsigned i = (blockIdx.x * blockDim.x + threadIdx.x) / 32; i < total; i += step) {
		const int y = i / segments, x = x0 + (int)(i - y * segments) * 256 + lane;
		const uchar *p = row_of<const uchar>(a.src, y);
		unsigned v[8]; // the samples of a pixel
		bool in[8];
#pragma unroll
		for (int j = 0; j < 8; j++) {
			in[j] = x + 32 * j < w && picked(a.mask, x + 32 * j, y);
			v[j] = 0;
			if (in[j])
#pragma unroll
				for (int k = 0; k < C; k++) v[j] |= (unsigned)__ldg(p + (int64_t)(x + 32 * j) * C + k) << 8 * k;
		}
#pragma unroll
		for (int j = 0; j < 8; j++)
			if (in[j])
#pragma unroll
				for (int k = 0; k < C; k++) s.add(v[j], 8 * k, k);
	}
}

template <int C> RE_DEVICE void body8(const re_histogram &a) {
	DYNAMIC_SHARED(unsigned, bins);
	const int copies = 1 << a.copies_log2, lane = threadIdx.x % 32, warps = blockDim.x / 32;
	for (int i = threadIdx.x; i < C * 256 * copies; i += blockDim.x) bins[i] = 0;
	__syncthreads();
	const sets<C> s = {bins + (lane & (copies - 1)), a.copies_log2};
	if (a.units > 0) {
		if (a.mask.p) words<C, true>(a, s);
		else words<C, false>(a, s);
	}
	const int x0 = a.units * 48 / C;
	if (x0 < a.src.w) pixels<C>(a, s, x0);
	__syncthreads();
	for (int b = threadIdx.x / 32; b < C * 256; b += warps) {
		const unsigned n = warp_sum(lane < copies ? bins[(b << a.copies_log2) + lane] : 0u);
		if (lane == 0 && n > 0) atomicAdd(reinterpret_cast<count_t *>(a.counts) + b, (count_t)n);
	}
}

// Sixteen-bit samples. A block counts the values of one channel within a range that fits its shared memory in counters of
// 16 bits, two a word. The one thread whose addition takes a counter past half its range moves that half to
// the sums in device memory; a barrier every few additions keeps the others from filling the rest meanwhile:
// 3 · 8 · 1024 additions and 2¹⁵ stay below 2¹⁶. Equal neighbours, such as clipped areas have, are counted in one addition.
RE_DEVICE void add16(unsigned *words, count_t *sums, unsigned v, bool in) {
	const unsigned all = 0xffffffffu, active = __ballot_sync(all, in);
	if (active == 0) return;
	const int leader = __ffs(active) - 1, lane = threadIdx.x % 32;
	const unsigned first = __shfl_sync(all, v, leader), same = __ballot_sync(all, in && v == first);
	unsigned n = 1;
	if (same >> lane & 1) {
		n = __popc(same);
		in = lane == leader;
	}
	if (!in) return;
	const int shift = v & 1 ? 16 : 0;
	const unsigned old = atomicAdd(words + (v >> 1), n << shift) >> shift & 0xffff;
	if (old < 0x8000 && old + n >= 0x8000) {
		atomicSub(words + (v >> 1), 0x8000u << shift);
		atomicAdd(sums + v, (count_t)0x8000);
	}
}

// What a thread reads of a warp's piece of a row: 8 pixels 32 apart. Those that do not count are beyond every range.
RE_DEVICE void read16(const re_histogram &a, unsigned piece, int segments, int channel, unsigned v[8]) {
	const int w = a.src.w, h = a.src.h, y = piece / segments, x = (int)(piece - y * segments) * 256 + threadIdx.x % 32;
#pragma unroll
	for (int j = 0; j < 8; j++) {
		v[j] = 1 << 16;
		if (y < h && x + 32 * j < w && picked(a.mask, x + 32 * j, y)) v[j] = __ldg(row_of<const ushort>(a.src, y) + (int64_t)(x + 32 * j) * a.src.c + channel);
	}
}

} // namespace histogram

KERNEL(histogram_u8_1, re_histogram, 512) { histogram::body8<1>(a); }
KERNEL(histogram_u8_2, re_histogram, 512) { histogram::body8<2>(a); }
KERNEL(histogram_u8_3, re_histogram, 512) { histogram::body8<3>(a); }
KERNEL(histogram_u8_4, re_histogram, 512) { histogram::body8<4>(a); }

// The blocks of one place in the picture lie side by side, so that all channels find it in the cache.
KERNEL(histogram_u16, re_histogram, 1024) {
	DYNAMIC_SHARED(unsigned, words);
	const int size = 1 << a.bins_log2, half = size / 2;
	const int channel = blockIdx.x % a.src.c, low = blockIdx.x / a.src.c * size;
	histogram::count_t *sums = reinterpret_cast<histogram::count_t *>(a.counts) + channel * 65536 + low;
	for (int i = threadIdx.x; i < half; i += blockDim.x) words[i] = 0;
	__syncthreads();
	const int segments = (a.src.w + 255) / 256;
	const unsigned total = (unsigned)segments * a.src.h, step = gridDim.y * blockDim.x / 32, warp = threadIdx.x / 32;
	unsigned next[8];
	histogram::read16(a, blockIdx.y * blockDim.x / 32 + warp, segments, channel, next);
	int since = 0;
	for (unsigned i = blockIdx.y * blockDim.x / 32; i < total; i += step) { // the same number of times in all warps
		unsigned v[8];
#pragma unroll
		for (int j = 0; j < 8; j++) v[j] = next[j] - low;
		histogram::read16(a, i + step + warp, segments, channel, next);
#pragma unroll
		for (int j = 0; j < 8; j++) histogram::add16(words, sums, v[j], v[j] < (unsigned)size);
		if (++since == 3) {
			since = 0;
			__syncthreads();
		}
	}
	__syncthreads();
	unsigned *out = reinterpret_cast<unsigned *>(a.partial) + (int64_t)blockIdx.y * a.src.c * 32768 + channel * 32768 + low / 2;
	for (int i = threadIdx.x; i < half; i += blockDim.x) out[i] = words[i];
}

// Adds what the blocks counted to the sums; a thread does two bins.
KERNEL(histogram_sum, re_histogram, 256) {
	const int i = blockIdx.x * blockDim.x + threadIdx.x, n = a.src.c * 32768;
	const unsigned *p = reinterpret_cast<const unsigned *>(a.partial) + i;
	unsigned low = 0, high = 0; // fewer than 2¹⁶ blocks
#pragma unroll 8
	for (int b = 0; b < a.blocks; b++) {
		const unsigned v = p[(int64_t)b * n];
		low += v & 0xffff;
		high += v >> 16;
	}
	histogram::count_t *c = reinterpret_cast<histogram::count_t *>(a.counts) + 2 * i;
	c[0] += low;
	c[1] += high;
}
