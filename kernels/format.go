package kernels

import "fmt"

// Format is the type of one sample.
type Format uint8

// The sample formats. Integer samples stand for [0,1]: 0 is 0 and the largest value is 1.
// F16 and F32 samples are stored as they are; most operations expect them in [0,1].
const (
	U8  Format = iota // 8-bit unsigned, 255 = 1.0
	U16               // 16-bit unsigned, 65535 = 1.0
	F16               // IEEE 754 binary16
	F32               // IEEE 754 binary32
)

// Size is the number of bytes of one sample.
func (f Format) Size() int {
	switch f {
	case U8:
		return 1
	case U16, F16:
		return 2
	case F32:
		return 4
	}
	return 0
}

// Max is the sample value that stands for 1.0: 255, 65535, 1 and 1.
func (f Format) Max() float64 {
	switch f {
	case U8:
		return 255
	case U16:
		return 65535
	}
	return 1
}

// String is "u8", "u16", "f16" or "f32".
func (f Format) String() string {
	switch f {
	case U8:
		return "u8"
	case U16:
		return "u16"
	case F16:
		return "f16"
	case F32:
		return "f32"
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}
