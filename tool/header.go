package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// HeaderParam is an argument that clients of the streamable HTTP transport repeat
// in the header Mcp-Param-Name, for what stands between them and the server to
// see (2026-07-28, Custom Headers from Tool Parameters). The tag mcpheader:"Name"
// of a field makes one, and so does "x-mcp-header" in an [InputSchema].
type HeaderParam struct {
	Name string   // what follows Mcp-Param-
	Path []string // the properties that lead to the argument, from the outermost
	Type string   // string, integer or boolean
}

const headerKeyword = "x-mcp-header"

// Where a schema holds others: in a map by name, or else directly or in a list.
// What stands in a value is none.
var (
	schemaMaps   = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
	schemaValues = []string{"const", "default", "enum", "examples"}
)

// HeaderParams returns the header parameters of a tool's input schema, in the
// alphabetical order of their paths. A tool that breaks a rule about them is one
// that clients drop: the error says which rule, and where.
func HeaderParams(document json.RawMessage) ([]HeaderParam, error) {
	var root any
	if err := json.Unmarshal(document, &root); err != nil {
		return nil, fmt.Errorf("the input schema: %w", err)
	}
	h := headers{seen: make(map[string]string)}
	if err := h.walk(root, nil, "#", true); err != nil {
		return nil, err
	}
	return h.found, nil
}

type headers struct {
	found []HeaderParam
	seen  map[string]string // where a name occurs, by its lower case
}

// walk collects from schema, which stands at a place in the document. It is
// reachable if nothing but properties lead there: those of path.
func (h *headers) walk(schema any, path []string, place string, reachable bool) error {
	switch s := schema.(type) {
	case []any:
		for i, sub := range s {
			if err := h.walk(sub, nil, fmt.Sprintf("%s/%d", place, i), false); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := h.note(s, path, place, reachable); err != nil {
			return err
		}
		for _, keyword := range slices.Sorted(maps.Keys(s)) {
			if err := h.walkInto(s[keyword], keyword, path, place+"/"+keyword, reachable); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *headers) walkInto(value any, keyword string, path []string, place string, reachable bool) error {
	if slices.Contains(schemaValues, keyword) {
		return nil
	}
	byName, ok := value.(map[string]any)
	if !ok || !slices.Contains(schemaMaps, keyword) {
		return h.walk(value, nil, place, false)
	}
	reachable = reachable && keyword == "properties"
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if err := h.walk(byName[name], append(slices.Clip(path), name), place+"/"+name, reachable); err != nil {
			return err
		}
	}
	return nil
}

// note checks and keeps the annotation of one schema, if it has one.
func (h *headers) note(schema map[string]any, path []string, place string, reachable bool) error {
	value, ok := schema[headerKeyword]
	if !ok {
		return nil
	}
	where := fmt.Sprintf("property %q", strings.Join(path, "."))
	if !reachable || len(path) == 0 {
		return fmt.Errorf("the input schema has %s at %s, where only properties of the arguments, and of objects in them, may have it: remove it", headerKeyword, place)
	}
	name, _ := value.(string)
	if err := checkToken(name); err != nil {
		return fmt.Errorf("%s: %s %w", where, headerKeyword, err)
	}
	folded := strings.ToLower(name)
	if other, ok := h.seen[folded]; ok {
		return fmt.Errorf("%s: %s %q is that of %s too: give it a name of its own", where, headerKeyword, name, other)
	}
	h.seen[folded] = where
	typ, _ := schema["type"].(string)
	if !slices.Contains([]string{"string", "integer", "boolean"}, typ) {
		return fmt.Errorf("%s: %s %q needs \"type\": \"string\", \"integer\" or \"boolean\" beside it: write it there, or remove the header", where, headerKeyword, name)
	}
	h.found = append(h.found, HeaderParam{Name: name, Path: path, Type: typ})
	return nil
}

// checkToken holds a header's name to RFC 9110, section 5.6.2.
func checkToken(name string) error {
	if name == "" {
		return errors.New("is no name: write the part of the header's name behind Mcp-Param-")
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return fmt.Errorf("%q has %q in it, want only letters, digits and !#$%%&'*+-.^_`|~", name, r)
		}
	}
	return nil
}
