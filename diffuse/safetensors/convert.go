package safetensors

import (
	"encoding/binary"
	"math"

	"github.com/realedit/realedit/internal/parallel"
	"github.com/realedit/realedit/kernels"
)

// toF32 has the conversions to float32: dst from the bytes of as many numbers.
var toF32 = map[DType]func(dst []float32, src []byte){
	F64: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[i*8:])))
		}
	},
	F32: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[i*4:]))
		}
	},
	F16: func(dst []float32, src []byte) {
		table := kernels.HalfTable()
		for i := range dst {
			dst[i] = table[binary.LittleEndian.Uint16(src[i*2:])]
		}
	},
	BF16: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[i*2:])) << 16)
		}
	},
}

// fromF32 has the conversions from float32, rounded to nearest even: dst are the bytes of as many numbers.
var fromF32 = map[DType]func(dst []byte, src []float32){
	F32: func(dst []byte, src []float32) {
		for i, x := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	},
	F16: func(dst []byte, src []float32) {
		for i, x := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(kernels.HalfFrom(x)))
		}
	},
	BF16: func(dst []byte, src []float32) {
		for i, x := range src {
			u := math.Float32bits(x)
			binary.LittleEndian.PutUint16(dst[2*i:], uint16((u+0x7fff+u>>16&1)>>16))
		}
	},
}

// band is how many numbers are converted by one processor at a time.
const band = 1 << 15

// FromF32 is numbers as the bytes of elements in a file: F32, F16 or BF16, rounded to nearest even. ok is false for other types.
func FromF32(d DType, v []float32) (b []byte, ok bool) {
	convert := fromF32[d]
	if convert == nil {
		return nil, false
	}
	size := d.Size()
	b = make([]byte, size*len(v))
	parallel.Bands(len(v), band, func(from, to int) { convert(b[size*from:size*to], v[from:to]) })
	return b, true
}
