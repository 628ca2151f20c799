package repo

import (
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// document is a Markdown file.
type document struct {
	name     string // slash-separated, from the root
	blocks   []block
	prose    string // the lines outside of blocks
	headings []string
}

// block is a fenced block of Go.
type block struct {
	at   string // file:line
	text string
}

// isProgram reports whether the block is a whole file.
func (b *block) isProgram() bool { return strings.HasPrefix(b.text, "package ") }

// documents reads every Markdown file of the repository.
func documents(t *testing.T) []*document {
	t.Helper()
	var found []*document
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata"}, d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err == nil {
			var d *document
			d, err = parseDocument(name, string(text))
			found = append(found, d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no Markdown files")
	}
	return found
}

const fence = "```"

func parseDocument(name, text string) (*document, error) {
	d := &document{name: name}
	var prose strings.Builder
	var open *block // the block that the line is in
	language, number := "", 0
	for line := range strings.Lines(text) {
		number++
		after, fenced := strings.CutPrefix(strings.TrimSpace(line), fence)
		switch {
		case fenced && open == nil:
			language, open = after, &block{at: fmt.Sprintf("%s:%d", name, number+1)}
		case fenced:
			if language == "go" {
				d.blocks = append(d.blocks, *open)
			}
			open = nil
		case open != nil:
			open.text += line
		default:
			prose.WriteString(line)
			if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
				d.headings = append(d.headings, anchor(title))
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block has no end", open.at)
	}
	d.prose = prose.String()
	return d, nil
}

// anchor returns what a link to a heading says behind the #.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// TestMarkdownPrograms builds what a reader copies as a whole: every block that
// begins with a package clause.
func TestMarkdownPrograms(t *testing.T) {
	programs := make(map[string]int)
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if !b.isProgram() {
				continue
			}
			programs[d.name]++
			file := filepath.Join(t.TempDir(), "main.go")
			if first, _, _ := strings.Cut(b.text, "\n"); strings.HasSuffix(first, "_test") {
				file = filepath.Join(t.TempDir(), "main_test.go")
			}
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "vet", file)
			cmd.Dir = root
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("the program at %s: %v\n%s", b.at, err, out)
			}
		}
	}
	if programs["README.md"] == 0 {
		t.Error("README.md has no program")
	}
}

// TestMarkdownBlocks wants every other block to be Go as well: declarations, or
// what may stand in a function.
func TestMarkdownBlocks(t *testing.T) {
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.isProgram() {
				continue
			}
			if err := parseFragment(b.text); err != nil {
				t.Errorf("%s: the block is neither declarations nor statements: %v", b.at, err)
			}
		}
	}
}

// parseFragment returns why the text is no Go: as what it comes further as.
func parseFragment(text string) error {
	reached := -1
	var reason error
	for _, form := range []string{"package p;%s\n", "package p; func _() {%s\n}"} {
		_, err := parser.ParseFile(token.NewFileSet(), "", fmt.Sprintf(form, text), parser.SkipObjectResolution)
		if err == nil {
			return nil
		}
		if list, ok := err.(scanner.ErrorList); ok && list[0].Pos.Line > reached {
			reached = list[0].Pos.Line
			reason = fmt.Errorf("line %d: %s", reached, list[0].Msg)
		}
	}
	return reason
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestMarkdownLinks follows every link that leads to a file of the repository, and
// to a heading in one.
func TestMarkdownLinks(t *testing.T) {
	headings := make(map[string][]string)
	all := documents(t)
	for _, d := range all {
		headings[d.name] = d.headings
	}
	for _, d := range all {
		for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(d.prose, ""), -1) {
			if strings.Contains(m[1], ":") { // a URL
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target := d.name
			if file != "" {
				target = path.Join(path.Dir(d.name), file)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", d.name, m[1])
			} else if heading != "" && !slices.Contains(headings[target], heading) {
				t.Errorf("%s: the link to %s leads to no heading of %s", d.name, m[1], target)
			}
		}
	}
}
