package main

import (
	"fmt"
	"strings"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addPrompts(srv *server.Server) {
	// What a prompt returns as a string is one message of the user.
	srv.Prompt(SimplePrompt, tool.Name("test_simple_prompt"))
	srv.Prompt(Comparison, tool.Name("test_prompt_with_arguments"), tool.Complete("arg1", cities))
	srv.Prompt(AboutResource, tool.Name("test_prompt_with_embedded_resource"))
	srv.Prompt(AboutPicture, tool.Name("test_prompt_with_image"))
	srv.Prompt(AboutAnything, tool.Name("test_input_required_result_prompt"))
}

// SimplePrompt asks for nothing much.
func SimplePrompt() string {
	return "This is a simple prompt for testing."
}

// Cities are the arguments of Comparison.
type Cities struct {
	// Arg1 is the city to compare.
	Arg1 string `json:"arg1"`
	// Arg2 is the city to compare it with.
	Arg2 string `json:"arg2"`
}

// Comparison asks to compare two cities, in the course of a conversation.
func Comparison(in Cities) []tool.Message {
	return []tool.Message{
		tool.UserMessage("I cannot decide."),
		tool.AssistantMessage("Between what?"),
		tool.UserMessage(fmt.Sprintf("Compare %q and %q.", in.Arg1, in.Arg2)),
	}
}

// cities completes the first argument of Comparison while it is typed.
func cities(_ *tool.Context, c tool.Completion) ([]string, error) {
	var found []string
	for _, city := range []string{"kyoto", "oslo", "osaka", "paris", "parma", "quito"} {
		if strings.HasPrefix(city, strings.ToLower(c.Value)) {
			found = append(found, city)
		}
	}
	return found, nil
}

// Topic is the argument of AboutResource.
type Topic struct {
	// ResourceURI is the URI of the document to ask about.
	ResourceURI string `json:"resourceUri" jsonschema:"minLength=1"`
}

// AboutResource asks for a summary of a document, which comes along.
func AboutResource(in Topic) []tool.Message {
	return []tool.Message{
		{Content: tool.Embed{URI: in.ResourceURI, MIME: "text/plain", Text: "What the document says."}},
		tool.UserMessage("Summarize the document above."),
	}
}

// AboutPicture asks what is on a picture, which comes along.
func AboutPicture() (tool.PromptResult, error) {
	picture, err := Picture()
	if err != nil {
		return tool.PromptResult{}, err
	}
	return tool.PromptResult{
		Description: "A question about a picture",
		Messages:    []tool.Message{{Content: picture}, tool.UserMessage("What is on this picture?")},
	}, nil
}

// Background is a form.
type Background struct {
	Context string `json:"context"`
}

// AboutAnything asks the user what it should be about.
func AboutAnything(ctx *tool.Context) (string, error) {
	// Prompts may ask as tools do, and so may resources.
	in, err := tool.Elicit[Background](ctx, "What context should the prompt use?", tool.Key("user_context"))
	if err != nil {
		return "", err
	}
	return "Keep this in mind: " + in.Context, nil
}
