package cliargs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/spelling"
)

// document is a schema with what its references point to.
type document struct{ raw json.RawMessage }

func read(schema json.RawMessage) *document { return &document{schema} }

// maxSteps is how many references and branches are followed from one part of a
// schema: those of a hostile one may go in circles.
const maxSteps = 100

// node is one part of a schema: itself, what its $ref points to, and the parts of
// its allOf count together; the branches of anyOf and oneOf are alternatives.
type node struct {
	doc      *document
	parts    []part // which all hold
	branches []part // of which one holds
}

// part is what of a schema tells how to read a text.
type part struct {
	Ref         string            `json:"$ref"`
	Type        json.RawMessage   `json:"type"`
	Enum        []json.RawMessage `json:"enum"`
	Const       json.RawMessage   `json:"const"`
	Properties  json.RawMessage   `json:"properties"`
	Patterns    json.RawMessage   `json:"patternProperties"`
	Additional  json.RawMessage   `json:"additionalProperties"`
	Required    []string          `json:"required"`
	Items       json.RawMessage   `json:"items"`
	AllOf       []json.RawMessage `json:"allOf"`
	AnyOf       []json.RawMessage `json:"anyOf"`
	OneOf       []json.RawMessage `json:"oneOf"`
	Default     json.RawMessage   `json:"default"`
	Description string            `json:"description"`
}

func (d *document) root() node { return d.node(d.raw) }

// node returns what a raw schema says. One that cannot be read says nothing: it
// is the server that enforces it.
func (d *document) node(raw json.RawMessage) node {
	n := node{doc: d}
	left := maxSteps
	n.add(raw, &left)
	return n
}

func (n *node) add(raw json.RawMessage, left *int) {
	if *left--; *left < 0 {
		return
	}
	var p part
	if json.Unmarshal(raw, &p) != nil { // true and false are no objects
		return
	}
	n.parts = append(n.parts, p)
	if p.Ref != "" {
		n.add(n.doc.follow(p.Ref), left)
	}
	for _, raw := range p.AllOf {
		n.add(raw, left)
	}
	for _, raw := range slices.Concat(p.AnyOf, p.OneOf) {
		branch := node{doc: n.doc}
		branch.add(raw, left)
		n.branches = append(n.branches, slices.Concat(branch.parts, branch.branches)...)
	}
}

// follow returns what a reference within the document points to, nil if nothing
// (RFC 6901, section 6).
func (d *document) follow(ref string) json.RawMessage {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := d.raw
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		at = memberOf(at, step)
	}
	return at
}

// memberOf returns a member of an object or an element of an array, nil if there
// is none.
func memberOf(raw json.RawMessage, name string) json.RawMessage {
	var elements []json.RawMessage
	if i, err := strconv.Atoi(name); err == nil && json.Unmarshal(raw, &elements) == nil {
		if i >= 0 && i < len(elements) {
			return elements[i]
		}
		return nil
	}
	var found json.RawMessage
	_ = eachMember(raw, func(key string, val json.RawMessage) {
		if key == name {
			found = val
		}
	})
	return found
}

func eachMember(raw json.RawMessage, f func(key string, val json.RawMessage)) error {
	return jsontext.Members(raw, func(key, val []byte) error {
		f(jsontext.Text(key), val)
		return nil
	})
}

// all are the parts and the branches.
func (n *node) all() []part { return slices.Concat(n.parts, n.branches) }

// property is one that a schema declares.
type property struct {
	name   string
	schema json.RawMessage
}

// properties are those that are declared, in the schema's order.
func (n *node) properties() []property {
	var found []property
	for _, p := range n.all() {
		_ = eachMember(p.Properties, func(name string, val json.RawMessage) { // nothing, of what is no object
			if !slices.ContainsFunc(found, func(p property) bool { return p.name == name }) {
				found = append(found, property{name, val})
			}
		})
	}
	return found
}

func (n *node) required() []string {
	var names []string
	for _, p := range n.parts {
		names = append(names, p.Required...)
	}
	return names
}

// closed reports whether what is not declared is refused.
func (n *node) closed() bool {
	no := false
	for _, p := range n.parts {
		if p.Patterns != nil {
			return false
		}
		no = no || string(p.Additional) == "false"
	}
	return no
}

// child returns the schema of a member.
func (n *node) child(name string) node {
	for _, p := range n.properties() {
		if p.name == name {
			return n.doc.node(p.schema)
		}
	}
	for _, p := range n.parts {
		if p.Additional != nil {
			return n.doc.node(p.Additional)
		}
	}
	return node{doc: n.doc}
}

// find returns the name of the declared property that is meant, "" if none is.
// Loosely, dry-run is dry_run and dryRun.
func (n *node) find(name string, loosely bool) (string, error) {
	var alike []string
	for _, p := range n.properties() {
		if p.name == name {
			return name, nil
		}
		if loosely && spelling.Fold(p.name) == spelling.Fold(name) {
			alike = append(alike, p.name)
		}
	}
	switch len(alike) {
	case 0:
		return "", nil
	case 1:
		return alike[0], nil
	}
	return "", fmt.Errorf("--%s may be any of %s: give it as key=value", name, strings.Join(alike, ", "))
}

// known is find, and an error for a name that the schema has no place for.
func (n *node) known(name string, loosely bool) (string, error) {
	found, err := n.find(name, loosely)
	if found != "" || err != nil || !n.closed() {
		return found, err
	}
	var names []string
	for _, p := range n.properties() {
		names = append(names, p.name)
	}
	if len(names) == 0 {
		return "", fmt.Errorf("unknown parameter %q: there are none here", clip(name))
	}
	return "", fmt.Errorf("unknown parameter %q%s: there are %s", clip(name), DidYouMean(name, names), strings.Join(names, ", "))
}

// place is where a value goes.
type place struct {
	path     []string
	node     node
	declared bool // the schema names all of the path
}

func (p place) name() string { return strings.Join(p.path, ".") }

// resolve finds the place that a key names. A dot leads into an object, unless
// the name with the dot is itself a property.
func (d *document) resolve(root *node, key string, loosely bool) (place, error) {
	at := place{node: *root, declared: true}
	for rest := key; ; {
		name, err := at.node.find(rest, loosely)
		head, tail, dotted := strings.Cut(rest, ".")
		if err == nil && name == "" && dotted {
			name, err = at.node.find(head, loosely)
			if child := at.node.child(name); name != "" && child.mayBe("object") {
				at.path, at.node, rest = append(at.path, name), child, tail
				continue
			}
			name = ""
		}
		if err == nil && name == "" {
			_, err = at.node.known(rest, loosely)
			name, at.declared = rest, false
		}
		if err != nil {
			if within := at.name(); within != "" {
				err = fmt.Errorf("%s: %w", within, err)
			}
			return place{}, err
		}
		at.path, at.node = append(at.path, name), at.node.child(name)
		return at, nil
	}
}
