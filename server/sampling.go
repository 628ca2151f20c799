package server

import (
	"encoding/json"
	"fmt"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/tool"
)

// appendSampled appends a block of a conversation with a model, which may have
// blocks that nothing else has.
func appendSampled(dst []byte, rev *revision, block tool.Content) ([]byte, error) {
	switch b := block.(type) {
	case tool.ToolUse:
		dst = jsontext.AppendString(append(dst, `{"type":"tool_use","id":`...), b.ID)
		dst = jsontext.AppendString(append(dst, `,"name":`...), b.Name)
		input := b.Input
		if len(input) == 0 {
			input = json.RawMessage("{}")
		}
		dst, err := appendJSON(append(dst, `,"input":`...), input)
		if err != nil {
			return dst, fmt.Errorf("the input: %w", err)
		}
		return appendExtras(dst, rev, nil, b.Meta)
	case tool.ToolResult:
		dst = jsontext.AppendString(append(dst, `{"type":"tool_result","toolUseId":`...), b.ToolUseID)
		dst, err := appendContents(append(dst, `,"content":[`...), rev, b.Content)
		if err != nil {
			return dst, err
		}
		dst = append(dst, ']')
		if b.Structured != nil {
			if dst, err = appendJSON(append(dst, `,"structuredContent":`...), b.Structured); err != nil {
				return dst, fmt.Errorf("the structured content: %w", err)
			}
		}
		if b.IsError {
			dst = append(dst, `,"isError":true`...)
		}
		return appendExtras(dst, rev, nil, b.Meta)
	}
	if _, ok := block.(tool.Audio); ok && !rev.audio {
		return dst, fmt.Errorf("revision %s has no audio in sampling: write what is said into a tool.Text", rev.Date)
	}
	return appendContent(dst, rev, block)
}

// together returns how many messages, from the first on, are one on the wire. A
// model that uses several tools says so in one message, and gets the results in
// one (2025-11-25, sampling, tool use and result balance).
func together(messages []tool.Message) int {
	_, results := messages[0].Content.(tool.ToolResult)
	uses, n := false, 0
	for _, m := range messages {
		_, result := m.Content.(tool.ToolResult)
		if m.Role != messages[0].Role || result != results {
			break
		}
		_, use := m.Content.(tool.ToolUse)
		uses = uses || use
		n++
	}
	if results || uses {
		return n
	}
	return 1
}

// appendTurn appends messages that are one on the wire.
func appendTurn(dst []byte, rev *revision, messages []tool.Message) ([]byte, error) {
	dst = jsontext.AppendString(append(dst, `{"role":`...), string(messages[0].Role))
	dst = append(dst, `,"content":`...)
	if len(messages) > 1 {
		dst = append(dst, '[')
	}
	for i, m := range messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendSampled(dst, rev, m.Content); err != nil {
			return dst, err
		}
	}
	if len(messages) > 1 {
		dst = append(dst, ']')
	}
	if rev.sampledTools {
		var err error
		if dst, err = appendMeta(dst, messages[0].Meta); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// sampleParams are those of sampling/createMessage. The messages are encoded
// already.
type sampleParams struct {
	Messages    json.RawMessage `json:"messages"`
	Preferences *preferences    `json:"modelPreferences,omitempty"`
	System      string          `json:"systemPrompt,omitempty"`
	Temperature *float64        `json:"temperature,omitempty"`
	MaxTokens   int             `json:"maxTokens"`
	Stop        []string        `json:"stopSequences,omitempty"`
	Metadata    map[string]any  `json:"metadata,omitempty"`
	Tools       []*toolItem     `json:"tools,omitempty"`
	Choice      *toolChoice     `json:"toolChoice,omitempty"`
}

type preferences struct {
	Hints        []modelHint `json:"hints,omitempty"`
	Cost         *float64    `json:"costPriority,omitempty"`
	Speed        *float64    `json:"speedPriority,omitempty"`
	Intelligence *float64    `json:"intelligencePriority,omitempty"`
}

type modelHint struct {
	Name string `json:"name"`
}

type toolChoice struct {
	Mode string `json:"mode"`
}

func encodeSampling(rev *revision, s *tool.Sampling) ([]byte, error) {
	messages := []byte{'['}
	for rest := s.Messages; len(rest) > 0; {
		n := together(rest)
		var err error
		if messages, err = appendTurn(comma(messages), rev, rest[:n]); err != nil {
			return nil, fmt.Errorf("message %d: %w", len(s.Messages)-len(rest), err)
		}
		rest = rest[n:]
	}
	p := sampleParams{
		Messages:    append(messages, ']'),
		System:      s.System,
		Temperature: s.Temperature,
		MaxTokens:   s.MaxTokens,
		Stop:        s.Stop,
		Metadata:    s.Metadata,
	}
	if s.Hints != nil || s.Cost != nil || s.Speed != nil || s.Intelligence != nil {
		p.Preferences = &preferences{Cost: s.Cost, Speed: s.Speed, Intelligence: s.Intelligence}
		for _, name := range s.Hints {
			p.Preferences.Hints = append(p.Preferences.Hints, modelHint{name})
		}
	}
	for i := range s.Tools {
		item, err := wireTool(rev, &s.Tools[i])
		if err != nil {
			return nil, err
		}
		p.Tools = append(p.Tools, item)
	}
	if s.Choice != "" {
		p.Choice = &toolChoice{s.Choice}
	}
	return appendJSON(nil, &p)
}
