package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// A picture that models took part in is made again with the same models, whatever else the folder has by then; without them, with others
// of their names, or with files that are no longer theirs it is not.
func TestReplayWithModels(t *testing.T) {
	err := ort.Load("")
	if errors.Is(err, kernels.ErrNoCgo) {
		t.Skip(err)
	}
	phototest.Need(t, "ort", err == nil)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(envModels, "")
	const tiny = "../../testdata/models"
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)

	// The folder that the picture is made with has neither SAM 2 nor OWLv2 yet; later they would be asked too.
	var file struct {
		Models []realedit.Model `json:"models"`
	}
	data, err := os.ReadFile(filepath.Join(tiny, realedit.ModelsFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &file))
	folder := func(change func(m *realedit.Model) bool) string {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(tiny)))
		some := file
		some.Models = nil
		for _, m := range file.Models {
			if change(&m) {
				some.Models = append(some.Models, m)
			}
		}
		b, err := json.Marshal(some)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, realedit.ModelsFile), b, 0o600))
		return dir
	}
	few := folder(func(m *realedit.Model) bool { return m.Kind == "clip" || m.Kind == "semantic" })
	require.Equal(t, exitDone, call(t, "-models", few, "-out", out, in).code)
	r := readReport(t, out, "DSC00019")
	require.NotEmpty(t, r.Models)
	report := filepath.Join(out, "DSC00019.report.json")
	again := func(args ...string) run {
		return call(t, append([]string{"replay", "-inputs", in, report}, args...)...)
	}
	same := run{0, "models: the same\npixels: the same\nfile: the same\n", ""}
	if r.Unaltered != nil {
		same.stdout += "unaltered sibling: the same\n"
	}
	require.Equal(t, same, again("-models", few))
	require.Equal(t, same, again("-models", tiny), "models that did not take part are not asked")
	t.Setenv(envModels, few)
	require.Equal(t, same, again())
	t.Setenv(envModels, "")

	name := r.Models[0].Name
	broken := folder(func(m *realedit.Model) bool { return true })
	for _, m := range file.Models {
		if m.Name == name {
			require.NoError(t, os.WriteFile(filepath.Join(broken, m.File), []byte("not what it was"), 0o600))
		}
	}
	for dir, text := range map[string]string{
		"":     "models took part, like " + name,
		"none": "models took part, like " + name,
		folder(func(m *realedit.Model) bool { return m.Name != name }): "is not there",
		folder(func(m *realedit.Model) bool {
			if m.Name == name {
				m.SHA256 = "00" + m.SHA256[2:]
			}
			return true
		}): "had the SHA-256",
		broken: "it is another file",
	} {
		r := again("-models", dir)
		require.Equal(t, exitFailed, r.code, "%s: %s%s", dir, r.stdout, r.stderr)
		require.Regexp(t, "^listing: not_replayable: .*"+text, r.stderr)
	}
	require.Equal(t, exitUsage, again("-models", in).code)

	// A model that was not what it has to be took no part; what was said of it then is not said now.
	require.Equal(t, exitDone, call(t, "-models", skyModel(t, func(m *realedit.Model) { m.SHA256 = "00" + m.SHA256[2:] }), "-out", out, in).code)
	bad := readReport(t, out, "DSC00019")
	require.Contains(t, modelTroubles(&bad)[0], realedit.CheckModelBad)
	got := again()
	require.Equal(t, exitDone, got.code)
	require.Regexp(t, "^pixels: the same\nfile: not compared: .*\n$", got.stdout)
}
