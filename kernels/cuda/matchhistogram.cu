#include "common.cuh"
#include "matchhistogram.h"

namespace matchhistogram {

typedef unsigned long long count_t;

RE_DEVICE count_t scan_warp(count_t v) {
	for (int d = 1; d < 32; d *= 2) {
		const count_t o = __shfl_up_sync(0xffffffffu, v, d);
		if ((int)(threadIdx.x % 32) >= d) v += o;
	}
	return v;
}

// The first of n sums that is not below v in share: sums[i]/total in double, as kernels.MatchTable compares.
RE_DEVICE int first_share(const count_t *sums, int n, double total, double v) {
	int lo = 0, hi = n;
	while (lo < hi) {
		const int mid = (lo + hi) / 2;
		if (__ddiv_rn((double)sums[mid], total) < v) lo = mid + 1;
		else hi = mid;
	}
	return lo;
}

// The first of n sums that is not below v.
RE_DEVICE int first_sum(const count_t *sums, int n, count_t v) {
	int lo = 0, hi = n;
	while (lo < hi) {
		const int mid = (lo + hi) / 2;
		if (sums[mid] < v) lo = mid + 1;
		else hi = mid;
	}
	return lo;
}

// kernels.MatchTable for one value whose cumulated count in the source is sum. A value that does not occur has the sum of
// the next lower one that does, and so its entry; none lower, and it is the lowest of the reference's values.
RE_DEVICE int entry(count_t sum, count_t total, const count_t *ref, int bins) {
	const double all = (double)ref[bins - 1], s = __ddiv_rn((double)sum, (double)total);
	if (sum == 0) return first_sum(ref, bins, 1);
	const int j = first_share(ref, bins, all, s); // occurs: the share steps there
	if (j >= bins) return first_sum(ref, bins, ref[bins - 1]);
	const double share = __ddiv_rn((double)ref[j], all);
	if (j == 0 || ref[j - 1] == 0 || share == s) return j;
	const int i = first_sum(ref, bins, ref[j - 1]); // the next lower that occurs
	const double below = __ddiv_rn((double)ref[i], all);
	const double slope = __ddiv_rn((double)(j - i), __dsub_rn(share, below));
	return (int)__dadd_rn(__dmul_rn(slope, __dsub_rn(s, below)), (double)i);
}

// Sixteen bytes of a row through the tables: base has those of the first three samples' channels where pixels have three, else all
// start at base[0], for then the first sample is of the first channel.
template <class T, int C> struct unit {
	enum { N = 16 / sizeof(T) };
	static __device__ __forceinline__ unsigned look(const T *const base[3], unsigned v, int k) { return base[C == 3 ? k % 3 : 0][C == 3 ? v : v + (k % C) * (sizeof(T) == 1 ? 256 : 65536)]; }
	static __device__ __forceinline__ unsigned word(const T *const base[3], unsigned v, int k) {
		if (sizeof(T) == 1) return look(base, v & 255, k) | look(base, v >> 8 & 255, k + 1) << 8 | look(base, v >> 16 & 255, k + 2) << 16 | look(base, v >> 24, k + 3) << 24;
		return look(base, v & 0xffff, k) | look(base, v >> 16, k + 1) << 16;
	}
	static __device__ __forceinline__ uint4 map(const T *const base[3], uint4 v) {
		const int n = 4 / sizeof(T);
		return make_uint4(word(base, v.x, 0), word(base, v.y, n), word(base, v.z, 2 * n), word(base, v.w, 3 * n));
	}
};

// Rows through tables; a block does ROWS rows, 4 KiB wide, of which a thread reads BATCH at once. dst may be src.
enum { ROWS = 8, BATCH = 4 };

template <class T, int C> RE_DEVICE void through(const re_match &a, const T *tables) {
	typedef unit<T, C> U;
	const int bins = sizeof(T) == 1 ? 256 : 65536, samples = a.src.w * C;
	const int i = blockIdx.x * blockDim.x + threadIdx.x, first = i * U::N;
	const int y0 = blockIdx.y * ROWS, y1 = min(a.src.h, y0 + ROWS);
	if (first >= samples) return;
	const int at = C == 3 ? first % 3 : 0;
	const T *const base[3] = {tables + at * bins, tables + (at + 1) % 3 * bins, tables + (at + 2) % 3 * bins};
	if (a.vector && first + U::N <= samples) {
		for (int y = y0; y < y1; y += BATCH) {
			uint4 v[BATCH];
#pragma unroll
			for (int j = 0; j < BATCH; j++)
				if (y + j < y1) v[j] = reinterpret_cast<const uint4 *>(row_of<const T>(a.src, y + j))[i];
#pragma unroll
			for (int j = 0; j < BATCH; j++)
				if (y + j < y1) reinterpret_cast<uint4 *>(row_of<T>(a.dst, y + j))[i] = U::map(base, v[j]);
		}
		return;
	}
	for (int y = y0; y < y1; y++) {
		const T *s = row_of<const T>(a.src, y);
		T *d = row_of<T>(a.dst, y);
		for (int k = first; k < min(samples, first + U::N); k++) d[k] = tables[k % C * bins + s[k]];
	}
}

template <int C> RE_DEVICE void through8(const re_match &a) {
	__shared__ uchar tables[C * 256];
	for (int i = threadIdx.x; i < C * 64; i += blockDim.x) reinterpret_cast<unsigned *>(tables)[i] = reinterpret_cast<const unsigned *>(a.tables)[i];
	__syncthreads();
	through<uchar, C>(a, tables);
}

} // namespace matchhistogram

