package safetensors

import (
	"encoding/binary"
	"math"
	"sync"

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
		table := halves()
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

// halves is every binary16 as binary32. Weights lie within few powers of two, so what is used of the 256 KiB stays in the caches; the
// loop has no branch, unlike one that computes.
var halves = sync.OnceValue(func() *[1 << 16]float32 {
	var t [1 << 16]float32
	for i := range t {
		t[i] = kernels.Half(i).Float32()
	}
	return &t
})
