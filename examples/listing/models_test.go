package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/internal/onnx"
)

// command runs the command and returns its exit code and what it printed.
func commandOutput(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	c := &command{stdout: &o, stderr: &e}
	code = c.run(context.Background(), args)
	return code, o.String(), e.String()
}

// skyModel writes a model and, through the command, its entry into a folder's models.json; change may spoil the entry.
func skyModel(t *testing.T, change func(m *realedit.Model)) string {
	t.Helper()
	dir := t.TempDir()
	m := onnx.Model{Nodes: []onnx.Node{{Op: "ReduceMean", In: []string{"x"}, Out: []string{"y"}, Attrs: []onnx.Attr{{Name: "axes", Value: []int64{1}}}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: onnx.Dims(1, 3, 8, 8)}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: onnx.Dims(1, 1, 8, 8)}}}
	file := filepath.Join(dir, "tiny.onnx")
	require.NoError(t, os.WriteFile(file, m.Encode(), 0o600))
	code, out, errs := commandOutput("models", file)
	require.Zero(t, code, errs)
	var entry realedit.Model
	require.NoError(t, json.Unmarshal([]byte(out), &entry))
	entry.Kind, entry.Licence, entry.Source = "sky", "MIT", "this test"
	if change != nil {
		change(&entry)
	}
	b, err := json.Marshal(map[string]any{"models": []realedit.Model{entry}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, realedit.ModelsFile), b, 0o600))
	return dir
}

func rowsOf(t *testing.T, out string) map[string]modelRow {
	t.Helper()
	rows := map[string]modelRow{}
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		var r modelRow
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		rows[r.Kind] = r
	}
	return rows
}

func TestModels(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(envModels, "")
	code, out, _ := commandOutput("models", "-json")
	require.Zero(t, code)
	rows := rowsOf(t, out)
	require.Len(t, rows, len(modelKinds))
	for _, r := range rows {
		require.Equal(t, "missing", r.Status)
		require.NotEmpty(t, r.Enables+r.Licence+r.Source)
		if strings.HasPrefix(r.Kind, "sdxl_") {
			require.Contains(t, r.Fetch, "listing models FILE.safetensors")
		} else {
			require.Contains(t, r.Fetch, "scripts/models/fetch.py "+r.Kind)
		}
		if r.Kind == "semantic" { // has no licence of its own
			require.Contains(t, r.Fetch, "--licence")
		}
	}
	dir := skyModel(t, nil)
	for _, args := range [][]string{{"models", "-models", dir, "-json"}, {"models", "-json"}} {
		code, out, _ = commandOutput(args...)
		require.Zero(t, code)
		rows = rowsOf(t, out)
		require.Equal(t, modelRow{Kind: "sky", Status: "ready", Model: "tiny", Licence: "MIT", Source: "this test", Enables: rows["sky"].Enables}, rows["sky"])
		require.Equal(t, "missing", rows["clip"].Status)
		t.Setenv(envModels, dir)
	}
	code, out, _ = commandOutput("models")
	require.Zero(t, code)
	require.Contains(t, out, "Models in "+dir)
	require.Regexp(t, `sky +ready +tiny +MIT`, out)
	require.Regexp(t, `owlv2 +missing`, out)

	bad := skyModel(t, func(m *realedit.Model) { m.Outputs[0].Shape[2] = 9 })
	code, out, _ = commandOutput("models", "-models", bad)
	require.Equal(t, exitModelsBad, code)
	require.Contains(t, out, `sky is bad: realedit: tiny: bad_model: output "y" has the shape [1 1 8 8], declared is [1 1 9 8]`)
	clip := skyModel(t, func(m *realedit.Model) { m.Kind = "clip" })
	code, out, _ = commandOutput("models", "-models", clip)
	require.Equal(t, exitModelsBad, code)
	require.Contains(t, out, "clip is bad: realedit: clip tiny: bad_model: this kind needs a file of labels")
	gone := skyModel(t, func(m *realedit.Model) { m.File = "none.onnx" })
	code, out, _ = commandOutput("models", "-models", gone, "-json")
	require.Zero(t, code)
	require.Equal(t, "missing", rowsOf(t, out)["sky"].Status)
	require.NotEmpty(t, rowsOf(t, out)["sky"].Why)
	own := skyModel(t, func(m *realedit.Model) { m.Kind = "own" })
	code, out, _ = commandOutput("models", "-models", own, "-json")
	require.Zero(t, code)
	require.Equal(t, "ready", rowsOf(t, out)["own"].Status)

	// Wrong usage and what ends the run.
	for args, want := range map[string]int{"-models /nowhere": exitUsage, "-modles x": exitUsage, "/nowhere.onnx": exitUsage, "models.go": exitFailed, "-help": exitDone} {
		code, out, errs := commandOutput(append([]string{"models"}, strings.Fields(args)...)...)
		require.Equal(t, want, code, "%s: %s%s", args, out, errs)
		if want != exitDone {
			require.Regexp(t, `^listing: [a-z_]+: `, errs)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(own, realedit.ModelsFile), []byte("{"), 0o600))
	code, _, errs := commandOutput("models", "-models", own)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "listing: bad_model: -models "+own)

	// A command that a shell takes as it stands, whatever the folder is called; the user's own folder is named when it is broken.
	require.Equal(t, `'/a b/it'\''s $HOME'`, quoted("/a b/it's $HOME"))
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	t.Setenv(envModels, "")
	users := filepath.Join(data, "realedit", "models")
	require.NoError(t, os.MkdirAll(users, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(users, realedit.ModelsFile), []byte("{"), 0o600))
	code, _, errs = commandOutput("-out", t.TempDir(), t.TempDir())
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "listing: bad_model: -models "+users)
}

