package realedit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/realedit/realedit/kernels"
)

// ReportSuffix is how the names of reports end: NAME.report.json lies beside NAME.jpg.
const ReportSuffix = ".report.json"

// maxReport is the size of a report in bytes at most.
const maxReport = 64 << 20

// VerifyOptions steer Verify; nil means the zero value.
type VerifyOptions struct {
	Inputs    fs.FS // where the set's photos are looked for, by name and in any folder; nil = nowhere, they are not checked
	MaxPixels int64 // as DecodeOptions.MaxPixels
	MaxBytes  int64 // of one file; as DecodeOptions.MaxBytes
}

// Verification is what Verify found.
type Verification struct {
	File     string    `json:"file"`     // the picture's path, as far as it is known
	Report   string    `json:"report"`   // the report's path
	Problems []Problem `json:"problems"` // never nil; in the order of the checks, the same each time
}

// True tells that everything is as the report says.
func (v *Verification) True() bool { return len(v.Problems) == 0 }

// Verify checks a finished picture against its report, its alteration map and its unaltered sibling: that all files are those of the report, that
// the report agrees with itself, its policy and the map, that the file's metadata say the same, and that every pixel (in a JPEG every coefficient
// of a coding unit) which the map does not call computed or synthesised is the sibling's. docs/report.md lists the checks one by one.
//
// name is the path in fsys of the picture or of its report (ReportSuffix). What is not true is a Problem; an error tells that nothing could
// be checked: CodeUnreadable (no such file, no report beside the picture), CodeBadOption, CodeCancelled, CodeOutOfMemory. Memory is that of the
// decoded picture and sibling, or of their files where they are JPEGs, and of the map. A report is no signature: who makes all files anew, report included,
// can make them agree.
func Verify(ctx context.Context, fsys fs.FS, name string, o *VerifyOptions) (*Verification, error) {
	var opts VerifyOptions
	if o != nil {
		opts = *o
	}
	limits, err := (&DecodeOptions{MaxPixels: opts.MaxPixels, MaxBytes: opts.MaxBytes}).checked()
	if err != nil {
		return nil, err
	}
	if !fs.ValidPath(name) {
		return nil, Errorf(CodeBadOption, "verify", "%q is no path in a file system", name)
	}
	v := &verifier{ctx: ctx, fsys: fsys, inputs: opts.Inputs, limits: limits}
	v.out = &Verification{Problems: []Problem{}}
	if strings.HasSuffix(name, ReportSuffix) {
		v.out.Report = name
	} else {
		v.out.File, v.out.Report = name, strings.TrimSuffix(name, path.Ext(name))+ReportSuffix
		if _, err := fs.Stat(fsys, name); err != nil {
			return nil, &Error{Code: CodeUnreadable, Op: "verify", Err: err}
		}
	}
	if err := v.run(); err != nil {
		return nil, err
	}
	return v.out, nil
}

// VerifyFile is Verify for a picture or report on disk.
func VerifyFile(ctx context.Context, name string, o *VerifyOptions) (*Verification, error) {
	dir, base := filepath.Split(name)
	v, err := Verify(ctx, os.DirFS(cmp.Or(dir, ".")), base, o)
	if err == nil {
		v.Report = filepath.Join(dir, v.Report)
		if v.File != "" {
			v.File = filepath.Join(dir, v.File)
		}
	}
	return v, err
}

// verifier is one call of Verify.
type verifier struct {
	ctx    context.Context
	fsys   fs.FS
	inputs fs.FS
	limits DecodeOptions
	r      *Report
	raw    map[string]any // the report as it stands in the file
	out    *Verification
}

// add records a problem with a file, as the report names it; "" is the report.
func (v *verifier) add(code ProblemCode, file, format string, a ...any) {
	if file == "" {
		file = path.Base(v.out.Report)
	}
	v.out.Problems = append(v.out.Problems, Problem{Code: code, File: file, Message: fmt.Sprintf(format, a...)})
}

