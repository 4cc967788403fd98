package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/segment"
)

// options are the command line, checked.
type options struct {
	out     string
	route   string
	merge   kernels.FuseMethod
	group   realedit.GroupOptions
	sets    string
	policy  realedit.Policy
	primary []string           // sets whose policy is primary
	sky     segment.ReplaceSky // but for the listing's plan
	correct bool
	free    bool // -correct without the lock
	view    bool
	format  realedit.FileFormat
	quality int
	keep    int64 // bytes of finished pixels
	backend string
	gpu     int64 // bytes of device memory; 0 = nine tenths of what is free
	jobs    int
	memory  int64 // bytes
	groups  bool
	json    bool
	quiet   bool
	models  string // folder; "" = where they usually are
	inputs  []string
}

var errHelp = errors.New("help")

// defaultMemory is the host budget when -memory is not given.
const defaultMemory = 2 << 30

// minMemory is the least -memory: decoding one photo of a few megapixels.
const minMemory = 128 << 20

var routes = []string{"auto", "fuse", "interior", "exterior"}

func flagSet(o *options, text map[string]*string) *flag.FlagSet {
	f := flag.NewFlagSet("listing", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&o.out, "out", "finished", "folder for the finished pictures")
	f.StringVar(&o.route, "route", "auto", strings.Join(routes, "|"))
	text["merge"] = f.String("merge", "robust", "robust|mertens: how brackets are merged")
	f.StringVar(&o.sets, "sets", "auto", "auto|folder|N: how photos are sorted into sets")
	text["policy"] = f.String("policy", "ab723", strings.Join(realedit.PolicyNames(), "|"))
	f.Func("primary", "`NAME` of a set or photo that is its listing's primary one: its policy is primary; may be repeated", func(s string) error {
		if s == "" {
			return errors.New("must name a set or a photo")
		}
		o.primary = append(o.primary, s)
		return nil
	})
	text["sky"] = f.String("sky", "auto", "keep|auto|library:DIR|physical|model: what a dull sky outdoors is replaced by, where the policy allows it; auto = a computed one")
	f.BoolVar(&o.correct, "correct", false, "let SDXL correct tone and colour, through a lock that keeps everything else: wants its models and a GPU with 8 GB (docs/diffusion.md)")
	f.BoolVar(&o.free, "correct-free", false, "as -correct, and keep the model's own pixels where quality control passes them: altered pictures, where the policy allows these")
	f.Func("view", "keep|model: what is done where a window's view is in no photo: it stays bright, or SDXL paints one, where the policy allows it (default keep)", func(s string) error {
		o.view = s == "model"
		if s != "keep" && s != "model" {
			return errors.New("must be keep or model")
		}
		return nil
	})
	text["format"] = f.String("format", "jpeg", "jpeg|png|tiff")
	f.IntVar(&o.quality, "quality", 95, "of JPEG, 1 to 100")
	text["keep-pixels"] = f.String("keep-pixels", "2GiB", "finished pixels kept in -out, so that another -quality takes no edit; 0 = none")
	f.StringVar(&o.backend, "backend", "auto", "auto|ref|cpu|cuda[:N[,N]|:all]: where pixels are worked on")
	text["gpu-memory"] = f.String("gpu-memory", "0", "device memory to stay within, of each GPU; 0 = 90 % of what is free")
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "processor threads")
	text["memory"] = f.String("memory", "2GiB", "host memory to stay within")
	f.StringVar(&o.models, "models", "", "folder of models, or none; default $"+envModels+", then the user's own (docs/models.md)")
	f.BoolVar(&o.groups, "groups", false, "print the sets with reason and confidence, then stop")
	f.BoolVar(&o.json, "json", false, "print one line of JSON per set on standard output")
	f.BoolVar(&o.quiet, "q", false, "print nothing but errors")
	return f
}

func usage() string {
	var b strings.Builder
	b.WriteString("usage: listing [flags] FOLDER|FILE...\n\nEach folder is a listing: its photographs, sub-folders included, become finished pictures.\nlisting masks|models|replay|verify -help: what else there is.\n\n")
	f := flagSet(&options{}, map[string]*string{})
	f.SetOutput(&b)
	f.PrintDefaults()
	b.WriteString("\nexit status: 0 all finished, 3 some in quarantine, 2 wrong usage, 1 anything else\n")
	return b.String()
}

