//go:build cgo

#include "vectorise.h"
#include "formats.h"
#include "rows.h"

KERNEL(re_luma, (int df, int sf, void *dst, size_t ds, const void *src, size_t ss, size_t w, size_t rows),
	(df, sf, dst, ds, src, ss, w, rows), {
	size_t sb = sf == RE_U8 ? 1 : sf == RE_F32 ? 4 : 2, db = df == RE_U8 ? 1 : df == RE_F32 ? 4 : 2;
	float top = df == RE_U8 ? 255.0f : df == RE_U16 ? 65535.0f : 1.0f;
	float unit = sf == RE_U8 ? 255.0f : sf == RE_U16 ? 65535.0f : 1.0f;
	for (size_t y = 0; y < rows; y++) {
		const char *s = (const char *)src + y * ss;
		char *d = (char *)dst + y * ds;
		float rgb[3 * 1024], l[1024];
		for (size_t x = 0; x < w; x += 1024) {
			size_t m = w - x < 1024 ? w - x : 1024;
			re_load_raw(sf, s + 3 * x * sb, rgb, 3 * m);
			// 8-bit sums are exact in float, so that ties round as defined.
			for (size_t i = 0; i < m; i++) l[i] = (299.0f * rgb[3 * i] + 587.0f * rgb[3 * i + 1] + 114.0f * rgb[3 * i + 2]) / 1000.0f;
			re_store_raw(df, l, top / unit, d + x * db, m);
		}
	}
})
