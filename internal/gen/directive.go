package gen

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A directive is a comment line such as
//
//	//mcp:timeout 30s
type directive struct {
	*ast.Comment
	name  string
	value string // behind a space, or behind =
}

// The directives that there are, by where they stand.
var (
	ofFunctions = []string{"readonly", "destructive", "idempotent", "openworld", "name", "title", "timeout", "skip"}
	ofPackages  = []string{"name", "version", "instructions"}
	ofTypes     = []string{"noenum"}
)

const marker = "//mcp:"

// spaced finds a directive that a space has made a part of the description.
var spaced = regexp.MustCompile(`^//[ \t]+mcp:([a-z]+)`)

// directives returns those of a doc comment whose names are in known, and reports
// the others.
func (l *loader) directives(doc *ast.CommentGroup, known []string) []directive {
	var all []directive
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		if m := spaced.FindStringSubmatch(c.Text); m != nil && slices.Contains(known, m[1]) {
			l.problem(c.Pos(), "a space keeps this from being a directive: write %s%s", marker, m[1])
		}
		body, ok := strings.CutPrefix(c.Text, marker)
		if !ok {
			continue
		}
		l.used = append(l.used, c)
		d := directive{Comment: c}
		end := strings.IndexAny(body, " \t=")
		if end < 0 {
			end = len(body)
		}
		d.name = body[:end]
		d.value = strings.TrimSpace(strings.TrimPrefix(body[end:], "="))
		if !slices.Contains(known, d.name) {
			l.unknown(d, known)
			continue
		}
		all = append(all, d)
	}
	return all
}

func (l *loader) unknown(d directive, known []string) {
	hint := ""
	if near := nearest(d.name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %s%s?", marker, near)
	}
	l.problem(d.Pos(), "there is no directive %s%s here%s (there are %s)", marker, d.name, hint, strings.Join(known, ", "))
}

// functionDirectives adds the options that the directives of t's doc comment
// stand for. skip says that t is not to be a tool.
func (l *loader) functionDirectives(t *Tool, doc *ast.CommentGroup) (skip bool) {
	seen := make(map[string]bool)
	for _, d := range l.directives(doc, ofFunctions) {
		if seen[d.name] {
			l.problem(d.Pos(), "%s%s stands here twice: remove one", marker, d.name)
			continue
		}
		seen[d.name] = true
		option, err := d.option(t)
		switch {
		case err != nil:
			l.problem(d.Pos(), "%s%s: %v", marker, d.name, err)
		case option != "":
			t.options = append(t.options, option)
		}
	}
	return seen["skip"]
}

// option returns the Go text of the option that d stands for, "" for none.
func (d directive) option(t *Tool) (string, error) {
	switch d.name {
	case "readonly", "skip":
		if d.value != "" {
			return "", fmt.Errorf("it takes no value: remove %q", d.value)
		}
		if d.name == "skip" {
			return "", nil
		}
		return "tool.ReadOnly()", nil
	case "destructive", "idempotent", "openworld":
		yes := true
		if d.value != "" {
			var err error
			if yes, err = strconv.ParseBool(d.value); err != nil {
				return "", fmt.Errorf("%q is neither true nor false", d.value)
			}
		}
		name := map[string]string{"destructive": "Destructive", "idempotent": "Idempotent", "openworld": "OpenWorld"}[d.name]
		return fmt.Sprintf("tool.%s(%t)", name, yes), nil
	case "timeout":
		span, err := time.ParseDuration(d.value)
		if err != nil || span <= 0 {
			return "", fmt.Errorf("%q is no duration: write one such as 30s", d.value)
		}
		return "tool.Timeout(" + goDuration(span) + ")", nil
	}
	if d.value == "" {
		return "", fmt.Errorf("it needs a value, as in %s%s VALUE", marker, d.name)
	}
	if d.name == "title" {
		t.Title = d.value
		return "tool.Title(" + quote(d.value) + ")", nil
	}
	t.Name = d.value
	return "tool.Name(" + quote(d.value) + ")", nil
}

// goDuration writes d as people write durations in Go.
func goDuration(d time.Duration) string {
	for _, unit := range []struct {
		span time.Duration
		name string
	}{{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}} {
		if n := d / unit.span; d%unit.span == 0 {
			if n == 1 {
				return "time." + unit.name
			}
			return fmt.Sprintf("%d * time.%s", n, unit.name)
		}
	}
	return fmt.Sprintf("time.Duration(%d)", int64(d))
}

// readClause takes what stands above the package clauses.
func (l *loader) readClause(p *Package) {
	var docs, instructions []string
	for _, file := range l.pkg.Syntax {
		if doc := text(file.Doc); doc != "" {
			docs = append(docs, doc)
		}
		for _, d := range l.directives(file.Doc, ofPackages) {
			switch {
			case d.value == "":
				l.problem(d.Pos(), "%s%s needs a value, as in %[1]s%[2]s VALUE", marker, d.name)
			case d.name == "name":
				p.Name = d.value
			case d.name == "version":
				p.Version = d.value
			default:
				instructions = append(instructions, d.value)
			}
		}
	}
	p.Instructions = strings.Join(docs, "\n\n")
	if instructions != nil {
		p.Instructions = strings.Join(instructions, "\n")
	}
}

// strayDirectives reports the directives that nobody has read.
func (l *loader) strayDirectives() {
	for _, file := range l.pkg.Syntax {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, marker) && !slices.Contains(l.used, c) {
					l.problem(c.Pos(), "%s has no effect here: it belongs into the doc comment of an exported function, of a type or of the package", c.Text)
				}
			}
		}
	}
}
