package gen

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes what was made, for people.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%s %s from %s\n", r.Name, r.Version, r.Package)
	if r.Target == "" {
		fmt.Fprintf(w, "  %s\n\n", r.File)
	} else {
		fmt.Fprintf(w, "  %s, %.1f MB, for %s\n\n", r.File, float64(r.Size)/1e6, r.Target)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range r.Tools {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", one.Name, one.usage(), firstSentence(one.Description))
	}
	_ = t.Flush()
}

// usage lists the parameters: those in brackets may be left out.
func (t *Tool) usage() string {
	var names []string
	for _, p := range t.Parameters {
		if p.Required {
			names = append(names, p.Name)
		} else {
			names = append(names, "["+p.Name+"]")
		}
	}
	return strings.Join(names, " ")
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}
