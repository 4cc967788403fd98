package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/realedit/realedit"
)

// output is the -out folder. Files appear in it complete or not at all: they are written
// under a temporary name in their folder, synced, announced in the journal and renamed.
type output struct {
	dir   string
	fault func(path string, w io.Writer) io.Writer

	mu   sync.Mutex // names and journal
	log  *journal
	lock *os.File
}

// diskError is trouble with -out: no set's own, it ends the run.
type diskError struct{ err error }

func (e diskError) Error() string { return e.err.Error() }
func (e diskError) Unwrap() error { return e.err }

// fail gives errors of the disk their code.
func (o *output) fail(err error) error {
	if err == nil || errors.As(err, new(diskError)) {
		return err
	}
	code := realedit.CodeOf(err)
	if code != realedit.CodeDiskFull && code != realedit.CodeCancelled {
		code = realedit.CodeWriteFailed
	}
	return diskError{&realedit.Error{Code: code, Op: "write " + o.dir, Err: err}}
}

const (
	tempPrefix = ".realedit-"
	tempSuffix = ".tmp"
)

// openOutput makes the folder ready: it is locked against a second run, and what an
// interrupted one left half-written is cleared away.
func openOutput(dir string, fault func(string, io.Writer) io.Writer) (*output, error) {
	o := &output{dir: dir, fault: fault}
	if err := os.MkdirAll(filepath.Join(dir, stateDir, previewDir), 0o777); err != nil {
		return nil, o.fail(err)
	}
	var err error
	if o.lock, err = lockFile(filepath.Join(dir, stateDir, "lock")); err != nil {
		return nil, o.fail(err)
	}
	for _, d := range []string{".", stateDir, filepath.Join(stateDir, previewDir), filepath.Join(stateDir, pixelsDir), filepath.Join(stateDir, photosDir), unalteredDir, quarantineDir, filepath.Join(quarantineDir, "*")} {
		left, _ := filepath.Glob(filepath.Join(escapeGlob(dir), d, tempPrefix+"*"+tempSuffix)) // the pattern is well-formed
		for _, f := range left {
			if err := os.RemoveAll(f); err != nil {
				return nil, errors.Join(o.fail(err), o.close())
			}
		}
	}
	if o.log, err = openJournal(o); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// escapeGlob makes a path stand for itself in a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// close lets the next run in.
func (o *output) close() error {
	var errs []error
	if o.log != nil {
		errs = append(errs, o.log.file.Close())
	}
	return errors.Join(append(errs, o.lock.Close())...)
}

func (o *output) path(rel string) string { return filepath.Join(o.dir, filepath.FromSlash(rel)) }

func (o *output) through(path string, w io.Writer) io.Writer {
	if o.fault != nil {
		return o.fault(path, w)
	}
	return w
}

// draft is a complete file under a temporary name.
type draft struct {
	rel, temp, sum string
}

// guarded is a writer that ends with its context and remembers its own errors, so that
// trouble with the disk is told from trouble with the picture.
type guarded struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (g *guarded) Write(p []byte) (int, error) {
	if g.err == nil {
		g.err = g.ctx.Err()
	}
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.w.Write(p)
	g.err = err
	return n, err
}

// draft writes a file under a temporary name and syncs it. Nothing is left of it on an error.
func (o *output) draft(ctx context.Context, rel string, write func(io.Writer) error) (d draft, err error) {
	d.rel = rel
	dir := filepath.Dir(o.path(rel))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return d, o.fail(err)
	}
	f, err := os.CreateTemp(dir, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return d, o.fail(err)
	}
	d.temp = f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(d.temp))
		}
	}()
	sum := sha256.New()
	g := &guarded{ctx: ctx, w: o.through(o.path(rel), f)}
	buf := bufio.NewWriterSize(io.MultiWriter(g, sum), 1<<18)
	err = write(buf)
	if err == nil {
		err = buf.Flush()
	}
	switch {
	case g.err != nil:
		err = o.fail(g.err)
	case err == nil:
		err = o.fail(cmp.Or(f.Chmod(0o644), f.Sync()))
	}
	if closing := f.Close(); err == nil {
		err = o.fail(closing)
	}
	d.sum = hex.EncodeToString(sum.Sum(nil))
	return d, err
}

// discard removes drafts that will not be published.
func discard(drafts []draft) {
	for _, d := range drafts {
		_ = os.Remove(d.temp) // the next run clears away what stays
	}
}

// publish gives a set's drafts their names, all after the journal knows them. What the set
// had before under other names is removed.
func (o *output) publish(e entry, drafts []draft) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() {
		if err != nil {
			discard(drafts)
		}
	}()
	old := o.log.last[e.Name].Files
	e.Files = map[string]string{}
	for _, d := range drafts {
		if err := o.setAside(d); err != nil {
			return err
		}
		e.Files[d.rel] = d.sum
	}
	stale := maps.Clone(old)
	for rel := range e.Files {
		delete(stale, rel)
	}
	announced := maps.Clone(e.Files)
	maps.Copy(announced, stale) // still this set's, should the run end here
	if err := o.log.append(o, entry{Name: e.Name, Photo: e.Photo, Files: announced}); err != nil {
		return err
	}
	dirs := map[string]bool{}
	for _, d := range drafts {
		if err := os.Rename(d.temp, o.path(d.rel)); err != nil {
			return o.fail(err)
		}
		dirs[filepath.Dir(o.path(d.rel))] = true
	}
	for rel := range stale {
		if sum, err := hashFile(o.path(rel)); err == nil && o.log.wrote(rel, sum) {
			if err := os.Remove(o.path(rel)); err != nil {
				return o.fail(err)
			}
		}
	}
	for d := range dirs {
		if err := syncDir(d); err != nil {
			return o.fail(err)
		}
	}
	e.Done = true
	return o.log.append(o, e)
}

// setAside renames a file that stands where a draft is to go and is not as this command
// wrote it: NAME.jpg that somebody has worked on becomes NAME.kept-1.jpg.
func (o *output) setAside(d draft) error {
	path := o.path(d.rel)
	sum, err := hashFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && (sum == d.sum || o.log.wrote(d.rel, sum)) || strings.HasPrefix(d.rel, stateDir) {
		return nil
	}
	ext := filepath.Ext(path)
	for n := 1; ; n++ {
		kept := fmt.Sprintf("%s.kept-%d%s", strings.TrimSuffix(path, ext), n, ext)
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			return o.fail(os.Rename(path, kept))
		}
	}
}

// replace writes a small file of the command's own, atomically and without a record.
func (o *output) replace(rel string, data []byte) error {
	d, err := o.draft(context.Background(), rel, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	if err := os.Rename(d.temp, o.path(rel)); err != nil {
		discard([]draft{d})
		return o.fail(err)
	}
	return o.fail(syncDir(filepath.Dir(o.path(rel))))
}

// intact tells whether the set's files are all as the journal says.
func (o *output) intact(e entry) bool {
	if !e.Done {
		return false
	}
	for _, rel := range slices.Sorted(maps.Keys(e.Files)) {
		if sum, err := hashFile(o.path(rel)); err != nil || sum != e.Files[rel] {
			return false
		}
	}
	return true
}

// foreign tells whether something is at the path that this command never wrote there.
func (o *output) foreign(rel string) bool {
	if _, err := os.Lstat(o.path(rel)); err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return len(o.log.own[rel]) == 0
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// syncDir makes names in a folder last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
