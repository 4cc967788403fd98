package realedit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime/debug"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/jpegcoef"
	"github.com/realedit/realedit/kernels"
)

// artefact is one file that the report names.
type artefact struct {
	name  string // in the report
	want  string // its SHA-256
	isMap bool

	data     []byte
	broken   bool // it is not the report's file
	header   container.Header
	jpeg     *jpegcoef.File
	pixels   *kernels.Image // of PNG and TIFF
	changes  *AlterationMap // of the map
	reduced  bool
	mapErr   error
	problems []Problem
	err      error // nothing can be said
}

func (a *artefact) free() { a.pixels.Free() }

func (a *artefact) add(code ProblemCode, format string, args ...any) {
	a.problems = append(a.problems, Problem{Code: code, File: a.name, Message: fmt.Sprintf(format, args...)})
}

// load reads the file and decodes it as far as that is always needed: a JPEG's headers, samples of other pictures.
func (a *artefact) load(v *verifier) {
	name := path.Join(path.Dir(v.out.Report), a.name)
	if a.name == "" || path.IsAbs(a.name) || !fs.ValidPath(path.Clean(a.name)) || path.Clean(a.name) == "." {
		a.add(ProblemIncomplete, "%q is no file's name", a.name)
		return
	}
	data, err := readAll(v.fsys, name, v.limits.MaxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.add(ProblemMissing, "not there")
		return
	case err != nil:
		a.add(ProblemUnreadable, "%v", err)
		return
	}
	a.data = data
	hashed := make(chan string)
	go func() {
		sum := sha256.Sum256(data)
		hashed <- hex.EncodeToString(sum[:])
	}()
	o := v.r.Output
	switch pixels := int64(o.Width) * int64(o.Height); {
	case !a.isMap:
		a.decode(v)
	case pixels > v.limits.MaxPixels:
		a.mapErr = Errorf(CodeTooLarge, "", "a picture of %d×%d pixels, the limit is %d", o.Width, o.Height, v.limits.MaxPixels)
	case pixels > 0:
		a.changes, a.reduced, a.mapErr = decodeChanges(data, o.Width, o.Height, v.r.Class == Altered)
	}
	if sum := <-hashed; sum != a.want {
		a.broken = true
		// What it holds is looked at all the same: that tells what was changed.
		a.problems = append([]Problem{{Code: ProblemHash, File: a.name, Message: fmt.Sprintf("its SHA-256 is %s, the report has %s", sum, a.want)}}, a.problems...)
	}
}

// decode opens a picture.
func (a *artefact) decode(v *verifier) {
	h, err := container.ReadHeader(bytes.NewReader(a.data), int64(len(a.data)))
	if err != nil {
		code := ProblemBroken
		if errors.Is(err, container.ErrUnknown) || errors.Is(err, container.ErrUnsupported) {
			code = ProblemFormat
		}
		a.add(code, "%v", err)
		return
	}
	if err := checkHeader(h, int64(len(a.data)), v.limits); err != nil {
		a.add(ProblemBroken, "%s", cause(err))
		return
	}
	a.header = h
	if w, h := v.r.Output.Width, v.r.Output.Height; a.header.Width != w || a.header.Height != h {
		a.add(ProblemSize, "%d×%d pixels, the report has %d×%d", a.header.Width, a.header.Height, w, h)
	}
	if h.Format == container.JPEG {
		if a.jpeg, err = jpegcoef.Parse(a.data); err != nil {
			code := ProblemBroken
			if errors.Is(err, container.ErrUnsupported) {
				code = ProblemFormat
			}
			a.add(code, "%v", err)
		} else if n := len(a.jpeg.Rest()); n > 0 {
			a.add(ProblemBroken, "%d bytes behind the picture's end", n)
		}
		return
	}
	if a.pixels, err = storedSamples(a.data, h.Format); err != nil {
		if CodeOf(err) == CodeOutOfMemory {
			a.err = err
			return
		}
		a.add(ProblemBroken, "%s", cause(err))
	}
}

// storedSamples are a PNG's or TIFF's as they stand in the file.
func storedSamples(data []byte, f container.Format) (m *kernels.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, Errorf(CodeBadImage, "", "the decoder panicked: %v\n%s", p, debug.Stack())
		}
	}()
	host, err := sharedHost()
	if err != nil {
		return nil, err
	}
	r := raster{backend: host, ops: kernels.Complete(host, nil)}
	return r.decode(data, f)
}

// cause is an error's text without codes and what was being done.
func cause(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}
