#ifndef RE_STREAM_H
#define RE_STREAM_H

#include "image.h"

// What stream.cuh needs of an operation from one image to another.
typedef struct {
	re_image dst, src;
	int32_t items;   // of a row: samples, or pixels where an operation needs all channels of one
	int32_t aligned; // whether all rows start on multiples of 16 bytes
} re_stream;

#endif
