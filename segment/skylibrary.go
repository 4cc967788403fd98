package segment

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Skies are the user's own photographs of skies, to be put where a listing's sky is dull. Safe for concurrent use.
type Skies struct {
	fsys  fs.FS
	list  []*sky
	bad   []realedit.Finding
	total string // SHA-256

	mu     sync.Mutex
	loaded map[string]*raster // the one that was asked for last, by name
}

// sky is one of them with what is known of it.
type sky struct {
	name      string
	sha       string
	w, h      int
	horizon   float64 // the row, as a share of the height, down to which it is sky
	side      float64 // of the sun: −1 left, 0 middle or unknown, 1 right
	elevation float64 // of the sun, degrees; NaN where time and place are unknown
	warmth    float64 // share of it that is clearly redder than blue: from warmSky on it is a low sun's
	level     float64 // mean encoded luma
	grey      bool    // dull itself: no use
}

// The most that is read of a library: files, and bytes of each.
const (
	mostSkies    = 2000
	mostSkyBytes = 256 << 20
)

// skyExtensions are the names that are tried.
var skyExtensions = []string{".jpg", ".jpeg", ".png", ".tif", ".tiff"}

// OpenSkies looks at all JPEG, PNG and TIFF files of a file system, sub-folders included, in the order of their names. A file that is no photograph,
// or a dull sky itself, is left out with a finding (Findings) and never an error; the error is the file system's that cannot be listed.
func OpenSkies(fsys fs.FS) (*Skies, error) {
	s := &Skies{fsys: fsys}
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			s.leaveOut(name, err.Error())
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir() && name != "." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") && slices.Contains(skyExtensions, strings.ToLower(path.Ext(name))):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "open skies", Err: err}
	}
	slices.Sort(names)
	if len(names) > mostSkies {
		s.leaveOut(names[mostSkies], fmt.Sprintf("a library has at most %d skies; this one and the %d after it are left out", mostSkies, len(names)-mostSkies-1))
		names = names[:mostSkies]
	}
	found := make([]*sky, len(names))
	errs := make([]error, len(names))
	if err := inRows(context.Background(), len(names), func(i int) { found[i], errs[i] = s.examine(names[i]) }); err != nil {
		return nil, err
	}
	hash := sha256.New()
	for i, k := range found {
		switch {
		case errs[i] != nil:
			s.leaveOut(names[i], errs[i].Error())
			continue
		case k.horizon < leastHorizon:
			s.leaveOut(names[i], fmt.Sprintf("only the upper %.0f %% of it are sky", 100*k.horizon))
			continue
		case k.grey:
			s.leaveOut(names[i], "this sky is dull itself")
			continue
		}
		fmt.Fprintf(hash, "%s %q\n", k.sha, k.name)
		s.list = append(s.list, k)
	}
	s.total = hex.EncodeToString(hash.Sum(nil))
	return s, nil
}

func (s *Skies) leaveOut(name, why string) {
	s.bad = append(s.bad, realedit.Finding{Check: realedit.CheckSkySource, Severity: realedit.Warning, Message: fmt.Sprintf("%s: %s", name, why)})
}

// Len is how many skies can be used.
func (s *Skies) Len() int {
	if s == nil {
		return 0
	}
	return len(s.list)
}

// Findings are the files that cannot be used, each with its name and why.
func (s *Skies) Findings() []realedit.Finding {
	if s == nil {
		return nil
	}
	return slices.Clone(s.bad)
}

// SHA256 identifies the library: of the names and contents of the skies that can be used, in hexadecimal.
func (s *Skies) SHA256() string {
	if s == nil {
		return ""
	}
	return s.total
}

// open reads and decodes a file of the library; sha is its content's hash.
func (s *Skies) open(name string) (p *realedit.Photo, sha string, err error) {
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostSkyBytes+1))
	if err != nil {
		return nil, "", err
	}
	if len(data) > mostSkyBytes {
		return nil, "", realedit.Errorf(realedit.CodeTooLarge, name, "more than %d MiB", mostSkyBytes>>20)
	}
	if p, err = realedit.Decode(bytes.NewReader(data), nil); err != nil {
		return nil, "", err
	}
	return p, hex.EncodeToString(p.SHA256[:]), nil
}

func (s *Skies) examine(name string) (*sky, error) {
	p, sha, err := s.open(name)
	if err != nil {
		return nil, err
	}
	k := &sky{name: name, sha: sha, w: p.Facts.Width, h: p.Facts.Height}
	k.look(p)
	return k, nil
}

// raster is a sky's upper part, down to its horizon, at most side pixels wide, sRGB-encoded.
func (s *Skies) raster(ctx context.Context, env *realedit.Env, k *sky, side int) (*raster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.loaded[k.name]; r != nil {
		return r, nil
	}
	p, sha, err := s.open(k.name)
	if err != nil {
		return nil, err
	}
	if sha != k.sha {
		return nil, realedit.Errorf(realedit.CodeChanged, k.name, "the file is not the one that was opened")
	}
	full, err := p.Pixels(ctx, env.Backend)
	if err != nil {
		return nil, err
	}
	defer full.Free()
	rows := max(1, min(k.h, int(k.horizon*float64(k.h))))
	w, h := realedit.FitInto(k.w, rows, side)
	r, err := smallPicture(ctx, env, full.SubImage(full.Bounds().Intersect(rectOf(k.w, rows))), w, h)
	if err != nil {
		return nil, err
	}
	s.loaded = map[string]*raster{k.name: r}
	return r, nil
}

// find is the sky of a name and content.
func (s *Skies) find(name, sha string) *sky {
	if s == nil {
		return nil
	}
	for _, k := range s.list {
		if k.name == name && (sha == "" || k.sha == sha) {
			return k
		}
	}
	return nil
}

// choose is the sky that fits a light best: by time of day, then the sun's side, then room above the horizon; the first by name of equals. nil: there is none.
// side is −1 (left), 0 (behind, before or unknown) or 1.
func (s *Skies) choose(elevation float64, warm bool, side float64, mirror bool) *sky {
	if s.Len() == 0 {
		return nil
	}
	type scored struct {
		*sky
		cost float64
	}
	var all []scored
	for _, k := range s.list {
		all = append(all, scored{k, k.cost(elevation, warm, side, mirror)})
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.name, b.name), cmp.Compare(a.sha, b.sha))
	})
	return all[0].sky
}

// smallPicture is m averaged to w×h on the host, values as they are encoded.
func smallPicture(ctx context.Context, env *realedit.Env, m *kernels.Image, w, h int) (*raster, error) {
	small, err := env.NewImage(w, h, m.Channels(), kernels.F32)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := env.Ops.Resize(small, m); err != nil {
		return nil, err
	}
	r := newRaster(w, h)
	host, err := kernels.Wrap(r.v, w, h, m.Channels())
	if err != nil {
		return nil, err
	}
	return r, env.Backend.Copy(ctx, host, small)
}
