#ifndef REALEDIT_FUSE_ROBUST_H
#define REALEDIT_FUSE_ROBUST_H

#include <stddef.h>
#include <stdint.h>

// Pixels of a row that are worked on together.
enum { RE_ROBUST_CHUNK = 256 };

// Planes of a step of local contrast, before those of the photos: as sums over windows, and as
// coefficients of a pixel.
enum { RE_ROBUST_SELF, RE_ROBUST_MEAN, RE_ROBUST_OWN, RE_ROBUST_OFFSET, RE_ROBUST_PHOTO };

// One merge; the same for all its bands. The tables are those of kernels/internal/robust.
typedef struct {
	int n, format, dst_format;   // photos
	int w, h;
	int step, lw, lh;            // reduced pixels
	int cell, gw, gh, every;     // cells of the base
	const void *const *photos;
	const ptrdiff_t *strides;
	const void *const *valid;    // NULL: everything is valid; so is a photo whose entry is NULL
	const ptrdiff_t *valid_strides;
	uint16_t *scene;             // w×h, the scene level
	uint8_t *partial;            // [h][chunks]: some photo does not claim all of the chunk
	uint16_t *low;               // [n][lh][lw]
	uint8_t *whole;              // [n][lh][lw], NULL as valid
	uint32_t *counts;            // [gh][gw][256]
	const float *curves;         // [257][4], from half a level before the first on: T, its step to the next entry, F∘T, its step
	const float *law;            // [1025][2]: F, its step
	const float *weights;        // [n][4096], of 1
	const int *support;          // [n][2]: first and last entry that is not zero
	const double *back;          // [n][4097][2]: scene level in 16 bits, trust
	const float *base;           // [gh][gw][24]
	float *level;                // [lh][lw]: the merged luma of the reduced pixels
	float *windows;              // [n+4][lh][lw]: a step's windows
	float *fit[2];               // [lh][n+4][lw]: the coefficients of the two steps
} re_robust;

// Bytes of scratch for a band of re_robust_measure.
size_t re_robust_scratch(const re_robust *m);

// Rows [y0,y1), whole rows of cells but for the last: scene, partial, low, whole and counts (of the
// chunks that are not partial).
void re_robust_measure(const re_robust *m, void *scratch, int y0, int y1);

// The same rows: scene and counts of the partial chunks, by the inverse transfers.
void re_robust_repair(const re_robust *m, int y0, int y1);

// Bytes of scratch for a row's part of the base.
size_t re_robust_gaps_scratch(const re_robust *m);

// The base around row y; cells are of side pixels. Makes gaps.
void re_robust_gaps(const re_robust *m, int side, int y, float *gaps);

// The merged luma before local contrast of w pixels of the row, side and gaps as before.
void re_robust_levels(const re_robust *m, int side, const float *gaps, const uint16_t *scene, float *luma, int w);

// Reduced rows [y0,y1) of level; scratch: that of gaps and lw of 16 bits.
void re_robust_low_levels(const re_robust *m, void *scratch, int y0, int y1);

// A step of local contrast: windows of half-width r of the reduced rows [y0,y1), then their fit, which goes over level.
size_t re_robust_windows_scratch(const re_robust *m);
void re_robust_windows(const re_robust *m, int r, float edge, float noise, double *scratch, int y0, int y1);
void re_robust_fit(const re_robust *m, int step, int r, double *scratch, int y0, int y1);

// Rows [y0,y1) of the merge.
size_t re_robust_merge_scratch(const re_robust *m);
void re_robust_merge(const re_robust *m, void *scratch, void *dst, ptrdiff_t stride, int y0, int y1);

#endif
