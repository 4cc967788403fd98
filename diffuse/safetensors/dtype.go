package safetensors

// DType is a tensor's element type under the name that the format has for it. Values are little-endian.
type DType string

// The element types that are read and written.
const (
	F64    DType = "F64"     // IEEE 754 binary64
	F32    DType = "F32"     // IEEE 754 binary32
	F16    DType = "F16"     // IEEE 754 binary16
	BF16   DType = "BF16"    // the upper half of a binary32
	F8E4M3 DType = "F8_E4M3" // four bits of exponent, three of mantissa, no infinities
	F8E5M2 DType = "F8_E5M2" // the upper half of a binary16
	I64    DType = "I64"
	I32    DType = "I32"
	I16    DType = "I16"
	I8     DType = "I8"
	U64    DType = "U64"
	U32    DType = "U32"
	U16    DType = "U16"
	U8     DType = "U8"
	Bool   DType = "BOOL" // a byte, 0 or 1
)

// dtypes are the element types in the order in which the reference implementation lays tensors out: by descending alignment, and
// among equals as recorded from it (testdata/gen.py).
var dtypes = []struct {
	name DType
	size int
}{
	{U64, 8}, {I64, 8}, {F64, 8}, {F32, 4}, {U32, 4}, {I32, 4}, {BF16, 2}, {F16, 2}, {U16, 2}, {I16, 2},
	{F8E4M3, 1}, {F8E5M2, 1}, {I8, 1}, {U8, 1}, {Bool, 1},
}

// Size is the bytes of one element, 0 for what is no element type.
func (d DType) Size() int {
	if i := d.order(); i < len(dtypes) {
		return dtypes[i].size
	}
	return 0
}

// order is the place of d in dtypes, len(dtypes) for what is no element type.
func (d DType) order() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return len(dtypes)
}
