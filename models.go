package realedit

import (
	"context"
	"slices"

	"github.com/realedit/realedit/kernels/ort"
)

// Models runs models for stages. A host may bring its own; OpenModels makes one of a folder.
// Implementations are safe for concurrent use. Stages call them through Env.RunModel, which keeps the report true.
type Models interface {
	// Model is the model of this kind ("clip", "sky", "semantic", "sam2_encoder" …), if there is one.
	Model(kind string) (Model, bool)
	// Run gives the model of this kind its inputs by name and returns its outputs by name. Errors: CodeNoModel, CodeBadModel,
	// CodeCancelled, CodeOutOfMemory, CodeNoLibrary. What is worth telling about the run (a provider that is missing) comes as findings.
	Run(ctx context.Context, kind string, in ort.Values) (ort.Values, []Finding, error)
}

// ModelLabels is optional for Models: the contents of the file that Model.Labels names, checked against Model.LabelsSHA256.
// Errors: CodeNoModel without a model of this kind or without labels, CodeBadModel.
type ModelLabels interface {
	Labels(kind string) ([]byte, error)
}

// Model is what models.json says of a model.
type Model struct {
	Name         string       `json:"name"`
	Kind         string       `json:"kind"` // what it is for, and by that its inputs and outputs: docs/models.md
	File         string       `json:"file"` // beside models.json, with slashes
	SHA256       string       `json:"sha256"`
	Data         []ModelData  `json:"data,omitempty"` // the files with weights that File refers to ("external data")
	Licence      string       `json:"licence"`
	Source       string       `json:"source"` // where it comes from, for people
	Inputs       []TensorSpec `json:"inputs"`
	Outputs      []TensorSpec `json:"outputs"` // those that are asked for; the model may have more
	Preprocess   Preprocess   `json:"preprocess"`
	Labels       string       `json:"labels,omitempty"` // a file beside it: text embeddings or class names
	LabelsSHA256 string       `json:"labels_sha256,omitempty"`
	Memory       int64        `json:"memory,omitempty"` // bytes that a loaded session takes with its largest run; 0 = estimated from the weights
}

// ModelData is one more file of a model.
type ModelData struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// TensorSpec is a tensor's signature. A dimension of -1 is free.
type TensorSpec struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"` // "float32", "float16", "int64", "int32", "uint8"
	Shape []int64 `json:"shape"`
}

// Preprocess is how a picture becomes the model's input: (value − Mean) / Std per channel, value 0..1.
type Preprocess struct {
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Resize string     `json:"resize"` // "fit_crop": shorter side, then the centre; "stretch"; "pad": longer side, then zeros right and below
	Mean   [3]float64 `json:"mean"`
	Std    [3]float64 `json:"std"` // 0 = 1
}

// HasModel tells whether there is a model of this kind.
func (e *Env) HasModel(kind string) bool {
	if e.Models == nil {
		return false
	}
	_, ok := e.Models.Model(kind)
	return ok
}

// RunModel runs the model of a kind for a Work and writes down what the report owes: the model in Report.Models, once; the run's findings, once each;
// and where it did not work a finding that says so (model_missing, model_bad, model_failed), so that a stage only has to go on with
// its default. A context that ended is no finding. Errors are those of Models.Run, CodeNoModel where there are no Models.
func (e *Env) RunModel(ctx context.Context, w *Work, kind string, in ort.Values) (ort.Values, error) {
	if !e.HasModel(kind) {
		w.findOnce(Finding{Check: CheckModelMissing, Severity: Warning, Message: "there is no model of the kind " + kind})
		return nil, Errorf(CodeNoModel, kind, "no model of this kind: listing models tells how to get one")
	}
	m, _ := e.Models.Model(kind)
	out, found, err := e.Models.Run(ctx, kind, in)
	for _, f := range found {
		w.findOnce(f)
	}
	if err == nil {
		w.ranModel(m)
		return out, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	check, why := CheckModelFailed, err.Error()
	switch CodeOf(err) {
	case CodeNoLibrary:
		why = "there is no ONNX Runtime that could run it; listing models tells where it was looked for" // paths of this machine are for the log
	case CodeBadModel:
		check = CheckModelBad
	case CodeNoModel:
		check = CheckModelMissing
	}
	w.findOnce(Finding{Check: check, Severity: Warning, Message: m.Name + ": " + why})
	e.Log.Warn("a model was not used", "model", m.Name, "kind", kind, "error", err)
	return nil, err
}

// ModelLabels is the contents of the labels file of the model of a kind: ModelLabels.Labels, CodeNoModel where Models are none or have none.
func (e *Env) ModelLabels(kind string) ([]byte, error) {
	if l, ok := e.Models.(ModelLabels); ok {
		return l.Labels(kind)
	}
	return nil, Errorf(CodeNoModel, kind, "there are no models with labels")
}

// ranModel notes a model in the report, once.
func (w *Work) ranModel(m Model) {
	if f := (ModelFacts{m.Name, m.SHA256, m.Licence}); !slices.Contains(w.Report.Models, f) {
		w.Report.Models = append(w.Report.Models, f)
	}
}

// findOnce adds a finding unless one of this check says the same already: models run tile by tile.
func (w *Work) findOnce(f Finding) {
	same := func(g Finding) bool { return g.Check == f.Check && g.Message == f.Message }
	if !slices.ContainsFunc(w.Report.Findings, same) {
		w.Find(f)
	}
}
