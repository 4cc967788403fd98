// Local contrast of FuseRobust on the reduced pixels: the photos' windows, what they say, the coefficients that pixels get from all
// windows around them. Windows are sums down columns, by threads that slide along them, of which other kernels take sums along
// rows, as differences of sums from the tile's edge on. The photos' are integers, the others' float64.
#include "fuse_robust.cuh"

namespace fuse_robust {

// Rows that a thread slides over, a chunk.
enum { SLIDE = 16 };

// Slides along a column: sums of the rows y−r … y+r for y of a chunk. S adds and takes what load gives.
template <class S, class LOAD, class STORE> RE_DEVICE void slide(const re_robust &a, int y0, LOAD load, STORE store) {
	const int r = a.radius, y1 = min(y0 + SLIDE, a.lh);
	S s;
#pragma unroll 8
	for (int y = max(0, y0 - r); y < min(y0 + r, a.lh); y++) s.add(load(y));
#pragma unroll 4
	for (int y = y0; y < y1; y++) {
		if (y + r < a.lh) s.add(load(y + r));
		if (y > y0 && y - r > 0) s.take(load(y - r - 1));
		store(y, s);
	}
}

// The column and the first row of a thread that slides; false past the end.
RE_DEVICE bool slides(const re_robust &a, int &x, int &y0) {
	x = blockIdx.x % a.tiles * blockDim.x + threadIdx.x;
	y0 = blockIdx.x / a.tiles * SLIDE;
	return x < a.lw;
}

// A photo's lumas: their sum with 2³² for each that is not valid, the sum of their squares.
struct integers {
	uint64_t sum = 0, squares = 0;
	__device__ __forceinline__ void add(uint64_t v) { sum += v, squares += (v & 65535) * (v & 65535); }
	__device__ __forceinline__ void take(uint64_t v) { sum -= v, squares -= (v & 65535) * (v & 65535); }
};

// The merged luma.
struct doubles {
	double sum = 0, squares = 0;
	__device__ __forceinline__ void add(float v) { sum += v, squares += (double)v * v; }
	__device__ __forceinline__ void take(float v) { sum -= v, squares -= (double)v * v; }
};

struct single {
	double sum = 0;
	__device__ __forceinline__ void add(float v) { sum += v; }
	__device__ __forceinline__ void take(float v) { sum -= v; }
};

// A tile of a row of windows: a block's part of one reduced row.
struct strip {
	int y, x0;
	int64_t row; // of its first reduced pixel
	__device__ __forceinline__ strip(const re_robust &a) {
		y = blockIdx.x / a.tiles;
		x0 = blockIdx.x % a.tiles * TILE;
		row = (int64_t)y * a.lw;
	}
};

// Sums along the row: v becomes the sums from the tile's edge on of what is in columns.
template <class T, class C> RE_DEVICE void along(const re_robust &a, const strip &s, const C *columns, T *v, T *warps) {
	for (int j = threadIdx.x; j < WIDE; j += 256) {
		const int x = s.x0 - a.radius + j;
		v[j] = j < TILE + 2 * a.radius && x >= 0 && x < a.lw ? (T)columns[s.row + x] : (T)0;
	}
	prefix(v, warps);
}
template <class T> RE_DEVICE T window(const re_robust &a, const T *v, int j) { return j > 0 ? v[j + 2 * a.radius] - v[j - 1] : v[2 * a.radius]; }

} // namespace fuse_robust

// Sums down columns of photo blockIdx.y.
KERNEL(robust_low_columns, re_robust, 128) {
	using namespace fuse_robust;
	int x, y0;
	if (!slides(a, x, y0)) return;
	const int64_t size = (int64_t)a.lw * a.lh, i = blockIdx.y;
	const ushort *low = global<const ushort>(a.low) + i * size + x;
	const uchar *whole = a.whole ? global<const uchar>(a.whole) + i * size + x : nullptr;
	uint64_t *sum = global<uint64_t>(a.columns) + 2 * i * size + x, *squares = sum + size;
	slide<integers>(a, y0,
	                [&](int y) { return (uint64_t)__ldg(low + (int64_t)y * a.lw) | (uint64_t)(whole && !whole[(int64_t)y * a.lw]) << 32; },
	                [&](int y, const integers &s) { sum[(int64_t)y * a.lw] = s.sum, squares[(int64_t)y * a.lw] = s.squares; });
}

