package repo

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers says for every package which packages of this module it may import;
// tests may import what they like. A new package needs a row, and a new import
// a reason: each row keeps a package to its one idea.
var layers = map[string][]string{
	"internal/jsontext":       nil,
	"internal/jsonenc":        {"internal/jsontext"},
	"internal/pool":           nil,
	"internal/modcache":       nil, // for tests
	"internal/lazyctx":        nil,
	"internal/redact":         nil,
	"internal/mcp":            nil,
	"internal/envelope":       {"jsonrpc", "internal/jsontext", "internal/mcp"},
	"internal/spelling":       nil,
	"internal/repo":           nil,
	"internal/hostile":        nil, // nothing but tests
	"jsonrpc":                 {"internal/jsontext"},
	"schema":                  {"internal/jsonenc", "internal/jsontext", "internal/spelling"},
	"tool":                    {"schema", "internal/jsonenc", "internal/redact"},
	"transport":               {"jsonrpc", "internal/lazyctx", "internal/pool", "internal/redact"},
	"server":                  {"jsonrpc", "schema", "tool", "transport", "internal/cliargs", "internal/envelope", "internal/jsonenc", "internal/jsontext", "internal/lazyctx", "internal/mcp", "internal/pool"},
	"client":                  {"jsonrpc", "schema", "tool", "transport", "internal/envelope", "internal/jsontext", "internal/mcp"},
	"internal/bridge":         {"client", "jsonrpc", "transport", "internal/envelope", "internal/jsontext", "internal/mcp", "internal/redact"},
	"internal/cliargs":        {"internal/jsontext", "internal/spelling"},
	"internal/gen":            {"internal/spelling"},
	"internal/scaffold":       nil,
	"internal/cli":            {"client", "tool", "transport", "internal/bridge", "internal/cliargs", "internal/envelope", "internal/gen", "internal/jsontext", "internal/mcp", "internal/redact", "internal/scaffold"},
	"cmd/sessionmcp":          {"internal/cli"},
	"cmd/sessionmcp-enhanced": {"internal/cli"},
	"cmd/smcp":                {"internal/cli"},
	"server/servertest":       {"jsonrpc", "server", "internal/mcp"},
	"examples/everything":     {"server", "tool"},
	"examples/hello":          {"server", "tool"},
	"examples/techdebt":       {"server", "tool"},
	"examples/weather":        {"server", "tool"},
}

func TestImports(t *testing.T) {
	packages := byPackage(sources(t))
	for _, pkg := range sorted(packages) {
		allowed, ok := layers[pkg]
		if !ok {
			t.Errorf("package %s has no row in layers, in internal/repo/imports_test.go", pkg)
			continue
		}
		for _, s := range packages[pkg] {
			for _, path := range s.imports() {
				ours, ok := strings.CutPrefix(path, module+"/")
				if ok && !slices.Contains(allowed, ours) {
					t.Errorf("%s imports %s, and package %s may import of this module only %q: see layers, in internal/repo/imports_test.go",
						s.name, ours, pkg, allowed)
				}
			}
		}
	}
	for _, pkg := range sorted(layers) {
		if packages[pkg] == nil {
			t.Errorf("layers has a row for %s, in which there is no package", pkg)
		}
	}
}

// pure are the packages that neither start goroutines nor open sockets:
// transport does both for them.
var pure = []string{"internal/jsontext", "internal/jsonenc", "internal/lazyctx", "internal/pool", "internal/redact", "internal/mcp", "internal/envelope", "internal/cliargs", "internal/spelling", "jsonrpc", "schema", "tool", "server"}

// opens are the names that have to do with open sockets, by import path.
var opens = map[string]*regexp.Regexp{
	"net":        regexp.MustCompile(`^(Listen|Dial|File)`),
	"net/http":   regexp.MustCompile(`^(ListenAndServe(TLS)?|Serve(r|TLS)?|Client|Transport|Default.*|Get|Head|Post(Form)?)$`),
	"crypto/tls": regexp.MustCompile(`^(Listen|Dial|NewListener)`),
}

func TestGoroutinesAndSockets(t *testing.T) {
	packages := byPackage(sources(t))
	for _, pkg := range pure {
		if packages[pkg] == nil {
			t.Errorf("pure names %s, in which there is no package", pkg)
		}
		for _, s := range packages[pkg] {
			for n := range ast.Preorder(s.syntax) {
				if what := impure(s, n); what != "" {
					t.Errorf("%s: package %s %s, which is for transport to do", s.at(n), pkg, what)
				}
			}
		}
	}
}

// impure says what the node does that is not for a pure package, "" if nothing.
func impure(s *source, n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine"
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" { // of a sync.WaitGroup, say
			return "starts a goroutine"
		}
	case *ast.SelectorExpr:
		pkg, ok := n.X.(*ast.Ident)
		if !ok {
			return ""
		}
		if names := opens[importPath(s, pkg.Name)]; names != nil && names.MatchString(n.Sel.Name) {
			return "uses " + pkg.Name + "." + n.Sel.Name
		}
	}
	return ""
}

// importPath returns what the file imports under a name.
func importPath(s *source, name string) string {
	for i, path := range s.imports() {
		as := path[strings.LastIndex(path, "/")+1:]
		if alias := s.syntax.Imports[i].Name; alias != nil {
			as = alias.Name
		}
		if as == name {
			return path
		}
	}
	return ""
}
