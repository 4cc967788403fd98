package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
)

// failure is error.json.
type failure struct {
	Code   realedit.Code  `json:"code"`
	Stage  string         `json:"stage"`
	Reason string         `json:"reason"`
	Inputs []failureInput `json:"inputs"`
}

// failureInput is one photo of a set in quarantine.
type failureInput struct {
	Name   string `json:"name"`             // in the quarantine folder
	Path   string `json:"path"`             // where it was found, as the command line names it
	SHA256 string `json:"sha256,omitempty"` // "" when it cannot be read
	Kept   string `json:"kept"`             // "link", "copy", or why it is neither
}

// quarantine puts a set's inputs and the reason into a folder of the set's name, all at
// once. The folder of an earlier run with the same inputs is replaced; any other stays, and the
// set's gets a suffix.
func (o *output) quarantine(j *job, res *outcome, b *batch) (string, error) {
	f := failure{Code: res.Code, Stage: res.Stage, Reason: res.Why}
	sources := map[string]string{}
	taken := map[string]bool{"error.json": true}
	add := func(in *input) {
		name := filepath.Base(in.path)
		ext := filepath.Ext(name)
		for i := 2; taken[strings.ToLower(name)]; i++ {
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(filepath.Base(in.path), ext), i, ext)
		}
		taken[strings.ToLower(name)] = true
		sum, err := hashFile(in.path)
		if err != nil {
			sum = ""
		}
		sources[name] = in.path
		f.Inputs = append(f.Inputs, failureInput{Name: name, Path: j.list.show(in), SHA256: sum})
	}
	if j.broken != nil {
		add(j.broken)
	}
	for _, p := range slices.Concat(j.set.Photos, j.set.Unused) {
		add(b.names[p])
	}
	for i := 1; ; i++ {
		name := j.name
		if i > 1 {
			name = fmt.Sprintf("%s-%d", name, i)
		}
		rel := quarantineDir + "/" + name
		old, there, err := o.quarantined(rel)
		if err != nil {
			return "", err
		}
		if there && (old == nil || !sameInputs(old.Inputs, f.Inputs)) {
			continue
		}
		if there {
			if err := o.empty(rel, old); err != nil {
				return "", err
			}
			if _, err := os.Lstat(o.path(rel)); err == nil {
				continue // somebody keeps things of their own there
			}
		}
		return rel, o.fill(rel, f, sources)
	}
}

// fill makes the folder under a temporary name and renames it.
func (o *output) fill(rel string, f failure, sources map[string]string) (err error) {
	parent := o.path(quarantineDir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return o.fail(err)
	}
	temp, err := os.MkdirTemp(parent, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return o.fail(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := os.Chmod(temp, 0o755); err != nil {
		return o.fail(err)
	}
	for i := range f.Inputs {
		in := &f.Inputs[i]
		if in.Kept, err = o.keep(filepath.Join(temp, in.Name), sources[in.Name]); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tempRel := quarantineDir + "/" + filepath.Base(temp)
	if err := o.replace(tempRel+"/error.json", append(text, '\n')); err != nil {
		return err
	}
	if err := os.Rename(temp, o.path(rel)); err != nil {
		return o.fail(err)
	}
	return o.fail(syncDir(parent))
}

// keep links a file, or copies it where that cannot be. A file that cannot be read is
// no error: it stays where it is, and why is said.
func (o *output) keep(dst, src string) (how string, err error) {
	if os.Link(src, dst) == nil {
		return "link", nil
	}
	in, err := os.Open(src)
	if err != nil {
		return "not kept: " + plain(err), nil
	}
	defer in.Close()
	rel, err := filepath.Rel(o.dir, dst)
	if err != nil {
		return "", o.fail(err)
	}
	d, err := o.draft(context.Background(), filepath.ToSlash(rel), func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	if errors.As(err, new(diskError)) {
		return "", err
	}
	if err != nil {
		return "not kept: " + plain(err), nil
	}
	return "copy", o.fail(os.Rename(d.temp, dst))
}

// quarantined reads a folder's error.json; old is nil when there is none of this command's.
func (o *output) quarantined(rel string) (old *failure, there bool, err error) {
	if _, err := os.Lstat(o.path(rel)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		return nil, false, o.fail(err)
	}
	data, err := os.ReadFile(o.path(rel + "/error.json"))
	if err != nil {
		return nil, true, nil
	}
	var f failure
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode(&f) != nil || f.Code == "" {
		return nil, true, nil
	}
	return &f, true, nil
}

func sameInputs(a, b []failureInput) bool {
	return slices.EqualFunc(a, b, func(x, y failureInput) bool {
		return x.Name == y.Name && x.SHA256 == y.SHA256 && (x.SHA256 != "" || x.Path == y.Path)
	})
}

// empty removes a folder of this command's: only what error.json names and what still
// has the hash that stands there.
func (o *output) empty(rel string, f *failure) error {
	for _, in := range f.Inputs {
		if filepath.Base(in.Name) != in.Name {
			continue
		}
		p := o.path(rel + "/" + in.Name)
		if sum, err := hashFile(p); err == nil && sum == in.SHA256 || in.SHA256 == "" && in.Kept == "link" {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return o.fail(err)
			}
		}
	}
	if left, err := os.ReadDir(o.path(rel)); err != nil || len(left) > 1 {
		return nil // not only error.json: it stays
	}
	if err := os.Remove(o.path(rel + "/error.json")); err != nil {
		return o.fail(err)
	}
	return o.fail(os.Remove(o.path(rel)))
}

// release ends the quarantine of a set that is finished now.
func (o *output) release(j *job) error {
	rel := quarantineDir + "/" + j.name
	old, there, err := o.quarantined(rel)
	if err != nil || !there || old == nil {
		return err
	}
	have := map[string]bool{}
	for _, p := range slices.Concat(j.set.Photos, j.set.Unused) {
		have[hex.EncodeToString(p.SHA256[:])] = true
	}
	for _, in := range old.Inputs {
		if !have[in.SHA256] {
			return nil // not this set's
		}
	}
	return o.empty(rel, old)
}
