#include "raw.cuh"
#include "warp.h"

// A block makes a tile of dst, SIDE columns by 8·ROWS rows. Where the map is tame there (the tile's
// picture in src is bounded and fits into shared memory) src's pixels are turned into floats or halves once, edges
// replicated; elsewhere every pixel gathers its own 16.
//
// Each warp takes spans of 32 pixels of a row. Positions are as defined at a span's ends. With p their
// value at its first pixel, D the mean step to the first pixel beyond it, e = h6/d at the first and i counted from there, the position is
// exactly p + D·i − e·D·i·(i−32)/(1+e·i). p and D are split into multiples of 2⁻¹², whose part of the sum is
// exact in binary32, and a rest; the result is off by less than 1e-7 pixels at |e| ≤ 1e-3 and D ≤ 2.
// valid is what the exact positions say.
namespace warp {

const int SIDE = 64, WARPS = 8, SPAN = 32, MARGIN = 2;

// What a pixel of src is held as. 3 bytes as halves, which hold them exactly.
struct bytes3 {
	typedef uint2 held;
	static const int CAPACITY = 4096, ROWS = 8, N = 3;
	static __device__ __forceinline__ held load(const re_image &src, const char *row, int x) {
		const uchar *p = (const uchar *)row + 3 * x;
		// 1024+v in binary16 has v in its low bits.
		const unsigned r = __ldg(p), g = __ldg(p + 1), b = __ldg(p + 2);
		return make_uint2(r | g << 16, b);
	}
	static __device__ __forceinline__ held keep(held v) {
#ifndef RE_EMU
		asm("{.reg .b32 k; mov.b32 k, 0xE400E400; or.b32 %0, %0, 0x64006400; or.b32 %1, %1, 0x64006400; add.rn.f16x2 %0, %0, k; add.rn.f16x2 %1, %1, k;}" : "+r"(v.x), "+r"(v.y));
		return v;
#else
		return make_uint2(float_to_half((float)(v.x & 255)) | (unsigned)float_to_half((float)(v.x >> 16)) << 16, float_to_half((float)v.y));
#endif
	}
	static __device__ __forceinline__ void open(held v, float *o) {
		o[0] = half_to_float((ushort)v.x);
		o[1] = half_to_float((ushort)(v.x >> 16));
		o[2] = half_to_float((ushort)v.y);
	}
};
// 1 channel of any format.
struct float1 {
	typedef float held;
	static const int CAPACITY = 4096, ROWS = 8, N = 1;
	static __device__ __forceinline__ held load(const re_image &src, const char *row, int x) { return raw_load(src.format, row + x * bytes_of(src.format)); }
	static __device__ __forceinline__ held keep(held v) { return v; }
	static __device__ __forceinline__ void open(held v, float *o) { o[0] = v; }
};
// 2 to 4 channels of any format.
struct float2to4 {
	typedef float4 held;
	static const int CAPACITY = 2560, ROWS = 4, N = 4;
	static __device__ __forceinline__ held load(const re_image &src, const char *row, int x) {
		const int n = bytes_of(src.format);
		const char *p = row + x * src.c * n;
		float4 v = make_float4(raw_load(src.format, p), raw_load(src.format, p + n), 0, 0);
		if (src.c > 2) v.z = raw_load(src.format, p + 2 * n);
		if (src.c > 3) v.w = raw_load(src.format, p + 3 * n);
		return v;
	}
	static __device__ __forceinline__ held keep(held v) { return v; }
	static __device__ __forceinline__ void open(held v, float *o) {
		o[0] = v.x;
		o[1] = v.y;
		o[2] = v.z;
		o[3] = v.w;
	}
};

struct place { double x, y, r; };

// The position, in the definition's order of operations; r is 1/d.
RE_DEVICE place project(const double *h, int ix, int iy) {
	const double x = ix, y = iy;
	place p;
	p.r = 1.0 / __dadd_rn(__dmul_rn(h[6], x), __dadd_rn(__dmul_rn(h[7], y), h[8]));
	p.x = __dmul_rn(__dadd_rn(__dmul_rn(h[0], x), __dadd_rn(__dmul_rn(h[1], y), h[2])), p.r);
	p.y = __dmul_rn(__dadd_rn(__dmul_rn(h[3], x), __dadd_rn(__dmul_rn(h[4], y), h[5])), p.r);
	return p;
}

RE_DEVICE bool within(const place &p, const re_image &src) { return p.x >= 0.0 && p.x <= (double)(src.w - 1) && p.y >= 0.0 && p.y <= (double)(src.h - 1); }

// A position clamped to where the edges are all there is, NaN to the low end.
RE_DEVICE double in_reach(double p, int n) {
	p = p > -4.0 ? p : -4.0;
	return p < n + 4 ? p : n + 4;
}

// Keys' weights at t, for samples −1, 0, 1, 2.
RE_DEVICE void keys(float t, float w[4]) {
	const float q = t * t;
	w[0] = t * (t * (1.0f - 0.5f * t) - 0.5f);
	w[1] = q * (1.5f * t - 2.5f) + 1.0f;
	w[2] = t * (t * (2.0f - 1.5f * t) + 0.5f);
	w[3] = q * (0.5f * t - 0.5f);
}

// Smaller and larger of what four neighbouring lanes from first on hold.
RE_DEVICE void bounds(int v, int first, int *lo, int *hi) {
	*lo = *hi = __shfl_sync(0xffffffffu, v, first);
	for (int l = 1; l < 4; l++) {
		const int o = __shfl_sync(0xffffffffu, v, first + l);
		*lo = min(*lo, o);
		*hi = max(*hi, o);
	}
}

// One coordinate along a span: whole multiples of 2⁻¹² and the rest.
struct along { float a, b, ra, rb; };
RE_DEVICE along split(double p, double step) {
	along s;
	const double a = __double2int_rn(p * 4096.0) * (1.0 / 4096.0), b = __double2int_rn(step * 4096.0) * (1.0 / 4096.0);
	s.a = (float)a;
	s.b = (float)b;
	s.ra = (float)(p - a);
	s.rb = (float)(step - b);
	return s;
}

// The sample at or before a position (or the one before that, at t = 1, where both say the same), and how far behind it the position lies.
RE_DEVICE int floor_of(float whole, float rest, float *t) {
	const float magic = 12582912.0f; // 1.5·2²³: its last bit is worth 1
	const float m = (whole + rest - 0.5f) + magic;
	*t = (whole - (m - magic)) + rest;
	return __float_as_int(m) - 0x4B400000;
}

// A pixel of T::N floats (in stored scale) to dst. Lanes of a warp hold neighbours, the first n of them count.
template <class T> RE_DEVICE void put(const re_warp &a, int x0, int y, int n, const float *v) {
	const int lane = threadIdx.x % 32;
	char *row = row_of<char>(a.dst, y);
	if (T::N == 3) {
		unsigned rgb = 0;
		for (int k = 0; k < 3; k++) rgb |= (unsigned)raw_level(v[k], 255.0f) << 8 * k;
		uchar *to = (uchar *)row + 3 * x0;
		if (a.words) { // x0 is a multiple of 4
			const int p = 4 * lane / 3; // word number lane has the bytes of pixels p and p+1
			const unsigned lo = __shfl_sync(0xffffffffu, rgb, p & 31), hi = __shfl_sync(0xffffffffu, rgb, (p + 1) & 31);
			const int rest = lane % 3;
			const unsigned word = __byte_perm(lo, hi, rest == 0 ? 0x4210 : rest == 1 ? 0x5421 : 0x6542);
			const int left = 3 * n - 4 * lane;
			if (lane < 24) {
				if (left >= 4) ((unsigned *)to)[lane] = word;
				else
					for (int k = 0; k < left; k++) to[4 * lane + k] = (uchar)(word >> 8 * k);
			}
		} else if (lane < n)
			for (int k = 0; k < 3; k++) to[3 * lane + k] = (uchar)(rgb >> 8 * k);
		return;
	}
	if (lane >= n) return;
	for (int k = 0; k < T::N; k++)
		if (k < a.dst.c) raw_store(a.dst.format, row, (x0 + lane) * a.dst.c + k, v[k]);
}

// A pixel that gathers its samples.
template <class T> RE_DEVICE void gather(const re_warp &a, const place &p, float *v) {
	const double px = in_reach(p.x, a.src.w), py = in_reach(p.y, a.src.h);
	const int ix = __double2int_rd(px), iy = __double2int_rd(py);
	float wx[4], wy[4];
	keys((float)(px - ix), wx);
	keys((float)(py - iy), wy);
	for (int k = 0; k < T::N; k++) v[k] = 0;
#pragma unroll 1
	for (int j = 0; j < 4; j++) {
		const char *row = row_of<char>(a.src, clamp_index(iy + j - 1, a.src.h));
		const float w = j == 0 ? wy[0] : j == 1 ? wy[1] : j == 2 ? wy[2] : wy[3];
		for (int i = 0; i < 4; i++) {
			float s[T::N];
			T::open(T::keep(T::load(a.src, row, clamp_index(ix + i - 1, a.src.w))), s);
			for (int k = 0; k < T::N; k++) v[k] += w * wx[i] * s[k];
		}
	}
}

template <class T> RE_DEVICE void body(const re_warp &a) {
	const int ROWS = T::ROWS;
	typedef typename T::held held;
	__shared__ held texels[T::CAPACITY];
	__shared__ float4 terms[WARPS][ROWS][3];

	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	const int x0 = blockIdx.x % a.across * SIDE, y0 = blockIdx.x / a.across * (ROWS * WARPS / 2);
	const int sx = x0 + warp % 2 * SPAN, sy = y0 + warp / 2 * ROWS; // this warp's spans

	// Lanes 0…15 (0…7) take both ends of the warp's spans, 16…19 the tile's corners.
	const bool corner = lane >= 16;
	const place p = corner ? project(a.h, x0 + (lane & 1) * SIDE, y0 + (lane & 2 ? ROWS * WARPS / 2 - 1 : 0)) : project(a.h, sx + (lane & 1) * SPAN, sy + lane / 2);

	// The map of a rectangle is a convex quadrilateral when d keeps its sign: the corners bound it.
	const bool fine = fabs(p.x) < 0x1p24 && fabs(p.y) < 0x1p24 && fabs(a.h[6] * p.r) <= 1e-3;
	const unsigned corners = 0xf0000u;
	const unsigned ups = __ballot_sync(0xffffffffu, p.r > 0.0) & corners;
	bool tame = (__ballot_sync(0xffffffffu, fine) & corners) == corners && (ups == 0 || ups == corners);
	int left = 0, right = 0, top = 0, bottom = 0, pitch = 0, high = 0;
	if (tame) {
		bounds(__double2int_rd(p.x), 16, &left, &right);
		bounds(__double2int_rd(p.y), 16, &top, &bottom);
		left -= MARGIN;
		top -= MARGIN;
		pitch = right + MARGIN + 2 - left | 1;
		high = bottom + MARGIN + 2 - top;
		tame = pitch < 1024 && high < 1024 && pitch * high <= T::CAPACITY;
	}
	if (!tame) { // the same for all warps of the block
#pragma unroll 1
		for (int r = 0; r < ROWS; r++) {
			const int y = sy + r, n = min(a.dst.w - sx, SPAN);
			if (y >= a.dst.h || n <= 0) return;
			const place q = project(a.h, sx + lane, y);
			float v[T::N];
			gather<T>(a, q, v);
			put<T>(a, sx, y, n, v);
			if (a.valid.p && lane < n) row_of<uchar>(a.valid, y)[sx + lane] = within(q, a.src) ? 255 : 0;
		}
		return;
	}

	// The ends of a span sit in neighbouring lanes.
	const double nx = __shfl_xor_sync(0xffffffffu, p.x, 1), ny = __shfl_xor_sync(0xffffffffu, p.y, 1);
	if (lane < 2 * ROWS && !(lane & 1)) {
		const double dx = (nx - p.x) * (1.0 / SPAN), dy = (ny - p.y) * (1.0 / SPAN), e = a.h[6] * p.r;
		const along u = split(p.x - left, dx), v = split(p.y - top, dy);
		float4 *t = terms[warp][lane / 2];
		t[0] = make_float4(u.a, u.b, v.a, v.b);
		t[1] = make_float4(u.ra, u.rb, v.ra, v.rb);
		t[2] = make_float4((float)(-e * dx), (float)(-e * dy), (float)e, 0);
	}

	// The picture of the tile.
	const int count = pitch * high;
	const unsigned inverse = 0xffffffffu / pitch + 1; // i·inverse>>32 is i/pitch for i, pitch < 4096
	for (int i0 = threadIdx.x; i0 < count; i0 += 4 * 256) {
		held v[4];
#pragma unroll
		for (int k = 0; k < 4; k++) {
			const int i = min(i0 + k * 256, count - 1), y = __umulhi(i, inverse), x = i - y * pitch;
			v[k] = T::load(a.src, row_of<char>(a.src, clamp_index(top + y, a.src.h)), clamp_index(left + x, a.src.w));
		}
#pragma unroll
		for (int k = 0; k < 4; k++)
			if (i0 + k * 256 < count) texels[i0 + k * 256] = T::keep(v[k]);
	}
	__syncthreads();

	const int n = min(a.dst.w - sx, SPAN);
	if (n <= 0) return;
	// Within the tile's picture and well inside or outside of src, valid is known.
	const bool inside = left + MARGIN > 0 && right < a.src.w - 2 && top + MARGIN > 0 && bottom < a.src.h - 2;
	const bool outside = right < -1 || left + MARGIN > a.src.w || bottom < -1 || top + MARGIN > a.src.h;
	const float i = (float)lane, bend = i * (i - SPAN);
#pragma unroll 1
	for (int r = 0; r < ROWS; r++) {
		const int y = sy + r;
		if (y >= a.dst.h) return;
		const float4 whole = terms[warp][r][0], rest = terms[warp][r][1], curve = terms[warp][r][2];
		const float k = __fdividef(bend, fmaf(curve.z, i, 1.0f));
		float tx, ty, wx[4], wy[4];
		const int ix = floor_of(fmaf(whole.y, i, whole.x), fmaf(curve.x, k, fmaf(rest.y, i, rest.x)), &tx);
		const int iy = floor_of(fmaf(whole.w, i, whole.z), fmaf(curve.y, k, fmaf(rest.w, i, rest.z)), &ty);
		keys(tx, wx);
		keys(ty, wy);
		const held *t = texels + ((iy - 1) * pitch + ix - 1);
		float v[T::N];
#pragma unroll
		for (int c = 0; c < T::N; c++) v[c] = 0;
#pragma unroll
		for (int j = 0; j < 4; j++, t += pitch) {
			float s[T::N];
#pragma unroll
			for (int q = 0; q < 4; q++) {
				float o[T::N];
				T::open(t[q], o);
#pragma unroll
				for (int c = 0; c < T::N; c++) s[c] = q == 0 ? wx[0] * o[c] : fmaf(wx[q], o[c], s[c]);
			}
#pragma unroll
			for (int c = 0; c < T::N; c++) v[c] = fmaf(wy[j], s[c], v[c]);
		}
		put<T>(a, sx, y, n, v);
		if (a.valid.p && lane < n) {
			const bool in = inside || !outside && within(project(a.h, sx + lane, y), a.src);
			row_of<uchar>(a.valid, y)[sx + lane] = in ? 255 : 0;
		}
	}
}

// 16 bytes that begin s bytes (not all 0) into the first of two.
RE_DEVICE unsigned shifted(unsigned lo, unsigned hi, int bits) { return __funnelshift_r(lo, hi, bits); }

RE_DEVICE uint4 at_byte(const uint4 &p, const uint4 &q, int s) {
	const unsigned b = 8 * (s & 3);
	switch (s >> 2) {
	case 0: return make_uint4(shifted(p.x, p.y, b), shifted(p.y, p.z, b), shifted(p.z, p.w, b), shifted(p.w, q.x, b));
	case 1: return make_uint4(shifted(p.y, p.z, b), shifted(p.z, p.w, b), shifted(p.w, q.x, b), shifted(q.x, q.y, b));
	case 2: return make_uint4(shifted(p.z, p.w, b), shifted(p.w, q.x, b), shifted(q.x, q.y, b), shifted(q.y, q.z, b));
	}
	return make_uint4(shifted(p.w, q.x, b), shifted(q.x, q.y, b), shifted(q.y, q.z, b), shifted(q.z, q.w, b));
}

} // namespace warp

