#ifndef REALEDIT_FORMATS_H
#define REALEDIT_FORMATS_H

#include <stddef.h>
#include <stdint.h>

// Rows of n samples; df and sf are the formats of dst and src, ds and ss the strides in bytes.
void re_convert(int df, int sf, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows);
void re_decode_srgb(int df, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows);
void re_encode_srgb(int df, void *dst, size_t ds, const void *src, size_t ss, size_t n, size_t rows);
// dst[i] = table[src[i]], samples of the given sizes in bytes.
void re_lookup(int dsize, int ssize, void *dst, size_t ds, const void *src, size_t ss, const void *table, size_t n, size_t rows);
void re_luma(int df, int sf, void *dst, size_t ds, const void *src, size_t ss, size_t w, size_t rows);

// Rows [y0,y1) of w×h pixels from planes; cw and ch are the chroma planes' sides.
void re_ycbcr(uint8_t *dst, size_t ds, const uint8_t *y, size_t ys, const uint8_t *cb, size_t cbs, const uint8_t *cr, size_t crs,
	int w, int h, int cw, int ch, int y0, int y1);

#endif
