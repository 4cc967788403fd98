package safetensors

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/realedit/realedit"
)

// CacheLimit is the limit of a Cache where nothing is said: four UNets of SDXL with LoRAs merged into all of their layers.
const CacheLimit = 20_000_000_000

// Cache is a folder of files that can be made again. Before one is made those that were asked for longest ago are removed until all are within Limit, but none that was
// asked for in the last half hour or that is held open (File.Hold), by whichever process: where there is no other the folder outgrows Limit. Files that a Cache
// did not make are left alone. Several processes may have one folder: one file is made in it at a time. Systems without flock (Windows) take no turns and remove nothing.
type Cache struct {
	Dir   string
	Limit int64 // bytes; 0 = CacheLimit, negative = none
}

const (
	cachePrefix = "realedit-"
	suffix      = ".safetensors"
	partSuffix  = ".part"
)

// fresh is how long a file stays that nobody holds, so that who asked for it can open it, and a part that nobody writes to.
const fresh = time.Hour

// File is the path of a file with this metadata and these tensors, which is named by the key: all that its bytes depend on. Where it is not there, or is not whole, write
// makes it at the path that it is given (WriteFile). Errors: write's, CodeWriteFailed, CodeCancelled.
func (c Cache) File(ctx context.Context, key string, metadata map[string]string, tensors []Spec, write func(path string) error) (path string, cached bool, err error) {
	sum := sha256.Sum256([]byte(key))
	path = filepath.Join(c.Dir, cachePrefix+hex.EncodeToString(sum[:16])+suffix)
	if keep(path) && holds(path, metadata, tensors) {
		return path, true, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", false, writeError(path, err)
	}
	turn, err := c.turn(ctx)
	if err != nil {
		return "", false, err
	}
	defer turn.Close()
	if keep(path) && holds(path, metadata, tensors) { // made meanwhile
		return path, true, nil
	}
	need := int64(0)
	for _, t := range tensors {
		n, _ := length(t.DType, t.Shape) // of what has none, write says so
		need += n
	}
	c.makeRoom(need)
	return path, false, write(path)
}

// turn waits until nobody else makes a file in the folder. It ends when what is returned is closed.
func (c Cache) turn(ctx context.Context) (io.Closer, error) {
	f, err := os.Open(c.Dir)
	if err != nil {
		return nil, writeError(c.Dir, err)
	}
	for alone(f) == errBusy {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, &realedit.Error{Code: realedit.CodeCancelled, Op: "wait for " + filepath.Base(c.Dir), Err: context.Cause(ctx)}
		case <-time.After(20 * time.Millisecond):
		}
	}
	return f, nil
}

// keep has the file at path count as asked for now, if it is there. The lock waits for one who is about to remove it.
func keep(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	share(f)
	info, is := named(f, path)
	if is && time.Since(info.ModTime()) > fresh/2 {
		_ = os.Chtimes(path, time.Time{}, time.Now()) // another user's file stays as long as its time says
	}
	return is
}

// named tells whether the open file is what path names, and what it is like.
func named(f *os.File, path string) (fs.FileInfo, bool) {
	have, err := f.Stat()
	if err != nil {
		return nil, false
	}
	now, err := os.Stat(path)
	return have, err == nil && os.SameFile(have, now)
}

// holds says whether the file at path has this metadata and these tensors, and no others.
func holds(path string, metadata map[string]string, tensors []Spec) bool {
	f, err := Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if !maps.Equal(f.Metadata(), metadata) || len(f.Names()) != len(tensors) {
		return false
	}
	for _, s := range tensors {
		t, ok := f.Tensor(s.Name)
		if !ok || t.DType != s.DType || !slices.Equal(t.Shape, s.Shape) {
			return false
		}
	}
	return true
}

// makeRoom removes what killed calls of WriteFile left, and files until another of need bytes is within the limit.
func (c Cache) makeRoom(need int64) {
	entries, _ := os.ReadDir(c.Dir)
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch name := e.Name(); {
		case name[0] == '.' && strings.Contains(name, suffix+"-") && strings.HasSuffix(name, partSuffix):
			if time.Since(info.ModTime()) > fresh {
				os.Remove(filepath.Join(c.Dir, name))
			}
		case strings.HasPrefix(name, cachePrefix) && strings.HasSuffix(name, suffix):
			files = append(files, info)
			need += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for limit := cmp.Or(c.Limit, CacheLimit); limit > 0 && need > limit && len(files) > 0; files = files[1:] {
		if remove(filepath.Join(c.Dir, files[0].Name())) {
			need -= files[0].Size()
		}
	}
}

// remove removes a file that nobody holds or asked for.
func remove(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if alone(f) != nil {
		return false
	}
	info, is := named(f, path)
	return is && time.Since(info.ModTime()) > fresh && os.Remove(path) == nil
}

// Hold keeps a Cache from removing the file until it is closed.
func (f *File) Hold() {
	if disk, ok := f.closer.(*os.File); ok {
		share(disk)
	}
}
