package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// keeper keeps finished pixels in -out/.realedit/pixels, so that another -quality is encoded without decoding and editing, and what is known
// of photos in -out/.realedit/photos. It is a cache: what is broken or missing is made again, and trouble with it is nobody's.
type keeper struct {
	out   *output
	limit int64 // bytes of pixels; 0 = nothing is kept
	facts string
	mu    sync.Mutex
}

const (
	pixelsDir = "pixels"
	photosDir = "photos"
	factShare = 16 // facts take at most one part in so many of the limit
	keptMagic = "realedit pixels 1\n"
)

func newKeeper(out *output, limit int64) *keeper {
	k := &keeper{out: out, limit: limit, facts: libraryBuild()}
	if out == nil {
		k.limit = 0
	}
	return k
}

func (k *keeper) dir(which string) string { return filepath.Join(k.out.dir, stateDir, which) }

// kept is a set's finished pixels with all that its files are made of.
type kept struct {
	Width   int             `json:"width"`
	Height  int             `json:"height"`
	Bits    int             `json:"bits"`
	Sibling bool            `json:"sibling"`
	Before  []byte          `json:"before"` // previews
	After   []byte          `json:"after"`
	Report  json.RawMessage `json:"report"` // as it was before the file was written
}

// save writes a result under a temporary name; what finish does with it is the caller's word: true gives it its name. It may go on beside the
// encoding of the same result, which changes nothing of it but the report, and that is read before save returns.
func (k *keeper) save(key string, r *realedit.Result, bits int, before, after []byte) (finish func(done bool)) {
	pictures := int64(1)
	if r.Unaltered != nil {
		pictures = 2
	}
	size := pictures * int64(r.Image.Width()) * int64(r.Image.Height()) * 3 * int64(bits) / 8
	if k.limit == 0 || size > k.limit || r.Changes == nil {
		return func(bool) {}
	}
	h := kept{Width: r.Image.Width(), Height: r.Image.Height(), Bits: bits, Sibling: r.Unaltered != nil, Before: before, After: after}
	var err error
	if h.Report, err = json.Marshal(r.Report); err != nil {
		return func(bool) {}
	}
	var temp string
	wrote := make(chan error, 1)
	go func() {
		var err error
		temp, err = k.write(key, h, r)
		wrote <- err
	}()
	return func(done bool) {
		err := <-wrote
		if err == nil && done {
			err = os.Rename(temp, k.path(key))
		}
		if temp != "" && (err != nil || !done) {
			_ = os.Remove(temp)
		}
		if err != nil {
			k.drop() // as when the disk is full
			return
		}
		k.trim(pixelsDir, k.limit)
	}
}

func (k *keeper) path(key string) string { return filepath.Join(k.dir(pixelsDir), key) }

func (k *keeper) write(key string, h kept, r *realedit.Result) (temp string, err error) {
	if err := os.MkdirAll(k.dir(pixelsDir), 0o777); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(k.dir(pixelsDir), tempPrefix+"*"+tempSuffix)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	buf := bufio.NewWriterSize(io.MultiWriter(k.out.through(k.path(key), f), sum), 1<<20)
	if _, err := buf.WriteString(keptMagic); err != nil {
		return f.Name(), err
	}
	if err := json.NewEncoder(buf).Encode(h); err != nil {
		return f.Name(), err
	}
	for _, m := range []*kernels.Image{r.Image, r.Unaltered} {
		if m == nil {
			continue
		}
		if err := eachBand(m, h.Bits, func(_ int, row []byte) error { _, err := buf.Write(row); return err }); err != nil {
			return f.Name(), err
		}
	}
	if err := writeRuns(buf, r.Changes.Map); err != nil {
		return f.Name(), err
	}
	if err := buf.Flush(); err != nil {
		return f.Name(), err
	}
	return f.Name(), errors.Join(binary.Write(f, binary.LittleEndian, sum.Sum32()), f.Chmod(0o644))
}

