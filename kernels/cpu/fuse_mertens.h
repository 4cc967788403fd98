#ifndef REALEDIT_FUSE_MERTENS_H
#define REALEDIT_FUSE_MERTENS_H

#include "fusion.h"

enum { RE_MERTENS_LEVELS = 21 }; // kernels.MaxSide is 2^20

// One fusion; the same for all its bands.
typedef struct {
	re_weighing weigh;
	int n;                             // photos
	int levels;                        // the coarsest level; level 0 is the photos' size
	int wide[RE_MERTENS_LEVELS], high[RE_MERTENS_LEVELS];
	int first, last;                   // the levels this pass goes through
	int fine16;                        // whether level 0 of the sum is int16 (unit 1/RE_MERTENS_FINE), else float
	int dst_format;
} re_mertens;

// The unit of the int16 sum: |Σ w·L| ≤ 1, and half a unit is 0.004 levels of 8 bits.
#define RE_MERTENS_FINE 32000.0f

// Floats from a plane's row to the next at a level of that width: the row, a margin before and
// after it, and never a power of two.
static inline size_t re_mertens_pitch(int w) { return (((size_t)w + 15) & ~(size_t)15) + 32; }

// Bytes of scratch for a band of the pass.
size_t re_mertens_scratch(const re_mertens *m);

// Bytes of the weighted sum's level.
size_t re_mertens_sum_bytes(const re_mertens *m, int level);

// Rows [r0,r1) of level m->last: everything that lies above them in the finer levels of the pass.
// sums[level] is the weighted sum; whole holds every photo's last level of the first pass, which
// is the first level of the second.
void re_mertens_band(const re_mertens *m, const void *const *photos, const ptrdiff_t *strides, void *const *sums,
					 float *whole, void *scratch, int r0, int r1);

// Rows [y0,y1) of sum level: adds the coarser one.
void re_mertens_collapse(const re_mertens *m, int level, float *sum, const float *coarse, int y0, int y1);

// Rows [y0,y1) of the picture from level 0 and, where there is one, level 1.
void re_mertens_finish(const re_mertens *m, const void *sum, const float *coarse, void *dst, ptrdiff_t stride, int y0, int y1);

#endif