// parse reads the command line; flags may stand between the inputs, and after "--" everything is an input.
func parse(args []string) (*options, error) {
	o, text := &options{}, map[string]*string{}
	f := flagSet(o, text)
	if i := slices.Index(args, "--"); i >= 0 {
		args, o.inputs = args[:i], slices.Clone(args[i+1:])
	}
	var named []string
	for rest := args; ; {
		if err := f.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return nil, errHelp
		} else if err != nil {
			return nil, badUsage("flags", "%v", err)
		}
		if f.NArg() == 0 {
			break
		}
		named, rest = append(named, f.Arg(0)), f.Args()[1:]
	}
	o.inputs = append(named, o.inputs...)
	if len(o.inputs) == 0 {
		return nil, badUsage("flags", "no folder or file to work on")
	}
	return o, o.check(text)
}

// check turns the texts into values and refuses what is outside its range.
func (o *options) check(text map[string]*string) (err error) {
	switch {
	case o.out == "":
		return badUsage("-out", "must name a folder")
	case !slices.Contains(routes, o.route):
		return badUsage("-route", "%q is not one of %v", o.route, routes)
	case o.quality < 1 || o.quality > 100:
		return badUsage("-quality", "%d is outside [1, 100]", o.quality)
	case o.jobs < 1 || o.jobs > 1024:
		return badUsage("-jobs", "%d is outside [1, 1024]", o.jobs)
	}
	switch *text["merge"] {
	case "robust":
	case "mertens":
		o.merge = kernels.FuseMertens
	default:
		return badUsage("-merge", "%q is neither robust nor mertens", *text["merge"])
	}
	if !backendSpec.MatchString(o.backend) {
		return badUsage("-backend", "%q is not auto, ref, cpu, cuda, cuda:N, cuda:N,N or cuda:all", o.backend)
	}
	if s := *text["gpu-memory"]; s != "0" {
		if o.gpu, err = parseBytes("-gpu-memory", s); err != nil {
			return err
		}
	}
	if s := *text["keep-pixels"]; s != "0" {
		if o.keep, err = parseBytes("-keep-pixels", s); err != nil {
			return err
		}
	}
	if o.group.Mode, o.group.Count, err = realedit.ParseGroupMode(o.sets); err != nil {
		return usageError{err}
	}
	if o.policy, err = realedit.ParsePolicy(*text["policy"]); err != nil {
		return usageError{err}
	}
	if o.format, err = realedit.ParseFormat(*text["format"]); err != nil {
		return usageError{err}
	}
	if err = o.parseSky(*text["sky"]); err != nil {
		return err
	}
	return o.checkMemory(*text["memory"])
}

var backendSpec = regexp.MustCompile(`^(auto|ref|cpu|cuda(:(all|[0-9]+(,[0-9]+)*))?)$`)

// checkMemory refuses budgets that cannot be: too small for one photo, or more than the machine has.
func (o *options) checkMemory(s string) (err error) {
	if o.memory, err = parseBytes("-memory", s); err != nil {
		return err
	}
	total := kernels.HostCaps().Total
	if o.memory == defaultMemory && total > 0 {
		o.memory = min(o.memory, total/4*3) // the default fits itself to a small machine
	}
	switch {
	case o.memory < minMemory:
		return badUsage("-memory", "%s is less than the %d MiB that one photo takes", s, minMemory>>20)
	case total > 0 && o.memory > total:
		return badUsage("-memory", "%s is more than this machine's %.1f GiB", s, float64(total)/(1<<30))
	}
	return nil
}

// units of memory, longest first.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40}, {"b", 1}, {"", 1},
}

// parseBytes reads "2GiB", "512MiB", "1.5GB", "800M" or a number of bytes.
func parseBytes(flag, s string) (int64, error) {
	low := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		digits, ok := strings.CutSuffix(low, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(v*u.bytes >= 1) || v*u.bytes >= math.MaxInt64 {
			break
		}
		return int64(v * u.bytes), nil
	}
	return 0, badUsage(flag, "%q is not an amount of memory like 2GiB, 512MiB or 1.5GB", s)
}

// record is what of the options decides the pixels of a set and, with its file, the files.
func (o *options) record(backend string, policy realedit.Policy, file bool) string {
	s := fmt.Sprintf("route=%s merge=%v policy=%v backend=%s sky=%s %s", o.route, o.merge, policy, backend, o.sky.Source, o.sky.Skies.SHA256())
	if o.free {
		s += " correct-free"
	} else if o.correct {
		s += " correct"
	}
	if o.view {
		s += " view"
	}
	if file {
		s += fmt.Sprintf(" format=%v quality=%d", o.format, o.quality)
	}
	return s
}

// bits are those of a sample in the files.
func (o *options) bits() int {
	if o.format == realedit.TIFF {
		return 16
	}
	return 8
}
