package realedit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// ModelsFile is the name of the file that lists a folder's models: docs/models.md.
const ModelsFile = "models.json"

// Bounds of what is read whole into memory beside models.
const (
	maxModelsFile = 16 << 20
	maxLabels     = 256 << 20
)

// ModelOptions are how OpenModels runs models; nil means the zero value.
type ModelOptions struct {
	// Runtime runs the models, several ModelDirs may share one; nil = one with the options Ort, which Close closes.
	Runtime *ort.Runtime
	Ort     ort.Options
}

// ModelDir is the models that a models.json lists. It is a Models, a ModelLabels and a ModelFiles, safe for concurrent use.
type ModelDir struct {
	fsys    fs.FS
	models  []Model
	runtime *ort.Runtime
	own     bool

	mu      sync.Mutex
	checked map[string]*checkedModel // by kind
	kept    map[string]*keptValue    // by key
	order   []*keptValue
	closed  bool
}

// checkedModel is a model whose files are what models.json says.
type checkedModel struct {
	run   *ort.Model
	files []fileState // that were hashed
}

// OpenModels reads models.json in fsys and checks what it says, not yet the models: that is done when one is first used, or by Check. A folder is
// os.DirFS(dir): its models are opened by path, so that weights in files beside them work; those of other file systems are read into memory
// when they are loaded. Nothing is ever downloaded, and no library is needed yet.
//
// Errors: CodeNoModel where there is no models.json, CodeUnreadable where it cannot be opened, CodeBadModel where it is not right, CodeBadOption.
func OpenModels(fsys fs.FS, o *ModelOptions) (*ModelDir, error) {
	f, err := fsys.Open(ModelsFile)
	if err != nil {
		return nil, fileError("open models", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxModelsFile+1))
	if err == nil && len(b) > maxModelsFile {
		err = fmt.Errorf("more than %d MiB", maxModelsFile>>20)
	}
	if err != nil {
		return nil, &Error{Code: CodeBadModel, Op: ModelsFile, Err: err}
	}
	d := &ModelDir{fsys: fsys, checked: map[string]*checkedModel{}, kept: map[string]*keptValue{}}
	if d.models, err = parseModels(b); err != nil {
		return nil, &Error{Code: CodeBadModel, Op: ModelsFile, Err: err}
	}
	if o == nil {
		o = &ModelOptions{}
	}
	if d.runtime = o.Runtime; d.runtime == nil {
		if d.runtime, err = ort.New(&o.Ort); err != nil {
			return nil, &Error{Code: CodeOf(err), Op: "open models", Err: err}
		}
		d.own = true
	}
	return d, nil
}

// Close closes what Keep made, the last first, and destroys the sessions, unless they are those of ModelOptions.Runtime.
func (d *ModelDir) Close() error {
	err := d.closeKept()
	if d.own {
		err = errors.Join(err, d.runtime.Close())
	}
	return err
}

