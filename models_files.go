package realedit

import (
	"context"
	"errors"
	"io"
	"path"

	"github.com/realedit/realedit/internal/parallel"
)

// ModelFiles is optional for Models: models that are files of weights rather than graphs, and what stages make of them.
type ModelFiles interface {
	// Files are the paths of the model of this kind, Model.File first, then Model.Data. They are checked against their hashes, once while they stay as they are: gigabytes
	// take seconds. Errors: CodeNoModel, CodeBadModel, CodeUnreadable, CodeUnsupported where there are no paths, CodeCancelled.
	Files(ctx context.Context, kind string) ([]string, error)
	// Keep gives what make made for a key. It is made once while the models are open, whoever asks first, and closed with them; who asks meanwhile waits for it, until the
	// context ends. Where make failed the next who waits or asks tries again, with a make of its own. Errors: make's, CodeBadOption after Close, CodeCancelled.
	Keep(ctx context.Context, key string, make func() (io.Closer, error)) (io.Closer, error)
}

// Weights is whether the model is weights, in .safetensors files, that a stage builds a graph over.
func (m *Model) Weights() bool { return isWeights(m.File) }

func isWeights(file string) bool { return path.Ext(file) == ".safetensors" }

// ModelFiles are the files of the model of a kind: ModelFiles.Files, CodeNoModel where Models are none or have none.
func (e *Env) ModelFiles(ctx context.Context, kind string) ([]string, error) {
	if f, ok := e.Models.(ModelFiles); ok && e.HasModel(kind) {
		return f.Files(ctx, kind)
	}
	return nil, Errorf(CodeNoModel, kind, "no model of this kind: listing models tells how to get one")
}

// UsedModel writes down that a Work was made with the model of a kind: for stages that run models themselves.
func (e *Env) UsedModel(w *Work, kind string) {
	if e.HasModel(kind) {
		m, _ := e.Models.Model(kind)
		w.ranModel(m)
	}
}

// Files are the paths of the model of a kind: see ModelFiles.
func (d *ModelDir) Files(ctx context.Context, kind string) ([]string, error) {
	c, err := d.ready(ctx, kind)
	if err != nil {
		return nil, err
	}
	if m, _ := d.Model(kind); !m.Weights() {
		return nil, Errorf(CodeUnsupported, m.Name, "%s is a graph, not weights", m.File)
	}
	var paths []string
	for _, f := range c.files {
		paths = append(paths, f.path)
	}
	return paths, nil
}

// keptValue is what Keep made.
type keptValue struct {
	turn  parallel.Turn // of who looks at it or makes it
	value io.Closer
}

// Keep gives what make made for a key: see ModelFiles.
func (d *ModelDir) Keep(ctx context.Context, key string, make func() (io.Closer, error)) (io.Closer, error) {
	k := d.keptFor(key)
	leave, err := k.turn.Take(ctx)
	if err != nil {
		return nil, &Error{Code: CodeCancelled, Op: "models", Err: err}
	}
	defer leave()
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil, Errorf(CodeBadOption, "models", "they are closed")
	}
	if k.value != nil {
		return k.value, nil
	}
	v, err := make()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.Join(Errorf(CodeBadOption, "models", "they were closed meanwhile"), v.Close())
	}
	k.value = v
	d.order = append(d.order, k)
	return v, nil
}

// keptFor is where the value of a key is or will be.
func (d *ModelDir) keptFor(key string) *keptValue {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.kept[key]
	if k == nil {
		k = &keptValue{turn: parallel.NewTurn()}
		d.kept[key] = k
	}
	return k
}

// closeKept closes what Keep made, the last first.
func (d *ModelDir) closeKept() error {
	d.mu.Lock()
	order := d.order
	d.order, d.closed = nil, true
	d.mu.Unlock()
	var err error
	for i := len(order) - 1; i >= 0; i-- {
		err = errors.Join(err, order[i].value.Close())
	}
	return err
}
