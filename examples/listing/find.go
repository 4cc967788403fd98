package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
)

// listing is one folder's photos (or the files named on the command line) and what becomes of them.
type listing struct {
	name  string // as it was named
	root  string // absolute; "" for single files
	files []*input
	sets  []*job
}

// input is one file.
type input struct {
	path string // to open it
	rel  string // for people: relative to the listing's folder, with slashes
	err  error  // why it is no photo of the listing
}

// ignored is a file that is left alone, and why.
type ignored struct {
	Path   string        `json:"path"`
	Code   realedit.Code `json:"code,omitempty"`
	Reason string        `json:"reason"`
}

// The names this command gives to things in -out; a folder with stateDir in it is one it has written.
const (
	stateDir      = ".realedit"
	quarantineDir = "quarantine"
	unalteredDir  = "unaltered"
)

// find lists the inputs. Hidden and temporary files, links and earlier output are ignored.
func find(o *options) ([]*listing, []ignored, error) {
	out := resolve(o.out)
	var lists []*listing
	var loose *listing
	roots := map[string]bool{}
	type named struct {
		arg, abs string
		dir      bool
	}
	var args []named
	for _, arg := range o.inputs {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, nil, usageError{&realedit.Error{Code: realedit.CodeUnreadable, Op: "input", Err: err}}
		}
		n := named{arg, resolve(arg), info.IsDir()}
		if inside(n.abs, out, n.dir) {
			return nil, nil, badUsage("input", "%s lies in -out %s, where files are written", arg, o.out)
		}
		if n.dir && roots[n.abs] || slices.Contains(args, n) {
			continue // named twice
		}
		if n.dir {
			roots[n.abs] = true
		}
		args = append(args, n)
	}
	var skipped []ignored
	for _, n := range args {
		if n.dir {
			l := &listing{name: n.arg, root: n.abs}
			skipped = append(skipped, l.walk(out, roots)...)
			lists = append(lists, l)
			continue
		}
		if loose == nil {
			loose = &listing{name: "files"}
			lists = append(lists, loose)
		}
		loose.files = append(loose.files, &input{path: n.abs, rel: filepath.ToSlash(filepath.Clean(n.arg))})
	}
	// A file that is named and also lies in a named folder belongs to the folder.
	seen := map[string]bool{}
	for _, l := range lists {
		if l != loose {
			for _, in := range l.files {
				seen[in.path] = true
			}
		}
	}
	if loose != nil {
		loose.files = slices.DeleteFunc(loose.files, func(in *input) bool {
			twice := seen[in.path]
			seen[in.path] = true
			return twice
		})
	}
	for _, l := range lists {
		slices.SortFunc(l.files, func(a, b *input) int { return cmp.Compare(a.rel, b.rel) })
	}
	return lists, skipped, nil
}

// resolve is a path's one true form, of its longest part that exists.
func resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if dir := filepath.Dir(abs); dir != abs {
		return filepath.Join(resolve(dir), filepath.Base(abs))
	}
	return abs
}

// inside tells whether an input would lie where output goes: it is -out itself or one
// of its own folders, or a file right in one.
func inside(path, out string, dir bool) bool {
	rel, err := filepath.Rel(out, path)
	if err != nil {
		return false
	}
	first, _, deeper := strings.Cut(filepath.ToSlash(rel), "/")
	return rel == "." || first == quarantineDir || first == unalteredDir || first == stateDir || !dir && !deeper && first != ".."
}

// walk collects the folder's files.
func (l *listing) walk(out string, roots map[string]bool) (skipped []ignored) {
	skip := func(rel string, code realedit.Code, reason string) {
		skipped = append(skipped, ignored{filepath.ToSlash(filepath.Join(l.name, rel)), code, reason})
	}
	// The callback handles every error, so that one unreadable folder does not end the walk.
	_ = filepath.WalkDir(l.root, func(path string, e fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(l.root, path)
		if relErr != nil {
			rel = path
		}
		if err != nil {
			skip(rel, realedit.CodeUnreadable, "the folder could not be read: "+plain(err))
			return nil
		}
		if path == l.root {
			return nil
		}
		name := e.Name()
		if e.IsDir() {
			switch {
			case path == out:
				skip(rel, "", "it is -out")
			case roots[path]:
				// a listing of its own
			case strings.HasPrefix(name, "."):
				skip(rel, "", "hidden folder")
			case isOutput(path):
				skip(rel, "", "folder of finished pictures")
			default:
				return nil
			}
			return fs.SkipDir
		}
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			skip(rel, "", "symbolic link")
		case !e.Type().IsRegular():
			skip(rel, realedit.CodeUnreadable, "not a regular file")
		case hidden(name):
			skip(rel, "", "hidden file")
		case temporary(name):
			skip(rel, "", "temporary file")
		default:
			l.files = append(l.files, &input{path: path, rel: filepath.ToSlash(rel)})
		}
		return nil
	})
	return skipped
}

// isOutput tells whether an earlier run wrote into the folder.
func isOutput(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, stateDir, journalName))
	return err == nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// temporary tells names that programs give to files they are not done with.
func temporary(name string) bool {
	low := strings.ToLower(name)
	for _, end := range []string{".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", "~"} {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return strings.HasPrefix(low, "~$")
}

// photoNames are extensions that promise a photograph. They decide only how a file that
// holds none is reported: under such a name it goes to quarantine, else it is ignored.
var photoNames = []string{".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".heic", ".heif", ".avif", ".webp", ".dng", ".cr2", ".cr3", ".nef", ".nrw",
	".arw", ".raf", ".rw2", ".orf", ".pef", ".srw"}

func looksLikePhoto(name string) bool {
	return slices.Contains(photoNames, strings.ToLower(filepath.Ext(name)))
}

// plain is an error's text without the path, which stands beside it.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
