#include "edges.h"
#include "filters.cuh"

namespace edges {

// A warp goes down a strip of ROWS rows, a thread four columns wide. The columns of its first and last thread are
// there for their neighbours only, so strips are OUT columns wide. Nothing but registers is used: what a thread needs of the
// columns beside its own comes by shuffles, of the rows above from the steps before.
enum { ROWS = 64, OUT = 120 };

// Arithmetic of a format: samples and Sobel sums in S, squares in Q, four samples as stored in V.
// Integers are exact; floats are computed in double in the reference's order.
template <int F> struct kind;
template <> struct kind<RE_U8> { typedef int S; typedef int Q; typedef unsigned V; };
template <> struct kind<RE_U16> { typedef int S; typedef long long Q; typedef uint2 V; };
template <> struct kind<RE_F16> { typedef double S; typedef double Q; typedef uint2 V; };
template <> struct kind<RE_F32> { typedef double S; typedef double Q; typedef uint4 V; };

RE_DEVICE void unpack(unsigned v, int out[4]) {
#pragma unroll
	for (int i = 0; i < 4; i++) out[i] = v >> 8 * i & 255;
}
RE_DEVICE void unpack(uint2 v, int out[4]) {
	out[0] = v.x & 0xffff;
	out[1] = v.x >> 16;
	out[2] = v.y & 0xffff;
	out[3] = v.y >> 16;
}
RE_DEVICE void unpack(uint2 v, float out[4]) {
	out[0] = half_to_float((ushort)(v.x & 0xffff));
	out[1] = half_to_float((ushort)(v.x >> 16));
	out[2] = half_to_float((ushort)(v.y & 0xffff));
	out[3] = half_to_float((ushort)(v.y >> 16));
}
RE_DEVICE void unpack(uint4 v, float out[4]) {
	out[0] = __uint_as_float(v.x);
	out[1] = __uint_as_float(v.y);
	out[2] = __uint_as_float(v.z);
	out[3] = __uint_as_float(v.w);
}
RE_DEVICE void pack(unsigned &v, uchar a, uchar b, uchar c, uchar d) { v = a | b << 8 | c << 16 | (unsigned)d << 24; }
RE_DEVICE void pack(uint2 &v, ushort a, ushort b, ushort c, ushort d) { v = make_uint2(a | (unsigned)b << 16, c | (unsigned)d << 16); }
RE_DEVICE void pack(uint4 &v, float a, float b, float c, float d) { v = make_uint4(__float_as_uint(a), __float_as_uint(b), __float_as_uint(c), __float_as_uint(d)); }

// How samples travel between threads: floats are made doubles afterwards.
template <class S> struct carried { typedef int type; };
template <> struct carried<double> { typedef float type; };

RE_DEVICE int squares(int x, int y, int) { return x * x + y * y; }
RE_DEVICE long long squares(int x, int y, long long) { return (long long)x * x + (long long)y * y; }
RE_DEVICE double squares(double x, double y, double) { return __dadd_rn(__dmul_rn(x, x), __dmul_rn(y, y)); }

// Whether the smaller side of a direction is at most tan 22.5° = √2−1 of the larger: (s + l)² ≤ 2 l² in integers, where
// no two sums are near enough to equality for the reference's rounding to matter.
template <class Q> RE_DEVICE bool within(int smaller, int larger, Q) {
	const Q sum = smaller + larger, l = larger;
	return sum * sum <= 2 * l * l;
}
RE_DEVICE bool within(double smaller, double larger, double) { return smaller <= __dmul_rn(0.41421356237309503, larger); }

RE_DEVICE int size(int v) { return v < 0 ? -v : v; }
RE_DEVICE double size(double v) { return fabs(v); }

template <int F> RE_DEVICE typename kind<F>::V load(const re_edges &a, int x, int y) {
	typedef typename sample<F>::type T;
	typedef typename kind<F>::V V;
	const T *p = row_of<const T>(a.src, filters::reflect(y, a.src.h));
	const int w = a.src.w;
	if (a.vector && x >= 0 && x + 3 < w) return *reinterpret_cast<const V *>(p + x);
	V v;
	pack(v, p[filters::reflect(x, w)], p[filters::reflect(x + 1, w)], p[filters::reflect(x + 2, w)], p[filters::reflect(x + 3, w)]);
	return v;
}

RE_DEVICE double limit(const re_edges &a, double) { return a.least; }
RE_DEVICE int limit(const re_edges &a, int) { return (int)a.whole; }
RE_DEVICE long long limit(const re_edges &a, long long) { return a.whole; }

// State of a strip at row z: samples and differences along the row, for z−1, z and z+1; sums of row z−1; squares of z−2, z−1 and z.
template <int F> RE_DEVICE void body(const re_edges &a) {
	typedef typename kind<F>::S S;
	typedef typename kind<F>::Q Q;
	typedef typename kind<F>::V V;
	typedef typename carried<S>::type C;
	const unsigned all = 0xffffffffu;
	const int lane = threadIdx.x, w = a.dst.w, h = a.dst.h;
	const int x = (int)blockIdx.x * OUT + 4 * lane - 4, y0 = (int)(blockIdx.y * blockDim.y + threadIdx.y) * ROWS, y1 = min(h, y0 + ROWS);
	if (y0 >= h) return; // the whole warp
	const bool writes = lane > 0 && lane < 31 && x < w;
	const Q least = limit(a, Q());

	S p[3][6], along[3][4], gx[4], gy[4];
	Q sq[3][6];
#pragma unroll
	for (int k = 0; k < 3; k++) {
#pragma unroll
		for (int i = 0; i < 6; i++) p[k][i] = S(), sq[k][i] = Q();
#pragma unroll
		for (int i = 0; i < 4; i++) along[k][i] = S();
	}
#pragma unroll
	for (int i = 0; i < 4; i++) gx[i] = gy[i] = S();

	// Rows are read three steps before they are used.
	V next[3];
#pragma unroll
	for (int k = 0; k < 3; k++) next[k] = load<F>(a, x, y0 - 2 + k);
#pragma unroll 3
	for (int l = y0 - 2; l <= y1 + 1; l++) { // the row that arrives; sums are of row l−1, edges of row l−2
		C c[4];
		unpack(next[0], c);
		next[0] = next[1];
		next[1] = next[2];
		next[2] = load<F>(a, x, min(l + 3, y1 + 1));
#pragma unroll
		for (int k = 0; k < 2; k++) {
#pragma unroll
			for (int i = 0; i < 6; i++) p[k][i] = p[k + 1][i], sq[k][i] = sq[k + 1][i];
#pragma unroll
			for (int i = 0; i < 4; i++) along[k][i] = along[k + 1][i];
		}
		p[2][0] = (S)__shfl_up_sync(all, c[3], 1);
		p[2][5] = (S)__shfl_down_sync(all, c[0], 1);
#pragma unroll
		for (int i = 0; i < 4; i++) p[2][i + 1] = (S)c[i];
		S down[6], nx[4], ny[4];
#pragma unroll
		for (int i = 0; i < 6; i++) down[i] = p[2][i] - p[0][i];
#pragma unroll
		for (int i = 0; i < 4; i++) {
			along[2][i] = p[2][i + 2] - p[2][i];
			nx[i] = (along[0][i] + along[2][i]) + 2 * along[1][i];
			ny[i] = (down[i] + down[i + 2]) + 2 * down[i + 1];
			sq[2][i + 1] = squares(nx[i], ny[i], Q());
		}
		sq[2][0] = __shfl_up_sync(all, sq[2][4], 1);
		sq[2][5] = __shfl_down_sync(all, sq[2][1], 1);
		const int y = l - 2;
		if (y >= y0 && writes) {
			unsigned out = 0;
#pragma unroll
			for (int i = 0; i < 4; i++) {
				const Q s = sq[1][i + 1];
				if (!(s >= least)) continue;
				const S ax = size(gx[i]), ay = size(gy[i]);
				const bool same = (gx[i] > 0) == (gy[i] > 0);
				Q before = same ? sq[0][i] : sq[2][i], after = same ? sq[2][i + 2] : sq[0][i + 2];
				if (within(ax, ay, Q())) before = sq[0][i + 1], after = sq[2][i + 1];
				if (within(ay, ax, Q())) before = sq[1][i], after = sq[1][i + 2];
				if (s >= before && s >= after) out |= 255u << 8 * i;
			}
			uchar *d = row_of<uchar>(a.dst, y) + x;
			if (a.vector && x + 3 < w) {
				*reinterpret_cast<unsigned *>(d) = out;
			} else {
#pragma unroll
				for (int i = 0; i < 4; i++)
					if (x + i < w) d[i] = (uchar)(out >> 8 * i);
			}
		}
#pragma unroll
		for (int i = 0; i < 4; i++) gx[i] = nx[i], gy[i] = ny[i];
	}
}

} // namespace edges

KERNEL(edges_u8, re_edges, 128) { edges::body<RE_U8>(a); }
KERNEL(edges_u16, re_edges, 128) { edges::body<RE_U16>(a); }
KERNEL(edges_f16, re_edges, 128) { edges::body<RE_F16>(a); }
KERNEL(edges_f32, re_edges, 128) { edges::body<RE_F32>(a); }
