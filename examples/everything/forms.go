package main

import (
	"fmt"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addForms(srv *server.Server) {
	srv.Tool(AskWithDefaults, tool.Name("test_elicitation_sep1034_defaults"))
	srv.Tool(AskToChoose, tool.Name("test_elicitation_sep1330_enums"))
}

// Forms are not tools: the comments on their fields are for readers of the code,
// and what users see is in the tags.

// Profile is a form with every kind of field but choices. A default is what the
// client shows until the user changes it, and what the tool gets if it is left
// out.
type Profile struct {
	Name     string  `json:"name,omitempty" jsonschema:"default=John Doe" jsonschema_description:"Your name"`
	Age      int     `json:"age,omitempty" jsonschema:"default=30,minimum=0" jsonschema_description:"Your age in years"`
	Score    float64 `json:"score,omitempty" jsonschema:"default=95.5" jsonschema_description:"What you scored"`
	Status   string  `json:"status,omitempty" jsonschema:"enum=active,enum=inactive,enum=pending,default=active" jsonschema_description:"Whether the account is in use"`
	Verified bool    `json:"verified,omitempty" jsonschema:"default=true" jsonschema_description:"Whether someone checked who you are"`
}

// AskWithDefaults asks the user for a profile that is filled in already.
func AskWithDefaults(ctx *tool.Context) (string, error) {
	in, err := tool.Elicit[Profile](ctx, "Please check your profile.")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %d, %v points, %s, verified: %t.", in.Name, in.Age, in.Score, in.Status, in.Verified), nil
}

// Choices is a form of choices: one of a few, or several, with titles for people
// to read or without. The values are in the order of their titles.
type Choices struct {
	UntitledSingle string   `json:"untitledSingle" jsonschema:"enum=option1,enum=option2,enum=option3"`
	TitledSingle   string   `json:"titledSingle" jsonschema:"enum=value1,enum=value2,enum=value3" titles:"First option|Second option|Third option"`
	UntitledMulti  []string `json:"untitledMulti" jsonschema:"enum=option1,enum=option2,enum=option3"`
	TitledMulti    []string `json:"titledMulti" jsonschema:"enum=value1,enum=value2,enum=value3" titles:"First choice|Second choice|Third choice"`

	// Titles as they were before 2025-11-25, deprecated since.
	LegacyEnum string `json:"legacyEnum" jsonschema:"enum=opt1,enum=opt2,enum=opt3" jsonschema_extras:"enumNames=Option one,enumNames=Option two,enumNames=Option three"`
}

// AskToChoose has the user choose, in every way there is.
func AskToChoose(ctx *tool.Context) (string, error) {
	in, err := tool.Elicit[Choices](ctx, "Please choose.")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("One each: %s, %s, %s. Several: %q, %q.",
		in.UntitledSingle, in.TitledSingle, in.LegacyEnum, in.UntitledMulti, in.TitledMulti), nil
}
