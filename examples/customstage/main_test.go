package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, n := range []string{"DSC00123", "DSC00124", "DSC00125", "DSC00126"} {
		files = append(files, filepath.Join("../../testdata/listing", n+".JPG"))
	}
	var out bytes.Buffer
	require.NoError(t, run(&out, dir, files))
	require.Equal(t, "DSC00123: corrected, again the same: true\nDSC00126: corrected, again the same: true\n", out.String())
	for _, n := range []string{"DSC00123", "DSC00126"} {
		v, err := realedit.VerifyFile(t.Context(), filepath.Join(dir, n+".jpg"), &realedit.VerifyOptions{Inputs: os.DirFS("../../testdata/listing")})
		require.NoError(t, err)
		require.Empty(t, v.Problems)
	}
	text, err := os.ReadFile(filepath.Join(dir, "DSC00123.report.json"))
	require.NoError(t, err)
	var r realedit.Report
	require.NoError(t, json.Unmarshal(text, &r))
	p, err := pipeline.FromReport(&r)
	require.NoError(t, err)
	i := slices.Index(p.Stages(), realedit.Stage(Warmth{Share: 0.02}))
	require.Equal(t, "hdr.tone", p.Stages()[i-1].Name())
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(Warmth{Share: 1}.Apply(t.Context(), nil, nil)))
}
