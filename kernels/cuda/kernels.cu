// All kernels, one translation unit: one fatbin for the GPUs, one library for the emulator.
#include "convert.cu"
#include "box.cu"
#include "edges.cu"
#include "gradient.cu"
#include "histogram.cu"
#include "matchhistogram.cu"
