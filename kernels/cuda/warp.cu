#include "raw.cuh"
#include "warp.h"

// A block makes a tile of dst, SIDE columns by 4·ROWS rows. Where the map is tame there (the tile's
// picture in src is bounded and fits into shared memory) src's pixels are unpacked once, edges
// replicated; elsewhere every pixel gathers its own 16.
//
// Each warp takes spans of 32 pixels of a row. Positions are as defined at a span's ends. With p their
// value at its first pixel, D the mean step to the first pixel beyond it, e = h6/d at the first and i counted from there, the position is
// exactly p + D·i − e·D·i·(i−32)/(1+e·i). p and D are split into multiples of 2⁻¹², whose part of the sum is
// exact in binary32, and a rest; the result is off by less than 1e-7 pixels at |e| ≤ 1e-3 and D ≤ 2.
// valid is what the exact positions say.
namespace warp {

const int SIDE = 64, WARPS = 8, SPAN = 32, MARGIN = 2;

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

// 1/v for v near 1, to two units in the last place.
RE_DEVICE float reciprocal(float v) {
#ifndef RE_EMU
	float r;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
	return r;
#else
	return 1 / v;
#endif
}

// FLOOR_BIAS and the sample at or before a position in [0,2²²), and how far behind it the position lies.
const unsigned FLOOR_BIAS = 0x4B400000;
RE_DEVICE unsigned floor_of(float whole, float rest, float *t) {
	const float magic = 12582912.0f; // 1.5·2²³, whose bits are FLOOR_BIAS: the last is worth 1
	const float m = __fadd_rd(whole + rest, magic);
	*t = (whole - (m - magic)) + rest;
	return __float_as_uint(m);
}

// A pixel that gathers its samples, in stored scale.
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
			T::load(a.src, row, clamp_index(ix + i - 1, a.src.w), s);
			for (int k = 0; k < T::N; k++) v[k] += w * wx[i] * s[k];
		}
	}
}

// The part of src that a tile needs: high rows of columns from left on, pitch of them held.
struct window { int left, top, pitch, high, columns; };

// 2 to 4 channels (a float4) or 1 (a float) of any format.
template <class HELD, int CHANNELS, int HEIGHT, int CAPACITY> struct floats {
	static const int N = CHANNELS, ROWS = HEIGHT, ROOM = CAPACITY, ALIGN = 1;
	typedef HELD held;
	static __device__ __forceinline__ int pitch(int columns) { return columns | 1; }
	static __device__ __forceinline__ void load(const re_image &src, const char *row, int x, float *v) {
		const int n = bytes_of(src.format);
		for (int k = 0; k < N; k++) v[k] = N == 1 || k < src.c ? raw_load(src.format, row + (x * (N == 1 ? 1 : src.c) + k) * n) : 0;
	}
	static __device__ __forceinline__ float pack(const float *v, float) { return v[0]; }
	static __device__ __forceinline__ float4 pack(const float *v, float4) { return make_float4(v[0], v[1], v[2], v[3]); }
	static __device__ __forceinline__ void open(float v, float *o) { o[0] = v; }
	static __device__ __forceinline__ void open(const float4 &v, float *o) {
		o[0] = v.x;
		o[1] = v.y;
		o[2] = v.z;
		o[3] = v.w;
	}

	static __device__ __forceinline__ void fill(const re_warp &a, held *room, const window &w) {
		const int count = w.pitch * w.high;
		const unsigned inverse = 0xffffffffu / w.pitch + 1; // i·inverse>>32 is i/pitch for i, pitch < 4096
		for (int i0 = threadIdx.x; i0 < count; i0 += 4 * 256) {
			float v[4][N];
#pragma unroll
			for (int k = 0; k < 4; k++) {
				const int i = min(i0 + k * 256, count - 1), y = __umulhi(i, inverse), x = i - y * w.pitch;
				load(a.src, row_of<char>(a.src, clamp_index(w.top + y, a.src.h)), clamp_index(w.left + x, a.src.w), v[k]);
			}
#pragma unroll
			for (int k = 0; k < 4; k++)
				if (i0 + k * 256 < count) room[i0 + k * 256] = pack(v[k], held());
		}
	}

	// The pixel whose first tap is number at, from how far its position lies behind the second.
	static __device__ __forceinline__ void sample(const held *room, int at, int pitch, float tx, float ty, float *v) {
		float wx[4], wy[4];
		keys(tx, wx);
		keys(ty, wy);
		const held *t = room + at;
#pragma unroll
		for (int c = 0; c < N; c++) v[c] = 0;
#pragma unroll
		for (int j = 0; j < 4; j++, t += pitch) {
			float s[N];
#pragma unroll
			for (int q = 0; q < 4; q++) {
				float o[N];
				open(t[q], o);
#pragma unroll
				for (int c = 0; c < N; c++) s[c] = q == 0 ? wx[0] * o[c] : fmaf(wx[q], o[c], s[c]);
			}
#pragma unroll
			for (int c = 0; c < N; c++) v[c] = fmaf(wy[j], s[c], v[c]);
		}
	}

	static __device__ __forceinline__ void put(const re_warp &a, char *row, int x0, int n, const float *v) {
		const int lane = threadIdx.x % 32;
		if (lane >= n) return;
		for (int k = 0; k < N; k++)
			if (N == 1 || k < a.dst.c) raw_store(a.dst.format, row, (x0 + lane) * (N == 1 ? 1 : a.dst.c) + k, v[k]);
	}
};

