package ort

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/realedit/realedit/kernels"
)

// Options are what a Runtime works with. The zero value works: the library where Find looks for it, the processor, no limit of its own.
type Options struct {
	// Library is the library's file or the folder it is in; "" = where Find looks.
	Library string
	// Providers are tried in order; one that is not there is passed over with a note. The processor stands at the end, named or not.
	Providers []Provider
	// Threads of one session on the processor, 1 to 1024; 0 = as many as Go may use.
	Threads int
	// Budget is how many bytes all sessions together may take: Host those on the processor (which count in kernels.Host too, whatever
	// it is), Device those on each GPU. 0 = no limit of its own.
	Budget kernels.Budget
	// CUDA are folders with the CUDA libraries that ONNX Runtime's CUDA provider needs (libcublasLt, libcudnn, …), or above them as Python's
	// packages have them (nvidia/*/lib). Empty: what REALEDIT_ORT_CUDA lists, separated as in PATH. Then come the library's own folder, DataFolder()/ort and the
	// system's search.
	CUDA []string
}

// check refuses options outside their range.
func (o *Options) check() error {
	bad := func(field, format string, a ...any) error {
		return &kernels.ArgError{Op: "ort.New", Arg: field, Msg: fmt.Sprintf(format, a...)}
	}
	if o.Threads < 0 || o.Threads > 1024 {
		return bad("Threads", "%d is outside [0, 1024]", o.Threads)
	}
	if o.Budget.Host < 0 || o.Budget.Device < 0 {
		return bad("Budget", "%+v: must not be negative", o.Budget)
	}
	for _, p := range o.Providers {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// chain is the providers in the order they are tried, the processor last.
func (o *Options) chain() []Provider {
	var c []Provider
	for _, p := range o.Providers {
		if p.Name == "cpu" {
			return append(c, p)
		}
		c = append(c, p)
	}
	return append(c, Provider{Name: "cpu"})
}

// Model is what a session is made of.
type Model struct {
	// Key tells sessions apart: two Models with the same Key are one session. "" = Path.
	Key string
	// Path is the .onnx file; weights outside it are found beside it. Data is the file's contents instead, and Folder then where weights outside it lie.
	Path   string
	Data   []byte
	Folder string
	// Read gives the contents instead of Data, whenever the session is made: in a cache a session may be made more than once.
	Read func() ([]byte, error)
	// Want are the outputs to compute, nil = all.
	Want []string
	// Shapes are outputs' shapes where the file leaves them free. A float16 output needs one where it does not follow from the inputs' by name.
	Shapes map[string][]int64
	// Memory is the bytes that the session takes with its largest run, 2⁵⁰ at most; 0 = an estimate: twice the weights and eight times inputs and outputs.
	Memory int64
	// Config are entries of the session's configuration ("session.…", "optimization.…"), passed on as they are.
	Config map[string]string
	// Options are providers' options for this model, by provider name, over those of the Runtime.
	Options map[string]map[string]string
}

func (m *Model) key() string {
	if m.Key != "" {
		return m.Key
	}
	return m.Path
}

func (m *Model) check() (err error) {
	bad := func(field, format string, a ...any) error {
		return &kernels.ArgError{Op: "ort.Model", Arg: field, Msg: fmt.Sprintf(format, a...)}
	}
	switch {
	case (m.Path == "") == (m.Data == nil && m.Read == nil) || m.Data != nil && m.Read != nil:
		return bad("Path", "one of Path, Data and Read has to be given")
	case m.Path == "" && m.Key == "":
		return bad("Key", "a model from memory needs one")
	case m.Memory < 0 || m.Memory > maxSession:
		return bad("Memory", "%d is outside [0, 2⁵⁰]", m.Memory)
	}
	for name, s := range m.Shapes {
		if n, ok := elements(s); !ok || n == 0 {
			return bad("Shapes", "%s: %v has dimensions that are free, 0 or too large", name, s)
		}
	}
	if m.Path != "" {
		if m.Path, err = filepath.Abs(m.Path); err != nil {
			return bad("Path", "%v", err)
		}
	}
	if m.Folder != "" {
		if m.Folder, err = filepath.Abs(m.Folder); err != nil {
			return bad("Folder", "%v", err)
		}
	}
	return nil
}

// clone is the model with maps of its own, since sessions outlive the call.
func (m *Model) clone() *Model {
	c := *m
	c.Want = slices.Clone(m.Want)
	return &c
}
