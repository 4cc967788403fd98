// OpenCV's MergeMertens. out_l = Σ Wᵢ·(Gᵢ − up(next Gᵢ)) + up(out_{l+1}), the coarsest level Σ Wᵢ·Gᵢ.
//
// Each level of the photos is read once: a warp, which is a block, walks down a strip of it for one photo after the other, makes the
// next level's rows out of five, and as soon as three of those are there adds what the photo contributes to the two rows it
// still holds. Nothing of a photo is kept but its next level, and no Laplacian is stored. A lane holds two columns and
// one of the next level; what it needs of its neighbours it gets by shuffles, so that four lanes of the 32 are margin.
#include "fusion.cuh"
#include "fuse_mertens.h"

namespace fuse_mertens {

const unsigned ALL = 0xffffffffu;

RE_DEVICE int mirror(int i, int n) {
	bool flipped;
	return fusion::fold(i, n, flipped);
}

// A row of a lane's two columns: red, green, blue and weight.
typedef float pixels[2][4];

// Level 0: samples of a photo, and their weights divided by their sum.
template <int F, bool EDGE> struct photo {
	fusion::walk<F, false, EDGE> walk;
	const float *shares; // without EDGE: 1/Σ at a lane's pixels in the next row
	int first, last;     // rows whose weights count

	__device__ __forceinline__ void start(const re_mertens_level &a, int i, int x0, int y0, int pairs) {
		first = y0 + 2, last = y0 + 2 * pairs + 4;
		walk.start(reinterpret_cast<const re_image *>(a.photos)[i], a.w, a.h, x0, y0);
		if (!EDGE) shares = row_of<const float>(a.inverse, first) + walk.x[0];
	}
	__device__ __forceinline__ void step(const re_mertens_level &a, pixels &v) {
		const int y = walk.y;
		const bool wanted = y >= first && y <= last;
		float share[2] = {}, s[2][3], w[2];
		if (wanted) {
			if (EDGE) {
				const float *p = row_of<const float>(a.inverse, mirror(y, a.h));
				for (int c = 0; c < 2; c++) share[c] = __ldg(p + walk.column(c));
			} else {
				const float2 t = __ldg(reinterpret_cast<const float2 *>(shares));
				share[0] = t.x, share[1] = t.y;
				shares += a.inverse.stride / sizeof(float);
			}
		}
		walk.step(a.q, a.h, wanted, s, w);
		for (int c = 0; c < 2; c++) {
			for (int j = 0; j < 3; j++) v[c][j] = s[c][j];
			v[c][3] = w[c] * share[c];
		}
	}
};

// The levels below.
template <bool EDGE> struct level {
	const float4 *p; // the photo, or without EDGE a lane's pixels in row y
	int x[2], y;
	float4 next[2][2]; // rows y−2 and y−1

	__device__ __forceinline__ void load(const re_mertens_level &a, float4 (&t)[2]) {
		if (EDGE) {
			const float4 *row = p + (int64_t)mirror(y++, a.h) * a.w;
			for (int c = 0; c < 2; c++) t[c] = __ldg(row + x[c]);
		} else {
			t[0] = __ldg(p), t[1] = __ldg(p + 1);
			p += a.w;
		}
	}
	__device__ __forceinline__ void start(const re_mertens_level &a, int i, int x0, int y0, int) {
		p = reinterpret_cast<const float4 *>(a.photos) + (int64_t)i * a.w * a.h;
		y = y0;
		for (int c = 0; c < 2; c++) x[c] = mirror(x0 + 2 * (int)threadIdx.x + c, a.w);
		if (!EDGE) p += (int64_t)y * a.w + x[0];
		for (int r = 0; r < 2; r++) load(a, next[r]);
	}
	__device__ __forceinline__ void step(const re_mertens_level &a, pixels &v) {
		for (int c = 0; c < 2; c++) {
			v[c][0] = next[0][c].x, v[c][1] = next[0][c].y, v[c][2] = next[0][c].z, v[c][3] = next[0][c].w;
			next[0][c] = next[1][c];
		}
		load(a, next[1]);
	}
};

// A pair of columns into the planes; one past the last may be written.
RE_DEVICE short2 fine16(float2 v) { return make_short2((short)__float2int_rn(v.x * RE_MERTENS_FINE), (short)__float2int_rn(v.y * RE_MERTENS_FINE)); }
RE_DEVICE void put(const re_planes &m, int y, int x, float2 r, float2 g, float2 b) {
	const int64_t at = (int64_t)y * m.pitch + x;
	if (m.fine16) {
		short2 *p = reinterpret_cast<short2 *>(m.p) + at / 2;
		p[0] = fine16(r), p[m.step / 2] = fine16(g), p[m.step] = fine16(b);
	} else {
		float2 *p = reinterpret_cast<float2 *>(m.p) + at / 2;
		p[0] = r, p[m.step / 2] = g, p[m.step] = b;
	}
}
template <bool FINE16> RE_DEVICE float2 get(const re_planes &m, int plane, int y, int x) {
	const int64_t at = plane * m.step + (int64_t)y * m.pitch + x;
	if (FINE16) {
		const short2 v = reinterpret_cast<const short2 *>(m.p)[at / 2];
		return make_float2(v.x * (1.0f / RE_MERTENS_FINE), v.y * (1.0f / RE_MERTENS_FINE));
	}
	return reinterpret_cast<const float2 *>(m.p)[at / 2];
}

// A strip of a level. Row s of the next level, times 256, is (1 4 6 4 1)² over rows 2s−2 to 2s+2 (two of old, two of mid, fresh); its up by columns is
// even·8 and odd·8/4, and rows 2s−2 and 2s−1 of up are, times 64·256 and 64·256/4, x(s−2) + 6·x(s−1) + x(s) and x(s−1) + x(s).
template <class S, bool EDGE> RE_DEVICE void strip(const re_mertens_level &a, int x0, int first, int pairs) {
	DYNAMIC_SHARED(float2, sums); // [pair][channel][row][lane − 2]: each lane's own
	const int lane = threadIdx.x, w = (a.w + 1) / 2, h = (a.h + 1) / 2; // the next level
	const int s = x0 / 2 - 2 + lane;
	const bool mine = lane >= 2 && lane < 30 && (!EDGE || s < w), last_column = EDGE && s + 1 >= w;
	const float unit = a.next ? 1.0f / (64 * 256) : 0.0f; // without a next level up is left out
	float2 *const own = sums + lane - 2;

	for (int i = 0; i < a.n; i++) {
		S source;
		source.start(a, i, x0 - 4, 2 * first - 4, pairs);
		float4 *next = reinterpret_cast<float4 *>(a.next) + (int64_t)i * w * h + (int64_t)first * w + s; // row first + k
		pixels old[2], mid[2], fresh; // rows 2s−2 to 2s+2
		for (int c = 0; c < 2; c++)
			for (int j = 0; j < 4; j++) mid[0][c][j] = mid[1][c][j] = 0.0f;
		float before[3][2] = {}, x1[3][2] = {}; // x(s−2) + 6·x(s−1), x(s−1)
#pragma unroll(EDGE ? 1 : 2)
		for (int k = -3; k <= pairs; k++) {
			source.step(a, fresh);
			if (k >= -1) {
				float x[3][2];
				float g[4];
				for (int j = 0; j < 4; j++) {
					float v[2];
					for (int c = 0; c < 2; c++) v[c] = fmaf(6.0f, mid[0][c][j], fmaf(4.0f, old[1][c][j] + mid[1][c][j], old[0][c][j] + fresh[c][j]));
					const float left = __shfl_up_sync(ALL, fmaf(4.0f, v[1], v[0]), 1), right = __shfl_down_sync(ALL, v[0], 1);
					g[j] = fmaf(6.0f, v[0], fmaf(4.0f, v[1], left + right));
				}
				if (k >= 0 && k < pairs) {
					if (mine && a.next)
						*next = make_float4(g[0] * (1.0f / 256.0f), g[1] * (1.0f / 256.0f), g[2] * (1.0f / 256.0f), g[3] * (1.0f / 256.0f));
					next += w;
				}
				for (int j = 0; j < 3; j++) {
					const float left = __shfl_up_sync(ALL, g[j], 1), after = __shfl_down_sync(ALL, g[j], 1), right = last_column ? g[j] : after;
					x[j][0] = fmaf(6.0f, g[j], left + right);
					x[j][1] = g[j] + right;
					if (EDGE && first + k >= h) x[j][0] = x1[j][0], x[j][1] = x1[j][1]; // the last row is repeated
				}
				if (k >= 1 && mine) {
					float2 *const at = own + (k - 1) * 6 * 28;
					float2 t[3][2] = {};
					if (i > 0)
						for (int j = 0; j < 3; j++)
							for (int r = 0; r < 2; r++) t[j][r] = at[(j * 2 + r) * 28];
					for (int j = 0; j < 3; j++)
						for (int r = 0; r < 2; r++) {
							const float even = (r ? x1[j][0] : before[j][0]) + x[j][0], odd = (r ? x1[j][1] : before[j][1]) + x[j][1];
							t[j][r].x = fmaf(old[r][0][3], fmaf(-unit * (r ? 4.0f : 1.0f), even, old[r][0][j]), t[j][r].x);
							t[j][r].y = fmaf(old[r][1][3], fmaf(-unit * (r ? 16.0f : 4.0f), odd, old[r][1][j]), t[j][r].y);
						}
					const int y = 2 * (first + k - 1);
					for (int r = 0; r < 2; r++) {
						if (i == a.n - 1 && (!EDGE || y + r < a.h)) put(a.sum, y + r, 2 * s, t[0][r], t[1][r], t[2][r]);
						if (i < a.n - 1)
							for (int j = 0; j < 3; j++) at[(j * 2 + r) * 28] = t[j][r];
					}
				}
				for (int j = 0; j < 3; j++)
					for (int c = 0; c < 2; c++) before[j][c] = fmaf(6.0f, x[j][c], x1[j][c]), x1[j][c] = x[j][c];
			}
			for (int c = 0; c < 2; c++)
				for (int j = 0; j < 4; j++) old[0][c][j] = mid[0][c][j], old[1][c][j] = mid[1][c][j], mid[0][c][j] = fresh[c][j];
			source.step(a, mid[1]);
		}
	}
}

// Away from the edges, and where words may be read, nothing needs to be folded. The walk looks ahead by two rows and ends two below the last that counts.
template <class INNER, class OUTER> RE_DEVICE void either(const re_mertens_level &a) {
	const int x0 = blockIdx.x % a.across * RE_MERTENS_WIDE, first = blockIdx.x / a.across * a.pairs, pairs = min(a.pairs, (a.h + 1) / 2 - first);
	if (a.aligned && fusion::within(x0 - 4, a.w, 2 * first - 4, 2 * (first + pairs) + 6, a.h)) strip<INNER, false>(a, x0, first, pairs);
	else strip<OUTER, true>(a, x0, first, pairs);
}

// Which samples of n coarser ones a position takes: before, at and after, in eighths 1 6 1 for an even one, 0 4 4 for an odd one.
struct taps {
	int at[3];
	float weight[3];
};
RE_DEVICE taps up_taps(int i, int n) {
	const int s = i / 2;
	const bool odd = i & 1;
	return {{mirror(s - 1, n), s, min(s + 1, n - 1)}, {odd ? 0.0f : 0.125f, odd ? 0.5f : 0.75f, odd ? 0.5f : 0.125f}};
}

RE_DEVICE float4 axpy(float a, float4 x, float4 y) { return make_float4(fmaf(a, x.x, y.x), fmaf(a, x.y, y.y), fmaf(a, x.z, y.z), fmaf(a, x.w, y.w)); }

RE_DEVICE re_planes coarser(re_planes m) {
	m.p += 3 * m.step * sizeof(float);
	m.w = (m.w + 1) / 2, m.h = (m.h + 1) / 2;
	m.pitch = (m.w + RE_PLANES_ALIGN - 1) / RE_PLANES_ALIGN * RE_PLANES_ALIGN;
	m.step = (int64_t)m.pitch * m.h;
	return m;
}

// The levels that are left once one has few pixels: a launch each would cost more than their work. A block's writes
// are seen by its threads after a barrier.
RE_DEVICE void rest(const re_mertens_rest &a) {
	const float4 *here = reinterpret_cast<const float4 *>(a.here);
	float4 *there = reinterpret_cast<float4 *>(a.there);
	re_planes m = a.sum;
	for (int l = 0; l <= a.levels; l++) {
		const int w = m.w, h = m.h, nw = (w + 1) / 2, nh = (h + 1) / 2, size = w * h, nsize = nw * nh;
		if (l < a.levels)
			for (int64_t at = threadIdx.x; at < (int64_t)a.n * nsize; at += blockDim.x) {
				const int i = (int)(at / nsize), y = (int)(at % nsize) / nw, x = (int)(at % nsize) % nw;
				const float4 *p = here + (int64_t)i * size;
				float4 g = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 1
				for (int r = 0; r < 5; r++) {
					const float4 *row = p + (int64_t)mirror(2 * y - 2 + r, h) * w;
					float4 v = row[2 * x];
					v = make_float4(6.0f * v.x, 6.0f * v.y, 6.0f * v.z, 6.0f * v.w);
					v = axpy(1.0f, row[mirror(2 * x - 2, w)], v);
					v = axpy(4.0f, row[mirror(2 * x - 1, w)], v);
					v = axpy(4.0f, row[mirror(2 * x + 1, w)], v);
					v = axpy(1.0f, row[mirror(2 * x + 2, w)], v);
					g = axpy((r == 2 ? 6.0f : r & 1 ? 4.0f : 1.0f) * (1.0f / 256.0f), v, g);
				}
				there[at] = g;
			}
		__syncthreads();
		for (int at = threadIdx.x; at < size; at += blockDim.x) {
			const int y = at / w, x = at % w;
			const taps ty = up_taps(y, nh), tx = up_taps(x, nw);
			float sum[3] = {0.0f, 0.0f, 0.0f};
			for (int i = 0; i < a.n; i++) {
				const float4 v = here[(int64_t)i * size + at];
				float4 up = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
				if (l < a.levels)
					for (int r = 0; r < 3; r++)
						for (int c = 0; c < 3; c++) up = axpy(ty.weight[r] * tx.weight[c], there[(int64_t)i * nsize + ty.at[r] * nw + tx.at[c]], up);
				sum[0] = fmaf(v.w, v.x - up.x, sum[0]);
				sum[1] = fmaf(v.w, v.y - up.y, sum[1]);
				sum[2] = fmaf(v.w, v.z - up.z, sum[2]);
			}
			for (int j = 0; j < 3; j++) reinterpret_cast<float *>(m.p)[j * m.step + (int64_t)y * m.pitch + x] = sum[j];
		}
		__syncthreads();
		float4 *t = const_cast<float4 *>(here);
		here = there, there = t;
		if (l < a.levels) m = coarser(m);
	}
	for (int l = a.levels - 1; l >= 0; l--) {
		re_planes f = a.sum;
		for (int k = 0; k < l; k++) f = coarser(f);
		const re_planes c = coarser(f);
		for (int at = threadIdx.x; at < f.w * f.h; at += blockDim.x) {
			const int y = at / f.w, x = at % f.w;
			const taps ty = up_taps(y, c.h), tx = up_taps(x, c.w);
			for (int j = 0; j < 3; j++) {
				const float *p = reinterpret_cast<const float *>(c.p) + j * c.step;
				float *d = reinterpret_cast<float *>(f.p) + j * f.step + (int64_t)y * f.pitch + x;
				float up = 0.0f;
				for (int r = 0; r < 3; r++)
					for (int k = 0; k < 3; k++) up = fmaf(ty.weight[r] * tx.weight[k], p[(int64_t)ty.at[r] * c.pitch + tx.at[k]], up);
				*d += up;
			}
		}
		__syncthreads();
	}
}

// A pair of pixels into a row of the result. All lanes of the warp are here; where words is set two neighbouring lanes
// write their twelve bytes as three words.
template <int F> RE_DEVICE void store(const re_image &dst, int y, int x, bool words, const float2 (&v)[3]) {
	typedef typename sample<F>::type T;
	T *row = row_of<T>(dst, y);
	if (F == RE_U8 && words) {
		const unsigned lo = sample<RE_U8>::put(v[0].x) | sample<RE_U8>::put(v[1].x) << 8 | sample<RE_U8>::put(v[2].x) << 16 | (unsigned)sample<RE_U8>::put(v[0].y) << 24;
		const unsigned hi = sample<RE_U8>::put(v[1].y) | sample<RE_U8>::put(v[2].y) << 8, after = __shfl_down_sync(ALL, lo, 1);
		const bool odd = threadIdx.x & 1;
		unsigned *p = reinterpret_cast<unsigned *>(row + 3 * (x & ~3));
		p[odd ? 2 : 0] = odd ? lo >> 16 | hi << 16 : lo;
		if (!odd) p[1] = hi | after << 16;
		return;
	}
	for (int c = 0; c < 2; c++)
		if (x + c < dst.w)
			for (int j = 0; j < 3; j++) row[3 * (x + c) + j] = sample<F>::put(fminf(fmaxf(c ? v[j].y : v[j].x, 0.0f), 1.0f));
}

// A lane's column of the coarser level gives two of the finer one. F < 0: in place. An 8-bit result has a sum of 16 bits.
template <int F> RE_DEVICE void collapse(const re_mertens_collapse &a) {
	const int s = blockIdx.x % a.across * 128 + threadIdx.x, first = blockIdx.x / a.across * RE_COLLAPSE_PAIRS;
	const int w = (a.sum.w + 1) / 2, h = (a.sum.h + 1) / 2;
	const bool mine = s < w, up = a.coarse.p != 0;
	const int x = 2 * s, at = min(s, w - 1), left = at > 0 ? at - 1 : min(1, w - 1), right = min(at + 1, w - 1);
	// A whole warp within the picture, and words on their boundaries.
	const bool words = F == RE_U8 && 2 * (s | 31) + 1 < a.dst.w && ((a.dst.p | a.dst.stride) & 3) == 0;
	float before[3][2] = {}, x1[3][2] = {};
#pragma unroll
	for (int k = -1; k <= RE_COLLAPSE_PAIRS; k++) {
		float now[3][2] = {};
		if (up) {
			const int t = min(first + k, h - 1), c = t < 0 ? min(1, h - 1) : t;
			const float *p = reinterpret_cast<const float *>(a.coarse.p) + (int64_t)c * a.coarse.pitch;
			for (int j = 0; j < 3; j++, p += a.coarse.step) {
				const float m = p[at], n = p[right];
				now[j][0] = fmaf(6.0f, m, p[left] + n);
				now[j][1] = m + n;
			}
		}
		const int y = 2 * (first + k - 1);
		if (k >= 1 && y < a.sum.h) {
			float2 v[2][3];
			for (int r = 0; r < 2; r++)
				for (int j = 0; j < 3; j++) v[r][j] = get<F == RE_U8>(a.sum, j, min(y + r, a.sum.h - 1), 2 * at);
			for (int j = 0; j < 3; j++) {
				v[0][j].x = fmaf(1.0f / 64.0f, before[j][0] + now[j][0], v[0][j].x);
				v[0][j].y = fmaf(4.0f / 64.0f, before[j][1] + now[j][1], v[0][j].y);
				v[1][j].x = fmaf(4.0f / 64.0f, x1[j][0] + now[j][0], v[1][j].x);
				v[1][j].y = fmaf(16.0f / 64.0f, x1[j][1] + now[j][1], v[1][j].y);
			}
			for (int r = 0; r < 2; r++) {
				if (y + r >= a.sum.h) break;
				if (F >= 0) {
					if (words || mine) store<F < 0 ? 0 : F>(a.dst, y + r, x, words, v[r]);
				} else if (mine) {
					put(a.sum, y + r, x, v[r][0], v[r][1], v[r][2]);
				}
			}
		}
		for (int j = 0; j < 3; j++)
			for (int c = 0; c < 2; c++) before[j][c] = fmaf(6.0f, now[j][c], x1[j][c]), x1[j][c] = now[j][c];
	}
}

} // namespace fuse_mertens

