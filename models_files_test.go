package realedit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func weightsEntry(kind string, files map[string]string, first string, more ...string) Model {
	m := Model{Name: kind, Kind: kind, File: first, SHA256: hex.EncodeToString(sum([]byte(files[first]))), Licence: "x", Source: "y"}
	for _, f := range more {
		m.Data = append(m.Data, ModelData{f, hex.EncodeToString(sum([]byte(files[f])))})
	}
	return m
}

func TestModelFiles(t *testing.T) {
	files := map[string]string{"a/1.safetensors": "one", "a/2.safetensors": "two", "x.onnx": "graph"}
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	list := func(m ...Model) []byte {
		b, err := json.Marshal(map[string]any{"models": m})
		require.NoError(t, err)
		return b
	}
	good := weightsEntry("sdxl_unet", files, "a/1.safetensors", "a/2.safetensors")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ModelsFile), list(good), 0o600))
	d, err := OpenModels(os.DirFS(dir), nil)
	require.NoError(t, err)
	paths, err := d.Files(context.Background(), "sdxl_unet")
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "a/1.safetensors"), filepath.Join(dir, "a/2.safetensors")}, paths)
	require.NoError(t, d.Check(context.Background(), "sdxl_unet"))
	_, _, err = d.Run(context.Background(), "sdxl_unet", nil)
	require.Equal(t, CodeUnsupported, CodeOf(err))
	_, err = d.Files(context.Background(), "sdxl_vae")
	require.Equal(t, CodeNoModel, CodeOf(err))

	env := &Env{Models: d}
	w := &Work{Report: &Report{}}
	_, err = env.ModelFiles(context.Background(), "sdxl_vae")
	require.Equal(t, CodeNoModel, CodeOf(err))
	got, err := env.ModelFiles(context.Background(), "sdxl_unet")
	require.NoError(t, err)
	require.Equal(t, paths, got)
	env.UsedModel(w, "sdxl_unet")
	env.UsedModel(w, "sdxl_unet")
	require.Equal(t, []ModelFacts{{"sdxl_unet", good.SHA256, "x"}}, w.Report.Models)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/2.safetensors"), []byte("tampered"), 0o600))
	_, err = d.Files(context.Background(), "sdxl_unet")
	require.Equal(t, CodeBadModel, CodeOf(err))
	require.ErrorContains(t, err, "a/2.safetensors")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/2.safetensors"), []byte("not read before"), 0o600))
	_, err = d.Files(ctx, "sdxl_unet")
	require.Equal(t, CodeCancelled, CodeOf(err))
	require.NoError(t, os.Remove(filepath.Join(dir, "a/2.safetensors")))
	_, err = d.Files(context.Background(), "sdxl_unet")
	require.Equal(t, CodeNoModel, CodeOf(err))

	for name, spoil := range map[string]func(m *Model){
		"inputs":     func(m *Model) { m.Inputs = []TensorSpec{{"x", "float32", []int64{1}}} },
		"preprocess": func(m *Model) { m.Preprocess.Width = 3 },
		"a graph":    func(m *Model) { m.Data[0].File = "x.onnx" },
	} {
		m := weightsEntry("sdxl_unet", files, "a/1.safetensors", "a/2.safetensors")
		spoil(&m)
		_, err := OpenModels(fstest.MapFS{ModelsFile: {Data: list(m)}}, nil)
		require.Equal(t, CodeBadModel, CodeOf(err), name)
	}
	memory, err := OpenModels(fstest.MapFS{ModelsFile: {Data: list(weightsEntry("k", files, "a/1.safetensors"))}, "a/1.safetensors": {Data: []byte("one")}}, nil)
	require.NoError(t, err)
	_, err = memory.Files(context.Background(), "k")
	require.Equal(t, CodeUnsupported, CodeOf(err))
}

type closing func()

func (c closing) Close() error { c(); return nil }

// What is kept is made once and closed with the models, the last first.
func TestKeep(t *testing.T) {
	d, err := OpenModels(fstest.MapFS{ModelsFile: {Data: []byte(`{"models": []}`)}}, nil)
	require.NoError(t, err)
	var made atomic.Int32
	var closed []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := d.Keep(context.Background(), "a", func() (io.Closer, error) {
				made.Add(1)
				return closing(func() { closed = append(closed, "a") }), nil
			})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, made.Load())
	// Who waits for another's can give up; and where that one gives up or fails, who waits makes it.
	begun, fail, waits := make(chan bool), make(chan bool), make(chan error)
	gone, leave := context.WithCancelCause(context.Background())
	wg.Go(func() {
		_, err := d.Keep(context.Background(), "slow", func() (io.Closer, error) {
			close(begun)
			<-fail
			return nil, io.ErrUnexpectedEOF
		})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
	<-begun
	left := errors.New("left")
	wg.Go(func() {
		_, err := d.Keep(gone, "slow", func() (io.Closer, error) { panic("not asked") })
		waits <- err
	})
	leave(left)
	err = <-waits
	require.ErrorIs(t, err, left)
	require.Equal(t, CodeCancelled, CodeOf(err))
	wg.Go(func() {
		_, err := d.Keep(context.Background(), "slow", func() (io.Closer, error) { return closing(func() {}), nil })
		waits <- err
	})
	close(fail)
	require.NoError(t, <-waits)
	wg.Wait()
	broken := errors.New("broken")
	_, err = d.Keep(context.Background(), "b", func() (io.Closer, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
	_, err = d.Keep(context.Background(), "b", func() (io.Closer, error) { return closing(func() { closed = append(closed, "b") }), nil })
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.Equal(t, []string{"b", "a"}, closed)
	_, err = d.Keep(context.Background(), "c", func() (io.Closer, error) { panic("not asked") })
	require.Equal(t, CodeBadOption, CodeOf(err))
}
