package realedit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/onnx"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// needORT skips the test without the library, or fails where REALEDIT_REQUIRE names it.
func needORT(t *testing.T) {
	t.Helper()
	err := ort.Load("")
	if errors.Is(err, kernels.ErrNoCgo) {
		t.Skip(err)
	}
	phototest.Need(t, "ort", err == nil)
}

// logModel is a model y = log(x) of 1×n numbers, n free: −1 gives what is no number, 0 an infinite one.
func logModel() *onnx.Model {
	shape := []onnx.Dim{{N: 1}, {Param: "n"}}
	return &onnx.Model{
		Nodes:   []onnx.Node{{Op: "Log", In: []string{"x"}, Out: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: shape}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: shape}},
	}
}

func entry(name string, data []byte) Model {
	free := func(n string) []TensorSpec { return []TensorSpec{{n, "float32", []int64{1, -1}}} }
	return Model{Name: name, Kind: name, File: name + ".onnx", SHA256: hex.EncodeToString(sum(data)), Licence: "MIT", Source: "this test", Inputs: free("x"), Outputs: free("y")}
}

// folder writes models and their models.json.
func folder(t *testing.T, files map[string][]byte, models ...Model) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	b, err := json.Marshal(map[string]any{"models": models})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ModelsFile), b, 0o600))
	return dir
}

func openModels(t *testing.T, fsys fs.FS) *ModelDir {
	t.Helper()
	d, err := OpenModels(fsys, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func xs(v ...float32) ort.Values {
	return ort.Values{"x": {Shape: []int64{1, int64(len(v))}, Data: v}}
}

// memFS hides that files are the operating system's, as an embedded file system does.
type memFS struct{ fs.FS }

func (m memFS) Open(name string) (fs.File, error) {
	f, err := m.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.File }{f}, nil
}

func TestModelDirRuns(t *testing.T) {
	needORT(t)
	data := logModel().Encode()
	m := entry("log", data)
	m.Labels, m.LabelsSHA256 = "sub/labels.txt", hex.EncodeToString(sum([]byte("cat\n")))
	dir := folder(t, map[string][]byte{"log.onnx": data, "sub/labels.txt": []byte("cat\n")}, m)
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	for name, fsys := range map[string]fs.FS{"folder": os.DirFS(dir), "root": root.FS(), "memory": memFS{os.DirFS(dir)}} {
		d := openModels(t, fsys)
		require.NoError(t, d.Check(context.Background(), "log"), name)
		for n := 1; n < 4; n++ {
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(math.E)
			}
			out, found, err := d.Run(context.Background(), "log", xs(v...))
			require.NoError(t, err, name)
			require.Empty(t, found)
			require.Equal(t, []int64{1, int64(n)}, out["y"].Shape)
			require.InDeltaSlice(t, []float64{1, 1, 1}[:n], out["y"].Data, 1e-6)
		}
		b, err := d.Labels("log")
		require.NoError(t, err)
		require.Equal(t, "cat\n", string(b))
	}
}