// Mean and standard deviation of photo blockIdx.y in its windows, the latter 0 where it is not valid all over. count·Σv² − (Σv)² is
// exact, below 2⁵⁵.
KERNEL(robust_low_windows, re_robust, 256) {
	using namespace fuse_robust;
	__shared__ uint64_t sums[WIDE], squares[WIDE], warps[8];
	const strip s(a);
	const int64_t size = (int64_t)a.lw * a.lh, i = blockIdx.y, to = ((int64_t)a.fit * a.n + i) * size + s.row;
	const uint64_t *columns = global<const uint64_t>(a.columns) + 2 * i * size;
	along(a, s, columns, sums, warps);
	along(a, s, columns + size, squares, warps);
	for (int j = threadIdx.x; j < TILE && s.x0 + j < a.lw; j += 256) {
		const int x = s.x0 + j;
		const uint64_t count = (uint64_t)within(x, a.radius, a.lw) * within(s.y, a.radius, a.lh);
		const uint64_t v = window(a, sums, j), sum = v & 0xffffffffu;
		const float inv = 1.0f / ((float)count * 65535.0f);
		global<float>(a.mean)[to + x] = (float)sum * inv;
		global<float>(a.sd)[to + x] = v >> 32 ? 0.0f : sqrtf((float)(count * window(a, squares, j) - sum * sum)) * inv;
	}
}

KERNEL(robust_level_columns, re_robust, 128) {
	using namespace fuse_robust;
	int x, y0;
	if (!slides(a, x, y0)) return;
	const float *level = global<const float>(a.level) + x;
	double *sum = global<double>(a.columns) + x, *squares = sum + (int64_t)a.lw * a.lh;
	slide<doubles>(a, y0, [&](int y) { return __ldg(level + (int64_t)y * a.lw); },
	               [&](int y, const doubles &s) { sum[(int64_t)y * a.lw] = s.sum, squares[(int64_t)y * a.lw] = s.squares; });
}

// What the windows say: step 10 of docs/merge.md.
KERNEL(robust_parts, re_robust, 256) {
	using namespace fuse_robust;
	__shared__ double sums[WIDE], squares[WIDE], warps[8];
	const strip s(a);
	const int64_t size = (int64_t)a.lw * a.lh;
	const double *columns = global<const double>(a.columns);
	along(a, s, columns, sums, warps);
	along(a, s, columns + size, squares, warps);
	for (int j = threadIdx.x; j < TILE && s.x0 + j < a.lw; j += 256) {
		const int x = s.x0 + j;
		const double inv = 1.0 / ((double)within(x, a.radius, a.lw) * within(s.y, a.radius, a.lh)), m = window(a, sums, j) * inv, v = window(a, squares, j) * inv - m * m;
		const float own = (float)m, c = sqrtf((float)(v > 0 ? v : 0));
		const int64_t at = s.row + x, from = (int64_t)a.fit * a.n * size;
		const float *mean = global<const float>(a.mean) + from, *sd = global<const float>(a.sd) + from;
		float best = 0.0f, total = 0.0f;
		for (int i = 0; i < a.n; i++) best = fmaxf(best, __ldg(sd + photo_of(a, i).plane * size + at));
		const float least = 1.0f / (best + 1e-4f);
		const auto near = [&](float e) {
			float q = (e + 1e-4f) * least;
			q *= q;
			q *= q;
			return q * q;
		};
		for (int i = 0; i < a.n; i++) total += near(__ldg(sd + photo_of(a, i).plane * size + at));
		const float b = best * best, trust = b / (b + a.noise * a.noise), want = fminf(2.0f * (c + 2.0f / 255.0f), best);
		const float q = c / a.edge, q2 = q * q, t = 1.0f / (1.0f + q2 * q2 * q), share = t * trust * want / total;
		float offset = t * trust * own;
		float *out = global<float>(a.parts) + at;
		for (int i = 0; i < a.n; i++) {
			const int64_t from = photo_of(a, i).plane * size + at;
			const float e = __ldg(sd + from), p = share * near(e) / (e + 0.001f);
			out[(PHOTO + i) * size] = p;
			offset -= p * __ldg(mean + from);
		}
		out[SELF * size] = t;
		out[MEAN * size] = t * own;
		out[OWN * size] = t * (1.0f - trust);
		out[OFFSET * size] = offset;
	}
}

