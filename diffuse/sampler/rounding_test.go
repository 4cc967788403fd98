package sampler

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every product of floating-point numbers is converted where it stands, so that no compiler adds to it before it is rounded. Results then are
// the same bits on processors with and without fused multiply-add. (An assignment does not do: Go fuses across statements.)
func TestProductsAreRounded(t *testing.T) {
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []*ast.File
	for _, n := range names {
		if !strings.HasSuffix(n, "_test.go") {
			f, err := parser.ParseFile(fset, n, nil, 0)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: standard{importer.ForCompiler(fset, "source", nil)}, Error: func(error) {}} // errors: the root's names, which no product has
	_, _ = config.Check("sampler", fset, files, info)
	float := func(e ast.Expr) bool {
		tv := info.Types[e]
		if tv.Value != nil || tv.Type == nil {
			return false
		}
		b, ok := tv.Type.Underlying().(*types.Basic)
		return ok && b.Info()&types.IsFloat != 0
	}
	rounded, products := map[ast.Expr]bool{}, 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "float32" || id.Name == "float64") {
					rounded[n.Args[0]] = true
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && float(n.Lhs[0]) {
					t.Errorf("%s: a product that is not converted", fset.Position(n.Pos()))
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL && float(n) {
					products++
					if !rounded[n] {
						t.Errorf("%s: a product that is not converted", fset.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
	require.Greater(t, products, 30)
}

// standard imports the standard library only.
type standard struct{ types.Importer }

func (s standard) Import(path string) (*types.Package, error) {
	if strings.Contains(path, ".") {
		p := types.NewPackage(path, filepath.Base(path))
		p.MarkComplete()
		return p, nil
	}
	return s.Importer.Import(path)
}
