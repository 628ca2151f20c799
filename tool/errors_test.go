package tool_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

func TestUserText(t *testing.T) {
	tests := []struct {
		name string
		err  error
		text string
		ok   bool
	}{
		{"nil", nil, "", false},
		{"unmarked", io.EOF, "", false},
		{"Errorf", tool.Errorf("no city %q", "Atlantis"), `no city "Atlantis"`, true},
		{"Errorf that wraps", tool.Errorf("reading: %w", io.EOF), "reading: EOF", true},
		{"UserError", tool.UserError(io.EOF), "EOF", true},
		{"UserError of nil", tool.UserError(nil), "", false},
		{"wrapped: what was not marked is left out", fmt.Errorf("db at 10.0.0.1: %w", tool.Errorf("try later")), "try later", true},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", tool.UserError(io.EOF))), "EOF", true},
		{"joined", errors.Join(io.EOF, tool.Errorf("try later")), "try later", true},
		{"the outermost mark counts", tool.Errorf("outer: %w", tool.Errorf("inner")), "outer: inner", true},
		{"empty text", tool.Errorf(""), "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, ok := tool.UserText(test.err)
			if text != test.text || ok != test.ok {
				t.Errorf("got %q, %v; want %q, %v", text, ok, test.text, test.ok)
			}
		})
	}
}

func TestUserErrorsWrap(t *testing.T) {
	path := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	for name, err := range map[string]error{
		"Errorf":             tool.Errorf("reading: %w", path),
		"UserError":          tool.UserError(path),
		"UserError, wrapped": fmt.Errorf("more: %w", tool.UserError(path)),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: errors.Is does not see through", name)
		}
		if found, ok := errors.AsType[*fs.PathError](err); !ok || found != path {
			t.Errorf("%s: errors.AsType does not see through", name)
		}
	}
	if tool.UserError(nil) != nil {
		t.Error("UserError(nil) is not nil")
	}
}