// Sums down columns of part blockIdx.y.
KERNEL(robust_part_columns, re_robust, 128) {
	using namespace fuse_robust;
	int x, y0;
	if (!slides(a, x, y0)) return;
	const int64_t from = blockIdx.y * (int64_t)a.lw * a.lh + x;
	const float *part = global<const float>(a.parts) + from;
	float *sum = global<float>(a.columns) + from;
	slide<single>(a, y0, [&](int y) { return __ldg(part + (int64_t)y * a.lw); }, [&](int y, const single &s) { sum[(int64_t)y * a.lw] = (float)s.sum; });
}

// The coefficients of a tile of a row, and the merged luma after this step.
KERNEL(robust_fit, re_robust, 256) {
	using namespace fuse_robust;
	__shared__ double sums[WIDE], warps[8];
	enum { EACH = TILE / 256 };
	const strip s(a);
	const int64_t size = (int64_t)a.lw * a.lh;
	const float *columns = global<const float>(a.columns);
	double weight[EACH];
	float head[EACH][PHOTO], rest[EACH];
	for (int p = 0; p < PHOTO; p++) {
		along(a, s, columns + p * size, sums, warps);
#pragma unroll
		for (int e = 0; e < EACH; e++) {
			const int j = e * 256 + threadIdx.x;
			const double v = window(a, sums, j);
			if (p == SELF) {
				const double inv = 1.0 / ((double)within(min(s.x0 + j, a.lw - 1), a.radius, a.lw) * within(s.y, a.radius, a.lh));
				weight[e] = 1.0 / (v * inv + 3e-4);
				head[e][SELF] = (float)(3e-4 * weight[e]);
				weight[e] *= inv;
			} else if (p == MEAN) head[e][MEAN] = (float)(v * weight[e]);
			else if (p == OWN) head[e][OWN] = (float)(v * weight[e]) + head[e][SELF];
			else rest[e] = head[e][OFFSET] = (float)(v * weight[e]);
		}
		__syncthreads();
	}
	for (int i = 0; i < a.n; i++) {
		along(a, s, columns + (PHOTO + i) * size, sums, warps);
		const ushort *low = global<const ushort>(a.low) + photo_of(a, i).plane * size + s.row + s.x0;
		float *share = global<float>(a.shares) + 2 * (i * size + s.row + s.x0) + a.fit;
#pragma unroll
		for (int e = 0; e < EACH; e++) {
			const int j = e * 256 + threadIdx.x;
			if (s.x0 + j >= a.lw) continue;
			const float c = (float)(window(a, sums, j) * weight[e]);
			share[2 * j] = c;
			rest[e] = fmaf(c, __ldg(low + j) * (1.0f / 65535.0f), rest[e]);
		}
		__syncthreads();
	}
#pragma unroll
	for (int e = 0; e < EACH; e++) {
		const int j = e * 256 + threadIdx.x;
		if (s.x0 + j >= a.lw) continue;
		const int64_t at = s.row + s.x0 + j;
		const float *h = head[e];
		global<float4>(a.heads)[a.fit * size + at] = make_float4(h[SELF], h[MEAN], h[OWN], h[OFFSET]);
		float *level = global<float>(a.level) + at;
		*level = limit(*level, h[SELF], h[MEAN], h[OWN], rest[e]);
	}
}
