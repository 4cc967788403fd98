package main

import (
	"context"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// reportModels are the models of a folder that took part in a report's picture, and no others: what was not there then, or could not be
// run, must not be asked now.
type reportModels struct {
	*realedit.ModelDir
	ran []realedit.ModelFacts
}

// Model is realedit.Models'.
func (m *reportModels) Model(kind string) (realedit.Model, bool) {
	have, ok := m.ModelDir.Model(kind)
	if !ok || !slices.ContainsFunc(m.ran, func(f realedit.ModelFacts) bool { return f.Name == have.Name && f.SHA256 == have.SHA256 }) {
		return realedit.Model{}, false
	}
	return have, true
}

// replayModels opens the folder that -models means. Errors: CodeNotReplayable where one of the report's models is not in it, is another one, or not what models.json
// says; CodeNoLibrary.
func replayModels(ctx context.Context, flag string, r *realedit.Report, b kernels.Backend) (*reportModels, error) {
	d, err := openModels(&options{models: flag}, b.Name())
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, realedit.Errorf(realedit.CodeNotReplayable, "report", "models took part, like %s: -models names the folder they are in", r.Models[0].Name)
	}
	err = func() error {
		for _, f := range r.Models {
			i := slices.IndexFunc(d.All(), func(m realedit.Model) bool { return m.Name == f.Name })
			if i < 0 {
				return realedit.Errorf(realedit.CodeNotReplayable, "report", "the model %s (SHA-256 %s) took part and is not there", f.Name, f.SHA256)
			}
			m := d.All()[i]
			if m.SHA256 != f.SHA256 {
				return realedit.Errorf(realedit.CodeNotReplayable, "report", "the model %s had the SHA-256 %s, that of the folder has %s", f.Name, f.SHA256, m.SHA256)
			}
			if err := d.Check(ctx, m.Kind); err != nil {
				if ctx.Err() != nil {
					return err
				}
				return &realedit.Error{Code: realedit.CodeNotReplayable, Op: "report", Err: err}
			}
		}
		if err := ort.Load(""); err != nil {
			return &realedit.Error{Code: realedit.CodeOf(err), Op: "-models", Err: err}
		}
		return nil
	}()
	if err != nil {
		_ = d.Close() // nothing has run
		return nil, err
	}
	return &reportModels{d, r.Models}, nil
}

// modelNames are a report's models, for people and to compare.
func modelNames(r *realedit.Report) string {
	var names []string
	for _, m := range r.Models {
		names = append(names, m.Name+" "+m.SHA256)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// modelTroubles are what a report says of models that could not be used.
func modelTroubles(r *realedit.Report) (all []string) {
	for _, f := range r.Findings {
		switch f.Check {
		case realedit.CheckModelMissing, realedit.CheckModelBad, realedit.CheckModelFailed, realedit.CheckProvider:
			all = append(all, string(f.Check)+" "+f.Message)
		}
	}
	return all
}
