package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
	"github.com/realedit/realedit/segment"
)

// envModels names the folder of models where -models does not.
const envModels = "REALEDIT_MODELS"

// exitModelsBad: a model is not what models.json says.
const exitModelsBad = 4

// modelsFolder is the folder that -models means: itself, or what REALEDIT_MODELS names, or the user's own if there is one; "" = no models.
// named: it was asked for, and has to be there.
func modelsFolder(flag string) (dir string, named bool) {
	switch {
	case flag == "none":
		return "", false
	case flag != "":
		return flag, true
	case os.Getenv(envModels) != "":
		return os.Getenv(envModels), true
	}
	if data := ort.DataFolder(); data != "" {
		dir = filepath.Join(data, "models")
		if _, err := os.Stat(filepath.Join(dir, realedit.ModelsFile)); err == nil {
			return dir, false
		}
	}
	return "", false
}

// openModels opens the folder that -models means; nil where there are none. Models run where the pixels are worked on, else on the processor.
func openModels(o *options, backend string) (*realedit.ModelDir, error) {
	dir, named := modelsFolder(o.models)
	if dir == "" {
		return nil, nil
	}
	opts := &realedit.ModelOptions{Ort: ort.Options{Threads: o.jobs, Budget: kernels.Budget{Device: o.gpu}}}
	if p, err := ort.ParseProvider(backend); err == nil && p.Name == "cuda" {
		opts.Ort.Providers = []ort.Provider{p}
	}
	d, err := realedit.OpenModels(os.DirFS(dir), opts)
	if err != nil {
		err = &realedit.Error{Code: realedit.CodeOf(err), Op: "-models " + dir, Err: err}
		if named {
			err = usageError{err}
		}
		return nil, err
	}
	return d, nil
}

// modelsRecord is what of the models decides pixels, for resuming; "" without models.
func modelsRecord(d *realedit.ModelDir) string {
	if d == nil || len(d.All()) == 0 {
		return ""
	}
	b, _ := json.Marshal(d.All()) // plain data: no error
	s := sha256.Sum256(b)
	return " models=" + hex.EncodeToString(s[:8])
}

// modelRow is one kind's line of `listing models`.
type modelRow struct {
	Kind    string        `json:"kind"`
	Status  string        `json:"status"` // "ready", "missing", "bad"
	Model   string        `json:"model,omitempty"`
	Licence string        `json:"licence,omitempty"`
	Source  string        `json:"source,omitempty"`
	Enables string        `json:"enables,omitempty"`
	Fetch   string        `json:"fetch,omitempty"` // the command, where it is not there
	Code    realedit.Code `json:"code,omitempty"`
	Why     string        `json:"why,omitempty"`
}

// modelsCommand is `listing models`: what is there, what is missing and what that would enable; with files, their entries for models.json.
func modelsCommand(c *command, ctx context.Context, args []string) int {
	f := flag.NewFlagSet("listing models", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	dir := f.String("models", "", "folder of models; default $"+envModels+", then "+filepath.Join(ort.DataFolder(), "models"))
	asJSON := f.Bool("json", false, "print JSON, one line per kind")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, "usage: listing models [flags] [FILE.onnx|FILE.safetensors...]\n\nLists the kinds of models: what is there, what is missing and how to get it. With files: their entries for models.json.\n\n")
		f.SetOutput(c.stdout)
		f.PrintDefaults()
		fmt.Fprint(c.stdout, "\nexit status: 0 all models that are there are right, 4 some are not, 2 wrong usage, 1 anything else\n")
		return exitDone
	}
	if err != nil {
		return c.fail(badUsage("flags", "%v", err))
	}
	if f.NArg() > 0 {
		for _, file := range f.Args() {
			if err := c.describe(file); err != nil {
				return c.fail(err)
			}
		}
		return exitDone
	}
	rows, folder, err := modelRows(ctx, *dir)
	if err != nil {
		return c.fail(err)
	}
	if *asJSON {
		for _, r := range rows {
			err = errors.Join(err, printJSON(c.stdout, r))
		}
	} else {
		err = printModels(c.stdout, rows, folder)
	}
	if err != nil {
		return c.fail(err)
	}
	if slices.ContainsFunc(rows, func(r modelRow) bool { return r.Status == "bad" }) {
		return exitModelsBad
	}
	return exitDone
}