// eachBand hands over a picture's rows at the given depth, converted where it lies, some at a time.
func eachBand(m *kernels.Image, bits int, row func(y int, samples []byte) error) error {
	const rows = 256
	format := kernels.U8
	if bits == 16 {
		format = kernels.U16
	}
	at := m.Memory().Owner
	for y := 0; y < m.Height(); y += rows {
		r := m.Bounds()
		r.Min.Y, r.Max.Y = y, min(m.Height(), y+rows)
		band, free := m.SubImage(r), func() {}
		if m.Format() != format {
			c, err := at.NewImage(r.Dx(), r.Dy(), 3, format)
			if err != nil {
				return err
			}
			if err := kernels.Complete(at, nil).Convert(c, band); err != nil {
				c.Free()
				return err
			}
			band, free = c, c.Free
		}
		host, done, err := kernels.ToHost(context.Background(), at, band)
		if err != nil {
			free()
			return err
		}
		for i := range host.Height() {
			if err == nil {
				err = row(y+i, host.Row(i))
			}
		}
		done()
		free()
		if err != nil {
			return err
		}
	}
	return nil
}

// writeRuns writes a map row by row as (length, value).
func writeRuns(w *bufio.Writer, m *kernels.Image) error {
	var b []byte
	for y := range m.Height() {
		b = b[:0]
		for row := m.RowU8(y); len(row) > 0; {
			n := 1
			for n < len(row) && row[n] == row[0] {
				n++
			}
			b = append(binary.AppendUvarint(b, uint64(n)), row[0])
			row = row[n:]
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func readRuns(r *bufio.Reader, m *kernels.Image) error {
	for y := range m.Height() {
		for row := m.RowU8(y); len(row) > 0; {
			n, err := binary.ReadUvarint(r)
			if err != nil {
				return err
			}
			v, err := r.ReadByte()
			if err != nil || n == 0 || n > uint64(len(row)) {
				return errors.Join(err, io.ErrUnexpectedEOF)
			}
			for i := range n {
				row[i] = v
			}
			row = row[n:]
		}
	}
	return nil
}

// load is a set's kept result, in host's memory; nil where there is none that can be used.
func (k *keeper) load(key string, set realedit.Set, bits int, host kernels.Backend) (*realedit.Result, *kept) {
	if k.limit == 0 {
		return nil, nil
	}
	f, err := os.Open(k.path(key))
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	r, h, err := readKept(f, set, bits, host)
	if err != nil {
		r.Free()
		if !errors.Is(err, errOtherDepth) && realedit.CodeOf(err) != realedit.CodeOutOfMemory {
			_ = os.Remove(k.path(key)) // broken
		}
		return nil, nil
	}
	now := time.Now()
	_ = os.Chtimes(k.path(key), now, now) // the oldest go first
	return r, h
}

var errOtherDepth = errors.New("kept at another depth")

func readKept(f *os.File, set realedit.Set, bits int, host kernels.Backend) (r *realedit.Result, h *kept, err error) {
	r = &realedit.Result{Set: set, Report: &realedit.Report{}}
	info, err := f.Stat()
	if err != nil {
		return r, nil, err
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	in := bufio.NewReaderSize(&summed{io.LimitReader(f, info.Size()-4), sum}, 1<<20)
	line, err := in.ReadString('\n')
	if err != nil || line != keptMagic {
		return r, nil, errors.Join(err, errors.New("not kept pixels"))
	}
	text, err := in.ReadBytes('\n')
	if err != nil {
		return r, nil, err
	}
	h = &kept{}
	if err := errors.Join(json.Unmarshal(text, h), json.Unmarshal(h.Report, r.Report)); err != nil {
		return r, nil, err
	}
	pictures := int64(1)
	if h.Sibling {
		pictures = 2
	}
	format := kernels.U8
	switch {
	case h.Width < 1 || h.Height < 1 || int64(h.Width) > info.Size() || pictures*int64(h.Width)*int64(h.Height)*3*int64(h.Bits/8) > info.Size():
		return r, nil, errors.New("less than was kept") // told before memory is asked for
	case h.Bits < bits:
		return r, nil, errOtherDepth
	case h.Bits == 16:
		format = kernels.U16
	}
	picture := func(to **kernels.Image) error {
		if *to, err = host.NewImage(h.Width, h.Height, 3, format); err != nil {
			return err
		}
		for y := range h.Height {
			if _, err := io.ReadFull(in, (*to).Row(y)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := picture(&r.Image); err != nil {
		return r, nil, err
	}
	if h.Sibling {
		if err := picture(&r.Unaltered); err != nil {
			return r, nil, err
		}
	}
	if r.Changes, err = realedit.NewAlterationMap(h.Width, h.Height); err != nil {
		return r, nil, err
	}
	if err := readRuns(in, r.Changes.Map); err != nil {
		return r, nil, err
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return r, nil, errors.New("more than was kept")
	}
	var want uint32
	if err := binary.Read(f, binary.LittleEndian, &want); err != nil || want != sum.Sum32() {
		return r, nil, errors.Join(err, errors.New("the sum is another"))
	}
	return r, h, nil
}

// summed adds up what is read.
type summed struct {
	io.Reader
	sum hash.Hash
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	_, _ = s.sum.Write(p[:n]) // never fails
	return n, err
}

// trim removes the oldest files of a folder until it is within the limit.
func (k *keeper) trim(which string, limit int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := os.ReadDir(k.dir(which))
	if err != nil {
		return
	}
	var files []os.FileInfo
	var all int64
	for _, e := range list {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && !strings.HasPrefix(e.Name(), tempPrefix) {
			files, all = append(files, info), all+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, f := range files {
		if all <= limit {
			return
		}
		if os.Remove(filepath.Join(k.dir(which), f.Name())) == nil {
			all -= f.Size()
		}
	}
}

// drop removes all kept pixels and tells whether there were any.
func (k *keeper) drop() bool {
	if k.out == nil {
		return false
	}
	list, err := os.ReadDir(k.dir(pixelsDir))
	return errors.Join(err, os.RemoveAll(k.dir(pixelsDir))) == nil && len(list) > 0
}

// end holds the folders to their limits, 0 = they go.
func (k *keeper) end() {
	if k.out == nil {
		return
	}
	k.trim(pixelsDir, k.limit)
	k.trim(photosDir, k.limit/factShare)
}

// Load is what is known of a photo: realedit.FactStore.
func (k *keeper) Load(sum [32]byte) []byte {
	data, err := os.ReadFile(k.photo(sum))
	if err != nil {
		return nil
	}
	check, facts, ok := bytes.Cut(data, []byte{'\n'})
	if !ok || string(check) != k.check(facts) {
		return nil
	}
	return facts
}

// Save keeps what is known of a photo.
func (k *keeper) Save(sum [32]byte, facts []byte) {
	if os.MkdirAll(k.dir(photosDir), 0o777) != nil {
		return
	}
	f, err := os.CreateTemp(k.dir(photosDir), tempPrefix+"*"+tempSuffix)
	if err != nil {
		return
	}
	_, err = fmt.Fprintf(f, "%s\n%s", k.check(facts), facts)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), k.photo(sum))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

func (k *keeper) photo(sum [32]byte) string {
	return filepath.Join(k.dir(photosDir), hex.EncodeToString(sum[:])+".json")
}

// check tells facts of this build of the library that are whole.
func (k *keeper) check(facts []byte) string {
	return fmt.Sprintf("%08x %s", crc32.Update(crc32.Checksum([]byte(k.facts), crc32.MakeTable(crc32.Castagnoli)), crc32.MakeTable(crc32.Castagnoli), facts), k.facts)
}
