package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/realedit/realedit/internal/natural"
)

// The journal lies in -out/.realedit. It holds, line by line, the hash of every file before
// the file gets its name, and then that the set is done. So after any interruption
// it is known of each file in -out whether this command wrote it (it may be replaced), and of
// each set whether it is finished (it is left alone).
const journalName = "journal.jsonl"

// entry is one line. Without Done it announces files; with it they are in place.
type entry struct {
	Name  string            `json:"name"`           // of the set; "" for batch.json and index.html
	Photo string            `json:"photo"`          // SHA-256 of the reference photo
	Key   string            `json:"key,omitempty"`  // of inputs, options and library
	Done  bool              `json:"done,omitempty"` // all files are in place
	Files map[string]string `json:"files"`          // path in -out, with slashes → SHA-256
}

// journal is what is known of -out. It is used by one goroutine at a time.
type journal struct {
	file *os.File
	last map[string]entry    // by set name
	own  map[string][]string // path → hashes this command ever wrote there, oldest first
}

// hashesKept is how many past versions of a file are remembered as this command's own.
const hashesKept = 4

func (j *journal) take(e entry) {
	for path, sum := range e.Files {
		h := slices.DeleteFunc(j.own[path], func(s string) bool { return s == sum })
		j.own[path] = append(h, sum)
	}
	if e.Name != "" {
		j.last[e.Name] = e
	}
}

// openJournal reads the folder's journal and writes it anew, shortened: a line cut off by
// an interruption goes, and so does what newer lines have replaced.
func openJournal(o *output) (*journal, error) {
	j := &journal{last: map[string]entry{}, own: map[string][]string{}}
	path := filepath.Join(o.dir, stateDir, journalName)
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, o.fail(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			j.take(e)
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for path, sums := range j.own {
		for _, sum := range sums[max(0, len(sums)-hashesKept):] {
			if err := enc.Encode(entry{Files: map[string]string{path: sum}}); err != nil {
				return nil, o.fail(err)
			}
		}
	}
	for _, e := range j.last {
		if err := enc.Encode(e); err != nil {
			return nil, o.fail(err)
		}
	}
	if err := o.replace(filepath.Join(stateDir, journalName), text.Bytes()); err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return nil, o.fail(err)
	}
	return j, nil
}

// append writes a line through to the disk.
func (j *journal) append(o *output, e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	w := o.through(j.file.Name(), j.file)
	if _, err := w.Write(append(b, '\n')); err != nil {
		return o.fail(err)
	}
	if err := j.file.Sync(); err != nil {
		return o.fail(err)
	}
	j.take(e)
	return nil
}

// wrote tells whether a file with this hash at this path is this command's own.
func (j *journal) wrote(path, sum string) bool { return slices.Contains(j.own[path], sum) }

// names are the set names under which the reference photo has been worked on.
func (j *journal) names(photo string) []string {
	var n []string
	for name, e := range j.last {
		if e.Photo == photo {
			n = append(n, name)
		}
	}
	slices.SortFunc(n, natural.Compare)
	return n
}