// fail prints an error as run does and returns its exit code.
func (c *command) fail(err error) int {
	fmt.Fprintf(c.stderr, "listing: %s\n", message(err))
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// modelRows checks every model of the folder and adds the kinds that are known and not there.
func modelRows(ctx context.Context, flag string) (rows []modelRow, folder string, err error) {
	folder, named := modelsFolder(flag)
	var d *realedit.ModelDir
	if folder != "" {
		d, err = realedit.OpenModels(os.DirFS(folder), nil)
		code := realedit.CodeOf(err)
		switch {
		case code == realedit.CodeNoModel && named:
			if info, e := os.Stat(folder); e != nil || !info.IsDir() {
				return nil, "", badUsage("-models", "%s is no folder", folder)
			}
		case err != nil:
			return nil, "", &realedit.Error{Code: code, Op: "-models " + folder, Err: err}
		default:
			defer d.Close()
		}
	}
	if folder == "" {
		folder = filepath.Join(ort.DataFolder(), "models")
	}
	for _, k := range modelKinds {
		row := modelRow{Kind: k.kind, Status: "missing", Model: k.model, Licence: k.licence, Source: k.source, Enables: k.enables, Fetch: k.fetch(folder)}
		if d != nil {
			if m, ok := d.Model(k.kind); ok {
				row.check(ctx, d, m)
			}
		}
		rows = append(rows, row)
	}
	if d != nil {
		for _, m := range d.All() {
			if !slices.ContainsFunc(modelKinds, func(k modelKind) bool { return k.kind == m.Kind }) {
				row := modelRow{Kind: m.Kind, Enables: "what the host's own stages make of it"}
				row.check(ctx, d, m)
				rows = append(rows, row)
			}
		}
	}
	return rows, folder, ctx.Err()
}

func (r *modelRow) check(ctx context.Context, d *realedit.ModelDir, m realedit.Model) {
	r.Model, r.Licence, r.Source = m.Name, m.Licence, m.Source
	err := d.Check(ctx, m.Kind)
	if err == nil && m.Weights() {
		var files []string
		if files, err = d.Files(ctx, m.Kind); err == nil {
			err = diffuse.Check(m.Kind, files...)
		}
	} else if err == nil {
		err = segment.CheckModel(m)
	}
	switch r.Code = realedit.CodeOf(err); r.Code {
	case "":
		r.Status, r.Fetch = "ready", ""
		return
	case realedit.CodeNoModel:
		r.Status = "missing"
	default:
		r.Status = "bad"
	}
	r.Why = err.Error()
}

func printModels(w io.Writer, rows []modelRow, folder string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Models in %s\n", folder)
	if err := ort.Load(""); err != nil {
		fmt.Fprintf(&b, "They need a library that is not there: %v\n", err)
	} else {
		path, version := ort.Library()
		fmt.Fprintf(&b, "They run on ONNX Runtime %s, %s\n", version, path)
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tSTATUS\tMODEL\tLICENCE\tENABLES")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Kind, r.Status, r.Model, r.Licence, r.Enables)
	}
	t.Flush()
	for _, r := range rows {
		switch {
		case r.Why != "":
			fmt.Fprintf(&b, "\n%s is %s: %s\n", r.Kind, r.Status, r.Why)
		case r.Status == "missing":
			fmt.Fprintf(&b, "\n%s, from %s:\n", r.Kind, r.Source)
		default:
			continue
		}
		if r.Fetch != "" {
			fmt.Fprintf(&b, "  %s\n", r.Fetch)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// describe prints a model's entry for models.json, as far as its file tells.
func (c *command) describe(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return usageError{&realedit.Error{Code: realedit.CodeUnreadable, Op: "input", Err: err}}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sig := &ort.Signature{}
	if filepath.Ext(file) != ".safetensors" {
		if sig, err = ort.ReadSignature(f, info.Size()); err != nil {
			return &realedit.Error{Code: realedit.CodeOf(err), Op: file, Err: err}
		}
	} else if _, err := safetensors.New(f, info.Size(), filepath.Base(file)); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	base := filepath.Base(file)
	m := realedit.Model{Name: strings.TrimSuffix(base, filepath.Ext(base)), File: base, SHA256: hex.EncodeToString(h.Sum(nil)), Inputs: specs(sig.Inputs), Outputs: specs(sig.Outputs)}
	for _, e := range sig.External {
		sum, err := fileSHA256(filepath.Join(filepath.Dir(file), filepath.FromSlash(e)))
		if err != nil {
			return &realedit.Error{Code: realedit.CodeOf(err), Op: file, Err: err}
		}
		m.Data = append(m.Data, realedit.ModelData{File: e, SHA256: sum})
	}
	b, err := json.MarshalIndent(m, "", " ")
	if err == nil {
		_, err = fmt.Fprintf(c.stdout, "%s\n", b)
	}
	return err
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func specs(in []ort.Info) []realedit.TensorSpec {
	var out []realedit.TensorSpec
	for _, v := range in {
		out = append(out, realedit.TensorSpec{Name: v.Name, Type: v.Type, Shape: v.Shape})
	}
	return out
}
