#ifndef RE_FEATHER_H
#define RE_FEATHER_H

#include "image.h"

// One tile: pixels [x,x+w) × [y,y+h) of dst. A weight is min(distance+1 from the low edge + low, from the high one + high, overlap+1)/(overlap+1);
// low and high are large where the edge lies on dst's border and does not ramp.
typedef struct {
	uint64_t p;
	int64_t stride;
	int32_t x, y, w, h;
	int32_t low_x, high_x, low_y, high_y;
} re_feather_tile;

typedef struct {
	re_image dst;
	uint64_t tiles;   // re_feather_tile
	uint64_t lists;   // of int32: per cell of dst where its list begins, and one more; then numbers of tiles
	int32_t cells;    // cells over dst's width
	int32_t across;   // blocks over dst's width
	int32_t ramp;     // overlap+1
	float unit;       // 1/ramp
	float scale;      // dst's maximum over the tiles'
} re_feather;

enum { RE_FEATHER_CELL = 256 }; // side of a cell, in pixels

#endif
