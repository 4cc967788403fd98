#ifndef RE_FUSE_ROBUST_H
#define RE_FUSE_ROBUST_H

#include "image.h"

// A photo and how far it is valid (claim 0: everywhere); plane is its place in low, whole, mean and sd.
typedef struct {
	uint64_t p;
	int64_t stride;
	uint64_t claim;
	int64_t claim_stride, plane;
} re_robust_photo;

// The tables that do not grow with the photos, of kernels/internal/robust.
typedef struct {
	double near[256][24], tone[256];
	float curves[257][4], law[1025][2];
} re_robust_tables;

// What the kernels of FuseRobust work on; all of one merge take the same. Addresses are of planes in device memory, those of reduced
// pixels [lh][lw] without gaps.
typedef struct {
	int32_t n, format;
	int32_t w, h, step, lw, lh;
	int32_t cell, gw, gh, every;
	uint64_t photos; // [n] re_robust_photo, darkest first once they are chosen

	// Of pixels.
	uint64_t scene; // 16 bits, rows of scene_stride entries
	int64_t scene_stride;

	// The summary. Sums of 64 bits: lights [n] sum and clipped, sums [n][256]; counts of 32: all [256], shared [256], windows [256][256].
	uint64_t lights, sums, all, shared, windows;

	// Of cells.
	uint64_t counts; // [gh][gw][256], 32 bits
	uint64_t cells;  // [gh][gw][2][24], float64: Σ near, Σ near·T
	uint64_t base;   // [gh][gw][24], float32

	// Tables.
	uint64_t tables;  // re_robust_tables
	uint64_t weights; // [n][4096], 16 bits
	uint64_t back;    // [n][4097][2], float64: scene level, trust

	// Of reduced pixels.
	uint64_t low;      // [n], 16 bits
	uint64_t whole;    // [n], bytes; 0 where all photos are valid everywhere
	uint64_t seen;     // bytes: the scene level's upper 8 bits
	uint64_t level;    // float32: the merged luma
	uint64_t mean, sd; // [2][n], float32: the photos' windows of both steps
	uint64_t columns;  // [n][2], 64 bits, or [n+4], float32: sums down columns
	uint64_t parts;    // [n+4], float32: what windows say
	uint64_t heads;    // [2], four float32: coefficients self, mean, own, offset of both steps
	uint64_t shares;   // [n], two float32: coefficients of a photo's luma in both steps

	re_image dst;

	// How one launch divides its work: pieces of span across, rows down.
	int32_t span, rows, tiles, strips;
	int32_t gaps;     // of cells, at most, that a piece touches
	int32_t everyone; // the summary takes reduced pixels that are not valid in all photos too
	int32_t words;    // rows of dst start on multiples of 4 bytes
	int32_t fit, radius; // step of local contrast, half-width of its windows
	float edge, noise;
} re_robust;

#endif
