package realedit_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/realedit/realedit"

// goList lists the module's packages with their imports.
func goList(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p.Imports
	}
	return all
}

// rank is a package's place in the order of imports: a package imports only lower ranks.
// Packages of equal rank do not import each other.
func rank(pkg string) int {
	switch top, _, _ := strings.Cut(pkg, "/"); {
	case pkg == "":
		return 40
	case pkg == "kernels":
		return 10
	case strings.HasPrefix(pkg, "kernels/internal/"):
		return 12
	case pkg == "kernels/ort":
		return 30
	case top == "kernels":
		return 20
	case top == "internal":
		return 15
	case top == "qc":
		return 50
	case top == "tile":
		return 60
	case top == "hdr", top == "segment", top == "diffuse":
		return 70
	case top == "pipeline":
		return 80
	case top == "examples", top == "testdata", top == "scripts":
		return 90
	}
	return -1
}

func TestImportOrder(t *testing.T) {
	for pkg, imports := range goList(t) {
		if rank(pkg) < 0 {
			t.Errorf("%q has no place in docs/design.md's order", pkg)
		}
		for _, i := range imports {
			in, ok := strings.CutPrefix(i, module)
			if !ok {
				continue
			}
			in = strings.TrimPrefix(in, "/")
			family := strings.HasPrefix(pkg, "internal/") && strings.HasPrefix(in, "internal/") ||
				strings.HasPrefix(pkg, "examples/") && strings.HasPrefix(in, "examples/") ||
				pkg == "kernels/kerneltest" && strings.HasPrefix(in, "kernels")
			if rank(in) >= rank(pkg) && !family {
				t.Errorf("%s imports %s, against the order of docs/design.md", pkg, in)
			}
		}
	}
}

// Every exported name of every importable package has a doc comment.
func TestExportedNamesAreDocumented(t *testing.T) {
	for pkg := range goList(t) {
		dir := filepath.Join(".", filepath.FromSlash(pkg))
		fset := token.NewFileSet()
		var files []*ast.File
		names, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, n := range names {
			if strings.HasSuffix(n, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, n, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Name.Name != "main" {
				files = append(files, f)
			}
		}
		if len(files) == 0 {
			continue
		}
		p, err := doc.NewFromFiles(fset, files, pkg)
		if err != nil {
			t.Fatal(err)
		}
		missing := func(kind, name, comment string) {
			if comment == "" && ast.IsExported(name) {
				t.Errorf("%s: %s %s has no doc comment", dir, kind, name)
			}
		}
		if p.Doc == "" {
			t.Errorf("%s: the package has no doc comment", dir)
		}
		for _, f := range p.Funcs {
			missing("func", f.Name, f.Doc)
		}
		for _, ty := range p.Types {
			missing("type", ty.Name, ty.Doc)
			for _, f := range append(ty.Funcs, ty.Methods...) {
				if f.Name != "Error" && f.Name != "Unwrap" && f.Name != "String" {
					missing("func", ty.Name+"."+f.Name, f.Doc)
				}
			}
		}
	}
}

// Native files stand beside a Go file (else go mod vendor drops them) and carry the build
// line of cgo; but not the one that cudaenv embeds, which is no part of a package.
func TestNativeFiles(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && path == "build" { // what is made here is not the repository's
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".c" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if path == filepath.FromSlash("kernels/cuda/cudaenv/lib/libcuda.c") {
			return nil
		}
		if line, _, _ := strings.Cut(string(b), "\n"); line != "//go:build cgo" && line != "//go:build cuda && cgo" {
			t.Errorf("%s does not begin with //go:build cgo", path)
		}
		if g, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.go")); len(g) == 0 {
			t.Errorf("%s stands beside no Go file", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The README's table of codes is what code.go declares.
func TestReadmeCodes(t *testing.T) {
	src, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| code | meaning |\n|---|---|\n")
	for _, m := range regexp.MustCompile(`Code\w+\s+Code = "(\w+)"\s+// (.*)`).FindAllStringSubmatch(string(src), -1) {
		want.WriteString("| `" + m[1] + "` | " + m[2] + " |\n")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- codes -->\n", "<!-- end codes -->"
	head, rest, _ := strings.Cut(string(readme), begin)
	have, tail, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatal("README.md has no table of codes")
	}
	if have == want.String() {
		return
	}
	if !*update {
		t.Fatalf("README.md's codes are not those of code.go: go test . -run TestReadmeCodes -update")
	}
	if err := os.WriteFile("README.md", []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

var update = flag.Bool("update", false, "write generated parts of the README anew")
