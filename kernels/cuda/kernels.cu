// All kernels, one translation unit: one fatbin for the GPUs, one library for the emulator.
#include "convert.cu"
#include "feather.cu"
#include "pyrdown.cu"
#include "pyrup.cu"
#include "resize.cu"
#include "warp.cu"