func (v *verifier) run() error {
	if ok, err := v.readReport(); err != nil || !ok {
		return err
	}
	v.itself()
	if v.r.Output == nil {
		return nil
	}
	var picture, sibling, changes *artefact
	picture = &artefact{name: v.r.Output.File, want: v.r.Output.SHA256}
	all := []*artefact{picture}
	if f := v.r.Unaltered; f != nil {
		sibling = &artefact{name: f.File, want: f.SHA256}
		all = append(all, sibling)
	}
	if f := v.r.Changes; f != nil {
		changes = &artefact{name: f.File, want: f.SHA256, isMap: true}
		all = append(all, changes)
	}
	var wg sync.WaitGroup
	for _, a := range all {
		wg.Go(func() { a.load(v) })
	}
	wg.Wait()
	defer func() {
		for _, a := range all {
			a.free()
		}
	}()
	for _, a := range all {
		if a.err != nil {
			return a.err
		}
		v.out.Problems = append(v.out.Problems, a.problems...)
	}
	m := v.alterations(changes)
	if err := v.pixels(picture, sibling, m); err != nil {
		return err
	}
	v.metadata(picture, false)
	v.metadata(sibling, true)
	if v.inputs != nil {
		if err := v.photos(); err != nil {
			return err
		}
	}
	if err := v.ctx.Err(); err != nil {
		return &Error{Code: CodeCancelled, Op: "verify", Err: context.Cause(v.ctx)}
	}
	return nil
}

