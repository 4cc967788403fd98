package container

import (
	"io"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	mSOI   = 0xd8
	mEOI   = 0xd9
	mSOS   = 0xda
	mAPP0  = 0xe0
	mAPP1  = 0xe1
	mAPP2  = 0xe2
	mAPP13 = 0xed
	mAPP14 = 0xee
	mCOM   = 0xfe
)

// maxSegments bounds the segments looked at before the scan.
const maxSegments = 20000

// jpegScanner walks the marker segments in front of the first scan.
type jpegScanner struct {
	r         io.ReaderAt
	off, size int64
	count     int
}

func newJPEGScanner(r io.ReaderAt, size int64) *jpegScanner {
	return &jpegScanner{r: r, size: size, off: 2}
}

// next returns the next marker and up to limit bytes of its payload (without
// the length); markers without payload return nil. Between segments it skips what is
// no marker, as decoders do.
func (s *jpegScanner) next(limit int) (marker byte, payload []byte, err error) {
	if s.count++; s.count > maxSegments {
		return 0, nil, malformed("more than %d segments", maxSegments)
	}
	var buf [512]byte
	for skipped := 0; ; {
		n := min(int64(len(buf)), s.size-s.off)
		if n < 2 {
			return 0, nil, ErrTruncated
		}
		b := buf[:n]
		if err := readAt(s.r, b[:min(n, 4)], s.off, s.size); err != nil {
			return 0, nil, err
		}
		if b[0] == 0xff && b[1] != 0xff && b[1] != 0 {
			marker = b[1]
			s.off += 2
			break
		}
		if err := readAt(s.r, b, s.off, s.size); err != nil {
			return 0, nil, err
		}
		i := 0
		for i+1 < len(b) && !(b[i] == 0xff && b[i+1] != 0xff && b[i+1] != 0) {
			i++
		}
		s.off += int64(i)
		if skipped += i; skipped > 1<<20 {
			return 0, nil, malformed("a megabyte without a marker")
		}
		if i == 0 {
			return 0, nil, ErrTruncated
		}
	}
	if marker == mEOI || marker == mSOI || marker >= 0xd0 && marker <= 0xd7 || marker == 1 {
		return marker, nil, nil
	}
	var l [2]byte
	if err := readAt(s.r, l[:], s.off, s.size); err != nil {
		return marker, nil, err
	}
	n := int64(l[0])<<8 | int64(l[1])
	if n < 2 {
		return marker, nil, malformed("segment of length %d", n)
	}
	if s.off+n > s.size {
		return marker, nil, ErrTruncated
	}
	payload = make([]byte, min(n-2, int64(limit)))
	if err := readAt(s.r, payload, s.off+2, s.size); err != nil {
		return marker, nil, err
	}
	s.off += n
	return marker, payload, nil
}