// parseModels reads and checks models.json.
func parseModels(b []byte) ([]Model, error) {
	var file struct {
		Models []Model `json:"models"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields() // a misspelt field would be silently without effect
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows after the end")
	}
	names, kinds := map[string]bool{}, map[string]bool{}
	for i := range file.Models {
		m := &file.Models[i]
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("models[%d] %q: %w", i, m.Name, err)
		}
		if names[m.Name] || kinds[m.Kind] {
			return nil, fmt.Errorf("models[%d]: there is another one of the name %q or the kind %q", i, m.Name, m.Kind)
		}
		names[m.Name], kinds[m.Kind] = true, true
	}
	return file.Models, nil
}

var hexSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check refuses what cannot be a model's entry, and brings hashes to lower case.
func (m *Model) check() error {
	m.SHA256, m.LabelsSHA256 = strings.ToLower(m.SHA256), strings.ToLower(m.LabelsSHA256)
	for _, f := range []struct{ field, value string }{{"name", m.Name}, {"kind", m.Kind}, {"licence", m.Licence}, {"source", m.Source}} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("%s: is missing", f.field)
		}
	}
	files := []ModelData{{m.File, m.SHA256}}
	for i := range m.Data {
		m.Data[i].SHA256 = strings.ToLower(m.Data[i].SHA256)
		files = append(files, m.Data[i])
	}
	if m.Labels != "" || m.LabelsSHA256 != "" {
		files = append(files, ModelData{m.Labels, m.LabelsSHA256})
	}
	for _, f := range files {
		if !fs.ValidPath(f.File) || f.File == "." {
			return fmt.Errorf("file: %q is no path beside %s", f.File, ModelsFile)
		}
		if !hexSHA256.MatchString(f.SHA256) {
			return fmt.Errorf("sha256: %q of %s is not 64 hexadecimal digits", f.SHA256, f.File)
		}
	}
	if m.Memory < 0 || m.Memory > 1<<50 {
		return fmt.Errorf("memory: %d is outside [0, 2⁵⁰]", m.Memory)
	}
	if m.Weights() {
		for _, f := range m.Data {
			if !isWeights(f.File) {
				return fmt.Errorf("data: %s is no .safetensors file as %s is", f.File, m.File)
			}
		}
		if len(m.Inputs)+len(m.Outputs) > 0 || m.Preprocess != (Preprocess{}) || m.Labels != "" {
			return fmt.Errorf("%s is weights: inputs, outputs, preprocess and labels are of graphs", m.File)
		}
		return nil
	}
	for _, side := range []struct {
		field string
		specs []TensorSpec
	}{{"inputs", m.Inputs}, {"outputs", m.Outputs}} {
		field := side.field
		if len(side.specs) == 0 {
			return fmt.Errorf("%s: are missing", field)
		}
		names := map[string]bool{}
		for _, s := range side.specs {
			if s.Name == "" || names[s.Name] {
				return fmt.Errorf("%s: name %q is empty or there twice", field, s.Name)
			}
			names[s.Name] = true
			if !slices.Contains([]string{"float32", "float16", "int64", "int32", "uint8"}, s.Type) {
				return fmt.Errorf("%s: %s: type %q is none of float32, float16, int64, int32, uint8", field, s.Name, s.Type)
			}
			for _, n := range s.Shape {
				if n < -1 || n == 0 || n > 1<<31 {
					return fmt.Errorf("%s: %s: shape %v: a dimension is from 1 to 2³¹, or -1 where it is free", field, s.Name, s.Shape)
				}
			}
		}
	}
	return m.Preprocess.check()
}

func (p *Preprocess) check() error {
	if p.Width < 0 || p.Width > 1<<14 || p.Height < 0 || p.Height > 1<<14 {
		return fmt.Errorf("preprocess: size %d×%d is outside [0, %d]", p.Width, p.Height, 1<<14)
	}
	if !slices.Contains([]string{"", "fit_crop", "stretch", "pad"}, p.Resize) {
		return fmt.Errorf("preprocess: resize: %q is none of fit_crop, stretch, pad", p.Resize)
	}
	for i := range 3 {
		if math.Abs(p.Mean[i]) > 1e3 || p.Std[i] < 0 || p.Std[i] > 1e3 {
			return fmt.Errorf("preprocess: mean %v, std %v: means are from -1000 to 1000, deviations from 0 to 1000", p.Mean, p.Std)
		}
	}
	return nil
}

// All lists the models in the file's order.
func (d *ModelDir) All() []Model { return slices.Clone(d.models) }

// Model is the model of this kind, if the file lists one; whether it is there and right, Check tells.
func (d *ModelDir) Model(kind string) (Model, bool) {
	i := slices.IndexFunc(d.models, func(m Model) bool { return m.Kind == kind })
	if i < 0 {
		return Model{}, false
	}
	return d.models[i], true
}

// Check hashes the files of the model of a kind and compares its signature with what models.json declares, without the library. What was found right is not
// hashed again by this process while its size and time stay the same. Errors: CodeNoModel where the kind or its file is not there, CodeBadModel naming what differs, CodeCancelled, CodeUnreadable.
func (d *ModelDir) Check(ctx context.Context, kind string) error {
	if _, err := d.ready(ctx, kind); err != nil {
		return err
	}
	if m, _ := d.Model(kind); m.Labels != "" {
		if _, err := d.Labels(kind); err != nil {
			return err
		}
	}
	return nil
}

// Labels is the contents of the labels file of the model of a kind: see ModelLabels.
func (d *ModelDir) Labels(kind string) ([]byte, error) {
	m, ok := d.Model(kind)
	if !ok || m.Labels == "" {
		return nil, Errorf(CodeNoModel, kind, "no labels of this kind are there")
	}
	b, err := d.read(m.Labels, maxLabels)
	if err != nil {
		return nil, fileError(m.Name, err)
	}
	if have := hex.EncodeToString(sum(b)); have != m.LabelsSHA256 {
		return nil, hashError(m.Name, m.Labels, m.LabelsSHA256, have)
	}
	return b, nil
}

func sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

func hashError(model, file, want, have string) error {
	return Errorf(CodeBadModel, model, "%s has the SHA-256 %s, not %s: it is another file, or was not fetched whole", file, have, want)
}

// fileError gives an error about a model's file its code: what a file system says that has none of its own is CodeUnreadable.
func fileError(op string, err error) error {
	if errors.As(err, new(*Error)) {
		return err
	}
	code := CodeOf(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code = CodeNoModel
	case code == CodeInternal:
		code = CodeUnreadable
	}
	return &Error{Code: code, Op: op, Err: err}
}

func (d *ModelDir) read(file string, limit int64) ([]byte, error) {
	f, err := d.fsys.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = Errorf(CodeBadModel, file, "more than %d MiB", limit>>20)
	}
	return b, err
}

// filePath is an open file's path where it is one of the operating system's, else "".
func filePath(f fs.File) string {
	of, ok := f.(*os.File)
	if !ok {
		return ""
	}
	name, err := filepath.Abs(of.Name())
	if err != nil {
		return ""
	}
	a, err := os.Stat(name)
	if err != nil {
		return ""
	}
	if b, err := of.Stat(); err != nil || !os.SameFile(a, b) {
		return ""
	}
	return name
}

// key tells sessions apart: by all that decides what is loaded.
func (m *Model) key() string {
	h := sha256.New()
	fmt.Fprintln(h, m.SHA256)
	for _, f := range m.Data {
		fmt.Fprintln(h, f.File, f.SHA256)
	}
	for _, o := range m.Outputs {
		fmt.Fprintln(h, o.Name, o.Shape)
	}
	return m.Name + "@" + hex.EncodeToString(h.Sum(nil))[:12]
}

// folder is where a model's external data lies, by name.
func (m *Model) folder() string { return path.Dir(m.File) }

// Run runs the model of a kind: see Models. The files are checked before the first time; outputs have to have the shapes that are declared, and floats have to
// be numbers. A model that does not take what its kind gives it is a bad model.
func (d *ModelDir) Run(ctx context.Context, kind string, in ort.Values) (ort.Values, []Finding, error) {
	m, ok := d.Model(kind)
	if !ok {
		return nil, nil, Errorf(CodeNoModel, kind, "%s lists no model of this kind", ModelsFile)
	}
	if m.Weights() {
		return nil, nil, Errorf(CodeUnsupported, m.Name, "%s is weights, not a graph that runs: ModelFiles gives it", m.File)
	}
	c, err := d.ready(ctx, kind)
	if err != nil {
		return nil, nil, err
	}
	out, notes, err := d.runtime.Run(ctx, c.run, in)
	var found []Finding
	for _, n := range notes {
		found = append(found, Finding{Check: CheckProvider, Severity: Warning, Message: n})
	}
	if err != nil {
		code := CodeOf(err)
		if arg := (*kernels.ArgError)(nil); errors.As(err, &arg) && arg.Op == "ort.Run" { // the inputs are the kind's
			code = CodeBadModel
		}
		if ctx.Err() != nil {
			code = CodeCancelled
		}
		return nil, found, &Error{Code: code, Op: m.Name, Err: err}
	}
	for _, s := range m.Outputs {
		if err := s.checkOutput(out[s.Name]); err != nil {
			return nil, found, &Error{Code: CodeBadModel, Op: m.Name, Err: err}
		}
	}
	return out, found, nil
}

// checkOutput refuses an output that is not as declared or holds what is no number.
func (s TensorSpec) checkOutput(t *ort.Tensor) error {
	if !s.fits(t.Shape) {
		return fmt.Errorf("output %s has the shape %v, declared is %v", s.Name, t.Shape, s.Shape)
	}
	bad := -1
	switch v := t.Data.(type) {
	case []float32:
		for i, x := range v {
			if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
				bad = i
				break
			}
		}
	case []kernels.Half:
		for i, x := range v {
			if x&0x7c00 == 0x7c00 {
				bad = i
				break
			}
		}
	}
	if bad >= 0 {
		return fmt.Errorf("output %s is not a finite number at element %d", s.Name, bad)
	}
	return nil
}

// fits tells whether a shape is one that is declared; -1 in either is free.
func (s TensorSpec) fits(shape []int64) bool {
	return slices.EqualFunc(s.Shape, shape, func(a, b int64) bool { return a == b || a == -1 || b == -1 })
}
