package main

import (
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addQuestions(srv *server.Server) {
	srv.Tool(AskModel, tool.Name("test_sampling"))
	srv.Tool(AskUser, tool.Name("test_elicitation"))
	srv.Tool(AskOracle, tool.Name("test_missing_capability"))
	srv.Tool(AskWithProgress, tool.Name("test_streaming_elicitation"))
	srv.Tool(AskEither, tool.Name("test_input_required_result_capabilities"))
	srv.Tool(SignIn, tool.OpenWorld(true))
}

// AskModel has the client's model answer a prompt.
func AskModel(ctx *tool.Context, prompt string) (string, error) {
	answer, err := tool.Sample(ctx, tool.Sampling{
		Messages:  []tool.Message{tool.UserMessage(prompt)},
		MaxTokens: 100,
	})
	if err != nil {
		return "", err
	}
	return "The model says: " + answer.Text(), nil
}

// Contact is the form that AskUser has the user fill in. Like arguments, answers
// are checked before they get here.
type Contact struct {
	Username string `json:"username" jsonschema:"minLength=1" jsonschema_description:"What to call you"`
	Email    string `json:"email" jsonschema:"format=email" jsonschema_description:"Where to write to you"`
}

// AskUser asks the user for a name and an address.
func AskUser(ctx *tool.Context, message string) (string, error) {
	contact, err := tool.Elicit[Contact](ctx, message)
	switch {
	case errors.Is(err, tool.ErrDeclined), errors.Is(err, tool.ErrDismissed): // an answer, too
		return "The user would rather not say.", nil
	case err != nil: // among these is the one that puts the question: see rounds.go
		return "", err
	}
	return fmt.Sprintf("The user is %s, at %s.", contact.Username, contact.Email), nil
}

// AskOracle asks the client's model and cannot do without.
func AskOracle(ctx *tool.Context) (string, error) {
	// A client that did not declare sampling is told that this needs it.
	return AskModel(ctx, "Tell me something that I do not know.")
}

// AskWithProgress reports progress, then asks the user to confirm.
func AskWithProgress(ctx *tool.Context) (string, error) {
	ctx.Progress(1, 2, "one question before this can go on")
	return AskForConfirmation(ctx)
}

// AskEither asks the user if the client can, or else the model.
func AskEither(ctx *tool.Context) (string, error) {
	if ctx.Client().Supports("elicitation") {
		return AskForName(ctx)
	}
	return AskModel(ctx, "Make up a name.")
}

// SignIn sends the user to a web page to sign in.
func SignIn(ctx *tool.Context) (string, error) {
	// A page is for what must not pass through the client or its model. That the
	// user agreed to go there does not mean that they are done.
	if err := tool.ElicitURL(ctx, "https://example.com/sign-in", "Please sign in."); err != nil {
		return "", err
	}
	return "The user is on the way to sign in.", nil
}
