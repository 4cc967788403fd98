package segment

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels/ort"
)

// openModels opens a folder of models. The test is skipped where ONNX Runtime is not there, or fails where REALEDIT_REQUIRE names ort.
func openModels(t testing.TB, dir string, providers []ort.Provider) realedit.Models {
	t.Helper()
	phototest.Need(t, "ort", ort.Load("") == nil)
	models, err := realedit.OpenModels(os.DirFS(dir), &realedit.ModelOptions{Ort: ort.Options{Providers: providers}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, models.Close()) })
	return models
}
