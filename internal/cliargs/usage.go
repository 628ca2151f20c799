package cliargs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Usage writes a table of a schema's parameters, a line for each: its name, its
// type or the values it may have, whether it is required or what its default is,
// and its description. Members of objects follow their object, under the keys
// that Parse takes. What w fails with is not reported.
func Usage(w io.Writer, schema json.RawMessage) {
	d := read(schema)
	root := d.root()
	if len(root.properties()) == 0 {
		fmt.Fprintln(w, "  no parameters")
		return
	}
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	left := maxRows
	root.rows(t, "", &left)
	_ = t.Flush() // a Buffer takes it all
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// How many names a key in the table has, and how many lines the table: a schema may
// contain itself.
const (
	maxKey  = 3
	maxRows = 200
)

func (n *node) rows(w io.Writer, within string, left *int) {
	required := n.required()
	for _, p := range n.properties() {
		if *left--; *left < 0 {
			return
		}
		child := n.doc.node(p.schema)
		note := ""
		if slices.Contains(required, p.name) {
			note = "required"
		} else if def := child.defaultText(); def != "" {
			note = "default " + def
		}
		key := within + p.name
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", key, child.typeName(), note, child.description())
		if child.mayBe("object") && strings.Count(key, ".") < maxKey-1 {
			child.rows(w, key+".", left)
		}
	}
}

func (n *node) defaultText() string {
	for _, p := range n.parts {
		if p.Default != nil {
			return clip(show(p.Default))
		}
	}
	return ""
}

func (n *node) description() string {
	for _, p := range n.parts {
		if p.Description != "" {
			return strings.Join(strings.Fields(p.Description), " ")
		}
	}
	return ""
}

// typeName is what a value has to be, in a word.
func (n *node) typeName() string {
	if literals := n.literals(); literals != nil {
		return clip(strings.Join(shown(literals), "|"))
	}
	kinds := n.kinds()
	if len(kinds) == 0 {
		return "any"
	}
	var words []string
	for _, k := range kinds {
		if k == "array" {
			items := n.items()
			if name := items.kinds(); len(name) == 1 && name[0] != "array" {
				k = name[0] + "[]"
			}
		}
		words = append(words, k)
	}
	return strings.Join(words, "|")
}
