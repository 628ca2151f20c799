package tool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// defaultMaxTokens is what MaxTokens is if nothing is said: the protocol wants a
// number.
const defaultMaxTokens = 1000

// prepare fills in what s does not say, in s alone and nothing it shares with the
// caller's, and refuses what a client would.
func (s *Sampling) prepare() error {
	s.MaxTokens = cmp.Or(s.MaxTokens, defaultMaxTokens)
	if s.MaxTokens < 0 {
		return fmt.Errorf("a MaxTokens of %d: write a number above 0", s.MaxTokens)
	}
	if t := s.Temperature; t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
		return fmt.Errorf("a Temperature of %v: write a number, or nil", *t)
	}
	for name, weight := range map[string]*float64{"Cost": s.Cost, "Speed": s.Speed, "Intelligence": s.Intelligence} {
		if weight != nil && !(*weight >= 0 && *weight <= 1) {
			return fmt.Errorf("%s is %v: write a number from 0 to 1, or nil", name, *weight)
		}
	}
	if err := s.checkTools(); err != nil {
		return err
	}
	if len(s.Messages) == 0 {
		return errors.New("there are no Messages: begin with tool.UserMessage")
	}
	s.Messages = slices.Clone(s.Messages)
	open := openUses{}
	for i := range s.Messages {
		if err := s.Messages[i].prepare(&open); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return open.none()
}

func (s *Sampling) checkTools() error {
	if !slices.Contains([]string{"", "auto", "required", "none"}, s.Choice) {
		return fmt.Errorf("the Choice %q: write auto, required or none", s.Choice)
	}
	if s.Choice != "" && len(s.Tools) == 0 {
		return fmt.Errorf("the Choice %q without Tools: add them, or remove it", s.Choice)
	}
	for i, t := range s.Tools {
		if t.Name == "" || !isObject(t.Input) {
			return fmt.Errorf("tool %d: no Name, or no Input that is a JSON object: use the Spec of a Tool", i)
		}
	}
	return nil
}

// isObject reports whether raw is a JSON object.
func isObject(raw []byte) bool {
	return json.Valid(raw) && bytes.TrimLeft(raw, " \t\r\n")[0] == '{'
}

// prepare makes the message's content a value, says its role, and checks both.
func (m *Message) prepare(open *openUses) error {
	m.Role = cmp.Or(m.Role, User)
	if m.Role != User && m.Role != Assistant {
		return fmt.Errorf("the role %q: write tool.User or tool.Assistant", m.Role)
	}
	m.Content = blockOf(reflect.ValueOf(m.Content))
	switch b := m.Content.(type) {
	case Text, Image, Audio:
		return open.pass(m.Role)
	case ToolUse:
		if m.Role != Assistant {
			return errors.New("a ToolUse is said by tool.Assistant")
		}
		if b.ID == "" || b.Name == "" || len(b.Input) > 0 && !isObject(b.Input) {
			return errors.New("the ToolUse has no ID, no Name, or an Input that is not a JSON object")
		}
		return open.use(b.ID)
	case ToolResult:
		if m.Role != User {
			return errors.New("a ToolResult is said by tool.User")
		}
		if err := b.prepare(); err != nil {
			return err
		}
		m.Content = b
		return open.result(b.ToolUseID)
	case nil:
		return errors.New("there is no Content: write a tool.Text")
	}
	return fmt.Errorf("a %T cannot be said to a model: write what is in it into a tool.Text", m.Content)
}

// prepare makes the blocks of a result values.
func (b *ToolResult) prepare() error {
	b.Content = slices.Clone(b.Content)
	for i, c := range b.Content {
		b.Content[i] = blockOf(reflect.ValueOf(c))
		if b.Content[i] == nil || !isBlock(reflect.TypeOf(b.Content[i])) {
			return fmt.Errorf("the ToolResult's Content[%d] is a %T, which no tool returns", i, c)
		}
	}
	return nil
}

// openUses are the tool uses of a conversation that have no result yet. What
// follows a message with tool uses is a result for each, before any other message
// (2025-11-25, sampling, tool use and result balance).
type openUses struct {
	ids       []string
	answering bool // the results have begun
}

func (o *openUses) none() error {
	if len(o.ids) > 0 {
		return fmt.Errorf("the tool use %q has no result: add a message with its ToolResult", o.ids[0])
	}
	return nil
}

// pass takes note of something else that is said. The assistant may say it
// between two tool uses.
func (o *openUses) pass(by Role) error {
	if by == Assistant && !o.answering {
		return nil
	}
	return o.none()
}

func (o *openUses) use(id string) error {
	if o.answering {
		if err := o.none(); err != nil {
			return err
		}
	}
	if slices.Contains(o.ids, id) {
		return fmt.Errorf("the ID %q is there twice", id)
	}
	o.ids, o.answering = append(o.ids, id), false
	return nil
}

func (o *openUses) result(id string) error {
	i := slices.Index(o.ids, id)
	if i < 0 {
		return fmt.Errorf("a result for the tool use %q, which is not before it", id)
	}
	o.ids, o.answering = slices.Delete(o.ids, i, i+1), true
	return nil
}
