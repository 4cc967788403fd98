// All kernels, one translation unit: one fatbin for the GPUs, one library for the emulator.
#include "convert.cu"
#include "srgb.cu"
#include "luma.cu"
#include "colormatrix.cu"
#include "lookup.cu"
#include "curve.cu"
