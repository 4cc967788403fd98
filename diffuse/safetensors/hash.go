package safetensors

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/realedit/realedit"
)

// SHA256 is the hash of the whole file in lower-case hexadecimal digits. The file is read once; later calls give what was found then.
// Errors: CodeCancelled, CodeChanged, CodeUnreadable.
func (f *File) SHA256(ctx context.Context) (string, error) {
	f.hashing.Lock()
	defer f.hashing.Unlock()
	if f.sum != "" {
		return f.sum, nil
	}
	h := sha256.New()
	buf := make([]byte, min(1<<20, f.size))
	for off := int64(0); off < f.size; {
		if err := ctx.Err(); err != nil {
			return "", &realedit.Error{Code: realedit.CodeCancelled, Op: f.name, Err: err}
		}
		b := buf[:min(int64(len(buf)), f.size-off)]
		if err := f.readAt(b, off); err != nil {
			return "", err
		}
		h.Write(b)
		off += int64(len(b))
	}
	f.sum = hex.EncodeToString(h.Sum(nil))
	return f.sum, nil
}