func TestModelDirErrors(t *testing.T) {
	needORT(t)
	ctx := context.Background()
	data := logModel().Encode()
	for name, c := range map[string]struct {
		change func(m *Model)
		code   Code
		text   string
	}{
		"hash":          {func(m *Model) { m.SHA256 = "00" + m.SHA256[2:] }, CodeBadModel, "has the SHA-256"},
		"file":          {func(m *Model) { m.File = "none.onnx" }, CodeNoModel, "none.onnx"},
		"input name":    {func(m *Model) { m.Inputs[0].Name = "image" }, CodeBadModel, `no input "image"; it takes an input "x"`},
		"input type":    {func(m *Model) { m.Inputs[0].Type = "float16" }, CodeBadModel, "holds float32, declared is float16"},
		"input rank":    {func(m *Model) { m.Inputs[0].Shape = []int64{1, 1, -1} }, CodeBadModel, "has the shape [1 -1], declared is [1 1 -1]"},
		"input free":    {func(m *Model) { m.Inputs[0].Shape = []int64{-1, -1} }, CodeBadModel, "has the shape [1 -1], declared is [-1 -1]"},
		"output name":   {func(m *Model) { m.Outputs[0].Name = "mask" }, CodeBadModel, `no output "mask"`},
		"output type":   {func(m *Model) { m.Outputs[0].Type = "uint8" }, CodeBadModel, "declared is uint8"},
		"output shape":  {func(m *Model) { m.Outputs[0].Shape = []int64{2, 2} }, CodeBadModel, "declared is [2 2]"},
		"mask too big":  {func(m *Model) { m.Outputs[0].Shape = []int64{1, 9} }, CodeBadModel, "y"}, // known when it runs
		"labels":        {func(m *Model) { m.Labels, m.LabelsSHA256 = "log.onnx", "11"+m.SHA256[2:] }, CodeBadModel, "has the SHA-256"},
		"labels absent": {func(m *Model) { m.Labels, m.LabelsSHA256 = "labels", m.SHA256 }, CodeNoModel, "labels"},
	} {
		m := entry("log", data)
		c.change(&m)
		d := openModels(t, os.DirFS(folder(t, map[string][]byte{"log.onnx": data}, m)))
		err := d.Check(ctx, "log")
		if name == "mask too big" {
			require.NoError(t, err)
			_, _, err = d.Run(ctx, "log", xs(1, 2))
		}
		require.Equal(t, c.code, CodeOf(err), "%s: %v", name, err)
		require.ErrorContains(t, err, c.text, name)
	}
	d := openModels(t, os.DirFS(folder(t, map[string][]byte{"log.onnx": data, "page.onnx": []byte("<html>")}, entry("log", data), entry("page", []byte("<html>")))))
	for name, c := range map[string]struct {
		kind string
		in   ort.Values
		code Code
	}{
		"no number":   {"log", xs(1, -1), CodeBadModel},
		"infinite":    {"log", xs(0), CodeBadModel},
		"no such":     {"clip", xs(1), CodeNoModel},
		"wrong input": {"log", ort.Values{"image": xs(1)["x"]}, CodeBadModel},
		"no model":    {"page", xs(1), CodeBadModel},
	} {
		_, _, err := d.Run(ctx, c.kind, c.in)
		require.Equal(t, c.code, CodeOf(err), "%s: %v", name, err)
	}
	out, _, err := d.Run(ctx, "log", xs(1))
	require.NoError(t, err)
	require.Equal(t, []float32{0}, out["y"].Data)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	_, _, err = d.Run(stopped, "log", xs(1))
	require.Equal(t, CodeCancelled, CodeOf(err))
	_, err = d.Labels("log")
	require.Equal(t, CodeNoModel, CodeOf(err))
}

