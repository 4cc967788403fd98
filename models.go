package realedit

import (
	"context"

	"github.com/realedit/realedit/kernels/ort"
)

// Models runs models for stages. A host may bring its own.
// Implementations are safe for concurrent use.
type Models interface {
	// Model is the model of this kind ("clip", "sky", "semantic", "sam2_encoder" …), if there is one.
	Model(kind string) (Model, bool)
	// Run gives the model of this kind its inputs by name and returns its outputs by name. Errors: CodeNoModel, CodeBadModel,
	// CodeCancelled, CodeOutOfMemory, CodeNoLibrary. What is worth telling about the run (a provider that is missing) comes as findings.
	Run(ctx context.Context, kind string, in ort.Values) (ort.Values, []Finding, error)
}

// Model is what models.json says of a model.
type Model struct {
	Name       string       `json:"name"`
	Kind       string       `json:"kind"` // what it is for, and by that its inputs and outputs: docs/models.md
	File       string       `json:"file"`
	SHA256     string       `json:"sha256"`
	Licence    string       `json:"licence"`
	Source     string       `json:"source"` // where it comes from, for people
	Inputs     []TensorSpec `json:"inputs"`
	Outputs    []TensorSpec `json:"outputs"`
	Preprocess Preprocess   `json:"preprocess"`
	Labels     string       `json:"labels,omitempty"` // a file beside it: text embeddings or class names
}

// TensorSpec is a tensor's signature. A dimension of -1 is free.
type TensorSpec struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"` // "float32", "float16", "int64", "int32", "uint8"
	Shape []int64 `json:"shape"`
}

// Preprocess is how a picture becomes the model's input: (value·Scale − Mean) / Std per channel, value 0..1.
type Preprocess struct {
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Resize string     `json:"resize"` // "fit_crop": shorter side, then the centre; "stretch"; "pad": longer side, then zeros right and below
	Mean   [3]float64 `json:"mean"`
	Std    [3]float64 `json:"std"` // 0 = 1
}
