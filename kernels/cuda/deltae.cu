// CIEDE2000. A pixel takes 285 instructions, 27 of them the special function unit's, and next to no memory traffic, so what counts is few
// instructions: integers of 8 bits through a table, hues as unit vectors, no arctangent.
//
// Errors: after its Newton step a cube root is within 1 ulp, so a is off by 500·2⁻²³ = 6·10⁻⁵ and b by less; decoding 16 bits and
// floats adds 2.4·ln 2·3.5·2⁻²² + 2⁻²² = 1.6·10⁻⁶ relative at the dark end and 6·10⁻⁷ at white, a third of that in the
// root: 10⁻⁴ in a. All that follows is within a few 2⁻²² relative, the sine within 2⁻²⁰·⁵ of a factor that is at most 2. Equal
// colours have no difference at all.
#include "approx.cuh"
#include "deltae.h"

namespace deltae {

typedef unsigned long long u64;

// Bins in shared memory, from 2⁻¹². What lies below goes to the histogram itself; 0, which is frequent, is counted.
const int lowest = 0x39800000 >> RE_DELTAE_SHIFT, bins = RE_DELTAE_BINS - lowest, threads = RE_DELTAE_THREADS;

// Linear light of a sample.
RE_DEVICE float linear(float v) {
	v = __saturatef(v);
	const float p = approx_exp2(2.4f * approx_log2(fmaf(v, 0.947867299f, 0.0521327014f)));
	return v <= 0.04045f ? v * 0.0773993808f : p;
}
template <int F> RE_DEVICE float light(const typename sample<F>::type *p, const float *) { return linear(sample<F>::get(__ldg(p))); }
template <> __device__ __forceinline__ float light<RE_U8>(const uchar *p, const float *table) {
	unsigned v;
#ifndef RE_EMU
	asm("ld.global.nc.u8 %0, [%1];" : "=r"(v) : "l"(__cvta_generic_to_global(p))); // without a mask to make it a byte
#else
	v = *p;
#endif
	return table[v];
}

// CIE 15's f less 16/116, which nothing needs and which would round the darkest colours' differences away. The root is t·t^(−⅔) after one
// Newton step, which takes the approximations' errors out. Where t is 0, so that the root is no number, the line is taken.
RE_DEVICE float lab_f(float t) {
	const float r = approx_exp2(approx_log2(t) * (-1.0f / 3)), r2 = r * r;
	const float y = t * r2;
	const float root = fmaf(fmaf(-(y * y), y, t), r2 * (1.0f / 3), y - 16.0f / 116);
	return t > 0.008856f ? root : 7.787f * t;
}

// f of X, Y and Z by the white, which is divided out of the matrix.
RE_DEVICE float3 lab(float r, float g, float b) {
	return make_float3(
		lab_f(fmaf(0.189825034f, b, fmaf(0.376213873f, g, 0.433946363f * r))),
		lab_f(fmaf(0.072169f, b, fmaf(0.715160f, g, 0.212671f * r))),
		lab_f(fmaf(0.872704646f, b, fmaf(0.109468879f, g, 0.0177566746f * r))));
}

// √(C⁷/(C⁷+25⁷)) of the mean C of two that sum to s.
RE_DEVICE float saturation(float s) {
	const float s2 = s * s, s7 = s2 * s2 * (s2 * s);
	return s7 * approx_rsqrt(fmaf(s7, s7 + 781250000000.0f, 1e-30f)); // (2·25)⁷
}

// Sharma, Wu, Dalal 2005. The mean hue is the direction of the bisector (c,s), T a polynomial in c + i·s, ΔH comes from the cross
// product, and the distance φ from the blue region at 275° enters by its square, which is a power series in v = 1 − cos φ.
RE_DEVICE float difference(float3 p, float3 q) {
	float a1 = 500.0f * (p.x - p.y), a2 = 500.0f * (q.x - q.y);
	const float b1 = 200.0f * (p.y - p.z), b2 = 200.0f * (q.y - q.z), bb1 = b1 * b1, bb2 = b2 * b2;
	const float g = fmaf(-0.5f, saturation(approx_sqrt(fmaf(a1, a1, bb1)) + approx_sqrt(fmaf(a2, a2, bb2))), 1.5f);
	a1 *= g;
	a2 *= g;
	const float c1 = approx_sqrt(fmaf(a1, a1, bb1)), c2 = approx_sqrt(fmaf(a2, a2, bb2)), cc = c1 * c2;
	const float w = b1 * a2, cross = fmaf(a1, b2, -w) + fmaf(-b1, a2, w), dot = fmaf(a1, a2, b1 * b2); // Kahan: the difference of two products

	// ΔH = 2 √(C₁C₂) sin(Δh/2): by the half angle's cosine when that is large, else by the sine itself.
	const float base = cc + fabsf(dot);
	const float dh = 1.41421356f * (dot >= 0.0f ? cross : copysignf(base, cross)) * approx_rsqrt(base + 1e-30f);

	// The bisector: along the sum of the unit vectors while that is large, else at right angles to their difference, on the side that
	// lies between them. Of a colour and grey it is the colour's own hue, of exactly opposite hues the mean of 0 … 360°.
	const float m1 = cc > 0.0f ? c2 : 1.0f, m2 = cc > 0.0f ? c1 : 1.0f, m = dot < 0.0f ? -m2 : m2;
	const float mx = fmaf(m1, a1, m * a2), my = fmaf(m1, b1, m * b2);
	const float side = copysignf(approx_rsqrt(fmaf(mx, mx, my * my) + 1e-30f), cross != 0.0f ? cross : b1 != 0.0f ? b1 : a1);
	const float c = dot < 0.0f ? -my * side : mx * fabsf(side), s = dot < 0.0f ? mx * side : my * fabsf(side); // (0,0) for two greys, where C and ΔH are 0 too

	// T = 1 − 0.17 cos(h−30°) + 0.24 cos 2h + 0.32 cos(3h+6°) − 0.20 cos(4h−63°)
	float tr = fmaf(-0.0907980999f, c, fmaf(-0.178201305f, s, 0.318247007f));
	float ti = fmaf(-0.0907980999f, s, fmaf(0.178201305f, c, 0.0334491083f));
	float tx = fmaf(tr, c, fmaf(-ti, s, 0.24f)), ty = fmaf(tr, s, ti * c);
	tr = fmaf(tx, c, fmaf(-ty, s, -0.147224319f));
	ti = fmaf(tx, s, fmaf(ty, c, 0.085f));
	const float t = fmaf(tr, c, fmaf(-ti, s, 1.0f));

	// 2Δθ = 60° exp(−(φ/25°)²). The series is cut where the exponential makes the rest less than 10⁻⁵. The
	// definition takes h − 275° without wrapping; past +85° this differs by less than 10⁻⁵ too.
	const float v = fmaf(0.996194698f, s, fmaf(-0.0871557427f, c, 1.0f));
	const float theta = approx_exp2(fmaf(v, fmaf(v, fmaf(v, fmaf(v, -0.216506900f, -0.673577023f), -2.52591384f), -15.1554830f), 0.0665336288f));

	const float sum = c1 + c2, rt = -2.0f * saturation(sum) * approx_sin(theta);
	const float lm = fmaf(58.0f, p.y + q.y, -50.0f), l = lm * lm;
	const float x = 116.0f * (q.y - p.y) * approx_rcp(fmaf(0.015f * l, approx_rsqrt(l + 20.0f), 1.0f));
	const float y = (c2 - c1) * approx_rcp(fmaf(0.0225f, sum, 1.0f));
	const float z = dh * approx_rcp(fmaf(0.0075f * sum, t, 1.0f));
	return approx_sqrt(fmaxf(fmaf(x, x, fmaf(y, y, z * fmaf(rt, y, z))), 0.0f));
}

RE_DEVICE u64 *histogram(const re_deltae &a) { return reinterpret_cast<u64 *>(a.stats + sizeof(re_deltae_stats)); }

// Adds to what lies in device memory, which an atomicAdd would first have to find out.
RE_DEVICE void add(void *p, u64 v) {
#ifndef RE_EMU
	asm volatile("red.global.add.u64 [%0], %1;" ::"l"(__cvta_generic_to_global(p)), "l"(v) : "memory");
#else
	*(u64 *)p += v;
#endif
}

template <int F> RE_DEVICE void body(const re_deltae &a) {
	typedef typename sample<F>::type T;
	__shared__ unsigned counts[bins];
	__shared__ float table[F == RE_U8 ? 256 : 1];
	__shared__ u64 partial[threads / 32];
	const int t = threadIdx.x;
	for (int i = t; i < bins; i += threads) counts[i] = 0;
	if (F == RE_U8 && t < 256) table[t] = t <= 10 ? t / (255 * 12.92f) : powf((t / 255.0f + 0.055f) / 1.055f, 2.4f);
	__syncthreads();

	u64 sum = 0;
	unsigned n = 0, zeros = 0, top = 0;
	for (uint32_t i = blockIdx.x; i < a.items; i += gridDim.x) {
		const int y = i / a.pieces, x0 = (int)(i % a.pieces) * (threads * RE_DELTAE_PIXELS) + t;
		const T *p = row_of<const T>(a.a, y) + (int64_t)x0 * 3, *q = row_of<const T>(a.b, y) + (int64_t)x0 * 3;
		const uchar *mask = row_of<const uchar>(a.mask, y) + x0;
		float *m = row_of<float>(a.m, y) + x0;
		const int end = min(x0 + threads * RE_DELTAE_PIXELS, a.a.w);
#pragma unroll 1
		for (int x = x0; x < end; x += threads, p += 3 * threads, q += 3 * threads, mask += threads, m += threads) {
			const bool counted = !a.mask.p || *mask > 127;
			if (!counted && !a.m.p) continue;
			const float3 u = lab(light<F>(p, table), light<F>(p + 1, table), light<F>(p + 2, table));
			const float3 v = lab(light<F>(q, table), light<F>(q + 1, table), light<F>(q + 2, table));
			const float d = difference(u, v);
			if (a.m.p) *m = d;
			if (!counted) continue;
			const unsigned bits = __float_as_uint(d);
			const int bin = (int)(bits >> RE_DELTAE_SHIFT) - lowest;
			if (bin >= 0) atomicAdd(&counts[min(bin, bins - 1)], 1u);
			else if (bits == 0) zeros++;
			else add(histogram(a) + lowest + bin, 1);
			sum += __float2uint_rn(d * 4194304.0f);
			top = max(top, bits);
			n++;
		}
	}
	__syncthreads();

	for (int i = t; i < bins; i += threads)
		if (counts[i]) add(histogram(a) + lowest + i, counts[i]);
	re_deltae_stats *const stats = reinterpret_cast<re_deltae_stats *>(a.stats);
	sum = block_sum(sum, partial);
	const u64 both = block_sum((u64)n << 32 | zeros, partial);
	top = __float_as_uint(warp_max(__uint_as_float(top)));
	if (t % 32 == 0) atomicMax(reinterpret_cast<unsigned *>(&stats->max), top);
	if (t == 0) {
		add(&stats->sum, sum);
		add(&stats->n, both >> 32);
		add(histogram(a), both & 0xffffffffu);
	}
}

// The value of rank i, from 0, which is the left-th of a bin's n; they are taken to lie evenly over the bin.
RE_DEVICE double ranked(int bin, u64 left, u64 n) {
	if (bin == 0) return 0;
	const double low = __uint_as_float((unsigned)bin << RE_DELTAE_SHIFT), high = __uint_as_float((unsigned)(bin + 1) << RE_DELTAE_SHIFT);
	return low + ((double)left + 0.5) / (double)n * (high - low);
}

} // namespace deltae

