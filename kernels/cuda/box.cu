#include "box.h"
#include "filters.cuh"

// Means over windows: sums down the columns that follow the rows, and sums along the row of those.
// All sums are in double, where products of floats are exact and what is added can be taken away again.
namespace box {

// Channel k of four pixels of a row, 0 outside the picture.
RE_DEVICE void read4(const re_image &m, int k, int x, int y, bool vector, float v[4]) {
	v[0] = v[1] = v[2] = v[3] = 0;
	if ((unsigned)y >= (unsigned)m.h) return;
	const float *p = row_of<const float>(m, y);
	if (vector && x >= 0 && x + 3 < m.w) {
		const float4 q = *reinterpret_cast<const float4 *>(p + x);
		v[0] = q.x;
		v[1] = q.y;
		v[2] = q.z;
		v[3] = q.w;
		return;
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
		if (x + i >= 0 && x + i < m.w) v[i] = p[(int64_t)(x + i) * m.c + k];
}

// The same of both channels of pairs.
RE_DEVICE void read_pairs(const re_image &m, int x, int y, bool vector, float v[2][4]) {
	if (vector && x >= 0 && x + 3 < m.w && (unsigned)y < (unsigned)m.h) {
		const float4 *p = reinterpret_cast<const float4 *>(row_of<const float>(m, y) + 2 * x), q = p[0], s = p[1];
		v[0][0] = q.x, v[1][0] = q.y, v[0][1] = q.z, v[1][1] = q.w;
		v[0][2] = s.x, v[1][2] = s.y, v[0][3] = s.z, v[1][3] = s.w;
		return;
	}
	read4(m, 0, x, y, false, v[0]);
	read4(m, 1, x, y, false, v[1]);
}

RE_DEVICE void write4(const re_image &m, int k, int x, int y, bool vector, const float v[4]) {
	float *p = row_of<float>(m, y);
	if (vector && x + 3 < m.w) {
		*reinterpret_cast<float4 *>(p + x) = make_float4(v[0], v[1], v[2], v[3]);
		return;
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
		if (x + i < m.w) p[(int64_t)(x + i) * m.c + k] = v[i];
}

RE_DEVICE void write_pairs(const re_image &m, int x, int y, bool vector, const float v[2][4]) {
	if (vector && x + 3 < m.w) {
		float4 *p = reinterpret_cast<float4 *>(row_of<float>(m, y) + 2 * x);
		p[0] = make_float4(v[0][0], v[1][0], v[0][1], v[1][1]);
		p[1] = make_float4(v[0][2], v[1][2], v[0][3], v[1][3]);
		return;
	}
	write4(m, 0, x, y, false, v[0]);
	write4(m, 1, x, y, false, v[1]);
}

// What is summed and what is made of the means. N sums a pixel come from IN samples; OUT samples are made of their
// means m and of a sample g at the same place.
struct mean {
	enum { N = 1, IN = 1, OUT = 1 };
	static __device__ __forceinline__ void read(const re_box &a, int k, int x, int y, float v[1][4]) { read4(a.src, k, x, y, a.vector, v[0]); }
	static __device__ __forceinline__ void beside(const re_box &, int, int, float[4]) {}
	static __device__ __forceinline__ void add(double s[1], const float v[1], double sign) { s[0] += sign * (double)v[0]; }
	static __device__ __forceinline__ void make(const re_box &, const double m[1], float, float out[1]) { out[0] = (float)m[0]; }
	static __device__ __forceinline__ void write(const re_box &a, int k, int x, int y, const float v[1][4]) { write4(a.dst, k, x, y, a.vector, v[0]); }
};

// I, p, I², I·p to a and b: He, Sun, Tang 2013, equations 5 and 6.
struct fit {
	enum { N = 4, IN = 2, OUT = 2 };
	static __device__ __forceinline__ void read(const re_box &a, int, int x, int y, float v[2][4]) {
		read4(a.guide, 0, x, y, a.vector, v[0]);
		read4(a.src, 0, x, y, a.vector, v[1]);
	}
	static __device__ __forceinline__ void beside(const re_box &, int, int, float[4]) {}
	static __device__ __forceinline__ void add(double s[4], const float v[2], double sign) {
		const double i = v[0], p = v[1], t = sign * i;
		s[0] += t;
		s[1] += sign * p;
		s[2] += t * i;
		s[3] += t * p;
	}
	static __device__ __forceinline__ void make(const re_box &a, const double m[4], float, float out[2]) {
		const double variance = m[2] - m[0] * m[0], cov = m[3] - m[0] * m[1], t = cov / ((variance > 0 ? variance : 0) + a.eps);
		out[0] = (float)t;
		out[1] = (float)(m[1] - t * m[0]);
	}
	static __device__ __forceinline__ void write(const re_box &a, int, int x, int y, const float v[2][4]) { write_pairs(a.dst, x, y, a.vector, v); }
};

// Means of a and b, as they are or applied to the guide: equation 8.
struct coefficients {
	enum { N = 2, IN = 2, OUT = 2 };
	static __device__ __forceinline__ void read(const re_box &a, int, int x, int y, float v[2][4]) { read_pairs(a.src, x, y, a.vector, v); }
	static __device__ __forceinline__ void beside(const re_box &, int, int, float[4]) {}
	static __device__ __forceinline__ void add(double s[2], const float v[2], double sign) {
		s[0] += sign * (double)v[0];
		s[1] += sign * (double)v[1];
	}
	static __device__ __forceinline__ void make(const re_box &, const double m[2], float, float out[2]) {
		out[0] = (float)m[0];
		out[1] = (float)m[1];
	}
	static __device__ __forceinline__ void write(const re_box &a, int, int x, int y, const float v[2][4]) { write_pairs(a.dst, x, y, a.vector, v); }
};
struct apply : coefficients {
	enum { OUT = 1 };
	static __device__ __forceinline__ void beside(const re_box &a, int x, int y, float g[4]) { read4(a.guide, 0, x, y, a.vector, g); }
	static __device__ __forceinline__ void make(const re_box &, const double m[2], float g, float out[1]) { out[0] = (float)(m[0] * (double)g + m[1]); }
	static __device__ __forceinline__ void write(const re_box &a, int, int x, int y, const float v[1][4]) { write4(a.dst, 0, x, y, a.vector, v[0]); }
};

// 1 / the number of positions within r of i that lie in [0,n).
RE_DEVICE double inverse(int i, int r, int n) { return 1.0 / (double)(min(n - 1, i + r) - max(0, i - r) + 1); }

// A block goes down a strip, WIDE columns wide with the halo of its windows, four columns a thread. For every row each warp
// makes running totals over its SEGMENT columns; a window's sum is a difference of two of them, plus the totals
// of the segments that end within it. One barrier a row, two sets of totals in turn.
enum { THREADS = 128, WIDE = 4 * THREADS, SEGMENT = 128 };

// Where a column's running total lies: neighbouring threads on neighbouring words.
RE_DEVICE int place(int c) { return (c & 3) * THREADS + (c >> 2); }

template <class Op> RE_DEVICE void tiles(const re_box &a) {
	enum { N = Op::N };
	__shared__ double running[2][N][WIDE];
	__shared__ double totals[2][N][WIDE / SEGMENT];
	const unsigned all = 0xffffffffu;
	const int w = a.dst.w, h = a.dst.h, rx = a.rx, ry = a.ry, k = blockIdx.z;
	const int t = threadIdx.x, lane = t % 32, c = 4 * t, x = (int)blockIdx.x * (WIDE - 2 * a.halo) - a.halo + c;
	const int y0 = blockIdx.y * a.rows, y1 = min(h, y0 + a.rows);
	const bool writes = c >= a.halo && c < WIDE - a.halo && x < w;

	double s[4][N];
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int n = 0; n < N; n++) s[i][n] = 0;
	for (int y = max(0, y0 - ry), end = min(h, y0 + ry); y < end; y += 4) {
		float v[4][Op::IN][4];
#pragma unroll
		for (int j = 0; j < 4; j++) Op::read(a, k, x, y + j < end ? y + j : -1, v[j]);
#pragma unroll
		for (int j = 0; j < 4; j++)
#pragma unroll
			for (int i = 0; i < 4; i++) {
				float one[Op::IN];
#pragma unroll
				for (int n = 0; n < Op::IN; n++) one[n] = v[j][n][i];
				Op::add(s[i], one, 1);
			}
	}
	double columns[4];
#pragma unroll
	for (int i = 0; i < 4; i++) columns[i] = writes && x + i < w ? inverse(x + i, rx, w) : 0;

	double rows = 0;
	int counted = 0; // rows = 1 / counted

	float enter[Op::IN][4], leave[Op::IN][4], g[4] = {0, 0, 0, 0};
	Op::read(a, k, x, y0 + ry, enter);
	Op::read(a, k, x, -1, leave);
	for (int y = y0; y < y1; y++) {
#pragma unroll
		for (int i = 0; i < 4; i++) {
			float in[Op::IN], out[Op::IN];
#pragma unroll
			for (int n = 0; n < Op::IN; n++) in[n] = enter[n][i], out[n] = leave[n][i];
			Op::add(s[i], in, 1);
			Op::add(s[i], out, -1);
		}
		if (y + 1 < y1) { // the next row's samples are on their way meanwhile
			Op::read(a, k, x, y + 1 + ry, enter);
			Op::read(a, k, x, y - ry, leave);
		}
		if (writes) Op::beside(a, x, y, g);
		double(*const run)[WIDE] = running[y & 1];
		double(*const total)[WIDE / SEGMENT] = totals[y & 1];
#pragma unroll
		for (int n = 0; n < N; n++) {
			const double p0 = s[0][n], p1 = p0 + s[1][n], p2 = p1 + s[2][n], p3 = p2 + s[3][n];
			double e = p3;
#pragma unroll
			for (int d = 1; d < 32; d *= 2) {
				const double o = __shfl_up_sync(all, e, d);
				if (lane >= d) e += o;
			}
			if (lane == 31) total[n][t / 32] = e;
			e = __shfl_up_sync(all, e, 1);
			if (lane == 0) e = 0;
			run[n][t] = e + p0;
			run[n][THREADS + t] = e + p1;
			run[n][2 * THREADS + t] = e + p2;
			run[n][3 * THREADS + t] = e + p3;
		}
		__syncthreads();
		if (!writes) continue;
		const int reach = min(h - 1, y + ry) - max(0, y - ry) + 1;
		if (reach != counted) { // at the upper and lower border only
			counted = reach;
			rows = 1.0 / (double)reach;
		}
		float result[Op::OUT][4];
#pragma unroll
		for (int i = 0; i < 4; i++) {
			const int hi = c + i + rx, lo = c + i - rx - 1;
			const double weight = columns[i] * rows;
			double m[N];
#pragma unroll
			for (int n = 0; n < N; n++) m[n] = run[n][place(hi)] - (lo >= 0 ? run[n][place(lo)] : 0);
			for (int b = max(0, lo) / SEGMENT; b < hi / SEGMENT; b++)
#pragma unroll
				for (int n = 0; n < N; n++) m[n] += total[n][b];
#pragma unroll
			for (int n = 0; n < N; n++) m[n] *= weight;
			float out[Op::OUT];
			Op::make(a, m, g[i], out);
#pragma unroll
			for (int n = 0; n < Op::OUT; n++) result[n][i] = out[n];
		}
		Op::write(a, k, x, y, result);
	}
}

// Windows wider than that, for the rows of a band: sums down the columns, one a thread, ...
template <class Op> RE_DEVICE void columns(const re_box &a) {
	const int w = a.dst.w, h = a.dst.h, k = blockIdx.z, x = blockIdx.x * blockDim.x + threadIdx.x;
	const int y0 = a.y0 + (int)blockIdx.y * a.rows, y1 = min(a.y1, y0 + a.rows);
	if (x >= w) return;
	double s[Op::N];
#pragma unroll
	for (int n = 0; n < Op::N; n++) s[n] = 0;
	auto sample = [&](int y, double sign) {
		float v[Op::IN][4], one[Op::IN];
		Op::read(a, k, x, y, v);
#pragma unroll
		for (int n = 0; n < Op::IN; n++) one[n] = v[n][0];
		Op::add(s, one, sign);
	};
#pragma unroll 4
	for (int y = max(0, y0 - a.ry); y < min(h, y0 + a.ry); y++) sample(y, 1);
	double *p = reinterpret_cast<double *>(a.planes) + ((int64_t)k * Op::N * (a.y1 - a.y0) + (y0 - a.y0)) * w + x;
	const int64_t plane = (int64_t)(a.y1 - a.y0) * w;
#pragma unroll 4
	for (int y = y0; y < y1; y++, p += w) {
		sample(y + a.ry, 1);
		if (y > y0) sample(y - a.ry - 1, -1);
#pragma unroll
		for (int n = 0; n < Op::N; n++) p[n * plane] = s[n];
	}
}

// ... and means of differences of their running totals, one pixel a thread.
template <class Op> RE_DEVICE void windows(const re_box &a) {
	const int w = a.dst.w, h = a.dst.h, k = blockIdx.z, x = blockIdx.x * blockDim.x + threadIdx.x, y = a.y0 + (int)blockIdx.y;
	if (x >= w) return;
	const int64_t plane = (int64_t)(a.y1 - a.y0) * w;
	const double *p = reinterpret_cast<const double *>(a.planes) + (int64_t)k * Op::N * plane + (int64_t)(y - a.y0) * w;
	const int hi = min(w - 1, x + a.rx), lo = x - a.rx - 1;
	const double weight = inverse(x, a.rx, w) * inverse(y, a.ry, h);
	double m[Op::N];
#pragma unroll
	for (int n = 0; n < Op::N; n++) m[n] = (p[n * plane + hi] - (lo >= 0 ? p[n * plane + lo] : 0)) * weight;
	float g[4] = {0, 0, 0, 0}, out[Op::OUT];
	Op::beside(a, x, y, g);
	Op::make(a, m, g[0], out);
	float *d = row_of<float>(a.dst, y) + (int64_t)x * a.dst.c + k;
#pragma unroll
	for (int n = 0; n < Op::OUT; n++) d[n] = out[n];
}

} // namespace box

#define RE_BOX(name, blocks)                                                  \
	KERNEL_MIN(box_tiles_##name, re_box, 128, blocks) { box::tiles<box::name>(a); } \
	KERNEL(box_columns_##name, re_box, 128) { box::columns<box::name>(a); }         \
	KERNEL(box_windows_##name, re_box, 128) { box::windows<box::name>(a); }
RE_BOX(mean, 8)
RE_BOX(fit, 4)
RE_BOX(coefficients, 4)
RE_BOX(apply, 4)

// Running totals of each row of the planes, in place; a block does a row.
KERNEL(box_totals, re_box, 256) {
	__shared__ double warps[8];
	const int w = a.dst.w, t = threadIdx.x, lane = t % 32;
	double *p = reinterpret_cast<double *>(a.planes) + ((int64_t)blockIdx.y * (a.y1 - a.y0) + blockIdx.x) * w, before = 0;
	for (int x = 0; x < w; x += 1024) {
		double v[4];
#pragma unroll
		for (int i = 0; i < 4; i++) v[i] = x + 4 * t + i < w ? p[x + 4 * t + i] : 0;
#pragma unroll
		for (int i = 1; i < 4; i++) v[i] += v[i - 1];
		double e = v[3];
#pragma unroll
		for (int d = 1; d < 32; d *= 2) {
			const double o = __shfl_up_sync(0xffffffffu, e, d);
			if (lane >= d) e += o;
		}
		if (lane == 31) warps[t / 32] = e;
		e = __shfl_up_sync(0xffffffffu, e, 1);
		if (lane == 0) e = 0;
		__syncthreads();
		double base = before;
#pragma unroll
		for (int b = 0; b < 8; b++) {
			if (b < t / 32) base += warps[b];
			before += warps[b];
		}
#pragma unroll
		for (int i = 0; i < 4; i++)
			if (x + 4 * t + i < w) p[x + 4 * t + i] = (base + e) + v[i];
		__syncthreads();
	}
}
