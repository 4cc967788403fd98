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
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
	"github.com/realedit/realedit/segment"
)

// exitDifferent: a picture was made again, and it is another one.
const exitDifferent = 4

// replayOptions are the command line of listing replay.
type replayOptions struct {
	report  string
	inputs  []string // folders; none = the report's and the one that is in
	out     string   // file for the picture; "" = it is only compared
	backend string   // "" = the report's, or what there is
	skies   string   // folder of the user's skies; "" = none
	models  string   // folder of models; "" = where they usually are
}

const replayUsage = `usage: listing replay [flags] NAME.report.json

Makes a picture again from its report and its photographs, which are known by their contents, and compares the two.

  -inputs DIR   where the photographs are, sub-folders included; may be repeated
                (without it: photographs of the report's names in the report's folder and in the one that is in, three levels deep)
  -out FILE     write the picture there; nothing is overwritten
  -sky library:DIR
                the skies that the picture was made with, where one of them is in it
  -models DIR   the models that took part, where some did; without it the folder that listing takes
  -backend B    where pixels are worked on; without it as the report says, if that is there

exit status: 0 the same picture, 4 another one, 3 the set cannot be finished, 2 wrong usage, 1 anything else
`

func parseReplay(args []string) (*replayOptions, error) {
	o := &replayOptions{}
	f := flag.NewFlagSet("replay", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.Func("inputs", "", func(s string) error { o.inputs = append(o.inputs, s); return nil })
	f.StringVar(&o.out, "out", "", "")
	f.StringVar(&o.backend, "backend", "", "")
	f.StringVar(&o.models, "models", "", "")
	f.Func("sky", "", func(s string) error {
		source, dir, err := segment.ParseSkySource(s)
		if err == nil && source != segment.SkyLibrary {
			err = fmt.Errorf("%q is not library:DIR", s)
		}
		o.skies = dir
		return err
	})
	var named []string
	for rest := args; ; {
		if err := f.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return nil, errHelp
		} else if err != nil {
			return nil, badUsage("replay", "%v", err)
		}
		if f.NArg() == 0 {
			break
		}
		named, rest = append(named, f.Arg(0)), f.Args()[1:]
	}
	if len(named) != 1 {
		return nil, badUsage("replay", "%d reports are named, want one", len(named))
	}
	o.report = named[0]
	if o.backend != "" && !backendSpec.MatchString(o.backend) {
		return nil, badUsage("-backend", "%q is not auto, ref, cpu, cuda, cuda:N or cuda:all", o.backend)
	}
	for _, d := range o.inputs {
		if info, err := os.Stat(d); err != nil || !info.IsDir() {
			return nil, badUsage("-inputs", "%s is no folder", d)
		}
	}
	if o.out != "" {
		if _, err := os.Lstat(o.out); !errors.Is(err, fs.ErrNotExist) {
			return nil, badUsage("-out", "%s is there already", o.out)
		}
	}
	return o, nil
}

// replay is the subcommand.
func (c *command) replay(ctx context.Context, args []string) int {
	o, err := parseReplay(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(c.stdout, replayUsage)
		return exitDone
	}
	same := false
	if err == nil {
		same, err = c.replayOne(ctx, o)
	}
	var wrong usageError
	var failed setError
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(c.stderr, "listing: %s\nlisting replay -help says more\n", message(err))
		return exitUsage
	case err != nil:
		fmt.Fprintf(c.stderr, "listing: %s\n", message(err))
		if errors.As(err, &failed) {
			return exitQuarantined
		}
		return exitFailed
	case !same:
		return exitDifferent
	}
	return exitDone
}

// setError is what keeps a set from being finished, as it would from quarantine.
type setError struct{ err error }

func (e setError) Error() string { return e.err.Error() }
func (e setError) Unwrap() error { return e.err }

