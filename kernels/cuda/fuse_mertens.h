#ifndef RE_FUSE_MERTENS_H
#define RE_FUSE_MERTENS_H

#include "fusionweights.h"

// Columns that a block, which is a warp, makes of a level, and the most pairs of rows.
enum { RE_MERTENS_WIDE = 56, RE_MERTENS_PAIRS = 9 };

// Three planes of a level's size: the sum over the photos, then with what the coarser levels add.
typedef struct {
	uint64_t p; // 0: there is no such level
	int64_t step; // samples from a plane to the next
	int32_t pitch, w, h, fine16; // samples from a row to the next; fine16: int16 in units of 1/RE_MERTENS_FINE, else float
} re_planes;

// The unit of the int16 sum: |Σ w·L| ≤ 1, and half a unit is 0.004 levels of 8 bits.
#define RE_MERTENS_FINE 32000.0f

// One level: the next level of the photos and of their weights, and the level's Σ w·(G − up(next G)).
// Level 0 is photos (a table of re_image) and 1/Σ of their weights (inverse); the others are float4 of red, green, blue and the normalised weight, photo after photo,
// rows of w.
typedef struct {
	re_weighing q;
	uint64_t photos, next; // next 0: there is none
	re_image inverse;
	re_planes sum;
	int32_t n, w, h, aligned, across, pairs; // aligned as in re_fusion_weights; strips side by side, pairs of rows to one
} re_mertens_level;

// All levels from one on that are left, by one block. Levels lie in here and there in turn, the sums one after the
// other; sum is the first one's.
typedef struct {
	uint64_t here, there;
	re_planes sum;
	int32_t n, levels; // how often the first is halved
} re_mertens_rest;

// sum + up(coarse), in place or clamped into dst.
typedef struct {
	re_planes sum, coarse;
	re_image dst;
	int32_t across; // blocks side by side
} re_mertens_collapse;

// Pairs of rows that a thread of the collapse makes.
enum { RE_COLLAPSE_PAIRS = 4 };

// Rows of planes begin on multiples of that many samples, so that a pair of columns may be written past the end.
enum { RE_PLANES_ALIGN = 64 };

#endif
