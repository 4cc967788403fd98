// All kernels, one translation unit: one fatbin for the GPUs, one library for the emulator.
#include "convert.cu"
#include "ssim.cu"
#include "deltae.cu"
