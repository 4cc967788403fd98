//go:build cgo

package kerneltest_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/cpu"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

var update = flag.Bool("update", false, "rewrite the README's table of operations")

const (
	readme      = "../../README.md"
	openMarker  = "<!-- operations -->\n"
	closeMarker = "<!-- end operations -->"
)

// table is what the cases say about every operation: the formats they run in, which
// backends have it, and the widest difference from the reference they allow.
func table() string {
	var b strings.Builder
	b.WriteString("| operation | formats | ref | cpu | cuda | cpu and cuda differ from ref by at most (of full scale) |\n| --- | --- | --- | --- | --- | --- |\n")
	tick := map[bool]string{true: "yes", false: "–"}
	cases := kerneltest.Cases()
	r, c, gpu := ref.New().Ops(), cpu.New(1).Ops(), cudaOps()
	for _, op := range kernels.OpNames() {
		var formats []kernels.Format
		var tol float64
		for _, k := range cases {
			if k.Op == op {
				formats = append(formats, k.Formats...)
				tol = max(tol, k.Tol)
			}
		}
		slices.Sort(formats)
		var names []string
		for _, f := range slices.Compact(formats) {
			names = append(names, f.String())
		}
		differs := "the same bits"
		switch {
		case !c.Has(op):
			differs = "–"
		case tol > 0.99/255 && tol < 1.02/255:
			differs = "one level of u8"
		case tol > 0:
			differs = fmt.Sprintf("%.2g", tol)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", op, strings.Join(names, ", "), tick[r.Has(op)], tick[c.Has(op)], tick[gpu[op]], differs)
	}
	return b.String()
}

// cudaOps is what the table of package cuda lists; it is read, since a build without the tag cannot ask it.
func cudaOps() map[string]bool {
	text, err := os.ReadFile("../cuda/table.go")
	if err != nil {
		panic(err)
	}
	ops := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t\t(\w+): +b\.`).FindAllSubmatch(text, -1) {
		ops[string(m[1])] = true
	}
	return ops
}

// The README's table is what the operations and their cases say. To rewrite it:
// go test ./kernels/kerneltest -run TestReadmeTable -update
func TestReadmeTable(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), openMarker)
	have, after, end := strings.Cut(rest, closeMarker)
	if !ok || !end {
		t.Fatalf("%s lacks the lines %q and %q around the table", readme, strings.TrimSpace(openMarker), closeMarker)
	}
	want := "\n" + table() + "\n"
	if have == want {
		return
	}
	if *update {
		if err := os.WriteFile(readme, []byte(before+openMarker+want+closeMarker+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lines, old := strings.Split(want, "\n"), strings.Split(have, "\n")
	for _, l := range old {
		if !slices.Contains(lines, l) {
			t.Errorf("− %s", l)
		}
	}
	for _, l := range lines {
		if !slices.Contains(old, l) {
			t.Errorf("+ %s", l)
		}
	}
	t.Error("the README's table of operations is out of date: go test ./kernels/kerneltest -run TestReadmeTable -update")
}
