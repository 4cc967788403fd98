// Package diffuse runs SDXL on photographs of any size: img2img with ControlNets and inpainting, tile by tile, with the networks that diffuse/graph builds
// over published weights.
//
// A picture is covered with overlapping tiles. The autoencoder encodes each, noise is a field over the whole picture, each step runs the UNet on every tile and averages what overlaps
// before the next, and tiles are decoded and blended. One network goes over all tiles before the next one does, so that a card need not hold more than
// one: a Profile says how many it holds, and how many tiles it takes at a time.
//
// Results depend on the seed, the tiles and the weights, not on batches, devices of one kind or goroutines.
package diffuse
