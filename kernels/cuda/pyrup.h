#ifndef RE_PYRUP_H
#define RE_PYRUP_H

#include "image.h"

typedef struct {
	re_image dst, src;
	int32_t columns; // of src, that a block takes twice as many of
	int32_t rows;    // of src, that a block takes twice as many of
	int32_t across;  // blocks over src's width
	int32_t wide;    // src's rows start on multiples of 16 bytes
} re_pyrup;

#endif
