// The second look at all pixels, which merges.
//
// A thread walks down a column of pixels between two rows of reduced pixels' centres, up to ROWS of them. There every
// coefficient is a straight line, so that its two ends are made once, from four reduced pixels, and a pixel costs one multiplication
// and addition for each; and a photo's coefficients are wanted only while that photo is added to the rows' sums.
#include "fuse_robust.cuh"

namespace fuse_robust {

enum { ACROSS = 128, ROWS = 8, TOGETHER = 4 };

// A place between two entries: the offsets of both, and how far from one to the other.
struct place {
	int64_t a, b;
	float f;
};
// The place of a pixel, past pixels from the first one at or after entry j's centre.
RE_DEVICE place place_of(int j, int past, int step, int n) {
	place p;
	p.a = min(max(j, 0), n - 1);
	p.b = min(j + 1, n - 1);
	p.f = ((float)past + (step % 2 ? 0.0f : 0.5f)) * (1.0f / (float)step);
	return p;
}

// Ends of a coefficient's line down a column: where the row of centres above is, and the way to the one below.
struct line {
	float a, d;
	__device__ __forceinline__ line(float p, float q, float r, float s, float f) {
		a = fmaf(q - p, f, p);
		d = fmaf(s - r, f, r) - a;
	}
	__device__ __forceinline__ float at(float f) const { return fmaf(d, f, a); }
};

// The gap between two cells' centres that x lies in, the first before cell 0, and how far it is across.
RE_DEVICE int gap_of(int x, int cell, float &f) {
	const unsigned at = 2u * x + 1 + cell, gap = at / (2u * cell);
	f = (float)(at - gap * 2 * cell) * (0.5f / (float)cell);
	return gap;
}

// The base around the rows from y0 on: between ranges z and z+1 of a gap it is a + fx·b + fz·(c + fx·d). A thread keeps to one z and goes
// from gap to gap and row to row.
RE_DEVICE void fill_gaps(const re_robust &a, float4 *gaps, int x0, int y0, int rows) {
	__shared__ int below[ROWS];
	__shared__ float down[ROWS];
	enum { LANES = ACROSS / RANGES };
	const int t = threadIdx.x, z = t % RANGES, next = z + 1 < RANGES ? 1 : 0;
	if (t < rows) below[t] = gap_of(y0 + t, a.cell, down[t]);
	__syncthreads();
	float f;
	const int first = gap_of(x0, a.cell, f), count = gap_of(min(x0 + ACROSS, a.w) - 1, a.cell, f) - first + 1;
	int g = t / RANGES, r = 0;
	if (g == LANES) return;
	for (;; g += LANES) {
		for (; g >= count; g -= count) r++;
		if (r >= rows) return;
		const int j = below[r], right = first + g;
		const float fy = down[r];
		const float *p = global<const float>(a.base) + (max(j - 1, 0) * a.gw + max(right - 1, 0)) * RANGES + z;
		const float *q = p + (j > 0 && j < a.gh ? a.gw * RANGES : 0);
		const int across = right > 0 && right < a.gw ? RANGES : 0;
		const float u = fmaf(__ldg(q) - __ldg(p), fy, __ldg(p)), v = fmaf(__ldg(q + next) - __ldg(p + next), fy, __ldg(p + next));
		const float s = fmaf(__ldg(q + across) - __ldg(p + across), fy, __ldg(p + across)) - u;
		const float w = fmaf(__ldg(q + across + next) - __ldg(p + across + next), fy, __ldg(p + across + next)) - v;
		gaps[(r * a.gaps + g) * RANGES + z] = make_float4(u, s, v - u, w - s);
	}
}

// Stores a pixel, o in [0,1]. Four lanes put the bytes of their pixels together into three words. All lanes of a warp call it.
RE_DEVICE void store(const re_robust &a, int x, int y, bool inside, float r, float g, float b) {
	if (a.dst.format == RE_U8) {
		const auto byte = [](float v) { return (uint32_t)__float_as_int(__fadd_rd(fmaf(__saturatef(v), 255.0f, 0.5f), 8388608.0f)) & 255u; };
		const uint32_t v = byte(r) | byte(g) << 8 | byte(b) << 16, next = __shfl_down_sync(0xffffffffu, v, 1);
		if (!inside) return;
		uchar *to = row_of<uchar>(a.dst, y);
		const int k = x % 4;
		if (a.words && x - k + 4 <= a.dst.w) {
			if (k < 3) reinterpret_cast<uint32_t *>(to + 3 * (int64_t)(x - k))[k] = v >> 8 * k | next << (24 - 8 * k);
			return;
		}
		to += 3 * (int64_t)x;
		to[0] = (uchar)v, to[1] = (uchar)(v >> 8), to[2] = (uchar)(v >> 16);
	} else if (inside && a.dst.format == RE_U16) {
		ushort *to = row_of<ushort>(a.dst, y) + 3 * (int64_t)x;
		to[0] = sample<RE_U16>::put(r), to[1] = sample<RE_U16>::put(g), to[2] = sample<RE_U16>::put(b);
	} else if (inside) {
		float *to = row_of<float>(a.dst, y) + 3 * (int64_t)x;
		to[0] = r, to[1] = g, to[2] = b;
	}
}

// The colour with its luma changed to Y: its distance from grey scaled along, as far as there is room.
RE_DEVICE void relight(float Y, float &r, float &g, float &b) {
	const float old = fmaf(0.114f, b, fmaf(0.587f, g, 0.299f * r)), base = old + 0.03f;
	const float top = fmaxf(fmaxf(fmaxf(r, g), b) - old, 1e-4f), bottom = fmaxf(old - fminf(fminf(r, g), b), 1e-4f);
	const float k = fminf(fminf((Y + 0.03f) * approx_rcp(base), 2.0f), fminf((0.99f - Y) * approx_rcp(top), Y * approx_rcp(bottom)));
	r = fmaf(r - old, k, Y);
	g = fmaf(g - old, k, Y);
	b = fmaf(b - old, k, Y);
}

// Sums over the photos of a pixel.
struct sums {
	float r = 0, g = 0, b = 0, one = 0, two = 0, total = 0;
};

template <int F, bool VALID> RE_DEVICE void merge(const re_robust &a) {
	DYNAMIC_SHARED(float4, gaps);
	const int tile = blockIdx.x % a.tiles, piece = blockIdx.x / a.tiles, gap = piece / a.strips;
	const int start = a.step / 2 + (gap - 1) * a.step; // the first row below a row of centres
	const int from = start + piece % a.strips * ROWS, y0 = max(from, 0), y1 = min(min(from + ROWS, start + a.step), a.h);
	if (y0 >= y1) return;
	const int x0 = tile * ACROSS, x = min(x0 + (int)threadIdx.x, a.w - 1); // those past the end do the last pixel's work
	const bool inside = x0 + (int)threadIdx.x < a.w;
	fill_gaps(a, gaps, x0, y0, y1 - y0);
	__syncthreads();

	// Luma before local contrast, and what else the scene level says.
	const ushort *scene = global<const ushort>(a.scene) + x;
	float luma[ROWS], ignored, fx;
	int bin[ROWS], least[ROWS];
	const float4 *const mine = gaps + (gap_of(x, a.cell, fx) - gap_of(x0, a.cell, ignored)) * RANGES;
#pragma unroll
	for (int r = 0; r < ROWS; r++) {
		if (r % TOGETHER == 0 && y0 + r >= y1) break;
		const int y = min(y0 + r, y1 - 1);
		const uint32_t level = __ldg(scene + y * a.scene_stride);
		const tones t = tones_of(a, level);
		const float4 c = mine[(y - y0) * a.gaps * RANGES + t.range];
		luma[r] = merged_luma(a, t, fmaf(fmaf(c.w, fx, c.z), t.rest, fmaf(c.y, fx, c.x)));
		bin[r] = level >> 4;
		if (VALID) least[r] = least_claim(a, x, y);
	}

	const int left = x < a.step / 2 ? -1 : (x - a.step / 2) / a.step;
	const place px = place_of(left, x - a.step / 2 - left * a.step, a.step, a.lw), py = place_of(gap - 1, y0 - start, a.step, a.lh);
	const int64_t size = (int64_t)a.lw * a.lh, nw = py.a * a.lw + px.a, ne = py.a * a.lw + px.b, sw = py.b * a.lw + px.a, se = py.b * a.lw + px.b;
	const float down = 1.0f / (float)a.step;
	sums s[ROWS];
	for (int i = 0; i < a.n; i++) {
		const re_robust_photo p = photo_of(a, i);
		const column<F> at(p.p + (int64_t)y0 * p.stride, x);
		const float2 *share = global<const float2>(a.shares) + i * size;
		const float2 q0 = __ldg(share + nw), q1 = __ldg(share + ne), q2 = __ldg(share + sw), q3 = __ldg(share + se);
		const line one(q0.x, q1.x, q2.x, q3.x, px.f), two(q0.y, q1.y, q2.y, q3.y, px.f);
		const ushort *weights = global<const ushort>(a.weights) + i * BINS;
#pragma unroll
		for (int r0 = 0; r0 < ROWS; r0 += TOGETHER) {
			if (y0 + r0 >= y1) break;
			pixel<F> v[TOGETHER];
			uint32_t share[TOGETHER];
#pragma unroll
			for (int r = 0; r < TOGETHER; r++) {
				v[r].load(at, rows_below(min(r0 + r, y1 - y0 - 1), p));
				share[r] = __ldg(weights + bin[r0 + r]);
			}
#pragma unroll
			for (int r = 0; r < TOGETHER; r++) {
				sums &to = s[r0 + r];
				const float f = fmaf((float)(r0 + r), down, py.f);
				float R, G, B, w = small_float(share[r]);
				v[r].stored(R, G, B);
				float y = fmaf(0.114f, B, fmaf(0.587f, G, 0.299f * R));
				if (VALID) {
					const int m = least[r0 + r], claim = m == NOBODY ? 255 : claim_of(p, x, min(y0 + r0 + r, y1 - 1));
					if (m < 255) w = (w + 1.0f / 32.0f) * (float)claim;
					if (claim == 0) y = 0.0f;
					to.total += w;
				}
				to.r = fmaf(w, R, to.r);
				to.g = fmaf(w, G, to.g);
				to.b = fmaf(w, B, to.b);
				to.one = fmaf(one.at(f), y, to.one);
				to.two = fmaf(two.at(f), y, to.two);
			}
		}
	}

	// The steps with the coefficients before those of the photos, then the colour.
	const float4 *heads = global<const float4>(a.heads);
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const float4 p = __ldg(heads + k * size + nw), q = __ldg(heads + k * size + ne), u = __ldg(heads + k * size + sw), v = __ldg(heads + k * size + se);
		const line self(p.x, q.x, u.x, v.x, px.f), mean(p.y, q.y, u.y, v.y, px.f), own(p.z, q.z, u.z, v.z, px.f), offset(p.w, q.w, u.w, v.w, px.f);
#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			if (r % TOGETHER == 0 && y0 + r >= y1) break;
			const float f = fmaf((float)r, down, py.f);
			luma[r] = limit(luma[r], self.at(f), mean.at(f), own.at(f), fmaf(k == 0 ? s[r].one : s[r].two, pixel<F>::unit, offset.at(f)));
		}
	}
#pragma unroll
	for (int r = 0; r < ROWS; r++) {
		if (y0 + r >= y1) break;
		const float scale = VALID ? pixel<F>::unit / s[r].total : pixel<F>::unit / 32768.0f;
		float R = s[r].r * scale, G = s[r].g * scale, B = s[r].b * scale;
		relight(luma[r], R, G, B);
		store(a, x, y0 + r, inside, R, G, B);
	}
}

} // namespace fuse_robust

#define FUSE_ROBUST_MERGE(f, F)                                                                                   \
	KERNEL_MIN(robust_merge_##f, re_robust, 128, 4) { fuse_robust::merge<F, false>(a); }                          \
	KERNEL_MIN(robust_merge_##f##_valid, re_robust, 128, 3) { fuse_robust::merge<F, true>(a); }
FUSE_ROBUST_MERGE(u8, RE_U8)
FUSE_ROBUST_MERGE(u16, RE_U16)
FUSE_ROBUST_MERGE(f32, RE_F32)
