package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// readSampled reads a CreateMessageResult (2025-11-25 schema).
func readSampled(result []byte) (*Sampled, error) {
	var r struct {
		Role    Role            `json:"role"`
		Content json.RawMessage `json:"content"` // a block, or from 2025-11-25 on an array of them
		Model   string          `json:"model"`
		Stop    string          `json:"stopReason"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return nil, errors.New("the answer is no result of sampling/createMessage")
	}
	if r.Role != User && r.Role != Assistant {
		return nil, fmt.Errorf("role: expected assistant or user, got %.40q", r.Role)
	}
	content := bytes.TrimSpace(r.Content)
	if len(content) > 0 && content[0] == '{' {
		content = append(append([]byte{'['}, content...), ']')
	}
	var blocks []wireBlock
	if err := json.Unmarshal(content, &blocks); err != nil || blocks == nil {
		return nil, errors.New("content: expected a content block, or an array of them")
	}
	said := &Sampled{Role: r.Role, Model: r.Model, Stop: r.Stop, Content: make([]Content, len(blocks))}
	for i, b := range blocks {
		var err error
		if said.Content[i], err = b.block(); err != nil {
			return nil, fmt.Errorf("content[%d]: %w", i, err)
		}
	}
	return said, nil
}

// A wireBlock is any block that a model may say (2025-11-25 schema,
// SamplingMessageContentBlock).
type wireBlock struct {
	Type        string           `json:"type"`
	Text        *string          `json:"text"`
	Data        []byte           `json:"data"`
	MIME        string           `json:"mimeType"`
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Input       json.RawMessage  `json:"input"`
	Annotations *wireAnnotations `json:"annotations"`
	Meta        map[string]any   `json:"_meta"`
}

type wireAnnotations struct {
	Audience     []string `json:"audience"`
	Priority     *float64 `json:"priority"`
	LastModified string   `json:"lastModified"`
}

// block checks that what the block's type requires is there.
func (b *wireBlock) block() (Content, error) {
	annotations := b.Annotations.decode()
	switch b.Type {
	case "text":
		if b.Text == nil {
			return nil, errors.New("text: missing")
		}
		return Text{Text: *b.Text, Annotations: annotations, Meta: b.Meta}, nil
	case "image", "audio":
		if b.Data == nil || b.MIME == "" {
			return nil, errors.New("data or mimeType: missing")
		}
		if b.Type == "image" {
			return Image{Data: b.Data, MIME: b.MIME, Annotations: annotations, Meta: b.Meta}, nil
		}
		return Audio{Data: b.Data, MIME: b.MIME, Annotations: annotations, Meta: b.Meta}, nil
	case "tool_use":
		if b.ID == "" || b.Name == "" || !isObject(b.Input) {
			return nil, errors.New("id, name or input: missing")
		}
		return ToolUse{ID: b.ID, Name: b.Name, Input: b.Input, Meta: b.Meta}, nil
	}
	return nil, fmt.Errorf("type: expected text, image, audio or tool_use, got %.40q", b.Type)
}

// decode leaves a time out that is none: nothing in annotations is required.
func (a *wireAnnotations) decode() *Annotations {
	if a == nil {
		return nil
	}
	modified, _ := time.Parse(time.RFC3339, a.LastModified)
	return &Annotations{Audience: a.Audience, Priority: a.Priority, LastModified: modified}
}
