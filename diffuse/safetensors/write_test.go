package safetensors

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// The tensors of the reference's file, declared in any order, give its bytes again.
func TestWritesTheReferencesBytes(t *testing.T) {
	want, err := os.ReadFile("testdata/all.safetensors")
	require.NoError(t, err)
	f := sample(t)
	var specs []Spec
	for _, n := range f.Names() {
		x, _ := f.Tensor(n)
		specs = append(specs, Spec{n, x.DType, x.Shape})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		rng.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
		path := filepath.Join(t.TempDir(), "again.safetensors")
		require.NoError(t, WriteFile(path, f.Metadata(), specs, copyFrom(f, specs)))
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have))
	}
	for _, c := range []struct { // as recorded
		metadata map[string]string
		want     string
	}{{nil, "\x08\x00\x00\x00\x00\x00\x00\x00{}      "}, {map[string]string{}, "\x18\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{}}     "},
		{map[string]string{"b": "1", "a": "2"}, "\x28\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{\"a\":\"2\",\"b\":\"1\"}}      "}} {
		var b bytes.Buffer
		require.NoError(t, Write(&b, c.metadata, nil, nil))
		require.Equal(t, c.want, b.String())
	}
}

// A file that cannot be written leaves nothing, and what was there stays.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
	two := []Spec{{"a", U8, []int{4}}, {"b", U8, []int{4}}}
	broken := errors.New("broken")
	write := func(second []byte, err error) func(int, io.Writer) error {
		return func(i int, w io.Writer) error {
			if i == 0 {
				_, err := w.Write(make([]byte, 4))
				return err
			}
			_, failed := w.Write(second)
			return errors.Join(failed, err)
		}
	}
	require.ErrorIs(t, WriteFile(path, nil, two, write(make([]byte, 4), broken)), broken)
	for _, n := range []int{0, 3, 5} {
		err := WriteFile(path, nil, two, write(make([]byte, n), nil))
		require.Equal(t, realedit.CodeInternal, realedit.CodeOf(err))
		require.ErrorContains(t, err, `"b"`)
	}
	for name, specs := range map[string][]Spec{
		"twice":    {{"a", U8, []int{4}}, {"a", U8, []int{4}}},
		"reserved": {{"__metadata__", U8, []int{4}}},
		"UTF-8":    {{"\xff", U8, []int{4}}},
		"type":     {{"a", "F31", []int{4}}},
		"negative": {{"a", U8, []int{-4, -1}}},
		"overflow": {{"a", F64, []int{1 << 31, 1 << 31}}},
		"sum":      {{"a", U8, []int{1 << 62}}, {"b", U8, []int{1 << 62}}},
	} {
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(WriteFile(path, nil, specs, nil)), name)
	}
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(WriteFile(path, map[string]string{"a": "\xff"}, nil, nil)))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before", string(b))
	require.Equal(t, realedit.CodeWriteFailed, realedit.CodeOf(WriteFile(filepath.Join(dir, "none", "a"), nil, nil, nil)))
	require.Equal(t, realedit.CodeWriteFailed, realedit.CodeOf(WriteFile(dir, nil, nil, nil)), "a folder has the name")
}

// Writers of one path at the same time: the file is one of theirs, whole.
func TestConcurrentWriters(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	errs := make([]error, 8)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() {
			errs[i] = WriteFile(path, map[string]string{"by": strconv.Itoa(i)}, []Spec{{"a", U8, []int{1 << 20}}}, func(_ int, w io.Writer) error {
				_, err := w.Write(bytes.Repeat([]byte{byte(i)}, 1<<20))
				return err
			})
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(errs...))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	b := make([]byte, 1<<20)
	require.NoError(t, f.ReadBytes("a", b))
	by, err := strconv.Atoi(f.Metadata()["by"])
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat([]byte{byte(by)}, 1<<20), b)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// Tensors lie in the order of their declarations where that is asked for.
func TestWritesInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	specs := []Spec{{"b", U8, []int{2}}, {"c", F64, nil}, {"a", F16, []int{3}}}
	require.NoError(t, WriteFileInOrder(path, nil, specs, func(i int, w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte{byte(i)}, []int{2, 8, 6}[i]))
		return err
	}))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	first, _ := f.Tensor("b")
	for i, at := range []int64{0, 2, 10} {
		x, _ := f.Tensor(specs[i].Name)
		require.Equal(t, first.Offset+at, x.Offset)
		b := make([]byte, x.Length)
		require.NoError(t, f.ReadBytes(x.Name, b))
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, len(b)), b)
	}
}