// Three blocks on a multiprocessor, where its shared memory and threads are enough.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define RE_DELTAE_BLOCKS 1
#else
#define RE_DELTAE_BLOCKS 3
#endif
KERNEL_MIN(deltae_u8, re_deltae, RE_DELTAE_THREADS, RE_DELTAE_BLOCKS) { deltae::body<RE_U8>(a); }
KERNEL_MIN(deltae_u16, re_deltae, RE_DELTAE_THREADS, RE_DELTAE_BLOCKS) { deltae::body<RE_U16>(a); }
KERNEL_MIN(deltae_f32, re_deltae, RE_DELTAE_THREADS, RE_DELTAE_BLOCKS) { deltae::body<RE_F32>(a); }

// The values of ranks ⌊r⌋ and ⌊r⌋+1, r = 0.95·(n−1). One block; each thread has PART bins.
KERNEL(deltae_percentile, re_deltae, 1024) {
	using namespace deltae;
	__shared__ u64 before[32];
	const int t = threadIdx.x;
	const u64 *const mine = histogram(a) + t * RE_DELTAE_PART;
	re_deltae_stats *const stats = reinterpret_cast<re_deltae_stats *>(a.stats);
	u64 n = 0;
#pragma unroll 4
	for (int i = 0; i < RE_DELTAE_PART; i++) n += mine[i];
	u64 end = n; // counts up to here
	for (int d = 1; d < 32; d *= 2) {
		const u64 o = __shfl_up_sync(0xffffffffu, end, d);
		if (t % 32 >= d) end += o;
	}
	if (t % 32 == 31) before[t / 32] = end;
	__syncthreads();
	for (int w = 0; w < t / 32; w++) end += before[w];

	if (stats->n == 0) return;
	const u64 low = (u64)(0.95 * (double)(stats->n - 1)), high = min(low + 1, (u64)stats->n - 1);
	if (end <= low || end - n > high) return;
	u64 at = end - n;
	for (int i = 0; i < RE_DELTAE_PART; i++) {
		const u64 c = mine[i];
		if (low >= at && low < at + c) stats->low = ranked(t * RE_DELTAE_PART + i, low - at, c);
		if (high >= at && high < at + c) stats->high = ranked(t * RE_DELTAE_PART + i, high - at, c);
		at += c;
	}
}
