#include "stream.cuh"
#include "curve.h"

namespace curve {

// The definition's float64 arithmetic, step by step.
RE_DEVICE double along(const float *t, int n, double v) {
	v = v > 0.0 ? v : 0.0;
	const double p = __dmul_rn(v < 1.0 ? v : 1.0, n - 1);
	const int i = min((int)p, n - 2);
	const double f = __dsub_rn(p, i);
	return __dadd_rn(__dmul_rn(t[i], __dsub_rn(1.0, f)), __dmul_rn(t[i + 1], f));
}

RE_DEVICE unsigned level(double v, double top) {
	v = __dadd_rn(__dmul_rn(v, top), 0.5);
	return v >= 1.0 ? (unsigned)(int)(v < top ? v : top) : 0;
}

template <int D> struct op {
	const float *tables;
	const int2 *parts; // where a channel's table starts and its last entry's number
	stream::divisor channels;
	__device__ __forceinline__ void operator()(const float *in, typename sample<D>::type *out, int x) const {
		const int2 part = parts[channels.rest(x)];
		const float p = __saturatef(*in) * (float)part.y;
		const int i = min((int)p, part.y - 1);
		const float *t = tables + part.x + i;
		*out = stream::of_unit<D>(__fmaf_rn(p - (float)i, t[1] - t[0], t[0]));
	}
};

template <int D> RE_DEVICE void all(const re_curve &a) {
	__shared__ int2 parts[4];
	const int thread = threadIdx.y * 32 + threadIdx.x, n = a.curves.count;
	const float *tables = stream::global<const float>(a.curves.p);
	if (thread < n) parts[thread] = make_int2(a.curves.start[thread], a.curves.start[thread + 1] - a.curves.start[thread] - 1);
	if (a.shared) {
		DYNAMIC_SHARED(float, shared);
		for (int i = thread; i < a.curves.start[n]; i += 256) shared[i] = tables[i];
		tables = shared;
	}
	__syncthreads();
	stream::each<RE_F32, D, 1, 1, 4>(a.s, op<D>{tables, parts, stream::divisor(n)});
}

} // namespace curve

// A thread makes one value of the table blockIdx.y.
KERNEL(curve_values, re_curve_values, 256) {
	const int values = a.src == RE_U8 ? 256 : 65536, i = blockIdx.x * 256 + threadIdx.x, k = blockIdx.y;
	const int64_t at = (int64_t)k * values + i;
	const double u = a.src == RE_U8 ? __ddiv_rn(i, 255.0) : a.src == RE_U16 ? __ddiv_rn(i, 65535.0) : (double)half_to_float((ushort)i);
	const double v = curve::along(stream::global<const float>(a.curves.p) + a.curves.start[k], a.curves.start[k + 1] - a.curves.start[k], u);
	switch (a.dst) {
	case RE_U8: stream::global<uchar>(a.out)[at] = (uchar)curve::level(v, 255.0); break;
	case RE_U16: stream::global<ushort>(a.out)[at] = (ushort)curve::level(v, 65535.0); break;
	case RE_F16: stream::global<ushort>(a.out)[at] = float_to_half((float)v); break;
	default: stream::global<float>(a.out)[at] = (float)v;
	}
}

#define RE_CURVE(s_, S, d, D) \
	KERNEL(curve_##d, re_curve, 256) { curve::all<D>(a); }
RE_FROM(RE_CURVE, f32, RE_F32)
