package cliargs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// kinds are the JSON types that a value may have, in the words of the keyword
// type and in the order in which the schema names them; nil is any.
func (n *node) kinds() []string {
	var all []string
	for _, p := range n.parts {
		if k := p.kinds(); k != nil {
			all = narrowed(all, k)
		}
	}
	var either []string
	for _, p := range n.branches {
		k := p.kinds()
		if k == nil && p.Ref == "" && len(p.AllOf)+len(p.AnyOf)+len(p.OneOf) == 0 {
			return all // a branch that takes anything
		}
		either = append(either, k...)
	}
	if all != nil {
		return all
	}
	slices.Sort(either)
	return slices.Compact(either)
}

func narrowed(all, to []string) []string {
	if all == nil {
		return to
	}
	both := slices.DeleteFunc(slices.Clone(all), func(k string) bool { return !slices.Contains(to, k) })
	if len(both) == 0 {
		return all // nothing fits, or an integer is a number
	}
	return both
}

func (p *part) kinds() []string {
	var one string
	var several []string
	if json.Unmarshal(p.Type, &one) == nil {
		return []string{one}
	}
	if json.Unmarshal(p.Type, &several) == nil && several != nil {
		return several
	}
	for _, literal := range p.literals() {
		several = append(several, kindOf(literal))
	}
	slices.Sort(several)
	return slices.Compact(several)
}

// literals are the only values that there may be, nil for no such bound.
func (p *part) literals() []json.RawMessage {
	if p.Const != nil {
		return []json.RawMessage{p.Const}
	}
	return p.Enum
}

// literals are the only values that there may be, nil for no such bound.
func (n *node) literals() []json.RawMessage {
	for _, p := range n.parts {
		if l := p.literals(); l != nil {
			return l
		}
	}
	var of []json.RawMessage
	for _, p := range n.branches {
		l := p.literals()
		if l == nil {
			return nil
		}
		of = append(of, l...)
	}
	return of
}

func kindOf(raw json.RawMessage) string {
	r := jsontext.Read(raw)
	switch r.Kind() {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// mayBe reports whether a value of that type is not ruled out.
func (n *node) mayBe(kind string) bool {
	k := n.kinds()
	return len(k) == 0 || slices.Contains(k, kind)
}

// isFlag reports whether the value is true or false, and nothing that a text
// would have to tell.
func (n *node) isFlag() bool {
	k := n.kinds()
	return slices.Contains(k, "boolean") && !slices.ContainsFunc(k, func(k string) bool { return k != "boolean" && k != "null" })
}

// Numbers as JSON writes them (RFC 8259, section 6). An integer has no exponent:
// how many digits it stands for is not a text's to say.
var (
	integerForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.0+)?$`) })
	numberForm  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`) })
)

// value returns what a text stands for. element says that it is one of an array.
func (n *node) value(text string) (raw []byte, element bool, err error) {
	if n.isArray() && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		items := n.items()
		raw, err = items.single(text)
		if err != nil {
			err = fmt.Errorf("%w (an element: repeat the key for each, or give a JSON array)", err)
		}
		return raw, true, err
	}
	raw, err = n.single(text)
	return raw, false, err
}

// isArray reports whether a text that is no JSON array is an element of one.
func (n *node) isArray() bool {
	k := n.kinds()
	return slices.Contains(k, "array") && !slices.ContainsFunc(k, func(k string) bool { return k != "array" && k != "null" })
}

func (n *node) items() node {
	for _, p := range n.all() {
		if p.Items != nil {
			return n.doc.node(p.Items)
		}
	}
	return node{doc: n.doc}
}

// single reads a text as one value. Of several types the narrowest that fits
// counts, and a string is what is left.
func (n *node) single(text string) ([]byte, error) {
	raw, ok := n.read(text)
	if !ok {
		if t := strings.TrimSpace(text); len(t) > 0 && (t[0] == '[' || t[0] == '{') {
			if err := validJSON(t); err != nil {
				return nil, fmt.Errorf("want %s: %w", n.wanted(), err)
			}
		}
		return nil, fmt.Errorf("%q: want %s", clip(text), n.wanted())
	}
	literals := n.literals()
	if literals == nil || slices.ContainsFunc(literals, func(l json.RawMessage) bool { return same(l, raw) }) {
		return raw, nil
	}
	nearest := ""
	if names := shown(literals); len(names) > 1 {
		nearest = DidYouMean(text, names)
	}
	return nil, fmt.Errorf("%q%s: want %s", clip(text), nearest, n.wanted())
}

func (n *node) read(text string) (raw []byte, ok bool) {
	kinds := n.kinds()
	t := strings.TrimSpace(text)
	for _, k := range []string{"integer", "number", "boolean", "object", "array"} {
		if slices.Contains(kinds, k) && fits(k, t) {
			return compact([]byte(t)), true
		}
	}
	if len(kinds) == 0 || slices.Contains(kinds, "string") {
		return jsontext.AppendString(nil, text), true
	}
	return []byte("null"), slices.Contains(kinds, "null") && t == "null"
}

// fits reports whether a text is JSON of that type.
func fits(kind, text string) bool {
	switch kind {
	case "integer":
		return integerForm().MatchString(text)
	case "number":
		return numberForm().MatchString(text)
	case "boolean":
		return text == "true" || text == "false"
	case "object":
		return strings.HasPrefix(text, "{") && validJSON(text) == nil
	case "array":
		return strings.HasPrefix(text, "[") && validJSON(text) == nil
	}
	return false
}

// same reports whether two JSON values are equal, as far as a command line goes:
// numbers by their digits.
func same(a, b []byte) bool {
	if kindOf(a) == "string" && kindOf(b) == "string" {
		return decoded(a) == decoded(b)
	}
	return bytes.Equal(compact(a), compact(b))
}

func decoded(raw []byte) string { return jsontext.Text(bytes.TrimSpace(raw)) }

// show is how a literal is typed.
func show(raw json.RawMessage) string {
	if kindOf(raw) == "string" {
		return decoded(raw)
	}
	return string(compact(raw))
}

func shown(literals []json.RawMessage) []string {
	var words []string
	for _, l := range literals {
		words = append(words, show(l))
	}
	return words
}

// wanted says in words what a value has to be.
func (n *node) wanted() string {
	if literals := n.literals(); literals != nil {
		words := strings.Join(shown(literals), ", ")
		if len(literals) == 1 {
			return words
		}
		return "one of " + words
	}
	var words []string
	for _, k := range n.kinds() {
		words = append(words, kindWords[k])
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	if len(words) == 0 {
		return "a value"
	}
	return strings.Join(words, " or ")
}

var kindWords = map[string]string{
	"integer": "an integer",
	"number":  "a number",
	"boolean": "true or false",
	"string":  "a text",
	"object":  "a JSON object, or its members as key.member=value",
	"array":   "a JSON array, or its elements by repeating the key",
	"null":    "null",
}
