package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// table writes Markdown: so many columns of text, then numbers.
func table(texts int, header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---"
		if i >= texts {
			rule[i] = "--:"
		}
	}
	fmt.Fprintf(&b, "|%s|\n", strings.Join(rule, "|"))
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// number writes three digits that count, and groups of thousands.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// times writes a ratio to base.
func (r *results) times(section, name, server, key string) string {
	mid, least, most := r.ratio(section, name, server, key)
	if math.IsNaN(mid) {
		return "–"
	}
	if least == most || server == base {
		return number(mid) + "×"
	}
	return fmt.Sprintf("%s× (%s–%s)", number(mid), number(least), number(most))
}

// column is a value to show of each server.
type column struct {
	title  string
	key    string
	factor float64 // 0 is 1
	ratio  bool    // against base, instead of the value
}

func (c column) scaled(v float64) float64 {
	if c.factor == 0 {
		return v
	}
	return c.factor * v
}

// byServer is a table with a row for each case and server.
func (r *results) byServer(section, first string, columns ...column) string {
	header := []string{first, "Server"}
	for _, c := range columns {
		header = append(header, c.title)
	}
	var rows [][]string
	for _, name := range r.cases(section) {
		for _, server := range serverNames() {
			row := []string{name, server}
			for _, c := range columns {
				if c.ratio {
					row = append(row, r.times(section, name, server, c.key))
					continue
				}
				row = append(row, number(c.scaled(r.median(section, name, server, c.key))))
			}
			rows = append(rows, row)
		}
	}
	return table(2, header, rows)
}

// text is what is written of a section.
func (r *results) text(s section) string {
	text := s.render(r)
	for _, note := range r.Notes[s.name] {
		text += "\n" + note + "\n"
	}
	return text
}

func print(w io.Writer, r *results, chosen []section) {
	fmt.Fprintf(w, "%s\n", r.Machine)
	for _, s := range chosen {
		fmt.Fprintf(w, "\n## %s\n\n%s", s.name, r.text(s))
		if s.plots != nil {
			for _, p := range s.plots(r) {
				fmt.Fprintf(w, "\n%s: %d bytes\n", p.file, len(p.svg()))
			}
		}
	}
}

// write puts the sections between their marks in README.md, and the plots beside it.
func write(dir string, r *results, chosen []section) error {
	name := filepath.Join(dir, "README.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%w: run this in the folder bench, or say with -out where it is", err)
	}
	readme, err := between(string(text), "machine", r.Machine+"\n")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range chosen {
		if len(r.cases(s.name)) == 0 {
			continue
		}
		if readme, err = between(readme, s.name, r.text(s)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if s.plots == nil {
			continue
		}
		for _, p := range s.plots(r) {
			if err := p.write(filepath.Join(dir, "plots")); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(name, []byte(readme), 0o644)
}

// between replaces what is between the marks of a section.
func between(readme, section, text string) (string, error) {
	begin, end := "<!-- "+section+" -->\n", "<!-- /"+section+" -->"
	before, rest, ok := strings.Cut(readme, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("there is no %q with %q behind it: put both where the section belongs", strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}
