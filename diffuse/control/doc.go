// Package control makes the images that ControlNets are steered by: edges by Canny and lines without a model. They are white on black, 8 bits, of the size of the
// picture, with one channel, which diffuse takes for three. Both are computed on a whole picture, never on tiles: what is an edge depends on what it is connected with.
//
// Errors are *realedit.Error: CodeBadOption.
package control
