#include "raw.cuh"
#include "resize.h"

// A block makes a few rows of a strip of dst: it sums the rows of src that a row is made of down, each thread over 16 bytes,
// so that src is read as it lies and (but for rows shared by two of dst) once, then takes the sums across from shared memory.
namespace resize {

const int THREADS = 256;

RE_DEVICE re_taps taps_of(int n, int m, int i) {
	re_taps t;
	if (m <= n) {
		// Sample i covers [i·n, (i+1)·n) in units of 1/m source samples: whole numbers, so shares are exact.
		const int64_t lo = (int64_t)i * n, hi = lo + n;
		t.first = (int)(lo / m);
		const int last = (int)((hi - 1) / m);
		t.n = last - t.first + 1;
		t.head = (float)((double)(min((long long)hi, (long long)(t.first + 1) * m) - lo) / n);
		t.tail = (float)((double)(hi - (long long)last * m) / n);
		return t;
	}
	double p = __dsub_rn(__dmul_rn(i + 0.5, (double)n / m), 0.5);
	p = fmax(0.0, fmin(p, (double)(n - 1)));
	t.first = __double2int_rd(p);
	const double f = p - t.first;
	t.n = f == 0 ? 1 : 2;
	t.head = (float)(1 - f);
	t.tail = (float)f;
	return t;
}

// 16 bytes as floats in stored scale.
template <int F> RE_DEVICE void open(const uint4 &q, float *v) {
	const unsigned w[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
	for (int i = 0; i < 4; i++) {
		if (F == RE_U8) {
			v[4 * i] = byte_to_float<0>(w[i]);
			v[4 * i + 1] = byte_to_float<1>(w[i]);
			v[4 * i + 2] = byte_to_float<2>(w[i]);
			v[4 * i + 3] = byte_to_float<3>(w[i]);
		} else if (F == RE_F32) v[i] = __uint_as_float(w[i]);
		else {
			v[2 * i] = raw_get<F>((typename sample<F>::type)(w[i] & 0xffff));
			v[2 * i + 1] = raw_get<F>((typename sample<F>::type)(w[i] >> 16));
		}
	}
}

// 16 bytes of a row from sample s on, one by one; zeros beyond the row's n samples.
template <int F> RE_DEVICE uint4 collect(const char *row, int s, int n) {
	typedef typename sample<F>::type T;
	unsigned w[4] = {0, 0, 0, 0};
#pragma unroll
	for (int i = 0; i < 16 / (int)sizeof(T); i++) {
		const T v = s + i < n ? __ldg((const T *)row + s + i) : (T)0;
		unsigned bits;
		if (F == RE_F32) bits = __float_as_uint((float)v);
		else bits = (unsigned)v;
		w[i * (int)sizeof(T) / 4] |= bits << 8 * (i * sizeof(T) % 4);
	}
	return make_uint4(w[0], w[1], w[2], w[3]);
}

template <int F, int V> RE_DEVICE void add(float w, const uint4 &q, float *sum) {
	float v[V];
	open<F>(q, v);
#pragma unroll
	for (int i = 0; i < V; i++) sum[i] = fmaf(w, v[i], sum[i]);
}

// The sum down rows t of src at 16 bytes from sample s on.
template <int F> RE_DEVICE void down(const re_resize &a, const re_taps &t, int s, float *sum) {
	typedef typename sample<F>::type T;
	const int V = 16 / sizeof(T), AT_ONCE = 4;
#pragma unroll
	for (int i = 0; i < V; i++) sum[i] = 0;
	if (!a.wide) {
#pragma unroll 1
		for (int r = 0; r < t.n; r++)
			add<F, V>(r == 0 ? t.head : r == t.n - 1 ? t.tail : a.mid_y, collect<F>(row_of<char>(a.src, t.first + r), s, a.src.w * a.src.c), sum);
		return;
	}
#pragma unroll 1
	for (int r0 = 0; r0 < t.n; r0 += AT_ONCE) {
		uint4 q[AT_ONCE];
#pragma unroll
		for (int r = 0; r < AT_ONCE; r++)
			if (r0 + r < t.n) q[r] = __ldg((const uint4 *)(row_of<T>(a.src, t.first + r0 + r) + s));
#pragma unroll
		for (int r = 0; r < AT_ONCE; r++)
			if (r0 + r < t.n) add<F, V>(r0 + r == 0 ? t.head : r0 + r == t.n - 1 ? t.tail : a.mid_y, q[r], sum);
	}
}

template <int F> RE_DEVICE void body(const re_resize &a) {
	const int V = 16 / sizeof(typename sample<F>::type), ROOM = THREADS * V;
	__shared__ __align__(16) float sums[ROOM];
	const int c = a.src.c;
	const int d0 = blockIdx.x % a.across * a.columns, outs = min(a.columns, a.dst.w - d0) * c;
	const re_taps *tx = ((re_taps *)a.x) + d0, *ty = ((re_taps *)a.y);
	const re_taps end = tx[min(a.columns, a.dst.w - d0) - 1];
	const int from = tx[0].first * c / V * V, to = (end.first + end.n) * c; // samples of src
	const bool whole = to - from <= ROOM; // else one column of dst, in parts

	const int y0 = blockIdx.x / a.across * a.rows;
	for (int y = y0; y < y0 + a.rows && y < a.dst.h; y++) {
		const re_taps rows = ty[y];
		char *row = row_of<char>(a.dst, y) + d0 * c * bytes_of(a.dst.format);
		float part = 0;
		for (int s0 = from; s0 < to; s0 += ROOM) {
			const int s = s0 + threadIdx.x * V;
			__syncthreads(); // sums have been used
			if (s < to) {
				float sum[V];
				down<F>(a, rows, s, sum);
#pragma unroll
				for (int i = 0; i < V; i += 4) *(float4 *)(sums + threadIdx.x * V + i) = make_float4(sum[i], sum[i + 1], sum[i + 2], sum[i + 3]);
			}
			__syncthreads();
			for (int o = threadIdx.x; o < outs; o += THREADS) {
				const int x = o * a.inverse >> 16, k = o - x * c;
				const re_taps t = tx[x];
				if (whole) {
					const float *p = sums + (t.first * c + k - from);
					float v = t.head * p[0];
#pragma unroll 2
					for (int i = 1; i < t.n - 1; i++) v = fmaf(a.mid_x, p[i * c], v);
					if (t.n > 1) v = fmaf(t.tail, p[(t.n - 1) * c], v);
					raw_store(a.dst.format, row, o, v * a.scale);
				} else
#pragma unroll 1
					for (int i = 0; i < t.n; i++) {
						const int q = (t.first + i) * c + k - s0;
						if (q >= 0 && q < ROOM) part = fmaf(i == 0 ? t.head : i == t.n - 1 ? t.tail : a.mid_x, sums[q], part);
					}
			}
		}
		if (!whole && threadIdx.x < c) raw_store(a.dst.format, row, threadIdx.x, part * a.scale);
	}
}

} // namespace resize

KERNEL(resize_taps, re_resize_taps, 256) {
	const int i = blockIdx.x * 256 + threadIdx.x;
	if (i < a.dw) ((re_taps *)a.x)[i] = resize::taps_of(a.sw, a.dw, i);
	if (i < a.dh) ((re_taps *)a.y)[i] = resize::taps_of(a.sh, a.dh, i);
}

KERNEL(resize_u8, re_resize, 256) { resize::body<RE_U8>(a); }
KERNEL(resize_u16, re_resize, 256) { resize::body<RE_U16>(a); }
KERNEL(resize_f16, re_resize, 256) { resize::body<RE_F16>(a); }
KERNEL(resize_f32, re_resize, 256) { resize::body<RE_F32>(a); }
