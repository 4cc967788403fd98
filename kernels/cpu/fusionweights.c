//go:build cgo

#include "fusionweights.h"

// Rows [y0,y1) of the weights. scratch holds 3 rows of planes and 3 of luma: 6·(w+32) floats.
KERNEL(re_fusion_weights, (const re_weighing *q, const void *src, ptrdiff_t stride, float *dst, ptrdiff_t dstride, int w, int h, int y0, int y1, float *scratch),
	   (q, src, stride, dst, dstride, w, h, y0, y1, scratch), {
	size_t pitch = (size_t)w + 32;
	float *r = scratch, *g = r + pitch, *b = g + pitch, *luma = b + pitch + 16;
	for (int y = y0 - 1; y <= y1; y++) {
		// Row y's luma goes to slot y mod 3; the planes then hold row y, one too far, and are read again below.
		re_planes_f32(q->format, (const char *)src + re_mirror(y, h) * stride, r, g, b, w);
		re_luma_f32(r, g, b, q->top, luma + ((y + 3) % 3) * pitch, w);
		if (y <= y0) continue;
		re_planes_f32(q->format, (const char *)src + (y - 1) * stride, r, g, b, w);
		re_weights_f32(r, g, b, luma + ((y + 1) % 3) * pitch, luma + ((y + 2) % 3) * pitch, luma + (y % 3) * pitch, q,
					   (float *)((char *)dst + (y - 1) * dstride), w);
	}
})
