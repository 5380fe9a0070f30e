package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers says how high each package stands. A package may import only
// packages below it; fixtures are imported by tests, demo and selftest only.
var layers = map[string]int{
	"probe":            0,
	"probe/ruletest":   1, // support for tests of rules
	"probe/netlog":     1,
	"tls/hello":        1, // messages only; webrtc reads DTLS with it
	"tls":              2,
	"webrtc":           2,
	"tracking":         2,
	"probe/browser":    2,
	"probe/vks":        3,
	"report/bundle":    3,
	"probe/scan":       4,
	"report":           4,
	"fixtures":         5,
	"cmd/vksprobe":     6,
	"fixtures/prepare": 6,
}

// owners lists the modules that only the named packages may import.
var owners = map[string][]string{
	"github.com/chromedp/":   {"probe/browser", "report"},
	"github.com/pion/":       {"webrtc", "fixtures"},
	"github.com/miekg/dns":   {"tracking", "fixtures"},
	"github.com/oschwald/":   {"tracking"},
	"database/sql":           {"probe/store", "probe/queue"},
	"github.com/riverqueue/": {"probe/store", "probe/queue"},
}

type goPackage struct {
	ImportPath                         string
	Dir                                string
	Imports, TestImports, XTestImports []string
	GoFiles                            []string
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports,GoFiles", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layer finds a package's layer; a package below a listed one stands with it.
func layer(pkg string) (int, bool) {
	for p := pkg; p != "."; p = filepath.Dir(p) {
		if n, ok := layers[p]; ok {
			return n, true
		}
	}
	return 0, false
}

// family reports whether both packages are below the same directory of layer 2,
// such as tls.
func family(a, b string) bool {
	top, _, inside := strings.Cut(a, "/")
	return inside && layers[top] == 2 && strings.HasPrefix(b, top+"/")
}

func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, "vksprobe/")
		n, ok := layer(pkg)
		if !ok {
			t.Errorf("%s has no place in the layers", pkg)
			continue
		}
		for _, imp := range p.Imports {
			for prefix, may := range owners {
				if strings.HasPrefix(imp, prefix) && !slices.ContainsFunc(may, func(o string) bool { return pkg == o || strings.HasPrefix(pkg, o+"/") }) {
					t.Errorf("%s imports %s, which only %v may", pkg, imp, may)
				}
			}
			imported, ours := strings.CutPrefix(imp, "vksprobe/")
			if n == 0 && strings.Contains(imp, ".") {
				t.Errorf("%s imports %s, but uses the standard library only", pkg, imp)
			}
			if !ours {
				continue
			}
			fixture := strings.HasPrefix(imported, "fixtures")
			if family(pkg, imported) {
				continue // one subject; Go sees to it that there is no circle
			}
			if m, _ := layer(imported); m >= n && !(fixture && strings.HasPrefix(pkg, "fixtures")) && !strings.HasPrefix(imported, pkg+"/") {
				t.Errorf("%s (layer %d) imports %s (layer %d)", pkg, n, imported, m)
			}
			if fixture && pkg != "cmd/vksprobe" && !strings.HasPrefix(pkg, "fixtures") {
				t.Errorf("%s imports %s, which is for tests, demo and selftest", pkg, imported)
			}
		}
	}
}

// TestOnePackageComment wants each package to tell its story once.
func TestOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		var told []string
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				told = append(told, name)
			}
		}
		if len(told) != 1 && len(p.GoFiles) > 0 {
			t.Errorf("%s has package comments in %v, want exactly one", p.ImportPath, told)
		}
	}
}

// TestExportedComments wants a comment on every exported name.
func TestExportedComments(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !standardMethod(d) {
						t.Errorf("%s: %s has no comment", fset.Position(d.Pos()), d.Name.Name)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
							t.Errorf("%s: type %s has no comment", fset.Position(ts.Pos()), ts.Name.Name)
						}
					}
				}
			}
		}
	}
}

// standardMethod reports whether a method is one whose meaning everybody
// knows from the standard library.
func standardMethod(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap", "Close", "Read", "Write", "Is", "Enabled", "Handle", "WithAttrs", "WithGroup"}, d.Name.Name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

// TestTopLevel wants nothing but the entries of the plan at the top.
func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "probe", "tls", "webrtc", "tracking", "report", "fixtures", "go.mod", "go.sum", "README.md"}
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for file := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(file), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s does not belong at the top", top)
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, args := range [][]string{{"gofmt", "-l", "."}, {"go", "vet", "./..."}, {"go", "mod", "tidy", "-diff"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = root(t)
		out, err := cmd.CombinedOutput()
		if err != nil || args[0] == "gofmt" && len(out) > 0 {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestNoInit wants no init functions.
func TestNoInit(t *testing.T) {
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err == nil && bytes.Contains(src, []byte("\nfunc init()")) {
			t.Errorf("%s has an init function", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
