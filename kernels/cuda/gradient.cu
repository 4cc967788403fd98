#include "filters.cuh"
#include "gradient.h"

namespace gradient {

// A block is 32 by 8 threads, a thread two columns by four rows: the six rows it needs are read at once.
enum { ROWS = 4 };

// Two samples as one access.
template <class T> struct pair;
template <> struct pair<uchar> { typedef uchar2 type; };
template <> struct pair<ushort> { typedef ushort2 type; };
template <> struct pair<float> { typedef float2 type; };

// A sample as stored, in float, where sums of integers are exact.
template <int F> RE_DEVICE float value(typename sample<F>::type v) { return F == RE_F16 ? half_to_float((ushort)v) : (float)v; }

// A Sobel sum in units of src per pixel: over 8, and over the format's maximum correctly rounded (one step of Newton's).
template <int F> RE_DEVICE float unit(float sum) {
	if (F == RE_F16 || F == RE_F32) return sum * 0.125f;
	const float n = F == RE_U8 ? 8.0f * 255.0f : 8.0f * 65535.0f, q = __fmul_rn(sum, 1.0f / n);
	return __fmaf_rn(__fmaf_rn(-q, n, sum), 1.0f / n, q);
}

template <int F> RE_DEVICE void body(const re_gradient &a) {
	typedef typename sample<F>::type T;
	const int w = a.dst.w, h = a.dst.h;
	const int x = 2 * (blockIdx.x * 32 + threadIdx.x), y0 = ROWS * (blockIdx.y * 8 + threadIdx.y);
	if (x >= w || y0 >= h) return;
	const int left = filters::reflect(x - 1, w), second = filters::reflect(x + 1, w), right = filters::reflect(x + 2, w);
	const bool whole = a.vector && x + 1 < w;
	float v[ROWS + 2][4];
#pragma unroll
	for (int k = 0; k < ROWS + 2; k++) {
		const T *p = row_of<const T>(a.src, filters::reflect(min(y0 + k - 1, h), h));
		v[k][0] = value<F>(p[left]);
		v[k][3] = value<F>(p[right]);
		if (whole) {
			const typename pair<T>::type m = *reinterpret_cast<const typename pair<T>::type *>(p + x);
			v[k][1] = value<F>(m.x);
			v[k][2] = value<F>(m.y);
		} else {
			v[k][1] = value<F>(p[x]);
			v[k][2] = value<F>(p[second]);
		}
	}
#pragma unroll
	for (int k = 0; k < ROWS; k++) {
		if (y0 + k >= h) return;
		const float *u = v[k], *m = v[k + 1], *l = v[k + 2];
		float g[4];
#pragma unroll
		for (int i = 0; i < 2; i++) {
			g[2 * i] = unit<F>(((u[i + 2] - u[i]) + (l[i + 2] - l[i])) + 2.0f * (m[i + 2] - m[i]));
			g[2 * i + 1] = unit<F>(((l[i] - u[i]) + (l[i + 2] - u[i + 2])) + 2.0f * (l[i + 1] - u[i + 1]));
		}
		float *d = row_of<float>(a.dst, y0 + k) + 2 * x;
		if (whole) {
			*reinterpret_cast<float4 *>(d) = make_float4(g[0], g[1], g[2], g[3]);
		} else {
			d[0] = g[0];
			d[1] = g[1];
			if (x + 1 < w) {
				d[2] = g[2];
				d[3] = g[3];
			}
		}
	}
}

} // namespace gradient

KERNEL(gradient_u8, re_gradient, 256) { gradient::body<RE_U8>(a); }
KERNEL(gradient_u16, re_gradient, 256) { gradient::body<RE_U16>(a); }
KERNEL(gradient_f16, re_gradient, 256) { gradient::body<RE_F16>(a); }
KERNEL(gradient_f32, re_gradient, 256) { gradient::body<RE_F32>(a); }
