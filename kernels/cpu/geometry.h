#ifndef REALEDIT_GEOMETRY_H
#define REALEDIT_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

// Strides in bytes, f a kernels.Format, c channels, rows [y0,y1) of dst.

// Weights of one direction: destination sample i is the sum over k < n[i] of w[at[i]+k] · source sample first[i]+k.
typedef struct { const int32_t *first; const int32_t *n; const int32_t *at; const float *w; } re_taps;
// sum has room for a row of src in floats and 4 more, line for a row of dst.
void re_resize(int df, int sf, void *dst, size_t ds, const void *src, size_t ss, int c, int sw, int dw, float scale,
	re_taps tx, re_taps ty, float *sum, float *line, int y0, int y1);

// scratch: 3 rows of src in floats, and 64 more.
void re_pyrdown(int sf, float *dst, size_t ds, const void *src, size_t ss, int c, int w, int h, float *scratch, int y0, int y1);
// w and h are src's, dw dst's width; scratch as above.
void re_pyrup(float *dst, size_t ds, int dw, const float *src, size_t ss, int c, int w, int h, float *scratch, int y0, int y1);

size_t re_warp_scratch(void); // floats
void re_warp(int f, void *dst, size_t ds, uint8_t *valid, size_t vs, const void *src, size_t ss, int c, int sw, int sh, int dw,
	const double *h, float *scratch, int y0, int y1);

void re_blend(int f, int mf, void *dst, size_t ds, const void *a, size_t as, const void *b, size_t bs, const void *m, size_t ms,
	int c, size_t w, size_t rows);

typedef struct { const void *pix; size_t stride; int32_t x, y; const float *wx; const float *wy; } re_tile; // weights by column and row
typedef struct { int32_t x0, x1, first, n; } re_span; // columns [x0,x1) are covered by tiles list[first:first+n]
void re_feather(int df, int sf, void *dst, size_t ds, int c, float scale, const re_tile *tiles, const int32_t *list, const re_span *spans, int nspans,
	int y0, int y1);

#endif
