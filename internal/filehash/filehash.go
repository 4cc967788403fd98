// Package filehash hashes files, each once in a process: models are gigabytes, and several packages want the same hash.
package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/realedit/realedit/internal/parallel"
)

// ErrChanged is that a file has become another one while it was read.
var ErrChanged = errors.New("the file changed while it was read")

// File is an open file: an *os.File.
type File interface {
	io.ReaderAt
	Name() string
	Stat() (fs.FileInfo, error)
}

// known is what is known of a path.
type known struct {
	turn parallel.Turn // of who looks or hashes
	info fs.FileInfo   // of the file when it was hashed; nil = it was not
	sum  string
}

var files sync.Map // absolute path → *known

// SHA256 is a file's hash in lower-case hexadecimal digits. This process reads the file for it once while its path has the same file, size and time; who asks
// meanwhile waits. Errors: the context's cause, ErrChanged, those of reading.
func SHA256(ctx context.Context, f File) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	path, err := filepath.Abs(f.Name())
	if err != nil {
		return "", err
	}
	v, _ := files.LoadOrStore(path, &known{turn: parallel.NewTurn()})
	k := v.(*known)
	leave, err := k.turn.Take(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if k.info != nil && same(k.info, info) {
		return k.sum, nil
	}
	sum, err := Sum(ctx, f, info.Size())
	if err != nil {
		return "", err
	}
	if after, err := f.Stat(); err != nil || !same(info, after) {
		return "", errors.Join(ErrChanged, err)
	}
	k.info, k.sum = info, sum
	return sum, nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Sum is the hash of the first size bytes of r. Errors: as SHA256.
func Sum(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	buf := make([]byte, min(1<<20, size))
	for off := int64(0); off < size; {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		h.Write(buf[:n])
		off += int64(n)
		switch {
		case off == size || n > 0 && err == nil:
		case err == nil || err == io.EOF:
			return "", ErrChanged
		default:
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