func (c *command) replayOne(ctx context.Context, o *replayOptions) (same bool, err error) {
	data, err := os.ReadFile(o.report)
	if err != nil {
		return false, usageError{&realedit.Error{Code: realedit.CodeUnreadable, Op: "report", Err: err}}
	}
	var r realedit.Report
	if err := json.Unmarshal(data, &r); err != nil || r.Output == nil {
		return false, usageError{realedit.Errorf(realedit.CodeNotReplayable, "report", "%s is no report of a finished picture: %v", o.report, err)}
	}
	var assets pipeline.Assets
	if o.skies != "" {
		if assets.Skies, err = segment.OpenSkies(os.DirFS(o.skies)); err != nil {
			return false, usageError{err}
		}
	}
	p, err := assets.FromReport(&r)
	if err != nil {
		return false, err
	}
	export, err := r.Output.ExportOptions()
	if err != nil {
		return false, err
	}
	if r.Library != "realedit "+realedit.Version {
		fmt.Fprintf(c.stderr, "the report is of %s, this is realedit %s\n", r.Library, realedit.Version)
	}
	b, err := c.replayBackend(o, &r)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	set, err := replaySet(ctx, o, &r, b)
	if err != nil {
		return false, err
	}
	cfg := realedit.Config{Backends: []kernels.Backend{b}, Policy: r.Policy, Seed: r.Seed}
	if len(r.Models) > 0 {
		m, failed := replayModels(ctx, o.models, &r, b)
		if failed != nil {
			return false, failed
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		cfg.Models = m
	}
	e, err := realedit.New(cfg)
	if err != nil {
		return false, err
	}
	result, err := e.Process(ctx, p, set)
	if err != nil {
		if fatal(ctx, err) {
			return false, err
		}
		return false, setError{err}
	}
	defer result.Free()
	if err := writeReplay(o.out, result, export); err != nil {
		return false, err
	}
	return c.compareReplay(&r, result, export)
}

// compareReplay says what is the same. Files are compared where the library is the one that wrote them: their metadata names it.
func (c *command) compareReplay(r *realedit.Report, result *realedit.Result, export *realedit.ExportOptions) (bool, error) {
	same := true
	say := func(what, want, got string) {
		verdict := "the same"
		if want != got {
			same, verdict = false, fmt.Sprintf("different: %s, was %s", got, want)
		}
		fmt.Fprintf(c.stdout, "%s: %s\n", what, verdict)
	}
	out := result.Report.Output
	if len(r.Models) > 0 { // one that could not be run is why the pixels differ
		say("models", modelNames(r), modelNames(result.Report))
	}
	say("pixels", r.Output.PixelsSHA256, out.PixelsSHA256)
	if r.Library != result.Report.Library {
		return same, nil
	}
	if !slices.Equal(modelTroubles(r), modelTroubles(result.Report)) {
		fmt.Fprintln(c.stdout, "file: not compared: what was wrong with a model when the picture was made stands in its metadata")
		return same, nil
	}
	say("file", r.Output.SHA256, out.SHA256)
	if r.Unaltered == nil {
		return same, nil
	}
	if result.Unaltered == nil {
		say("unaltered sibling", r.Unaltered.SHA256, "none")
		return same, nil
	}
	sibling := *export
	sibling.Unaltered = true
	sum, err := encodedSum(result, &sibling)
	if err != nil {
		return false, err
	}
	say("unaltered sibling", r.Unaltered.SHA256, sum)
	return same, nil
}

// replayBackend is the one asked for, else the report's, else the best there is.
func (c *command) replayBackend(o *replayOptions, r *realedit.Report) (kernels.Backend, error) {
	if o.backend != "" {
		b, err := kernels.Open(o.backend)
		if err != nil {
			return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "-backend " + o.backend, Err: err}
		}
		return b, nil
	}
	kind, _, _ := strings.Cut(r.Stages[0].Backend, ":")
	if b, err := kernels.Open(kind); err == nil {
		return b, nil
	}
	b, err := kernels.Open("auto")
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "open backend", Err: err}
	}
	fmt.Fprintf(c.stderr, "%s made the picture and is not there: %s makes it now, and may round otherwise\n", r.Stages[0].Backend, b.Name())
	return b, nil
}

// replaySet finds the report's photos and opens them.
func replaySet(ctx context.Context, o *replayOptions, r *realedit.Report, b kernels.Backend) (realedit.Set, error) {
	dirs, depth := o.inputs, -1
	if len(dirs) == 0 {
		home := filepath.Dir(resolve(o.report))
		dirs, depth = []string{home, filepath.Dir(home)}, 3
	}
	want := map[string]string{} // hash → name, of those not found
	names := map[string]bool{}
	for _, in := range r.Inputs {
		want[in.SHA256] = in.Name
		names[strings.ToLower(in.Name)] = true
	}
	var photos []*realedit.Photo
	look := func(named bool) error {
		for _, dir := range dirs {
			err := candidates(dir, depth, func(file string) error {
				if names[strings.ToLower(filepath.Base(file))] != named || len(want) == 0 {
					return ctx.Err()
				}
				sum, err := hashFile(file)
				if _, wanted := want[sum]; err != nil || !wanted {
					return ctx.Err()
				}
				p, err := realedit.Open(file, &realedit.DecodeOptions{Backend: b})
				if err != nil {
					return setError{err}
				}
				photos = append(photos, p)
				delete(want, sum)
				return ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := look(true)
	if err == nil && len(want) > 0 && len(o.inputs) > 0 {
		err = look(false) // under another name
	}
	if err != nil {
		return realedit.Set{}, err
	}
	if len(want) > 0 {
		for _, in := range r.Inputs {
			if _, missing := want[in.SHA256]; missing {
				return realedit.Set{}, realedit.Errorf(realedit.CodeUnreadable, "inputs", "no file in %s has the contents of %s (SHA-256 %s)", strings.Join(dirs, ", "), in.Name, in.SHA256)
			}
		}
	}
	return realedit.SetFromReport(r, photos)
}

// candidates calls fn for the regular files in a folder that are not hidden, in order, depth levels of folders down (-1 = all).
func candidates(dir string, depth int, fn func(file string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // not for us
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type().IsRegular():
			if err := fn(path); err != nil {
				return err
			}
		case e.IsDir() && depth != 0:
			if err := candidates(path, depth-1, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeReplay encodes the picture into a new file, or only for its hashes.
func writeReplay(name string, r *realedit.Result, o *realedit.ExportOptions) (err error) {
	if name == "" {
		return r.Encode(io.Discard, o)
	}
	fail := func(err error) error {
		return &realedit.Error{Code: realedit.CodeWriteFailed, Op: "write " + name, Err: err}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fail(err)
	}
	err = r.Encode(f, o)
	if closing := f.Close(); err == nil && closing != nil {
		err = fail(closing)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// encodedSum is the SHA-256 of the file that a result would be written as.
func encodedSum(r *realedit.Result, o *realedit.ExportOptions) (string, error) {
	h := sha256.New()
	err := r.Encode(h, o)
	return hex.EncodeToString(h.Sum(nil)), err
}
