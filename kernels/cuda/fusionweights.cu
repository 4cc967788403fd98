#include "fusion.cuh"

namespace fusionweights {

// A warp makes 60 columns, those of lanes 1 to 30. Sums over the photos lie in shared memory, each lane's own.
template <int F, bool FINE> RE_DEVICE void strip(const re_fusion_weights &a) {
	__shared__ float2 sums[4][RE_WEIGHTS_HIGH][32];
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, id = blockIdx.x * 4 + warp;
	if (id >= a.strips) return;
	// Strips begin on multiples of four pixels less four, where rows of bytes are aligned.
	const int x0 = id % a.across * RE_WEIGHTS_WIDE - 4, y0 = id / a.across * RE_WEIGHTS_HIGH, rows = min(RE_WEIGHTS_HIGH, a.dst.h - y0);
	const re_image *photos = reinterpret_cast<const re_image *>(a.photos);
	const int x = x0 + 2 * lane;
	const bool mine = lane > 0 && lane < 31;
	for (int i = 0; i < a.n; i++) {
		fusion::walk<F, FINE> source;
		source.start(photos[i], x0, y0, y0 + rows + 1, lane);
		for (int y = 0; y < rows; y += 2) {
			float v[2][2][3], w[2][2];
			source.step(a.q, true, y + 1 < rows, v, w);
			for (int r = 0; r < 2; r++) {
				if (y + r >= rows) break;
				if (i > 0) {
					const float2 t = sums[warp][y + r][lane];
					w[r][0] += t.x, w[r][1] += t.y;
				}
				if (i < a.n - 1) {
					sums[warp][y + r][lane] = make_float2(w[r][0], w[r][1]);
					continue;
				}
				if (a.inverse) w[r][0] = 1.0f / w[r][0], w[r][1] = 1.0f / w[r][1];
				float *d = row_of<float>(a.dst, y0 + y + r);
				if (mine && x >= 0 && x < a.dst.w) d[x] = w[r][0];
				if (mine && x >= 0 && x + 1 < a.dst.w) d[x + 1] = w[r][1];
			}
		}
	}
}

} // namespace fusionweights

KERNEL(fusionweights_u8, re_fusion_weights, 128) { fusionweights::strip<RE_U8, true>(a); }
KERNEL(fusionweights_u16, re_fusion_weights, 128) { fusionweights::strip<RE_U16, true>(a); }
KERNEL(fusionweights_f32, re_fusion_weights, 128) { fusionweights::strip<RE_F32, true>(a); }
KERNEL(fusionweights_sum_u8, re_fusion_weights, 128) { fusionweights::strip<RE_U8, false>(a); }
KERNEL(fusionweights_sum_u16, re_fusion_weights, 128) { fusionweights::strip<RE_U16, false>(a); }
KERNEL(fusionweights_sum_f32, re_fusion_weights, 128) { fusionweights::strip<RE_F32, false>(a); }
