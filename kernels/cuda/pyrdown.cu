#include "pyrdown.h"
#include "pyramid.cuh"

// A block walks down a strip of src with five rows of it in registers: each row of sums down goes to shared memory, from
// where sums across are taken. Integers as stored: their sums are exact.
namespace pyrdown {

struct fold {
	__device__ __forceinline__ int operator()(int x, int n) const { return pyramid::mirror(x, n); }
};

RE_DEVICE float down(float a, float b, float c, float d, float e) { return (a + e) + 4.0f * (b + d) + 6.0f * c; }

template <int F> RE_DEVICE void body(const re_pyrdown &a) {
	const int AHEAD = F == RE_F32 ? 1 : 2; // rows of dst whose rows of src are on their way
	__shared__ __align__(16) float lines[2][pyramid::ROOM];
	const int c = a.src.c, h = a.src.h, t = threadIdx.x;
	const int d0 = blockIdx.x % a.across * a.columns, y0 = blockIdx.x / a.across * a.rows, y1 = min(y0 + a.rows, a.dst.h);
	const int outs = min(a.columns, a.dst.w - d0) * c;
	const int first = (2 * d0 - 2) * c, s0 = first & ~3, skip = first - s0;
	const pyramid::reader<F> read(s0 + 4 * t, a.src.w, c, a.wide, fold());
	typedef typename pyramid::four<F>::held held;
#define ROW(y) read.get(row_of<char>(a.src, pyramid::mirror(y, h)))

	// This thread's samples of dst, and where their taps begin in a line.
	const int o[2] = {t, t + pyramid::THREADS};
	int from[2];
#pragma unroll
	for (int j = 0; j < 2; j++) {
		const int x = min(o[j], outs - 1) / c;
		from[j] = skip + x * c + min(o[j], outs - 1); // 2·x·c and the channel
	}
	const float scale = F == RE_U8 ? 1.0f / 65280.0f : F == RE_U16 ? 1.0f / 16776960.0f : 1.0f / 256.0f;

	float4 r0 = pyramid::open(ROW(2 * y0 - 2)), r1 = pyramid::open(ROW(2 * y0 - 1)), r2 = pyramid::open(ROW(2 * y0));
	held next[AHEAD][2];
#pragma unroll
	for (int k = 0; k < AHEAD; k++)
		for (int j = 0; j < 2; j++) next[k][j] = ROW(2 * (y0 + k) + 1 + j);
#pragma unroll 1
	for (int y = y0; y < y1; y++) {
		const float4 r3 = pyramid::open(next[0][0]), r4 = pyramid::open(next[0][1]);
#pragma unroll
		for (int k = 1; k < AHEAD; k++)
			for (int j = 0; j < 2; j++) next[k - 1][j] = next[k][j];
		if (y + AHEAD < y1)
			for (int j = 0; j < 2; j++) next[AHEAD - 1][j] = ROW(2 * (y + AHEAD) + 1 + j);
		float *line = lines[y & 1];
		*(float4 *)(line + 4 * t) = make_float4(down(r0.x, r1.x, r2.x, r3.x, r4.x), down(r0.y, r1.y, r2.y, r3.y, r4.y), down(r0.z, r1.z, r2.z, r3.z, r4.z), down(r0.w, r1.w, r2.w, r3.w, r4.w));
		__syncthreads();
		float *out = row_of<float>(a.dst, y) + d0 * c;
		float sum[2];
#pragma unroll
		for (int j = 0; j < 2; j++) {
			const float *p = line + from[j];
			sum[j] = down(p[0], p[c], p[2 * c], p[3 * c], p[4 * c]) * scale;
		}
#pragma unroll
		for (int j = 0; j < 2; j++)
			if (o[j] < outs) out[o[j]] = sum[j];
		r0 = r2;
		r1 = r3;
		r2 = r4;
	}
#undef ROW
}

} // namespace pyrdown

KERNEL(pyrdown_u8, re_pyrdown, 256) { pyrdown::body<RE_U8>(a); }
KERNEL(pyrdown_u16, re_pyrdown, 256) { pyrdown::body<RE_U16>(a); }
KERNEL(pyrdown_f32, re_pyrdown, 256) { pyrdown::body<RE_F32>(a); }
