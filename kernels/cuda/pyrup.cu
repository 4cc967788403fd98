#include "pyrup.h"
#include "pyramid.cuh"

// A block walks down a strip of src with three rows of it in registers: the sums down for an even and an odd row of dst go to shared
// memory, from where sums across are taken.
namespace pyrup {

// Sample i of n where 2i is mirrored in the picture with zeros between, of 2n.
struct fold {
	__device__ __forceinline__ int operator()(int i, int n) const { return pyramid::mirror(2 * i, 2 * n) / 2; }
};

template <int C> RE_DEVICE void body(const re_pyrup &a) {
	__shared__ __align__(16) float lines[2][2][pyramid::ROOM];
	const int h = a.src.h, t = threadIdx.x;
	const int x0 = blockIdx.x % a.across * a.columns, j0 = blockIdx.x / a.across * a.rows, j1 = min(j0 + a.rows, h);
	const int outs = min(2 * a.columns, a.dst.w - 2 * x0) * C;
	const int first = (x0 - 1) * C, s0 = first & ~3, skip = first - s0;
	const pyramid::reader<RE_F32> read(s0 + 4 * t, a.src.w, C, a.wide, fold());
#define ROW(y) read.get(row_of<char>(a.src, fold()(y, h)))

	float4 u = ROW(j0 - 1), v = ROW(j0), next = ROW(j0 + 1);
	for (int j = j0; j < j1; j++) {
		const float4 w = next;
		if (j + 1 < j1) next = ROW(j + 2);
		float *even = lines[j & 1][0], *odd = lines[j & 1][1];
		*(float4 *)(even + 4 * t) = make_float4((u.x + w.x) + 6.0f * v.x, (u.y + w.y) + 6.0f * v.y, (u.z + w.z) + 6.0f * v.z, (u.w + w.w) + 6.0f * v.w);
		*(float4 *)(odd + 4 * t) = make_float4(4.0f * (v.x + w.x), 4.0f * (v.y + w.y), 4.0f * (v.z + w.z), 4.0f * (v.w + w.w));
		__syncthreads();
		float *d0 = row_of<float>(a.dst, 2 * j) + 2 * x0 * C, *d1 = row_of<float>(a.dst, 2 * j + 1) + 2 * x0 * C;
		const bool second = 2 * j + 1 < a.dst.h;
		// Several at once: loads are not held up by stores that might, for all the compiler knows, be to shared memory.
		const int BATCH = 4;
		for (int o0 = t; o0 < outs; o0 += BATCH * pyramid::THREADS) {
			float sum[BATCH][2];
#pragma unroll
			for (int i = 0; i < BATCH; i++) {
				const int o = min(o0 + i * pyramid::THREADS, outs - 1), x = o / C, at = skip + x / 2 * C + (o - x * C);
				const bool between = x & 1;
#pragma unroll
				for (int k = 0; k < 2; k++) {
					const float *p = (k ? odd : even) + at;
					const float m = p[C], s = (between ? m : p[0]) + p[2 * C];
					sum[i][k] = (between ? 4.0f * s : s + 6.0f * m) * (1.0f / 64.0f);
				}
			}
#pragma unroll
			for (int i = 0; i < BATCH; i++) {
				const int o = o0 + i * pyramid::THREADS;
				if (o >= outs) break;
				d0[o] = sum[i][0];
				if (second) d1[o] = sum[i][1];
			}
		}
		u = v;
		v = w;
	}
#undef ROW
}

} // namespace pyrup

KERNEL(pyrup_1, re_pyrup, 256) { pyrup::body<1>(a); }
KERNEL(pyrup_2, re_pyrup, 256) { pyrup::body<2>(a); }
KERNEL(pyrup_3, re_pyrup, 256) { pyrup::body<3>(a); }
KERNEL(pyrup_4, re_pyrup, 256) { pyrup::body<4>(a); }
