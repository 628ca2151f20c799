package tool_test

import (
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/tool"
)

// A tool that asks before it does what cannot be undone.
func ExampleElicit() {
	type Confirm struct {
		Reason string `json:"reason" jsonschema:"minLength=3"`
		Scope  string `json:"scope" jsonschema:"enum=file,enum=dir,default=file" titles:"This file|The whole folder"`
	}
	type Input struct {
		Path string `json:"path"`
	}
	_ = func(ctx *tool.Context, in Input) (string, error) {
		c, err := tool.Elicit[Confirm](ctx, "Delete "+in.Path+"?")
		if errors.Is(err, tool.ErrDeclined) {
			return "left as it was", nil
		} else if err != nil {
			return "", err // also tool.ErrInputRequired: this function runs again with the answer
		}
		return fmt.Sprintf("deleted the %s because of %q", c.Scope, c.Reason), nil
	}
}