// Shared memory lets 16 strips be on a multiprocessor of data centre GPUs, 12 or fewer on others; registers shall not let fewer.
#if __CUDA_ARCH__ / 100 == 9 || __CUDA_ARCH__ / 100 == 10
#define RE_MERTENS_BLOCKS 16
#else
#define RE_MERTENS_BLOCKS 12
#endif

KERNEL_MIN(mertens_first_u8, re_mertens_level, 32, RE_MERTENS_BLOCKS) { fuse_mertens::either<fuse_mertens::photo<RE_U8, false>, fuse_mertens::photo<RE_U8, true>>(a); }
KERNEL_MIN(mertens_first_u16, re_mertens_level, 32, 12) { fuse_mertens::either<fuse_mertens::photo<RE_U16, false>, fuse_mertens::photo<RE_U16, true>>(a); }
KERNEL_MIN(mertens_first_f32, re_mertens_level, 32, 12) { fuse_mertens::either<fuse_mertens::photo<RE_F32, false>, fuse_mertens::photo<RE_F32, true>>(a); }
KERNEL_MIN(mertens_level, re_mertens_level, 32, RE_MERTENS_BLOCKS) { fuse_mertens::either<fuse_mertens::level<false>, fuse_mertens::level<true>>(a); }
KERNEL(mertens_rest, re_mertens_rest, 512) { fuse_mertens::rest(a); }
KERNEL(mertens_collapse, re_mertens_collapse, 128) { fuse_mertens::collapse<-1>(a); }
KERNEL(mertens_finish_u8, re_mertens_collapse, 128) { fuse_mertens::collapse<RE_U8>(a); }
KERNEL(mertens_finish_u16, re_mertens_collapse, 128) { fuse_mertens::collapse<RE_U16>(a); }
KERNEL(mertens_finish_f32, re_mertens_collapse, 128) { fuse_mertens::collapse<RE_F32>(a); }
