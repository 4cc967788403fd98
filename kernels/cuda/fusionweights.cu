#include "fusion.cuh"

namespace fusionweights {

// A block is a warp and makes 60 columns, those of lanes 1 to 30. Sums over the photos lie in shared memory, each lane's own.
template <int F, bool FINE, bool EDGE> RE_DEVICE void strip(const re_fusion_weights &a, int x0, int y0, float2 (*sums)[32]) {
	const int lane = threadIdx.x, rows = min(RE_WEIGHTS_HIGH, a.dst.h - y0), x = x0 + 2 * lane;
	const re_image *photos = reinterpret_cast<const re_image *>(a.photos);
	for (int i = 0; i < a.n; i++) {
		fusion::walk<F, FINE, EDGE> source;
		source.start(photos[i], a.dst.w, a.dst.h, x0, y0 - 1);
#pragma unroll 2
		for (int y = -1; y < rows; y++) {
			float v[2][3], w[2];
			source.step(a.q, a.dst.h, y >= 0, v, w);
			if (y < 0) continue;
			if (i > 0) {
				const float2 t = sums[y][lane];
				w[0] += t.x, w[1] += t.y;
			}
			if (i < a.n - 1) {
				sums[y][lane] = make_float2(w[0], w[1]);
				continue;
			}
			if (a.inverse) w[0] = 1.0f / w[0], w[1] = 1.0f / w[1];
			if (lane == 0 || lane == 31) continue;
			float *d = row_of<float>(a.dst, y0 + y);
			if (!EDGE) {
				*reinterpret_cast<float2 *>(d + x) = make_float2(w[0], w[1]);
			} else {
				if (x >= 0 && x < a.dst.w) d[x] = w[0];
				if (x >= 0 && x + 1 < a.dst.w) d[x + 1] = w[1];
			}
		}
	}
}

template <int F, bool FINE> RE_DEVICE void weights(const re_fusion_weights &a) {
	__shared__ float2 sums[RE_WEIGHTS_HIGH][32];
	// Strips begin on multiples of four columns, where rows of bytes are aligned.
	const int x0 = blockIdx.x % a.across * RE_WEIGHTS_WIDE - 4, y0 = blockIdx.x / a.across * RE_WEIGHTS_HIGH;
	if (a.aligned && fusion::within(x0, a.dst.w, y0 - 1, y0 + RE_WEIGHTS_HIGH + 2, a.dst.h)) strip<F, FINE, false>(a, x0, y0, sums);
	else strip<F, FINE, true>(a, x0, y0, sums);
}

} // namespace fusionweights

KERNEL(fusionweights_u8, re_fusion_weights, 32) { fusionweights::weights<RE_U8, true>(a); }
KERNEL(fusionweights_u16, re_fusion_weights, 32) { fusionweights::weights<RE_U16, true>(a); }
KERNEL(fusionweights_f32, re_fusion_weights, 32) { fusionweights::weights<RE_F32, true>(a); }
KERNEL(fusionweights_sum_u8, re_fusion_weights, 32) { fusionweights::weights<RE_U8, false>(a); }
KERNEL(fusionweights_sum_u16, re_fusion_weights, 32) { fusionweights::weights<RE_U16, false>(a); }
KERNEL(fusionweights_sum_f32, re_fusion_weights, 32) { fusionweights::weights<RE_F32, false>(a); }