func TestModelsFileIsChecked(t *testing.T) {
	good := entry("log", nil)
	for name, change := range map[string]func(m *Model){
		"name": func(m *Model) { m.Name = "" }, "kind": func(m *Model) { m.Kind = " " }, "licence": func(m *Model) { m.Licence = "" }, "source": func(m *Model) { m.Source = "" },
		"outside": func(m *Model) { m.File = "../log.onnx" }, "absolute": func(m *Model) { m.File = "/log.onnx" }, "hash": func(m *Model) { m.SHA256 = "abc" },
		"memory": func(m *Model) { m.Memory = -1 }, "more memory than there is": func(m *Model) { m.Memory = 1<<63 - 1 }, "no inputs": func(m *Model) { m.Inputs = nil }, "no outputs": func(m *Model) { m.Outputs = nil },
		"twice": func(m *Model) { m.Inputs = append(m.Inputs, m.Inputs[0]) }, "type": func(m *Model) { m.Inputs[0].Type = "float" },
		"dimension": func(m *Model) { m.Inputs[0].Shape[0] = 0 }, "resize": func(m *Model) { m.Preprocess.Resize = "crop" }, "size": func(m *Model) { m.Preprocess.Width = -1 },
		"std": func(m *Model) { m.Preprocess.Std[1] = -1 }, "data": func(m *Model) { m.Data = []ModelData{{"", m.SHA256}} }, "labels": func(m *Model) { m.Labels = "labels.txt" },
	} {
		m := entry("log", nil)
		change(&m)
		_, err := OpenModels(os.DirFS(folder(t, nil, m)), nil)
		require.Equal(t, CodeBadModel, CodeOf(err), "%s: %v", name, err)
	}
	other := entry("log2", nil)
	other.Kind = good.Kind
	_, err := OpenModels(os.DirFS(folder(t, nil, good, other)), nil)
	require.Equal(t, CodeBadModel, CodeOf(err))
	for _, text := range []string{"", "{", "[]", `{"models": [], "version": 2}`, `{"models": [{"nam": "x"}]}`, `{"models": []} {}`, `{"models": []}}`} {
		_, err := OpenModels(fstest.MapFS{ModelsFile: {Data: []byte(text)}}, nil)
		require.Equal(t, CodeBadModel, CodeOf(err), text)
	}
	_, err = OpenModels(fstest.MapFS{}, nil)
	require.Equal(t, CodeNoModel, CodeOf(err))
	dir := folder(t, map[string][]byte{"log.onnx/inside": nil}, good) // a folder where a file should be, and the other way round
	require.Equal(t, CodeUnreadable, CodeOf(openModels(t, os.DirFS(dir)).Check(context.Background(), "log")))
	_, err = OpenModels(os.DirFS(filepath.Join(dir, ModelsFile)), nil)
	require.Equal(t, CodeUnreadable, CodeOf(err))
	_, err = OpenModels(os.DirFS(folder(t, nil, good)), &ModelOptions{Ort: ort.Options{Threads: -1}})
	require.Equal(t, CodeBadOption, CodeOf(err))
	upper := entry("log", nil)
	upper.SHA256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
	d := openModels(t, os.DirFS(folder(t, map[string][]byte{"log.onnx": nil}, upper)))
	require.Equal(t, CodeBadModel, CodeOf(d.Check(context.Background(), "log")), "an empty file has that hash and is no model")
	require.Equal(t, good.SHA256, d.All()[0].SHA256)
}

// Weights beside a model have hashes too, and need a real folder.
func TestModelDirExternalData(t *testing.T) {
	needORT(t)
	w := onnx.Floats("w", []int64{1}, []float32{3})
	m := &onnx.Model{
		Nodes:   []onnx.Node{{Op: "Mul", In: []string{"x", "w"}, Out: []string{"y"}}},
		Inputs:  logModel().Inputs,
		Outputs: logModel().Outputs,
		Weights: []onnx.Tensor{{Name: "w", Type: onnx.Float32, Dims: []int64{1}, External: &onnx.External{File: "w.bin", Length: 4}}},
	}
	e := entry("mul", m.Encode())
	e.File, e.Data = "sub/mul.onnx", []ModelData{{"sub/w.bin", hex.EncodeToString(sum(w.Raw))}}
	files := map[string][]byte{"sub/mul.onnx": m.Encode(), "sub/w.bin": w.Raw}
	dir := folder(t, files, e)
	d := openModels(t, os.DirFS(dir))
	out, _, err := d.Run(context.Background(), "mul", xs(2))
	require.NoError(t, err)
	require.Equal(t, []float32{6}, out["y"].Data)
	d = openModels(t, memFS{os.DirFS(dir)})
	require.Equal(t, CodeBadModel, CodeOf(d.Check(context.Background(), "mul")))
	unlisted := e
	unlisted.Data = nil
	d = openModels(t, os.DirFS(folder(t, files, unlisted)))
	require.ErrorContains(t, d.Check(context.Background(), "mul"), "sub/w.bin")
	for _, name := range []string{"/sub/w.bin", "../sub/w.bin"} { // the library would look elsewhere than where the hash was taken
		m.Weights[0].External.File = name
		away := entry("mul", m.Encode())
		away.Data = []ModelData{{"sub/w.bin", e.Data[0].SHA256}}
		d = openModels(t, os.DirFS(folder(t, map[string][]byte{"mul.onnx": m.Encode(), "sub/w.bin": w.Raw}, away)))
		err = d.Check(context.Background(), "mul")
		require.Equal(t, CodeBadModel, CodeOf(err))
		require.ErrorContains(t, err, "no path beside it")
	}
	files["sub/w.bin"] = []byte{0, 0, 0, 0}
	d = openModels(t, os.DirFS(folder(t, files, e)))
	require.Equal(t, CodeBadModel, CodeOf(d.Check(context.Background(), "mul")))
}

