package safetensors

import (
	"context"
	"errors"
	"os"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/filehash"
)

// SHA256 is the hash of the whole file in lower-case hexadecimal digits. A file that Open opened is read once in a process while its path has the same file, size and
// time, checks of realedit.ModelDir included. Errors: CodeCancelled, CodeChanged, CodeUnreadable.
func (f *File) SHA256(ctx context.Context) (sum string, err error) {
	if disk, ok := f.closer.(*os.File); ok {
		sum, err = filehash.SHA256(ctx, disk)
	} else {
		sum, err = filehash.Sum(ctx, f.r, f.size)
	}
	switch {
	case err == nil:
		return sum, nil
	case ctx.Err() != nil:
		return "", &realedit.Error{Code: realedit.CodeCancelled, Op: f.name, Err: err}
	case errors.Is(err, filehash.ErrChanged):
		return "", &realedit.Error{Code: realedit.CodeChanged, Op: f.name, Err: err}
	}
	return "", &realedit.Error{Code: realedit.CodeUnreadable, Op: f.name, Err: err}
}
