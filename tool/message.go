package tool

import (
	"errors"
	"fmt"
	"reflect"
)

var (
	messageType = reflect.TypeFor[Message]()
	promptType  = reflect.TypeFor[PromptResult]()
)

// errNoMessage answers a nil where a prompt's messages should be.
var errNoMessage = &userError{errors.New("the prompt returned nothing")}

// A messageEncoder makes a PromptResult of what a function returned.
type messageEncoder func(reflect.Value) (*PromptResult, error)

// messageEncoderOf decides how results of type t, nil for none, are sent.
func messageEncoderOf(t reflect.Type) (messageEncoder, error) {
	switch {
	case t == nil:
		return nil, errors.New("the function returns no messages: return a string, or one of those below")
	case t == promptType, t == reflect.PointerTo(promptType):
		return promptAsIs, nil
	case t == messageType:
		return func(v reflect.Value) (*PromptResult, error) { return messages(v) }, nil
	case t.Kind() == reflect.Slice && t.Elem() == messageType:
		return eachMessage, nil
	case isBlock(t), t == contentType:
		return func(v reflect.Value) (*PromptResult, error) { return messages(v) }, nil
	case t.Kind() == reflect.Slice && (isBlock(t.Elem()) || t.Elem() == contentType):
		return eachMessage, nil
	case t.Kind() == reflect.String && !t.Implements(jsonMarshaler) && !t.Implements(textMarshaler):
		return func(v reflect.Value) (*PromptResult, error) {
			return &PromptResult{Messages: []Message{UserMessage(v.String())}}, nil
		}, nil
	}
	return nil, fmt.Errorf("a prompt does not return %s: write it as a string or as messages", t)
}

func promptAsIs(v reflect.Value) (*PromptResult, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, errNoMessage
		}
		v = v.Elem()
	}
	said, _ := v.Interface().(PromptResult)
	checked, err := eachMessage(reflect.ValueOf(said.Messages))
	if err != nil {
		return nil, err
	}
	said.Messages = checked.Messages
	return &said, nil
}

func eachMessage(v reflect.Value) (*PromptResult, error) {
	all := make([]reflect.Value, v.Len())
	for i := range all {
		all[i] = v.Index(i)
	}
	return messages(all...)
}

// messages makes messages of what are Messages, or blocks that the user says.
func messages(of ...reflect.Value) (*PromptResult, error) {
	result := &PromptResult{Messages: make([]Message, len(of))}
	for i, v := range of {
		m, ok := v.Interface().(Message)
		if !ok {
			m = Message{Content: blockOf(v)}
		}
		if m.Role == "" {
			m.Role = User
		}
		if m.Role != User && m.Role != Assistant {
			return nil, fmt.Errorf("message %d: the role %q is neither user nor assistant", i, m.Role)
		}
		if m.Content != nil {
			m.Content = blockOf(reflect.ValueOf(m.Content)) // by value
		}
		switch {
		case m.Content == nil:
			return nil, fmt.Errorf("message %d has no content", i)
		case !blockTypes[reflect.TypeOf(m.Content)]:
			return nil, fmt.Errorf("message %d: a %T occurs in sampling alone", i, m.Content)
		}
		result.Messages[i] = m
	}
	return result, nil
}
