package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// The command in the doc comment does what it says; a folder with a broken model still gives a picture.
func TestRun(t *testing.T) {
	const tiny, photo = "../../testdata/models", "../../testdata/listing/DSC00126.JPG"
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, tiny, []string{photo}))
	require.Regexp(t, `(?m)^clip +clip_tiny +ready$`, out.String())
	require.Regexp(t, `(?m)^sam2_decoder +sam2_tiny_decoder +ready$`, out.String())
	require.Contains(t, out.String(), "DSC00126: masks ")

	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(tiny)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "skyseg_tiny.onnx"), []byte("not what it was"), 0o600))
	out.Reset()
	require.NoError(t, run(t.Context(), &out, dir, []string{photo}))
	require.Regexp(t, `(?m)^sky +skyseg_tiny +realedit: .*`+string(realedit.CodeBadModel), out.String())
	require.Contains(t, out.String(), "DSC00126: masks ")

	require.Equal(t, realedit.CodeNoModel, realedit.CodeOf(run(t.Context(), &out, t.TempDir(), nil)))
}
