package repo

import (
	"flag"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	maxFile     = 500 // lines; aim at 300
	maxFunction = 60
)

var update = flag.Bool("update", false, "rewrite the lines column of the table in README.md")

// TestTable compares the size table of the README with the code.
func TestTable(t *testing.T) {
	readme := read(t, "README.md")
	rows, err := parseTable(readme)
	if err != nil {
		t.Fatal(err)
	}
	sizes := measure(t)
	if *update {
		rewritten := replaceTable(readme, updated(rows, sizes))
		if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(rewritten), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, r := range rows {
		switch lines, ok := sizes[r.pkg]; {
		case !ok:
			t.Errorf("README.md has a row for %s, which is not a public package", r.pkg)
		case r.lines != strconv.Itoa(lines):
			t.Errorf("README.md says that %s has %s lines, it has %d: run go test ./internal/repo -update", r.pkg, r.lines, lines)
		case r.idea == "":
			t.Errorf("README.md does not say what the idea of %s is", r.pkg)
		}
		delete(sizes, r.pkg)
	}
	for _, pkg := range sorted(sizes) {
		t.Errorf("README.md has no row for %s: run go test ./internal/repo -update, and write down its idea", pkg)
	}
}

// internalRow is the row for all of internal together.
const internalRow = "internal"

// measure returns the lines of Go, tests left out, of every package that others
// can import, and of internal as a whole.
func measure(t *testing.T) map[string]int {
	t.Helper()
	sizes := make(map[string]int)
	for _, s := range sources(t) {
		switch {
		case s.pkg == internalRow || strings.HasPrefix(s.pkg, internalRow+"/"):
			sizes[internalRow] += s.lines
		case s.syntax.Name.Name != "main":
			sizes[s.pkg] += s.lines
		}
	}
	return sizes
}

const (
	tableBegin  = "<!-- sizes -->\n"
	tableEnd    = "<!-- /sizes -->"
	tableHeader = "| Package | Idea | Lines |\n|---|---|--:|\n"
)

// row is a line of the table.
type row struct {
	name  string // the first cell, as it is
	pkg   string // what stands in `` in it
	idea  string
	lines string
}

var rowPattern = regexp.MustCompile("^\\| *([^|]*`([^`|]+)`[^|]*?) *\\| *(.*?) *\\| *([0-9]*) *\\|$")

func parseTable(readme string) ([]row, error) {
	_, rest, ok := strings.Cut(readme, tableBegin)
	table, _, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return nil, fmt.Errorf("README.md has no size table between %q and %q", tableBegin, tableEnd)
	}
	body, ok := strings.CutPrefix(strings.TrimLeft(table, "\n"), tableHeader)
	if !ok {
		return nil, fmt.Errorf("the size table in README.md does not begin with\n%s", tableHeader)
	}
	var rows []row
	for line := range strings.Lines(strings.TrimSpace(body)) {
		m := rowPattern.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			return nil, fmt.Errorf("README.md: want | `package` | idea | lines |, found %q", line)
		}
		rows = append(rows, row{name: m[1], pkg: m[2], idea: m[3], lines: m[4]})
	}
	return rows, nil
}

// updated returns the rows with today's sizes, without those that have lost
// their package, and with new ones for packages that had none.
func updated(rows []row, sizes map[string]int) []row {
	sizes = maps.Clone(sizes)
	var out []row
	for _, r := range rows {
		if lines, ok := sizes[r.pkg]; ok {
			r.lines = strconv.Itoa(lines)
			out = append(out, r)
		}
		delete(sizes, r.pkg)
	}
	for _, pkg := range sorted(sizes) {
		out = append(out, row{name: "`" + pkg + "`", pkg: pkg, lines: strconv.Itoa(sizes[pkg])})
	}
	return out
}

func replaceTable(readme string, rows []row) string {
	before, rest, _ := strings.Cut(readme, tableBegin)
	_, after, _ := strings.Cut(rest, tableEnd)
	table := "\n" + tableHeader
	for _, r := range rows {
		table += fmt.Sprintf("| %s | %s | %s |\n", r.name, r.idea, r.lines)
	}
	return before + tableBegin + table + "\n" + tableEnd + after
}

func TestLengths(t *testing.T) {
	for _, s := range everywhere(t) {
		if s.lines > maxFile {
			t.Errorf("%s has %d lines, and a file may have %d: split it by what it is about", s.name, s.lines, maxFile)
		}
		for n := range ast.Preorder(s.syntax) {
			name := "a function literal"
			switch n := n.(type) {
			case *ast.FuncDecl:
				name = n.Name.Name
			case *ast.FuncLit:
			default:
				continue
			}
			if lines := s.length(n); lines > maxFunction {
				t.Errorf("%s: %s has %d lines, and a function may have %d", s.at(n), name, lines, maxFunction)
			}
		}
	}
}