KERNEL(warp_u8x3, re_warp, 256) { warp::body<warp::bytes3>(a); }
KERNEL(warp_x1, re_warp, 256) { warp::body<warp::float1>(a); }
KERNEL(warp_x4, re_warp, 256) { warp::body<warp::float2to4>(a); }

// 16 bytes of dst by four rows a thread.
KERNEL(warp_shift, re_warp_shift, 256) {
	const int at = (blockIdx.x % a.across * 256 + threadIdx.x) * 16, n = a.dst.w * a.px;
	const int y0 = blockIdx.x / a.across * 4;
	if (at >= n) return;
	const int from = at + a.x * a.px;
	if (a.wide && at + 16 <= n && from >= 0 && from + 16 <= a.src.w * a.px) {
		uint4 v[4][2];
		const int s = from & 15;
#pragma unroll
		for (int r = 0; r < 4; r++) {
			const uint4 *p = (const uint4 *)(row_of<char>(a.src, clamp_index(y0 + r + a.y, a.src.h)) + (from - s));
			v[r][0] = __ldg(p);
			v[r][1] = s ? __ldg(p + 1) : v[r][0];
		}
#pragma unroll
		for (int r = 0; r < 4; r++)
			if (y0 + r < a.dst.h) *(uint4 *)(row_of<char>(a.dst, y0 + r) + at) = warp::at_byte(v[r][0], v[r][1], s);
		return;
	}
	for (int r = 0; r < 4 && y0 + r < a.dst.h; r++) {
		const uchar *p = row_of<uchar>(a.src, clamp_index(y0 + r + a.y, a.src.h));
		uchar *q = row_of<uchar>(a.dst, y0 + r);
		for (int i = at; i < at + 16 && i < n; i++) {
			const int x = i / a.px;
			q[i] = p[clamp_index(x + a.x, a.src.w) * a.px + (i - x * a.px)];
		}
	}
}

// Which pixels a shift takes from src: four rows a thread.
KERNEL(warp_shift_valid, re_warp_shift, 256) {
	const int x = blockIdx.x % a.across * 256 + threadIdx.x, y0 = blockIdx.x / a.across * 4;
	if (x >= a.valid.w) return;
	const bool in = x + a.x >= 0 && x + a.x < a.src.w;
	for (int y = y0; y < y0 + 4 && y < a.valid.h; y++) row_of<uchar>(a.valid, y)[x] = in && y + a.y >= 0 && y + a.y < a.src.h ? 255 : 0;
}
