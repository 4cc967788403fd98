package safetensors

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// recorded is what testdata/gen.py wrote down of the reference implementation and numpy.
type recorded struct {
	Bits    map[string][]uint32
	SHA256  string
	Every   map[DType]string
	Offsets map[string][2]int64
	Headers []struct {
		Header   string
		Data     int
		Accepted bool
	}
}

func record(t testing.TB) (r recorded) {
	b, err := os.ReadFile("testdata/recorded.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

func sample(t testing.TB) *File {
	f, err := Open("testdata/all.safetensors")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// of is a file's bytes with this header and n bytes of data.
func of(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func open(b []byte) (*File, error) {
	return New(bytes.NewReader(b), int64(len(b)), "model.safetensors")
}

// Places, numbers, text and the hash of a file with every element type are those recorded.
func TestReadsTheReference(t *testing.T) {
	want, f := record(t), sample(t)
	require.Len(t, f.Names(), len(want.Offsets))
	require.IsIncreasing(t, f.Names())
	require.Equal(t, map[string]string{"author": "a \"b\"\t\x01 é"}, f.Metadata())
	for name, place := range want.Offsets {
		x, ok := f.Tensor(name)
		require.True(t, ok, name)
		require.Equal(t, place, [2]int64{x.Offset, x.Offset + x.Length}, name)
	}
	for name, bits := range want.Bits {
		x := make([]float32, len(bits))
		require.NoError(t, f.ReadF32(name, x))
		for i := range x {
			require.Equal(t, bits[i], math.Float32bits(x[i]), "%s %d", name, i)
		}
		if n := len(x); n > 2 {
			part := make([]float32, n-2)
			require.NoError(t, f.ReadF32At(name, 1, part))
			require.Equal(t, x[1:n-1], part)
		}
	}
	sum, err := f.SHA256(context.Background())
	require.NoError(t, err)
	require.Equal(t, want.SHA256, sum)
}

// All numbers of the 16-bit types, through more than one chunk.
func TestConvertsEveryNumber(t *testing.T) {
	for dtype, want := range record(t).Every {
		const copies = 5
		var file bytes.Buffer
		require.NoError(t, Write(&file, nil, []Spec{{"x", dtype, []int{copies, 1 << 16}}}, func(_ int, w io.Writer) error {
			var b []byte
			for i := range copies << 16 {
				b = binary.LittleEndian.AppendUint16(b, uint16(i))
			}
			_, err := w.Write(b)
			return err
		}))
		f, err := open(file.Bytes())
		require.NoError(t, err)
		x := make([]float32, copies<<16)
		require.NoError(t, f.ReadF32("x", x))
		for c := range copies {
			var b []byte
			for _, v := range x[c<<16:][:1<<16] {
				if v != v {
					v = 0
				}
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			sum := sha256.Sum256(b)
			require.Equal(t, want, hex.EncodeToString(sum[:]), "%s, copy %d", dtype, c)
		}
	}
}

// Whatever the reference refuses is refused, and beyond that only what two readers could understand differently.
func TestHeaders(t *testing.T) {
	stricter := map[string]bool{
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`: true,
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`:                                                true,
		` {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`:                                                     true,
		`{"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`:                                 true,
		`{"__metadata__":null}`:              true,
		`{"__metadata__":{"a":"1","a":"2"}}`: true,
	}
	accepted := 0
	for _, h := range record(t).Headers {
		f, err := open(of(h.Header, h.Data))
		if h.Accepted && !stricter[h.Header] {
			require.NoError(t, err, h.Header)
			require.NotNil(t, f)
			accepted++
			continue
		}
		require.Error(t, err, "%s with %d bytes", h.Header, h.Data)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), h.Header)
		require.ErrorContains(t, err, "model.safetensors")
	}
	require.Equal(t, 10, accepted)
}

// Errors say which tensor is meant; files that are cut short anywhere are refused.
func TestMalformed(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		text string
	}{
		"overlap":      {of(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b.c":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}`, 7), `tensor "b.c": begins at byte 3`},
		"unknown":      {of(`{"b.c":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, 2), `tensor "b.c": unknown element type "F4"`},
		"short":        {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 2), `tensor "b.c": ends at byte 4 of the data, of which there are 2`},
		"gap":          {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, 5), `tensor "b.c": begins at byte 1 of the data, behind a gap`},
		"over and out": {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[9223372036854775803,9223372036854775807]}}`, 4), `tensor "b.c": begins at byte 9223372036854775803`},
		"twice":        {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b\u002ec":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), `"b.c" is there twice`},
		"field twice":  {of(`{"b.c":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}}`, 4), `tensor "b.c": shape: is there twice`},
		"backwards":    {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}`, 4), `tensor "b.c": data_offsets: [4 0] is no begin and end`},
		"three ends":   {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}`, 4), `tensor "b.c": data_offsets: [0 4 4] is no begin`},
		"wrong length": {of(`{"b.c":{"dtype":"U8","shape":[0,4],"data_offsets":[0,4]}}`, 4), `tensor "b.c": data_offsets: [0 4] are 4 bytes`},
		"negative":     {of(`{"b.c":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}`, 4), `tensor "b.c": shape: has to be an integer`},
		"fraction":     {of(`{"b.c":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}`, 4), `tensor "b.c": shape: has to be an integer`},
		"enormous":     {of(`{"b.c":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), `tensor "b.c": shape [4294967296 4294967296]: more than`},
		"no shape":     {of(`{"b.c":{"dtype":"U8","data_offsets":[0,4]}}`, 4), `tensor "b.c": shape: is missing`},
		"more data":    {of(`{"b.c":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 5), "the tensors are 4 bytes, but 5 follow"},
		"long header":  {append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), "{}"...), "header"},
		"huge length":  {append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...), "header"},
		"not UTF-8":    {of("{\"\xff\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1), "UTF-8"},
		"web page":     {[]byte("<!DOCTYPE html><html></html>"), "header"},
		"empty":        {nil, "0 bytes"},
	} {
		_, err := open(c.b)
		require.ErrorContains(t, err, c.text, name)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), name)
	}
	whole, err := os.ReadFile("testdata/all.safetensors")
	require.NoError(t, err)
	for n := range whole {
		_, err := open(whole[:n])
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), n)
	}
	_, err = Open(filepath.Join(t.TempDir(), "none"))
	require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))
	_, err = Open(t.TempDir())
	require.Equal(t, realedit.CodeUnreadable, realedit.CodeOf(err))
}

