package tool

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Sampling is what a client's model is asked (2025-11-25 and 2026-07-28,
// sampling).
type Sampling struct {
	// Messages is the conversation, never none. Their content is [Text], [Image]
	// and [Audio]; and [ToolUse], said by the assistant, with a [ToolResult] for
	// each behind it, said by the user.
	Messages    []Message
	System      string   // the system prompt; the client may change or ignore it
	MaxTokens   int      // 1,000 if 0
	Temperature *float64 // nil is not said
	Stop        []string // sequences to stop at

	// Hints are names of models, or parts of them, the preferred one first. Cost,
	// Speed and Intelligence say how much each matters, from 0 to 1; nil is not
	// said. The client chooses.
	Hints                     []string
	Cost, Speed, Intelligence *float64

	// Tools may be called by the model, if the client declared sampling.tools:
	// the answer then holds [ToolUse] blocks. They are specs of tools, see
	// [Tool.Spec]; a Name and an Input will do. Choice is auto, required or none; ""
	// is not said.
	Tools  []Spec
	Choice string

	Metadata map[string]any // for the provider of the model
}

// Sampled is what the client's model said.
type Sampled struct {
	Role    Role
	Content []Content // Text, Image, Audio and ToolUse
	Model   string
	Stop    string // why it stopped: endTurn, stopSequence, maxTokens, toolUse or another; "" is not said
}

// ToolUse is a block in which a client's model asks for a tool to be called. It
// occurs in sampling alone.
type ToolUse struct {
	ID    string
	Name  string
	Input json.RawMessage // an object; none is {}
	Meta  map[string]any
}

// ToolResult is a block that answers a [ToolUse]. It occurs in sampling alone.
type ToolResult struct {
	ToolUseID  string
	Content    []Content // all but ToolUse and ToolResult
	Structured any       // encoded with encoding/json; an object
	IsError    bool
	Meta       map[string]any
}

func (ToolUse) content()    {}
func (ToolResult) content() {}

// Sample has the client's model continue a conversation (2025-11-25 and
// 2026-07-28, sampling; deprecated in the latter). The client chooses the model,
// and its user may read, change and refuse what is asked and what is said.
//
// The function that asks may run again from its beginning for each answer, with
// the same arguments. Return the error that is [ErrInputRequired], which explains
// this, and put what may happen only once into [Once].
//
// Other errors are a [*CapabilityError], and one that names the place in s that
// is not as [Sampling] wants it: nothing was asked then. Without [Key], the
// question is named sample.
func Sample(ctx *Context, s Sampling, options ...AskOption) (*Sampled, error) {
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("tool.Sample: %w", err)
	}
	var said *Sampled
	q := &Question{Kind: AskSampling, Sampling: &s, Read: func(result []byte) (err error) {
		said, err = readSampled(result)
		return err
	}}
	if err := ctx.ask(q, "sample", options); err != nil {
		return nil, err
	}
	return said, nil
}

// UsesTools reports whether only a client that declared sampling.tools can be
// asked s: there are tools in it, or a conversation in which some were used.
func (s *Sampling) UsesTools() bool {
	return len(s.Tools) > 0 || slices.ContainsFunc(s.Messages, func(m Message) bool {
		switch m.Content.(type) {
		case ToolUse, ToolResult:
			return true
		}
		return false
	})
}

// Text returns the text of the blocks that are [Text], with nothing between them.
func (s *Sampled) Text() string {
	var b strings.Builder
	for _, c := range s.Content {
		if t, ok := c.(Text); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}