// readReport reads the report; ok is false when it says nothing that could be checked.
func (v *verifier) readReport() (ok bool, err error) {
	data, err := readAll(v.fsys, v.out.Report, maxReport)
	switch {
	case errors.Is(err, errTooLarge):
		v.add(ProblemReport, "", "%v", err)
		return false, nil
	case err != nil:
		return false, &Error{Code: CodeUnreadable, Op: "verify", Err: err}
	}
	var version struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil || version.Version == nil {
		if err == nil {
			err = errors.New("it has no version")
		}
		v.add(ProblemReport, "", "not a report: %v", err)
		return false, nil
	}
	if *version.Version != ReportVersion {
		v.add(ProblemVersion, "", "version %d; this library knows version %d", *version.Version, ReportVersion)
		return false, nil
	}
	v.r = &Report{}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber() // seeds have 64 bits
	err = d.Decode(&v.raw)
	if err == nil {
		err = json.Unmarshal(data, v.r)
	}
	if err != nil {
		v.add(ProblemReport, "", "not a report: %v", err)
		return false, nil
	}
	return true, nil
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// itself checks what the report says about itself.
func (v *verifier) itself() {
	r := v.r
	lacks := func(format string, a ...any) { v.add(ProblemIncomplete, "", format, a...) }
	for _, s := range []struct{ name, value string }{{"set", r.Set}, {"route", r.Route}, {"rung", r.Rung}, {"library", r.Library}} {
		if s.value == "" {
			lacks("%s is empty", s.name)
		}
	}
	for _, key := range []string{"policy", "class", "shares", "inputs", "stages", "output"} {
		if v.raw[key] == nil {
			lacks("%s is not there", key)
		}
	}
	hash := func(name, value string) {
		if !hexHash.MatchString(value) {
			lacks("%s is %q, which is no SHA-256", name, value)
		}
	}
	references := 0
	for i, in := range r.Inputs {
		if in.Name == "" {
			lacks("inputs[%d].name is empty", i)
		}
		hash(fmt.Sprintf("inputs[%d].sha256", i), in.SHA256)
		if in.Reference {
			references++
		}
	}
	if references != 1 {
		lacks("%d inputs are the reference photo", references)
	}
	if o := r.Output; o != nil {
		if o.Width < 1 || o.Height < 1 || o.Width > kernels.MaxSide || o.Height > kernels.MaxSide {
			lacks("output is %d×%d pixels", o.Width, o.Height)
			o.Width, o.Height = 0, 0 // nothing has this size
		}
		hash("output.sha256", o.SHA256)
		hash("output.pixels_sha256", o.PixelsSHA256)
		hash("output.untouched_sha256", o.UntouchedSHA256)
		if r.Class != Altered && o.UntouchedSHA256 != o.PixelsSHA256 {
			v.add(ProblemUntouchedHash, "", "nothing is altered, and untouched_sha256 is not pixels_sha256")
		}
		// By the whole path: a picture that was named and one of its name in another folder are two.
		if about := path.Join(path.Dir(v.out.Report), o.File); v.out.File == "" {
			v.out.File = about
		} else if v.out.File != about {
			v.add(ProblemOtherFile, "", "the report is about %s, not %s", o.File, path.Base(v.out.File))
		}
	}
	if f := r.Unaltered; f != nil {
		hash("unaltered.sha256", f.SHA256)
		if r.Class != Altered {
			v.add(ProblemClass, "", "the picture is %v and has an unaltered sibling", r.Class)
		}
	} else if r.Class == Altered && r.Policy.NeedsSibling() {
		v.add(ProblemSibling, "", "policy %v wants the unaltered sibling of an altered picture", r.Policy)
	}
	if f := r.Changes; f != nil {
		hash("changes.sha256", f.SHA256)
	} else {
		v.add(ProblemNoMap, "", "changes is not there")
	}
	if m := r.Shares; m != nil {
		v.ownShares()
	}
	if s := r.Sky; s != nil {
		c := ChangeComputed
		if s.Source == SkyModel {
			c = ChangeSynthesised
		}
		switch {
		case s.Source != SkyLibrary && s.Source != SkyPhysical && s.Source != SkyModel:
			v.add(ProblemSky, "", "sky.source is %q", s.Source)
		case !(r.Shares[c.String()] > 0):
			v.add(ProblemSky, "", "the sky is from %q, and no pixel is %v", s.Source, c)
		}
		if s.Source == SkyLibrary || s.SHA256 != "" {
			hash("sky.sha256", s.SHA256)
		}
	}
	for _, f := range r.Findings {
		if f.Severity == Failure {
			v.add(ProblemGate, "", "%s is a failure, and the picture was delivered: %s", f.Check, f.Message)
		}
	}
	if n := r.Measures["qc_leak_pixels"]; n > 0 {
		v.add(ProblemGate, "", "qc_leak_pixels is %v, and the picture was delivered", n)
	}
}

// errTooLarge is the error for a file beyond its limit.
var errTooLarge = errors.New("larger than the limit")

// readAll reads a regular file of at most limit bytes.
func readAll(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name) // before it is opened: opening a pipe may wait forever
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file but %v", name, info.Mode().Type())
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes: %w", name, info.Size(), errTooLarge)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// photos looks for the set's photos among the inputs.
func (v *verifier) photos() error {
	found := map[string][]string{} // name → paths, in the order of the walk
	for _, in := range v.r.Inputs {
		found[in.Name] = nil
	}
	err := fs.WalkDir(v.inputs, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if err == nil && d.Type().IsRegular() {
			if list, ok := found[d.Name()]; ok {
				found[d.Name()] = append(list, p)
			}
		}
		return err
	})
	if err != nil {
		code := CodeOf(err)
		if code != CodeCancelled {
			code = CodeUnreadable
		}
		return &Error{Code: code, Op: "verify inputs", Err: err}
	}
	for _, in := range v.r.Inputs {
		paths := found[in.Name]
		if len(paths) == 0 {
			v.add(ProblemInput, in.Name, "not among the inputs")
			continue
		}
		same := false
		for _, p := range paths {
			sum, err := v.hash(p)
			if err != nil {
				return &Error{Code: CodeUnreadable, Op: "verify inputs", Err: err}
			}
			same = same || sum == in.SHA256
		}
		if !same {
			v.add(ProblemInputHash, in.Name, "%s has other contents", strings.Join(paths, ", "))
		}
	}
	return nil
}

func (v *verifier) hash(name string) (string, error) {
	f, err := v.inputs.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hexSum(h), nil
}