// A list of millions of numbers is refused without memory for them, one of 64 is a shape.
func TestLongLists(t *testing.T) {
	entry := func(n int) string {
		return `{"x":{"dtype":"U8","shape":[1` + strings.Repeat(",1", n-1) + `],"data_offsets":[0,1]}}`
	}
	f, err := open(of(entry(64), 1))
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, f.Names())
	for _, b := range [][]byte{of(entry(65), 1), of(entry(4<<20), 1), of(`{"x":{"data_offsets":[0`+strings.Repeat(",0", 4<<20)+`]}}`, 0)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(b)
		runtime.ReadMemStats(&after)
		require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
		require.ErrorContains(t, err, `tensor "x"`)
		require.ErrorContains(t, err, "more than 64 numbers")
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(len(b)+1<<20), "the header itself and little more")
	}
}

func TestWrongReads(t *testing.T) {
	f := sample(t)
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(f.ReadF32("none", nil)))
	require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(f.ReadF32("n.int8", make([]float32, 3))))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(f.ReadF32("a.f32", make([]float32, 11))))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(f.ReadF32At("a.f32", 11, make([]float32, 2))))
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(f.ReadBytes("a.f32", make([]byte, 47))))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := f.SHA256(ctx)
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))

	path := filepath.Join(t.TempDir(), "shrinks")
	require.NoError(t, os.WriteFile(path, of(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), 0o600))
	g, err := Open(path)
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, os.Truncate(path, 60))
	require.Equal(t, realedit.CodeChanged, realedit.CodeOf(g.ReadF32("a", make([]float32, 2))))
}

// Data are not read when a file is opened, and places beyond 2³² are right.
func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.safetensors")
	const n = 5 << 30
	head := of(`{"a":{"dtype":"U8","shape":[5,1073741824],"data_offsets":[0,5368709120]},"b":{"dtype":"F16","shape":[2],"data_offsets":[5368709120,5368709124]}}`, 0)
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = f.Write(head)
	require.NoError(t, err)
	if _, err = f.WriteAt([]byte{0, 0x3c, 0, 0xc0}, int64(len(head))+n); err != nil {
		t.Skipf("no sparse file of 5 GiB can be made here: %v", err)
	}
	require.NoError(t, f.Close())
	g, err := Open(path)
	require.NoError(t, err)
	defer g.Close()
	b, _ := g.Tensor("b")
	require.Equal(t, int64(len(head))+n, b.Offset)
	x := make([]float32, 2)
	require.NoError(t, g.ReadF32("b", x))
	require.Equal(t, []float32{1, -2}, x)
}

// FuzzOpen: whatever the bytes are, a file that opens has tensors that can be read and lie without gap to its end, and is written again with the
// same contents.
func FuzzOpen(f *testing.F) {
	for _, h := range record(f).Headers {
		f.Add(of(h.Header, h.Data))
	}
	whole, err := os.ReadFile("testdata/all.safetensors")
	require.NoError(f, err)
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := open(b)
		if err != nil {
			require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err))
			return
		}
		total := int64(0)
		var specs []Spec
		for _, n := range file.Names() {
			x, _ := file.Tensor(n)
			total += x.Length
			require.NoError(t, file.ReadBytes(n, make([]byte, x.Length)))
			if toF32[x.DType] != nil {
				require.NoError(t, file.ReadF32(n, make([]float32, x.Elements())))
			}
			specs = append(specs, Spec{n, x.DType, x.Shape})
		}
		require.Equal(t, int64(len(b)), 8+int64(binary.LittleEndian.Uint64(b))+total)
		var again bytes.Buffer
		require.NoError(t, Write(&again, file.Metadata(), specs, copyFrom(file, specs)))
		other, err := open(again.Bytes())
		require.NoError(t, err)
		require.Equal(t, file.Names(), other.Names())
		require.Equal(t, file.Metadata(), other.Metadata())
	})
}

// copyFrom writes the tensors of another file.
func copyFrom(f *File, specs []Spec) func(int, io.Writer) error {
	return func(i int, w io.Writer) error {
		t, _ := f.Tensor(specs[i].Name)
		b := make([]byte, t.Length)
		if err := f.ReadBytes(t.Name, b); err != nil {
			return err
		}
		_, err := w.Write(b)
		return err
	}
}

func BenchmarkReadF32(b *testing.B) {
	for _, d := range []DType{F16, BF16, F32, F64} {
		b.Run(string(d), func(b *testing.B) {
			const n = 1 << 22
			var file bytes.Buffer
			require.NoError(b, Write(&file, nil, []Spec{{"x", d, []int{n}}}, func(_ int, w io.Writer) error {
				p := make([]byte, n*d.Size())
				for i := range p {
					p[i] = byte(i * 7 >> 3)
				}
				_, err := w.Write(p)
				return err
			}))
			f, err := open(file.Bytes())
			require.NoError(b, err)
			x := make([]float32, n)
			b.SetBytes(n * 4)
			for b.Loop() {
				require.NoError(b, f.ReadF32("x", x))
			}
		})
	}
}
