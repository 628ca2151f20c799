package server

import (
	"encoding/json"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

var (
	toolKind = kind[*tool.Tool]{
		list: "tools", one: "tool", remedy: "give one of them another tool.Name",
		key: (*tool.Tool).Name, append: appendTool,
	}
	promptKind = kind[*tool.Prompt]{
		list: "prompts", one: "prompt", remedy: "give one of them another tool.Name",
		key: (*tool.Prompt).Name, append: appendPrompt,
	}
	resourceKind = kind[*tool.Resource]{
		list: "resources", one: "resource", remedy: "a URI stands for one resource",
		key: resourceURI, append: appendResource,
	}
	templateKind = kind[*tool.Resource]{
		list: "resourceTemplates", one: "resource template", remedy: "a template stands for one function",
		key: resourceURI, append: appendResource,
	}
)

func resourceURI(r *tool.Resource) string { return r.Spec().URI }

// base is what every item of a list may have.
type base struct {
	Name        string         `json:"name"`
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"`
	Icons       []tool.Icon    `json:"icons,omitempty"`
	Meta        map[string]any `json:"_meta,omitempty"`
}

// trim leaves out what the revision does not know.
func (b *base) trim(rev *revision) {
	if !rev.titles {
		b.Title, b.Meta = "", nil
	}
	if !rev.icons {
		b.Icons = nil
	}
}

func appendTool(dst []byte, rev *revision, t *tool.Tool) ([]byte, error) {
	spec := t.Spec()
	w, err := wireTool(rev, &spec)
	if err != nil {
		return dst, err
	}
	return appendJSON(dst, w)
}

// toolItem is a tool in tools/list, and in what a model may call.
type toolItem struct {
	base
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	Annotations  *wireHints      `json:"annotations,omitempty"`
}

// wireHints are a tool's annotations. Revision 2025-03-26 has no other place for
// its title.
type wireHints struct {
	Title string `json:"title,omitempty"`
	tool.Hints
}

func wireTool(rev *revision, spec *tool.Spec) (*toolItem, error) {
	w := &toolItem{
		base:        base{spec.Name, spec.Title, spec.Description, spec.Icons, spec.Meta},
		InputSchema: spec.Input,
	}
	w.trim(rev)
	if rev.hints {
		hints := wireHints{Hints: spec.Hints}
		if !rev.titles {
			hints.Title = spec.Title
		}
		if hints != (wireHints{}) {
			w.Annotations = &hints
		}
	}
	if !rev.structured || spec.Output == nil {
		return w, nil
	}
	w.OutputSchema = spec.Output
	if !spec.OutputObject && !rev.anyStructured {
		var err error
		w.OutputSchema, err = wrappedSchema(spec.Output)
		return w, err
	}
	return w, nil
}

// wrappedSchema describes what appendWrapped makes of a result whose schema is
// not that of an object. Its $defs move up: references find them at the root.
func wrappedSchema(schema json.RawMessage) (json.RawMessage, error) {
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(schema, &inner); err != nil {
		return nil, err
	}
	outer := struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
		Defs       json.RawMessage            `json:"$defs,omitempty"`
	}{Type: "object", Required: []string{"result"}, Defs: inner["$defs"]}
	if outer.Defs != nil {
		delete(inner, "$defs")
		var err error
		if schema, err = json.Marshal(inner); err != nil {
			return nil, err
		}
	}
	outer.Properties = map[string]json.RawMessage{"result": schema}
	return json.Marshal(outer)
}

func appendPrompt(dst []byte, rev *revision, p *tool.Prompt) ([]byte, error) {
	spec := p.Spec()
	w := struct {
		base
		Arguments []tool.PromptArgument `json:"arguments,omitempty"`
	}{
		base:      base{spec.Name, spec.Title, spec.Description, spec.Icons, spec.Meta},
		Arguments: spec.Arguments,
	}
	w.trim(rev)
	if !rev.titles {
		w.Arguments = append([]tool.PromptArgument(nil), spec.Arguments...)
		for i := range w.Arguments {
			w.Arguments[i].Title = ""
		}
	}
	return appendJSON(dst, w)
}

func appendResource(dst []byte, rev *revision, r *tool.Resource) ([]byte, error) {
	spec := r.Spec()
	w := struct {
		URI      string `json:"uri,omitempty"`
		Template string `json:"uriTemplate,omitempty"`
		base
		MIME        string           `json:"mimeType,omitempty"`
		Size        int64            `json:"size,omitempty"`
		Annotations *wireAnnotations `json:"annotations,omitempty"`
	}{
		URI:         spec.URI,
		base:        base{spec.Name, spec.Title, spec.Description, spec.Icons, spec.Meta},
		MIME:        spec.MIME,
		Size:        spec.Size,
		Annotations: annotationsOf(rev, spec.Annotations),
	}
	if spec.Template {
		w.URI, w.Template, w.Size = "", spec.URI, 0
	}
	w.trim(rev)
	return appendJSON(dst, w)
}

// wireAnnotations are the annotations of a block or a resource.
type wireAnnotations struct {
	Audience     []string `json:"audience,omitempty"`
	Priority     *float64 `json:"priority,omitempty"`
	LastModified string   `json:"lastModified,omitempty"`
}

func annotationsOf(rev *revision, a *tool.Annotations) *wireAnnotations {
	if a == nil {
		return nil
	}
	w := &wireAnnotations{Audience: a.Audience, Priority: a.Priority}
	if rev.titles && !a.LastModified.IsZero() {
		w.LastModified = a.LastModified.Format(time.RFC3339)
	}
	return w
}
