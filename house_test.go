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
	case pkg == "internal/tinysdxl": // of tests, and made with diffuse/graph
		return 66
	case top == "internal":
		return 15
	case top == "qc":
		return 50
	case top == "tile":
		return 60
	case pkg == "diffuse/safetensors":
		return 61
	case pkg == "diffuse/weights", pkg == "diffuse/text":
		return 62
	case strings.HasPrefix(pkg, "diffuse/"):
		return 65
	case top == "hdr", top == "segment":
		return 70
	case top == "diffuse":
		return 75
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

// generated holds that a file has the text between two marks, or writes it there with -update.
func generated(t *testing.T, file, begin, end, want string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(data), begin)
	have, tail, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no %s", file, strings.TrimSpace(begin))
	}
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the source says: go test . -run %s -update", file, t.Name())
	}
	if err := os.WriteFile(file, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table is a table of the constants in a file that match, by their values and comments.
func table(t *testing.T, file, head, pattern string) string {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(head + "|---|---|\n")
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(src), -1) {
		b.WriteString("| `" + m[1] + "` | " + m[2] + " |\n")
	}
	return b.String()
}

// The README's table of codes is what code.go declares.
func TestReadmeCodes(t *testing.T) {
	generated(t, "README.md", "<!-- codes -->\n", "<!-- end codes -->", table(t, "code.go", "| code | meaning |\n", `Code\w+\s+Code = "(\w+)"\s+// (.*)`))
}

// The table of checks in docs/report.md is what findings.go declares.
func TestReportChecks(t *testing.T) {
	generated(t, "docs/report.md", "<!-- checks -->\n", "<!-- end checks -->", table(t, "findings.go", "| `check` | meaning |\n", `Check\w+\s+= "(\w+)"\s+// (.*)`))
}

// Findings name their checks by the constants of findings.go, never by a text of their own: the field Check of a literal, and what is
// passed to functions for a parameter called check. Quality control builds its names from its checks.
func TestChecksAreListed(t *testing.T) {
	for pkg := range goList(t) {
		dir := filepath.Join(".", filepath.FromSlash(pkg))
		fset := token.NewFileSet()
		var files []*ast.File
		names, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, n := range names {
			if strings.HasSuffix(n, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, n, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		takes := map[string]int{} // function → position of its parameter check
		params := func(name string, f *ast.FuncType) {
			i := 0
			for _, p := range f.Params.List {
				for _, n := range p.Names {
					if n.Name == "check" {
						takes[name] = i
					}
					i++
				}
			}
		}
		literal := func(e ast.Expr) {
			if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING && l.Value != `"qc_"` {
				t.Errorf("%s: the check %s is not a constant of findings.go", fset.Position(l.Pos()), l.Value)
			}
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					params(n.Name.Name, n.Type)
				case *ast.AssignStmt:
					for i, r := range n.Rhs {
						if fn, ok := r.(*ast.FuncLit); ok && i < len(n.Lhs) {
							if id, ok := n.Lhs[i].(*ast.Ident); ok {
								params(id.Name, fn.Type)
							}
						}
					}
				case *ast.KeyValueExpr:
					if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Check" {
						literal(n.Value)
					}
				}
				return true
			})
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name := ""
				switch fn := c.Fun.(type) {
				case *ast.Ident:
					name = fn.Name
				case *ast.SelectorExpr:
					name = fn.Sel.Name
				}
				if i, ok := takes[name]; ok && i < len(c.Args) {
					literal(c.Args[i])
				}
				return true
			})
		}
	}
}

var update = flag.Bool("update", false, "write generated parts of the README anew")
