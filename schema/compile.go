package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	validator "github.com/google/jsonschema-go/jsonschema"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
)

// maxCompiled is how many bytes a document may have.
const maxCompiled = 1 << 20

// A Document is a JSON Schema document that was written by hand, ready to
// validate values. It does not change and is safe for concurrent use.
type Document struct {
	resolved *validator.Resolved
	root     any // the document itself, to say what it wants
	depth    int // how deep values may nest
	unique   bool
}

// Compile prepares a document of JSON Schema 2020-12, or of draft 7 if its
// $schema says so. The error says what is wrong with it; besides mistakes these
// are its bounds:
//
//   - 1 MiB, and no $ref outside the document: nothing is fetched. There is no
//     $dynamicRef, and no $id but the root's.
//   - No schema refers to itself on the same value, nor puts more than 10,000
//     schemas to one value, or 100,000 to the parts on a path into it.
//
// Regular expressions are those of package regexp; format is not checked. Where a
// document is recursive, values may nest 64 levels deep, or less if each level
// could be checked against several alternatives that recurse.
func Compile(doc json.RawMessage) (*Document, error) {
	if len(doc) > maxCompiled {
		return nil, fmt.Errorf("schema: a document of %d bytes, more than %d", len(doc), maxCompiled)
	}
	r := jsontext.Read(doc)
	if _, err := r.Value(); err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	d := &Document{}
	if err := json.Unmarshal(doc, &d.root); err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	var err error
	if d.depth, d.unique, err = survey(d.root); err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	var s validator.Schema
	if err := json.Unmarshal(doc, &s); err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	options := validator.ResolveOptions{Loader: func(u *url.URL) (*validator.Schema, error) {
		return nil, fmt.Errorf("$ref leads out of the document, to %s: copy what is there into $defs", u)
	}}
	if panicked := guard("the validator", func() { d.resolved, err = s.Resolve(&options) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return nil, fmt.Errorf("schema: the document: %w", err)
	}
	return d, nil
}

// Validate checks data, one JSON value. The error is an [*Error] if the value
// does not fit the document, and another one if data is not JSON.
func (d *Document) Validate(data []byte) error {
	r := jsontext.Read(data)
	raw, err := r.Value()
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	if p := d.problems(raw, nil); p != nil {
		return &Error{p}
	}
	return nil
}

// problems validates raw, known to be JSON, which stands at the place at.
func (d *Document) problems(raw []byte, at []step) []Problem {
	if n := nesting(raw); n > d.depth {
		return []Problem{{pathText(at), fmt.Sprintf("at most %d levels of nesting", d.depth), strconv.Itoa(n)}}
	}
	value, err := generic(raw)
	if err != nil {
		return []Problem{{pathText(at), "numbers of an ordinary size", quote(raw)}}
	}
	if d.unique && (&alikeness{budget: 16*len(raw) + 1<<16}).in(value) {
		return []Problem{{pathText(at), "items that are easier to tell apart", quote(raw)}}
	}
	if err = d.resolved.Validate(value); err == nil {
		return nil
	}
	return d.explain(err, value, at)
}

// nesting returns how deep arrays and objects nest in raw, which is valid.
func nesting(raw []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		}
	}
	return most
}

// generic decodes raw the way the validator wants values. Integers stay exact as
// far as 64 bits go.
func generic(raw []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v)
}

func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return plainNumber(string(v))
	case []any:
		for i := range v {
			if v[i], err = plainNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plainNumbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func plainNumber(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	return strconv.ParseFloat(s, 64)
}