// Sums of products of signed 16-bit numbers with two of a word's bytes (the lower or the upper ones), of signed bytes with all four.
RE_DEVICE int dot_low(unsigned w, unsigned bytes, int c) {
#ifndef RE_EMU
	int d;
	asm("dp2a.lo.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(w), "r"(bytes), "r"(c));
	return d;
#else
	return c + (int16_t)w * (int)(bytes & 255) + (int16_t)(w >> 16) * (int)(bytes >> 8 & 255);
#endif
}
RE_DEVICE int dot_high(unsigned w, unsigned bytes, int c) {
#ifndef RE_EMU
	int d;
	asm("dp2a.hi.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(w), "r"(bytes), "r"(c));
	return d;
#else
	return dot_low(w, bytes >> 16, c);
#endif
}
RE_DEVICE int dot_bytes(unsigned w, unsigned bytes, int c) {
#ifndef RE_EMU
	int d;
	asm("dp4a.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(w), "r"(bytes), "r"(c));
	return d;
#else
	for (int i = 0; i < 4; i++) c += (int8_t)(w >> 8 * i) * (int)(bytes >> 8 * i & 255);
	return c;
#endif
}

// 3 bytes. For each channel and column of src, shared memory holds the column's byte and those of the next three in one word, so that a row's four
// taps are one load and three multiplications of bytes. Weights across are integers of 22 bits of fraction, the upper 14 and the
// lower 8 apart: a row's sum is exact, and the weights' rounding moves it by less than 3e-4 levels.
struct bytes3 {
	static const int N = 3, ROWS = 6, PLANE = 3456, ROOM = 3 * PLANE, ALIGN = 4;
	typedef unsigned held;
	static __device__ __forceinline__ int pitch(int columns) { return ((columns + 3) / 4 | 1) * 4; } // an odd multiple of 4: other banks in the next row
	static __device__ __forceinline__ void load(const re_image &src, const char *row, int x, float *v) {
		const uchar *p = (const uchar *)row + 3 * x;
		for (int k = 0; k < 3; k++) v[k] = (float)__ldg(p + k);
	}

	// Each lane unpacks four columns; the three after them are its neighbour's, so the last lane's come again in the next turn.
	static __device__ __forceinline__ void fill(const re_warp &a, held *room, const window &w) {
		const int AT_ONCE = 3, STEP = 31;
		const int lane = threadIdx.x % 32, across = (w.columns + 3) / 4, count = across * w.high;
		const unsigned inverse = 0xffffffffu / across + 1;
		const bool words = a.in_words && w.left >= 0 && w.left + 4 * across <= a.src.w && w.top >= 0 && w.top + w.high <= a.src.h;
		for (int g0 = threadIdx.x / 32 * STEP; g0 < count; g0 += AT_ONCE * WARPS * STEP) {
			uint3 v[AT_ONCE];
			int to[AT_ONCE];
#pragma unroll
			for (int k = 0; k < AT_ONCE; k++) {
				const int g = g0 + k * WARPS * STEP + lane, i = min(g, count - 1), y = __umulhi(i, inverse), x = 4 * (i - y * across);
				to[k] = lane < STEP && g < count ? y * w.pitch + x : -1;
				if (words) {
					const unsigned *p = (const unsigned *)(row_of<char>(a.src, w.top + y) + 3 * (w.left + x));
					v[k] = make_uint3(__ldg(p), __ldg(p + 1), __ldg(p + 2));
				} else {
					const uchar *row = row_of<uchar>(a.src, clamp_index(w.top + y, a.src.h));
					unsigned b[12];
#pragma unroll
					for (int q = 0; q < 4; q++)
						for (int c = 0; c < 3; c++) b[3 * q + c] = __ldg(row + 3 * clamp_index(w.left + x + q, a.src.w) + c);
					v[k] = make_uint3(b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24, b[4] | b[5] << 8 | b[6] << 16 | b[7] << 24, b[8] | b[9] << 8 | b[10] << 16 | b[11] << 24);
				}
			}
#pragma unroll
			for (int k = 0; k < AT_ONCE; k++) {
				const unsigned c[3] = {
					__byte_perm(__byte_perm(v[k].x, v[k].y, 0x0630), v[k].z, 0x5210),
					__byte_perm(__byte_perm(v[k].x, v[k].y, 0x0741), v[k].z, 0x6210),
					__byte_perm(__byte_perm(v[k].x, v[k].y, 0x0052), v[k].z, 0x7410)};
#pragma unroll
				for (int q = 0; q < 3; q++) {
					const unsigned next = __shfl_down_sync(0xffffffffu, c[q], 1);
					if (to[k] >= 0)
						*(uint4 *)(room + q * PLANE + to[k]) = make_uint4(c[q], __funnelshift_r(c[q], next, 8), __funnelshift_r(c[q], next, 16), __funnelshift_r(c[q], next, 24));
				}
			}
		}
	}

	// Sums are 2²² times a level.
	static __device__ __forceinline__ void sample(const held *room, int at, int pitch, float tx, float ty, float *v) {
		float wx[4], wy[4];
		keys(tx, wx);
		keys(ty, wy);
		unsigned bits[4], upper[4];
#pragma unroll
		for (int i = 0; i < 4; i++) {
			bits[i] = __float_as_uint(fmaf(wx[i], 4194304.0f, 12582912.0f)); // the weight's integer in the lower bits
			upper[i] = bits[i] + 128 - 0x400000;                             // its upper part, rounded, in bytes 1 and 2
		}
		const unsigned w01 = __byte_perm(upper[0], upper[1], 0x6521), w23 = __byte_perm(upper[2], upper[3], 0x6521);
		const unsigned rest = __byte_perm(__byte_perm(bits[0], bits[1], 0x0040), __byte_perm(bits[2], bits[3], 0x0040), 0x5410);
		const held *t = room + at;
		v[0] = v[1] = v[2] = 0;
#pragma unroll
		for (int j = 0; j < 4; j++, t += pitch)
#pragma unroll
			for (int c = 0; c < 3; c++) {
				const unsigned taps = t[c * PLANE];
				const int s = dot_high(w23, taps, dot_low(w01, taps, 0));
				v[c] = fmaf(wy[j], (float)dot_bytes(rest, taps, s * 256), v[c]);
			}
#pragma unroll
		for (int c = 0; c < 3; c++) v[c] *= 1.0f / 4194304.0f;
	}

	static __device__ __forceinline__ void put(const re_warp &a, char *row, int x0, int n, const float *v) {
		const int lane = threadIdx.x % 32;
		// Levels in the low bytes of 2²³+level; what lies less than 2⁻¹² below half a level is taken up too, so that ties go up.
		unsigned level[3];
#pragma unroll
		for (int k = 0; k < 3; k++) level[k] = __float_as_uint(fmaf(__saturatef(fmaf(v[k], 1.0f / 255.0f, 0x1p-20f)), 255.0f, 8388608.0f));
		const unsigned rgb = __byte_perm(__byte_perm(level[0], level[1], 0x0040), level[2], 0x0410);
		uchar *to = (uchar *)row + 3 * x0;
		if (a.words) { // x0 is a multiple of 4
			const int p = 4 * lane / 3; // word number lane has the bytes of pixels p and p+1
			const unsigned lo = __shfl_sync(0xffffffffu, rgb, p & 31), hi = __shfl_sync(0xffffffffu, rgb, (p + 1) & 31);
			const int rest = lane % 3;
			const unsigned word = __byte_perm(lo, hi, rest == 0 ? 0x4210 : rest == 1 ? 0x5421 : 0x6542);
			const int left = 3 * n - 4 * lane;
			if (lane < 24) {
				if (left >= 4) ((unsigned *)to)[lane] = word;
				else if (left > 0) {
					to[4 * lane] = (uchar)word;
					if (left > 1) to[4 * lane + 1] = (uchar)(word >> 8);
					if (left > 2) to[4 * lane + 2] = (uchar)(word >> 16);
				}
			}
		} else if (lane < n)
			for (int k = 0; k < 3; k++) to[3 * lane + k] = (uchar)(rgb >> 8 * k);
	}
};

template <class T> RE_DEVICE void body(const re_warp &a) {
	const int ROWS = T::ROWS;
	__shared__ __align__(16) typename T::held room[T::ROOM];
	__shared__ float4 terms[WARPS][ROWS][3];

	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	const int x0 = blockIdx.x % a.across * SIDE, y0 = blockIdx.x / a.across * (ROWS * WARPS / 2);
	const int sx = x0 + warp % 2 * SPAN, sy = y0 + warp / 2 * ROWS; // this warp's spans
	const int n = min(a.dst.w - sx, SPAN), rows = n > 0 ? min(a.dst.h - sy, ROWS) : 0;
	char *out = row_of<char>(a.dst, sy);
	uchar *flags = a.valid.p ? row_of<uchar>(a.valid, sy) + sx + lane : (uchar *)0;

	// Lanes 0 … 2·ROWS−1 take both ends of the warp's spans, 16…19 the tile's corners.
	const bool corner = lane >= 16;
	const place p = corner ? project(a.h, x0 + (lane & 1) * SIDE, y0 + (lane & 2 ? ROWS * WARPS / 2 - 1 : 0)) : project(a.h, sx + (lane & 1) * SPAN, sy + lane / 2);

	// The map of a rectangle is a convex quadrilateral when d keeps its sign: the corners bound it.
	const bool fine = fabs(p.x) < 0x1p24 && fabs(p.y) < 0x1p24 && fabs(a.h[6] * p.r) <= 1e-3;
	const unsigned corners = 0xf0000u;
	const unsigned ups = __ballot_sync(0xffffffffu, p.r > 0.0) & corners;
	bool tame = (__ballot_sync(0xffffffffu, fine) & corners) == corners && (ups == 0 || ups == corners);
	int left = 0, right = 0, top = 0, bottom = 0;
	window w = {0, 0, 0, 0, 0};
	if (tame) {
		bounds(__double2int_rd(p.x), 16, &left, &right);
		bounds(__double2int_rd(p.y), 16, &top, &bottom);
		w.left = left - MARGIN & -T::ALIGN;
		w.top = top - MARGIN;
		w.columns = right + MARGIN + 2 - w.left;
		w.pitch = T::pitch(w.columns);
		w.high = bottom + MARGIN + 2 - w.top;
		tame = w.pitch < 1024 && w.high < 1024 && w.pitch * w.high <= (T::ALIGN == 4 ? T::ROOM / T::N : T::ROOM);
	}
	if (!tame) { // the same for all warps of the block
#pragma unroll 1
		for (int r = 0; r < rows; r++) {
			const place q = project(a.h, sx + lane, sy + r);
			float v[T::N];
			gather<T>(a, q, v);
			T::put(a, out, sx, n, v);
			out += a.dst.stride;
			if (flags && lane < n) flags[r * a.valid.stride] = within(q, a.src) ? 255 : 0;
		}
		return;
	}

	// The ends of a span sit in neighbouring lanes.
	const double nx = __shfl_xor_sync(0xffffffffu, p.x, 1), ny = __shfl_xor_sync(0xffffffffu, p.y, 1);
	if (lane < 2 * ROWS && !(lane & 1)) {
		const double dx = (nx - p.x) * (1.0 / SPAN), dy = (ny - p.y) * (1.0 / SPAN), e = a.h[6] * p.r;
		const along u = split(p.x - w.left, dx), v = split(p.y - w.top, dy);
		float4 *t = terms[warp][lane / 2];
		t[0] = make_float4(u.a, u.b, v.a, v.b);
		t[1] = make_float4(u.ra, u.rb, v.ra, v.rb);
		t[2] = make_float4((float)(-e * dx), (float)(-e * dy), (float)e, 0);
	}
	T::fill(a, room, w);
	__syncthreads();

	// Well inside or outside of src, valid is known.
	const bool inside = left > 0 && right < a.src.w - 2 && top > 0 && bottom < a.src.h - 2;
	const bool outside = right < -1 || left > a.src.w || bottom < -1 || top > a.src.h;
	const float i = (float)lane, bend = i * (i - SPAN);
	const unsigned shift = (FLOOR_BIAS + 1) * (w.pitch + 1u); // what floor_of adds, and from a position's sample to the first tap
#pragma unroll 1
	for (int r = 0; r < rows; r++) {
		const float4 whole = terms[warp][r][0], rest = terms[warp][r][1], curve = terms[warp][r][2];
		const float k = bend * reciprocal(fmaf(curve.z, i, 1.0f));
		float tx, ty, v[T::N];
		const unsigned ix = floor_of(fmaf(whole.y, i, whole.x), fmaf(curve.x, k, fmaf(rest.y, i, rest.x)), &tx);
		const unsigned iy = floor_of(fmaf(whole.w, i, whole.z), fmaf(curve.y, k, fmaf(rest.w, i, rest.z)), &ty);
		T::sample(room, (int)(iy * w.pitch + ix - shift), w.pitch, tx, ty, v);
		T::put(a, out, sx, n, v);
		out += a.dst.stride;
		if (flags) {
			if (lane < n) *flags = inside || !outside && within(project(a.h, sx + lane, sy + r), a.src) ? 255 : 0;
			flags += a.valid.stride;
		}
	}
}

RE_DEVICE unsigned shifted(unsigned lo, unsigned hi, int bits) { return __funnelshift_r(lo, hi, bits); }

// The 16 bytes from byte s of p on, the last s of them from q.
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
KERNEL(warp_x1, re_warp, 256) { warp::body<warp::floats<float, 1, 8, 4096>>(a); }
KERNEL(warp_x4, re_warp, 256) { warp::body<warp::floats<float4, 4, 4, 2560>>(a); }

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