// Counts to how many there are up to each value; a block does one channel of one picture.
KERNEL(match_scan, re_match, 1024) {
	typedef matchhistogram::count_t count_t;
	__shared__ count_t warps[32];
	count_t *p = reinterpret_cast<count_t *>(a.counts) + (int64_t)blockIdx.x * a.bins, before = 0;
	const int t = threadIdx.x;
	for (int b = 0; b < a.bins; b += 4096) {
		const int i = b + 4 * t;
		const bool in = i < a.bins;
		count_t v[4];
#pragma unroll
		for (int k = 0; k < 4; k++) v[k] = in ? p[i + k] : 0;
#pragma unroll
		for (int k = 1; k < 4; k++) v[k] += v[k - 1];
		const count_t sum = matchhistogram::scan_warp(v[3]);
		if (t % 32 == 31) warps[t / 32] = sum;
		__syncthreads();
		if (t < 32) warps[t] = matchhistogram::scan_warp(warps[t]);
		__syncthreads();
		const count_t base = before + (t >= 32 ? warps[t / 32 - 1] : 0) + sum - v[3];
		before += warps[31];
		if (in)
#pragma unroll
			for (int k = 0; k < 4; k++) p[i + k] = base + v[k];
		__syncthreads();
	}
}

KERNEL(match_table, re_match, 256) {
	typedef matchhistogram::count_t count_t;
	const int v = blockIdx.x * blockDim.x + threadIdx.x, channel = blockIdx.y;
	if (v >= a.bins) return;
	const count_t *src = reinterpret_cast<const count_t *>(a.counts) + (int64_t)channel * a.bins, *ref = src + (int64_t)a.channels * a.bins;
	const int e = matchhistogram::entry(src[v], src[a.bins - 1], ref, a.bins);
	if (a.bins == 256) reinterpret_cast<uchar *>(a.tables)[channel * 256 + v] = (uchar)e;
	else reinterpret_cast<ushort *>(a.tables)[channel * 65536 + v] = (ushort)e;
}

#define RE_MATCH(C)                                                            \
	KERNEL(match_u8_##C, re_match, 256) { matchhistogram::through8<C>(a); } \
	KERNEL(match_u16_##C, re_match, 256) { matchhistogram::through<ushort, C>(a, reinterpret_cast<const ushort *>(a.tables)); }
RE_MATCH(1)
RE_MATCH(2)
RE_MATCH(3)
RE_MATCH(4)