// A file that changes after it was checked is checked again.
func TestModelDirChangedFile(t *testing.T) {
	needORT(t)
	data := logModel().Encode()
	dir := folder(t, map[string][]byte{"log.onnx": data}, entry("log", data))
	d := openModels(t, os.DirFS(dir))
	_, _, err := d.Run(context.Background(), "log", xs(1))
	require.NoError(t, err)
	other := logModel()
	other.Nodes[0].Op = "Exp"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "log.onnx"), other.Encode(), 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "log.onnx"), time.Time{}, time.Now().Add(time.Minute)))
	_, _, err = d.Run(context.Background(), "log", xs(1))
	require.Equal(t, CodeBadModel, CodeOf(err))
}

func TestModelDirConcurrently(t *testing.T) {
	needORT(t)
	data := logModel().Encode()
	var models []Model
	files := map[string][]byte{}
	for i := range 4 {
		m := entry(fmt.Sprint("m", i), data)
		m.Memory = 1 << 20
		models, files[m.File] = append(models, m), data
	}
	d, err := OpenModels(os.DirFS(folder(t, files, models...)), &ModelOptions{Ort: ort.Options{Budget: kernels.Budget{Host: 2 << 20}}})
	require.NoError(t, err)
	defer d.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if _, _, err := d.Run(context.Background(), fmt.Sprint("m", (g+i)%4), xs(1, 2, 3)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func modelEnv(m Models) (*Env, *Work) {
	return &Env{Models: m, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, &Work{Report: &Report{}}
}

// The report says which models ran, once each, and what went wrong, once each.
func TestRunModelKeepsTheReport(t *testing.T) {
	needORT(t)
	ctx := context.Background()
	data := logModel().Encode()
	d, err := OpenModels(os.DirFS(folder(t, map[string][]byte{"log.onnx": data, "page.onnx": []byte("<html>")}, entry("log", data), entry("page", []byte("<html>")))),
		&ModelOptions{Ort: ort.Options{Providers: []ort.Provider{{Name: "cuda", Device: 99}}}})
	require.NoError(t, err)
	defer d.Close()
	env, w := modelEnv(d)
	for range 3 {
		_, err = env.RunModel(ctx, w, "log", xs(1))
		require.NoError(t, err)
		_, err = env.RunModel(ctx, w, "page", xs(1))
		require.Equal(t, CodeBadModel, CodeOf(err))
		_, err = env.RunModel(ctx, w, "clip", xs(1))
		require.Equal(t, CodeNoModel, CodeOf(err))
	}
	m := d.All()[0]
	require.Equal(t, []ModelFacts{{m.Name, m.SHA256, m.Licence}}, w.Report.Models)
	var checks []string
	for _, f := range w.Report.Findings {
		checks = append(checks, f.Check)
	}
	require.Equal(t, []string{CheckProvider, CheckModelBad, CheckModelMissing}, checks)
	require.True(t, env.HasModel("page"))
	require.False(t, env.HasModel("clip"))

	env, w = modelEnv(nil)
	_, err = env.RunModel(ctx, w, "log", xs(1))
	require.Equal(t, CodeNoModel, CodeOf(err))
	_, err = env.ModelLabels("log")
	require.Equal(t, CodeNoModel, CodeOf(err))
	require.Equal(t, CheckModelMissing, w.Report.Findings[0].Check)
}

// Without a library the models are as good as not there, and the report says why.
func TestRunModelWithoutLibrary(t *testing.T) {
	data := logModel().Encode()
	lib := t.TempDir()
	d, err := OpenModels(os.DirFS(folder(t, map[string][]byte{"log.onnx": data}, entry("log", data))), &ModelOptions{Ort: ort.Options{Library: lib}})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Check(context.Background(), "log"), "a check needs no library")
	env, w := modelEnv(d)
	_, err = env.RunModel(context.Background(), w, "log", xs(1))
	require.Contains(t, []Code{CodeNoLibrary, CodeNoCgo}, CodeOf(err))
	require.Equal(t, CheckModelFailed, w.Report.Findings[0].Check)
	require.NotContains(t, w.Report.Findings[0].Message, lib, "a report says nothing of the machine")
	require.Empty(t, w.Report.Models)
}
