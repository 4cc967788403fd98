package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/pipeline"
)

// job is one set on its way to its files, or an unreadable photo on its way to quarantine.
type job struct {
	list  *listing
	set   realedit.Set
	stage *pipeline.Pipeline
	name  string // of its files, without extension; set.ID is the same
	photo string // SHA-256 of the reference photo; of a path where it cannot be read
	key   string // of everything that decides the files
	look  string // of everything that decides the pixels
	done  bool   // by an earlier run, verified

	policy realedit.Policy

	broken *input // an unreadable photo; set is empty
}

// base is the name the set would like: its reference photo's.
func (j *job) base() string {
	name := ""
	if j.broken != nil {
		name = path.Base(j.broken.rel)
	} else {
		name = j.set.Ref().Name
	}
	// A name that begins with a dot would hide the picture or, as "..", leave the folder.
	name = strings.TrimLeft(strings.TrimSuffix(name, path.Ext(name)), ".")
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	for len(name) > 180 { // leaves room for suffixes within the 255 bytes of a file name
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if strings.TrimSpace(name) == "" {
		return "photo"
	}
	return name
}

// plan groups every listing's photos, names the sets and finds out which are finished.
func (b *batch) plan(lists []*listing, found []opened) error {
	for k, l := range lists {
		if err := b.planOne(l, found[k]); err != nil {
			return err
		}
	}
	var all []*job
	for _, l := range lists {
		all = append(all, l.sets...)
	}
	if b.out == nil { // -groups writes nothing
		assignNames(all, nil, pictureNames(b.o.format.Ext()))
	} else {
		assignNames(all, b.out, pictureNames(b.o.format.Ext()))
	}
	if err := b.setPolicies(lists); err != nil {
		return err
	}
	for _, l := range lists {
		if err := b.route(l); err != nil {
			return err
		}
	}
	return nil
}

// planOne makes a listing's jobs.
func (b *batch) planOne(l *listing, f opened) error {
	sets, err := realedit.Group(f.photos, &b.o.group)
	if err != nil {
		return err
	}
	placed := map[*realedit.Photo]bool{}
	content := map[[32]byte]string{}
	for _, s := range sets {
		for _, p := range slices.Concat(s.Photos, s.Unused) {
			placed[p] = true
			content[p.SHA256] = p.Name
		}
		ref := s.Ref()
		l.sets = append(l.sets, &job{list: l, set: s, photo: hex.EncodeToString(ref.SHA256[:])})
	}
	b.ignored = append(b.ignored, f.ignored...)
	for _, p := range f.photos {
		if !placed[p] {
			b.ignored = append(b.ignored, ignored{l.show(b.names[p]), "", "its contents are those of " + content[p.SHA256]})
		}
	}
	for _, in := range f.broken {
		sum := sha256.Sum256([]byte(in.path))
		l.sets = append(l.sets, &job{list: l, broken: in, photo: hex.EncodeToString(sum[:])})
	}
	return nil
}

// assignNames gives every job the name of its reference photo, with a suffix where it is
// taken, so that no two files of -out differ in case only and nothing that others
// put there is replaced. A set keeps the name that an earlier run gave it.
func assignNames(jobs []*job, out *output, as naming) {
	taken := map[string]bool{}
	free := func(name string) bool {
		for _, f := range as.files(name) {
			if taken[strings.ToLower(f)] {
				return false
			}
			if out != nil && out.foreign(f) {
				return false
			}
		}
		return true
	}
	claim := func(j *job, name string) {
		j.name, j.set.ID = name, name
		for _, f := range as.files(name) {
			taken[strings.ToLower(f)] = true
		}
	}
	if out != nil {
		for _, j := range jobs {
			for _, n := range out.log.names(j.photo) {
				n, ours := strings.CutPrefix(n, as.prefix)
				if ours && j.broken == nil && j.name == "" && (n == j.base() || strings.HasPrefix(n, j.base()+"-")) && free(n) {
					claim(j, n)
				}
			}
		}
		for n := range out.log.last { // names of sets that are not in this run stay theirs
			if n, ours := strings.CutPrefix(n, as.prefix); ours {
				for _, f := range as.files(n) {
					taken[strings.ToLower(f)] = true
				}
			}
		}
	}
	for _, suffixed := range []bool{false, true} { // those that need no suffix first
		for _, j := range jobs {
			for i := 1; j.name == ""; i++ {
				name := j.base()
				if i > 1 {
					name = fmt.Sprintf("%s-%d", name, i)
				}
				if free(name) {
					claim(j, name)
				}
				if !suffixed {
					break
				}
			}
		}
	}
}

// naming is how a subcommand calls its sets and files in -out.
type naming struct {
	prefix string                     // of sets' names in the journal
	files  func(name string) []string // the paths that a set of this name may take
}

// pictureNames are those of finished pictures.
func pictureNames(ext string) naming {
	return naming{"", func(name string) []string {
		return []string{name + ext, name + ".report.json", name + ".changes.png", unalteredDir + "/" + name + ext}
	}}
}

// route makes the listing's pipeline and the keys of its sets.
func (b *batch) route(l *listing) error {
	var sets []realedit.Set
	for _, j := range l.sets {
		if j.broken == nil {
			sets = append(sets, j.set)
		}
	}
	opts := &pipeline.Options{Merge: b.o.merge}
	shared := "" // what the other sets of the listing contribute to each picture
	if b.o.route != "fuse" {
		opts.Listing = hdr.PlanListing(sets)
		opts.Sky = b.o.skyOf(sets)
		if b.o.correct || b.o.free {
			opts.Correct = &diffuse.Correct{Free: b.o.free}
		}
		if b.o.view {
			opts.View = &diffuse.WindowView{}
		}
		shared = fingerprint(sets)
	}
	p, err := pipeline.Route(b.o.route, opts)
	if err == nil && b.c.compose != nil {
		p, err = b.c.compose(p)
	}
	if err == nil {
		p, err = b.previews.watch(p)
	}
	if err != nil {
		return err
	}
	for _, j := range l.sets {
		j.stage = p
		if j.broken == nil {
			j.key, j.look = b.keyOf(j, shared, true), b.keyOf(j, shared, false)
		}
	}
	return nil
}

// fingerprint identifies the sets of a listing.
func fingerprint(sets []realedit.Set) string {
	h := sha256.New()
	for _, s := range sets {
		fmt.Fprintf(h, "%q\n", s.ID)
		for _, p := range s.Photos {
			fmt.Fprintf(h, "%x\n", p.SHA256)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// keyOf is the hash of all that decides a set's files: inputs, grouping, options, library; or, without what only its files depend on, its pixels.
func (b *batch) keyOf(j *job, shared string, file bool) string {
	h := sha256.New()
	s := j.set
	fmt.Fprintf(h, "%s\n%s\n%s\n%s\n", libraryBuild(), b.o.record(b.kind(), j.policy, file)+modelsRecord(b.models), shared, s.ID)
	fmt.Fprintf(h, "%d %s %v %q %v\n", s.Reference, s.Reason, s.Confidence, s.Warnings, s.EVs)
	for _, p := range s.Photos {
		fmt.Fprintf(h, "%x %q %s\n", p.SHA256, p.Name, p.Codec)
	}
	for _, p := range s.Unused {
		fmt.Fprintf(h, "unused %x %q\n", p.SHA256, p.Name)
	}
	for _, st := range j.stage.Stages() {
		fmt.Fprintf(h, "%s\n", st.Name())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// libraryBuild identifies the library: its version and, where the build carries no released
// version, the hash of the program itself.
func libraryBuild() string {
	v := "realedit " + realedit.Version
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" && !strings.Contains(info.Main.Version, "+dirty") {
		return v
	}
	return v + " " + programHash()
}

var programHash = sync.OnceValue(func() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	sum, err := hashFile(exe)
	if err != nil {
		return ""
	}
	return sum
})
