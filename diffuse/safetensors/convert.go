package safetensors

import (
	"encoding/binary"
	"math"

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

// fromF32 has the conversions from float32, rounded to nearest even.
var fromF32 = map[DType]func(v []float32) []byte{
	F32: func(v []float32) []byte {
		b := make([]byte, 0, 4*len(v))
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return b
	},
	F16: func(v []float32) []byte {
		b := make([]byte, 0, 2*len(v))
		for _, x := range v {
			b = binary.LittleEndian.AppendUint16(b, uint16(kernels.HalfFrom(x)))
		}
		return b
	},
	BF16: func(v []float32) []byte {
		b := make([]byte, 0, 2*len(v))
		for _, x := range v {
			u := math.Float32bits(x)
			b = binary.LittleEndian.AppendUint16(b, uint16((u+0x7fff+u>>16&1)>>16))
		}
		return b
	},
}

// FromF32 is numbers as the bytes of elements in a file: F32, F16 or BF16, rounded to nearest even. ok is false for other types.
func FromF32(d DType, v []float32) (b []byte, ok bool) {
	f := fromF32[d]
	if f == nil {
		return nil, false
	}
	return f(v), true
}
