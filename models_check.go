package realedit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/realedit/realedit/internal/filehash"
	"github.com/realedit/realedit/kernels/ort"
)

// fileState is what a file was like when it was hashed.
type fileState struct {
	path string
	size int64
	time time.Time
}

func stateOf(path string) (fileState, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, err
	}
	return fileState{path, info.Size(), info.ModTime()}, nil
}

// ready is the model of a kind, checked: now, unless it was and its files are still the same.
func (d *ModelDir) ready(ctx context.Context, kind string) (*checkedModel, error) {
	m, ok := d.Model(kind)
	if !ok {
		return nil, Errorf(CodeNoModel, kind, "%s lists no model of this kind", ModelsFile)
	}
	d.mu.Lock()
	c := d.checked[kind]
	d.mu.Unlock()
	if c != nil && !slices.ContainsFunc(c.files, func(f fileState) bool { now, err := stateOf(f.path); return err != nil || now != f }) {
		return c, nil
	}
	c, err := d.check(ctx, m)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked[kind] = c
	return c, nil
}

// check hashes a model's files and compares signatures.
func (d *ModelDir) check(ctx context.Context, m Model) (*checkedModel, error) {
	bad := func(format string, a ...any) error { return Errorf(CodeBadModel, m.Name, format, a...) }
	c := &checkedModel{run: &ort.Model{Key: m.key(), Memory: m.Memory, Shapes: map[string][]int64{}}}
	var sig *ort.Signature
	for i, file := range slices.Concat([]ModelData{{m.File, m.SHA256}}, m.Data) {
		f, err := d.fsys.Open(file.File)
		if err != nil {
			return nil, fileError(m.Name, err)
		}
		have, state, data, err := hashFile(ctx, f)
		f.Close()
		if err != nil {
			if ctx.Err() != nil {
				return nil, &Error{Code: CodeCancelled, Op: m.Name, Err: context.Cause(ctx)}
			}
			return nil, fileError(m.Name, err)
		}
		if have != file.SHA256 {
			return nil, hashError(m.Name, file.File, file.SHA256, have)
		}
		if state.path != "" {
			c.files = append(c.files, state)
		}
		if m.Weights() {
			if state.path == "" {
				return nil, Errorf(CodeUnsupported, m.Name, "weights need a folder of the operating system's (os.DirFS)")
			}
			continue
		}
		if i > 0 {
			continue
		}
		if state.path != "" {
			c.run.Path = state.path
			sig, err = (&ort.Model{Path: state.path}).Signature()
		} else {
			sig, err = (&ort.Model{Data: data}).Signature()
			c.run.Read = func() ([]byte, error) { return d.reread(m) }
		}
		if err != nil {
			return nil, fileError(m.Name, err)
		}
	}
	if m.Weights() { // what is in them, whoever opens them sees
		return c, nil
	}
	if err := compareSignature(m, sig); err != nil {
		return nil, &Error{Code: CodeBadModel, Op: m.Name, Err: err}
	}
	for _, name := range sig.External {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, bad("its weights are in %q, which is no path beside it", name)
		}
		want := filepath.ToSlash(filepath.Join(m.folder(), filepath.FromSlash(name)))
		if !slices.ContainsFunc(m.Data, func(f ModelData) bool { return f.File == want }) {
			return nil, bad("its weights are in %q, which \"data\" does not list", want)
		}
		if c.run.Path == "" {
			return nil, bad("its weights are in %q: that needs a folder of the operating system's (os.DirFS)", want)
		}
	}
	for _, o := range m.Outputs {
		c.run.Want = append(c.run.Want, o.Name)
		if !slices.Contains(o.Shape, -1) {
			c.run.Shapes[o.Name] = o.Shape
		}
	}
	return c, nil
}

// reread is a model's bytes out of a file system that has no paths, once more: it may have changed.
func (d *ModelDir) reread(m Model) ([]byte, error) {
	b, err := fs.ReadFile(d.fsys, m.File)
	if err != nil {
		return nil, fileError(m.Name, err)
	}
	if have := hex.EncodeToString(sum(b)); have != m.SHA256 {
		return nil, hashError(m.Name, m.File, m.SHA256, have)
	}
	return b, nil
}

// hashFile is a file's SHA-256, and where it has a path its state, else its bytes.
func hashFile(ctx context.Context, f fs.File) (sha string, s fileState, data []byte, err error) {
	name := filePath(f)
	if name == "" {
		if data, err = io.ReadAll(&cancelReader{ctx, f}); err != nil {
			return "", s, nil, err
		}
		return hex.EncodeToString(sum(data)), s, data, nil
	}
	if s, err = stateOf(name); err != nil {
		return "", s, nil, err
	}
	if sha, err = filehash.SHA256(ctx, f.(*os.File)); err != nil {
		return "", s, nil, err
	}
	if after, err := stateOf(name); err != nil || after != s {
		return "", s, nil, errors.Join(filehash.ErrChanged, err)
	}
	return sha, s, nil, nil
}

// cancelReader ends when the context does.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// compareSignature says how a model differs from its entry.
func compareSignature(m Model, s *ort.Signature) error {
	var diffs []string
	find := func(in []ort.Info, name string) *ort.Info {
		if i := slices.IndexFunc(in, func(v ort.Info) bool { return v.Name == name }); i >= 0 {
			return &in[i]
		}
		return nil
	}
	compare := func(what string, spec TensorSpec, have *ort.Info, input bool) {
		switch {
		case have == nil:
			diffs = append(diffs, fmt.Sprintf("it has no %s %q", what, spec.Name))
		case have.Type != spec.Type:
			diffs = append(diffs, fmt.Sprintf("%s %q holds %s, declared is %s", what, spec.Name, have.Type, spec.Type))
		case have.Shape == nil: // unknown until it runs
		case !spec.fits(have.Shape), input && narrower(have.Shape, spec.Shape):
			diffs = append(diffs, fmt.Sprintf("%s %q has the shape %v, declared is %v", what, spec.Name, have.Shape, spec.Shape))
		}
	}
	for _, spec := range m.Inputs {
		compare("input", spec, find(s.Inputs, spec.Name), true)
	}
	for _, have := range s.Inputs {
		if !slices.ContainsFunc(m.Inputs, func(t TensorSpec) bool { return t.Name == have.Name }) {
			diffs = append(diffs, fmt.Sprintf("it takes an input %q (%s %v) that is not declared", have.Name, have.Type, have.Shape))
		}
	}
	for _, spec := range m.Outputs {
		compare("output", spec, find(s.Outputs, spec.Name), false)
	}
	if len(diffs) == 0 {
		return nil
	}
	return errors.New(strings.Join(diffs, "; "))
}

// narrower tells whether a model takes one size only where any is declared.
func narrower(have, spec []int64) bool {
	for i, n := range have {
		if n != -1 && spec[i] == -1 {
			return true
		}
	}
	return false
}
