// Package hdr turns a bracket into one well exposed, neutral, aligned, ghost-free
// picture: Align decodes and registers the photos, Merge fuses them, WindowPull takes
// window views from the frame that holds them, Tone sets exposure, white balance and
// local brightness within bounds.
package hdr
