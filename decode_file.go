package realedit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/kernels"
)

// readFile reads a regular file into a pooled buffer, once its first bytes have
// shown that it may be a photograph and its header that the limits allow it: a
// film of some gigabytes in the folder costs nothing.
func readFile(name string, o DecodeOptions) (data []byte, free func(), err error) {
	// Looked at before it is opened, since opening a device may do things and opening a pipe may wait forever.
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, Errorf(CodeUnreadable, "", "not a regular file but %v", info.Mode().Type())
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	defer f.Close()
	info, err = f.Stat() // the name may have been given to something else meanwhile
	if err != nil {
		return nil, nil, unreadable(err)
	}
	size := info.Size()
	switch {
	case !info.Mode().IsRegular():
		return nil, nil, Errorf(CodeUnreadable, "", "not a regular file but %v", info.Mode().Type())
	case size == 0:
		return nil, nil, &Error{Code: CodeEmptyFile}
	}
	h, err := container.ReadHeader(f, size)
	if err != nil {
		return nil, nil, headerError(err)
	}
	if err := checkHeader(h, size, o); err != nil {
		return nil, nil, err
	}
	data, free, err = kernels.Host.Get(size)
	if err != nil {
		return nil, nil, err
	}
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), data); err != nil {
		free()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, Errorf(CodeChanged, "", "the file shrank while it was read")
		}
		return nil, nil, unreadable(err)
	}
	return data, free, nil
}

func unreadable(err error) error { return &Error{Code: CodeUnreadable, Err: err} }

// headerError gives container's errors their codes.
func headerError(err error) error {
	code := CodeUnreadable // the source's own errors
	switch {
	case errors.Is(err, container.ErrUnknown):
		code = CodeNotPhoto
	case errors.Is(err, container.ErrUnsupported):
		code = CodeUnsupportedFormat
	case errors.Is(err, container.ErrMalformed):
		code = CodeBadImage
	case errors.Is(err, container.ErrTruncated):
		code = CodeTruncated
	}
	return &Error{Code: code, Err: err}
}

// checkHeader holds a header's claims against the limits and against the file's
// size, before anything is allocated for them.
func checkHeader(h container.Header, size int64, o DecodeOptions) error {
	switch {
	case size > o.MaxBytes:
		return Errorf(CodeTooLarge, "", "%d bytes, the limit is %d", size, o.MaxBytes)
	case h.Width > kernels.MaxSide || h.Height > kernels.MaxSide || h.Pixels() > o.MaxPixels:
		return Errorf(CodeTooLarge, "", "%d×%d pixels, the limit is %d", h.Width, h.Height, o.MaxPixels)
	case h.Model == container.ModelCMYK:
		// What the ink amounts look like is in a LUT profile of some hundred kilobytes; any
		// formula without it is far off, and cameras write no such files.
		return Errorf(CodeUnsupportedFormat, "", "%v with CMYK pixels", h.Format)
	}
	if most := mostPixels(h, size); h.Pixels() > most {
		return Errorf(CodeTruncated, "", "%d bytes cannot hold %d×%d pixels", size, h.Width, h.Height)
	}
	return nil
}

// mostPixels is how many pixels a file of so many bytes can hold at the very most,
// given what its format can compress, so that a few bytes that claim a
// huge picture do not get the memory for it.
func mostPixels(h container.Header, size int64) int64 {
	const unlimited = 1 << 62
	bits := int64(max(h.Bits, 1) * max(h.Channels, 1))
	switch h.Format {
	case container.JPEG:
		return size * 8 * 64 // one bit for the DC coefficient of each 8×8 block
	case container.PNG:
		return size * 1032 * 8 / bits // deflate: 258 bytes in two bits
	case container.TIFF:
		switch h.Compression {
		case 0, 1:
			return size * 8 / bits
		case 5: // LZW: at most 4096 bytes in nine bits
			return size * 4096 * 8 / bits
		case 8, 32946:
			return size * 1032 * 8 / bits
		case 32773: // PackBits: 128 bytes in two
			return size * 64 * 8 / bits
		}
	}
	return unlimited
}

// pixelError gives the codecs' errors their codes.
func pixelError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Code: CodeTruncated, Err: fmt.Errorf("the file ends before the picture does: %w", err)}
	}
	return &Error{Code: CodeBadImage, Err: err}
}
