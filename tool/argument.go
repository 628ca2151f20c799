package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// argument is what a document says of one argument.
type argument struct {
	name     string
	required bool
	argumentSchema
}

type argumentSchema struct {
	Type        string
	Title       string
	Description string
	Enum        []json.RawMessage
	AnyOf       []argumentSchema
}

// argumentsOf reads the document of a plan: its arguments in order.
func argumentsOf(document []byte) ([]argument, error) {
	var root struct {
		Properties json.RawMessage
		Required   []string
	}
	if err := json.Unmarshal(document, &root); err != nil {
		return nil, fmt.Errorf("the schema of the arguments: %w", err)
	}
	if root.Properties == nil {
		return nil, nil
	}
	var all []argument
	d := json.NewDecoder(bytes.NewReader(root.Properties))
	if _, err := d.Token(); err != nil { // the opening brace
		return nil, fmt.Errorf("the schema of the arguments: %w", err)
	}
	for d.More() {
		var a argument
		name, err := d.Token()
		if err == nil {
			err = d.Decode(&a.argumentSchema)
		}
		if err != nil {
			return nil, fmt.Errorf("the schema of the arguments: %w", err)
		}
		a.name, _ = name.(string)
		a.required = slices.Contains(root.Required, a.name)
		all = append(all, a)
	}
	return all, nil
}

// values returns the texts that s is limited to, nil if there is no such limit.
func (s *argumentSchema) values() []string {
	switch {
	case s.Enum != nil:
		all := make([]string, 0, len(s.Enum))
		for _, raw := range s.Enum {
			text := string(raw)
			_ = json.Unmarshal(raw, &text) // of a string
			all = append(all, text)
		}
		return all
	case s.Type == "boolean":
		return []string{"true", "false"}
	case s.Type == "" && len(s.AnyOf) > 0: // it, or null
		return s.AnyOf[0].values()
	}
	return nil
}

// named returns the argument of that name, nil for none.
func named(all []argument, name string) *argument {
	i := slices.IndexFunc(all, func(a argument) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// nameList writes the names of arguments for an error.
func nameList(all []argument) string {
	if len(all) == 0 {
		return "none"
	}
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.name
	}
	return strings.Join(names, ", ")
}

// encodeTexts writes arguments that arrived as texts, which a value is a string
// or a list of, as a JSON object. An empty text for an argument that is optional
// is what a form sends where nothing was filled in: it is left out.
func encodeTexts[V any](arguments map[string]V, known []argument) ([]byte, error) {
	given := make(map[string]any, len(arguments))
	for name, value := range arguments {
		if a := named(known, name); any(value) == any("") && a != nil && !a.required {
			continue
		}
		given[name] = value
	}
	return json.Marshal(given)
}
