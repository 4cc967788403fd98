package realedit

import (
	"context"
	"io"

	"github.com/realedit/realedit/kernels"
)

// DecodeOptions steer Open and Decode; nil means the zero value.
type DecodeOptions struct {
	MaxPixels int64           // refuse larger pictures with CodeTooLarge; 0 = 150 million
	MaxBytes  int64           // refuse larger files with CodeTooLarge; 0 = 1 GiB
	Backend   kernels.Backend // converts pixels; nil = the shared "auto" host backend
	Cache     *PixelCache     // keeps the pixels that were decoded for the facts; nil = decoded again when needed
}

// source is where a photo's bytes come from.
type source struct {
	data []byte // of a photo decoded from a reader
	opts DecodeOptions
}

func Open(name string, o *DecodeOptions) (*Photo, error) { panic("decode") }

func Decode(r io.Reader, o *DecodeOptions) (*Photo, error) { panic("decode") }

// Pixels decodes the photo: upright, sRGB-encoded, 3 channels, U8 or U16. The caller frees the image.
func (p *Photo) Pixels(ctx context.Context, b kernels.Backend) (*kernels.Image, error) {
	panic("decode")
}