// asks is a stage that wants the model of a kind.
type asks struct{ kind string }

func (asks) Name() string { return "asks" }

func (a asks) Apply(_ context.Context, env *realedit.Env, w *realedit.Work) error {
	w.Report.Measures["has_"+a.kind] = map[bool]float64{true: 1}[env.HasModel(a.kind)]
	return nil
}

// -models reaches the stages, and other models make the pictures anew.
func TestModelsFlag(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(envModels, "")
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	put(t, in, 3)
	run := func(want float64, resumed int, args ...string) {
		t.Helper()
		c := &command{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, compose: after("hdr.merge", asks{"sky"})}
		require.Zero(t, c.run(context.Background(), append([]string{"-q", "-route", "fuse", "-out", out, in}, args...)), c.stderr)
		b, err := os.ReadFile(filepath.Join(out, "batch.json"))
		require.NoError(t, err)
		var s struct{ Counts struct{ Resumed int } }
		require.NoError(t, json.Unmarshal(b, &s))
		require.Equal(t, resumed, s.Counts.Resumed)
		reports, err := filepath.Glob(filepath.Join(out, "*.report.json"))
		require.NoError(t, err)
		require.Len(t, reports, 1)
		b, err = os.ReadFile(reports[0])
		require.NoError(t, err)
		var r realedit.Report
		require.NoError(t, json.Unmarshal(b, &r))
		require.Equal(t, want, r.Measures["has_sky"])
	}
	dir := skyModel(t, nil)
	run(0, 0)
	run(0, 1, "-models", "none")
	run(1, 0, "-models", dir)
	run(1, 1, "-models", dir)
	t.Setenv(envModels, dir)
	run(1, 1)
	run(0, 0, "-models", "none")
	code, _, errs := commandOutput("-models", in, "-out", out, in)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, fmt.Sprintf("listing: no_model: -models %s: ", in))
}

// Weights are described, listed and checked: their hash, their header, and the tensors of their kind.
func TestModelsOfWeights(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "vae.safetensors")
	require.NoError(t, safetensors.WriteFile(file, nil, []safetensors.Spec{{Name: "quant_conv.bias", DType: safetensors.F32, Shape: []int{8}}}, func(i int, w io.Writer) error {
		_, err := w.Write(make([]byte, 32))
		return err
	}))
	code, out, _ := commandOutput("models", file)
	require.Zero(t, code)
	list := func(kind string) {
		var m realedit.Model
		require.NoError(t, json.Unmarshal([]byte(out), &m))
		m.Kind, m.Licence, m.Source = kind, "MIT", "this test"
		b, err := json.Marshal(map[string]any{"models": []realedit.Model{m}})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, realedit.ModelsFile), b, 0o600))
	}
	list("sdxl_lora")
	code, rows, _ := commandOutput("models", "-models", dir, "-json")
	require.Zero(t, code)
	require.Equal(t, "ready", rowsOf(t, rows)["sdxl_lora"].Status)
	list("sdxl_vae")
	code, rows, _ = commandOutput("models", "-models", dir, "-json")
	require.Equal(t, exitModelsBad, code)
	require.Contains(t, rowsOf(t, rows)["sdxl_vae"].Why, "encoder.conv_in.weight")

	require.NoError(t, os.Truncate(file, 100))
	code, rows, _ = commandOutput("models", "-models", dir, "-json")
	require.Equal(t, exitModelsBad, code)
	require.Contains(t, rowsOf(t, rows)["sdxl_vae"].Why, "SHA-256")
	code, _, said := commandOutput("models", file)
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "bad_model")
}
