package segment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// The tiny models' entries pass as what they are, and as no other kind but those that are called alike.
func TestCheckModel(t *testing.T) {
	alike := map[string][]string{kindSky: {kindSaliency, kindSemantic}, kindSaliency: {kindSky, kindSemantic}, kindSemantic: {kindSky, kindSaliency}, kindSAMEncoder: {kindSky, kindSaliency, kindSemantic}}
	kinds := []string{kindCLIP, kindSky, kindSaliency, kindSemantic, kindSAMEncoder, kindSAMDecoder, kindOWL}
	for _, folder := range []string{".", "variants"} {
		data, err := os.ReadFile(filepath.Join(modelFolder, folder, realedit.ModelsFile))
		require.NoError(t, err)
		var file struct{ Models []realedit.Model }
		require.NoError(t, json.Unmarshal(data, &file))
		require.NotEmpty(t, file.Models)
		for _, m := range file.Models {
			own := m.Kind
			require.NoError(t, CheckModel(m))
			for _, m.Kind = range kinds {
				if m.Kind == own {
					continue
				}
				err := CheckModel(m)
				if err == nil {
					require.Contains(t, alike[own], m.Kind, m.Name)
					continue
				}
				require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(err), "%s as %s", m.Name, m.Kind)
			}
			m.Kind = "a host's"
			require.NoError(t, CheckModel(m))
			for name, spoil := range map[string]func(m *realedit.Model){
				"no inputs":  func(m *realedit.Model) { m.Inputs = nil },
				"no outputs": func(m *realedit.Model) { m.Outputs = nil },
				"another output": func(m *realedit.Model) {
					m.Outputs = []realedit.TensorSpec{{Name: "z", Type: "float32", Shape: []int64{1}}}
				},
				"a further input": func(m *realedit.Model) {
					m.Inputs = append(m.Inputs[:len(m.Inputs):len(m.Inputs)], realedit.TensorSpec{Name: "text"})
				},
			} {
				bad := m
				bad.Kind = own
				spoil(&bad)
				require.Equal(t, realedit.CodeBadModel, realedit.CodeOf(CheckModel(bad)), "%s %s", m.Name, name)
			}
		}
	}
	// What a run would refuse (TestBadEntriesAreRefused), known before.
	m := fullDouble().models[kindSky]
	m.Preprocess.Width = 9
	require.ErrorContains(t, CheckModel(m), "the picture is made 9×8")
}
