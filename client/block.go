package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

// block is a content block on the wire (2025-11-25 schema, ContentBlock and
// SamplingMessageContentBlock).
type block struct{ tool.Content }

// blocks is a list of them, or one that stands alone.
type blocks []tool.Content

type wireBlock struct {
	Type        string           `json:"type"`
	Text        string           `json:"text"`
	Data        []byte           `json:"data"`
	MIME        string           `json:"mimeType"`
	URI         string           `json:"uri"`
	Name        string           `json:"name"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Size        int64            `json:"size"`
	Resource    wireEmbed        `json:"resource"`
	ID          string           `json:"id"`
	Input       json.RawMessage  `json:"input"`
	ToolUseID   string           `json:"toolUseId"`
	Content     json.RawMessage  `json:"content"`
	Structured  json.RawMessage  `json:"structuredContent"`
	IsError     bool             `json:"isError"`
	Annotations *wireAnnotations `json:"annotations"`
	Meta        map[string]any   `json:"_meta"`
}

type wireAnnotations struct {
	Audience     []string `json:"audience"`
	Priority     *float64 `json:"priority"`
	LastModified string   `json:"lastModified"`
}

// decode leaves a time out that is none: nothing in annotations is required.
func (a *wireAnnotations) decode() *tool.Annotations {
	if a == nil {
		return nil
	}
	modified, _ := time.Parse(time.RFC3339, a.LastModified)
	return &tool.Annotations{Audience: a.Audience, Priority: a.Priority, LastModified: modified}
}

// wireEmbed is the contents of a resource.
type wireEmbed struct {
	URI  string         `json:"uri"`
	MIME string         `json:"mimeType"`
	Text string         `json:"text"`
	Blob []byte         `json:"blob"`
	Meta map[string]any `json:"_meta"`
}

func (e *wireEmbed) embed() tool.Embed {
	return tool.Embed{URI: e.URI, MIME: e.MIME, Text: e.Text, Blob: e.Blob, Meta: e.Meta}
}

// UnmarshalJSON implements [json.Unmarshaler]. A block of a type that is not known
// becomes a text that says so: what is beside it is not to be lost.
func (b *block) UnmarshalJSON(text []byte) error {
	var w wireBlock
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	annotations := w.Annotations.decode()
	switch w.Type {
	case "text":
		b.Content = tool.Text{Text: w.Text, Annotations: annotations, Meta: w.Meta}
	case "image":
		b.Content = tool.Image{Data: w.Data, MIME: w.MIME, Annotations: annotations, Meta: w.Meta}
	case "audio":
		b.Content = tool.Audio{Data: w.Data, MIME: w.MIME, Annotations: annotations, Meta: w.Meta}
	case "resource_link":
		b.Content = tool.Link{URI: w.URI, Name: w.Name, Title: w.Title, Description: w.Description,
			MIME: w.MIME, Size: w.Size, Annotations: annotations, Meta: w.Meta}
	case "resource":
		e := w.Resource.embed()
		e.Annotations = annotations
		if e.Meta == nil {
			e.Meta = w.Meta
		}
		b.Content = e
	case "tool_use":
		b.Content = tool.ToolUse{ID: w.ID, Name: w.Name, Input: w.Input, Meta: w.Meta}
	case "tool_result":
		r := tool.ToolResult{ToolUseID: w.ToolUseID, IsError: w.IsError, Meta: w.Meta}
		var err error
		if r.Content, err = flat(w.Content); err != nil {
			return err
		}
		if w.Structured != nil {
			r.Structured = w.Structured
		}
		b.Content = r
	default:
		b.Content = tool.Text{Text: fmt.Sprintf("[content of the type %.40q, which this client does not know]", w.Type)}
	}
	return nil
}

// flat decodes the content of a tool result, in which there is no other: each
// level would cost a scan of all that is in it.
func flat(text json.RawMessage) ([]tool.Content, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var raw []json.RawMessage
	if text[0] == '{' {
		raw = []json.RawMessage{text}
	} else if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	all := make([]tool.Content, len(raw))
	for i, one := range raw {
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(one, &head); err != nil {
			return nil, err
		}
		if head.Type == "tool_result" {
			return nil, errors.New("a tool_result inside a tool_result")
		}
		var b block
		if err := json.Unmarshal(one, &b); err != nil {
			return nil, err
		}
		all[i] = b.Content
	}
	return all, nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (b *blocks) UnmarshalJSON(text []byte) error {
	if text = bytes.TrimSpace(text); len(text) > 0 && text[0] == '{' {
		var one block
		if err := json.Unmarshal(text, &one); err != nil {
			return err
		}
		*b = blocks{one.Content}
		return nil
	}
	var many []block
	if err := json.Unmarshal(text, &many); err != nil {
		return err
	}
	for _, one := range many {
		*b = append(*b, one.Content)
	}
	return nil
}

// object decodes a result, which has to be an object: null would be one without
// anything in it.
func object(text json.RawMessage, dst any) error {
	if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '{' {
		return fmt.Errorf("it is no object: %.20s", text)
	}
	return json.Unmarshal(text, dst)
}

func decodeResult(text json.RawMessage) (*Result, error) {
	var w struct {
		Content    blocks          `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
		IsError    bool            `json:"isError"`
		Meta       json.RawMessage `json:"_meta"`
	}
	if err := object(text, &w); err != nil {
		return nil, err
	}
	if string(w.Structured) == "null" {
		w.Structured = nil
	}
	return &Result{Content: w.Content, Structured: w.Structured, IsError: w.IsError, Meta: w.Meta, Raw: text}, nil
}

// encodeSampled makes a CreateMessageResult. One block stands alone, as revisions
// up to 2025-06-18 want it.
func encodeSampled(s *tool.Sampled) (any, error) {
	encoded := make([]any, len(s.Content))
	for i, c := range s.Content {
		switch c := c.(type) {
		case tool.Text:
			encoded[i] = map[string]any{"type": "text", "text": c.Text}
		case tool.Image:
			encoded[i] = map[string]any{"type": "image", "data": c.Data, "mimeType": c.MIME}
		case tool.Audio:
			encoded[i] = map[string]any{"type": "audio", "data": c.Data, "mimeType": c.MIME}
		case tool.ToolUse:
			input := c.Input
			if input == nil {
				input = json.RawMessage("{}")
			}
			encoded[i] = map[string]any{"type": "tool_use", "id": c.ID, "name": c.Name, "input": input}
		default:
			return nil, fmt.Errorf("client: a model cannot say a %T", c)
		}
	}
	role, model := s.Role, s.Model
	if role == "" {
		role = tool.Assistant
	}
	if model == "" {
		model = "unknown"
	}
	result := map[string]any{"role": role, "model": model, "content": any(encoded)}
	if len(encoded) == 1 {
		result["content"] = encoded[0]
	}
	if s.Stop != "" {
		result["stopReason"] = s.Stop
	}
	return result, nil
}
