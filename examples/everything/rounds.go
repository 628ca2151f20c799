package main

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

// Where there is a session, a tool waits for the answers to what it asks. From
// 2026-07-28 on there is none, and nothing waits: the call ends with the
// question, and the client calls again with the answer. The tools below are
// written once, for both. What they must know is that the second time they run
// from the beginning.
func addRounds(srv *server.Server) {
	srv.Tool(AskForName, tool.Name("test_input_required_result_elicitation"))
	srv.Tool(AskForGreeting, tool.Name("test_input_required_result_sampling"))
	srv.Tool(AskForRoots, tool.Name("test_input_required_result_list_roots"))
	srv.Tool(AskAtOnce, tool.Name("test_input_required_result_multiple_inputs"))
	var o orders
	srv.Tool(o.AskInTurn, tool.Name("test_input_required_result_multi_round"))

	// Between the rounds the client keeps the state of the call, sealed by the
	// server. One that was tampered with ends the call with an error, of which a
	// tool notices nothing.
	srv.Tool(AskForConfirmation, tool.Name("test_input_required_result_request_state"))
	srv.Tool(AskForConfirmation, tool.Name("test_input_required_result_tampered_state"))
}

// Name is a form.
type Name struct {
	Name string `json:"name" jsonschema:"minLength=1"`
}

// AskForName asks the user for a name and greets them by it.
func AskForName(ctx *tool.Context) (string, error) {
	in, err := tool.Elicit[Name](ctx, "What is your name?", tool.Key("user_name"))
	if err != nil {
		return "", err
	}
	return "Hello, " + in.Name + "!", nil
}

// AskForGreeting has the client's model write a greeting.
func AskForGreeting(ctx *tool.Context) (string, error) {
	return AskModel(ctx, "Write a greeting.")
}

// AskForRoots lists the folders that the client lets servers work in.
func AskForRoots(ctx *tool.Context) (string, error) {
	roots, err := tool.Roots(ctx)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%d folders", len(roots))
	for _, root := range roots {
		text += "\n" + root.URI
	}
	return text, nil
}

// Confirmation is a form.
type Confirmation struct {
	OK bool `json:"ok" jsonschema_description:"Whether to go on"`
}

// AskForConfirmation asks the user to confirm that the call should go on.
func AskForConfirmation(ctx *tool.Context) (string, error) {
	in, err := tool.Elicit[Confirmation](ctx, "Please confirm.", tool.Key("confirm"))
	switch {
	case err != nil:
		return "", err
	case !in.OK:
		return "Then not.", nil
	}
	return "Confirmed: state-ok.", nil
}

// AskAtOnce asks three things together: the user, the model and the client.
func AskAtOnce(ctx *tool.Context) (string, error) {
	// The errors are looked at when all is asked: the client gets all three
	// questions in one round.
	in, err1 := tool.Elicit[Name](ctx, "What is your name?", tool.Key("user_name"))
	greeting, err2 := tool.Sample(ctx, tool.Sampling{
		Messages:  []tool.Message{tool.UserMessage("Write a greeting.")},
		MaxTokens: 50,
	}, tool.Key("greeting"))
	roots, err3 := tool.Roots(ctx, tool.Key("client_roots"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, you of %d folders: %s", in.Name, len(roots), greeting.Text()), nil
}

// orders numbers what AskInTurn takes down.
type orders struct{ last atomic.Int64 }

// Color is a form.
type Color struct {
	Color string `json:"color" jsonschema:"minLength=1"`
}

// AskInTurn asks a second question when it knows the answer to the first.
func (o *orders) AskInTurn(ctx *tool.Context) (string, error) {
	in, err := tool.Elicit[Name](ctx, "First: what is your name?", tool.Key("step1"))
	if err != nil {
		return "", err
	}
	// The function comes here twice, and draws one number all the same: what may
	// happen only once goes into tool.Once.
	number, err := tool.Once(ctx, "number", func() (int64, error) { return o.last.Add(1), nil })
	if err != nil {
		return "", err
	}
	wish, err := tool.Elicit[Color](ctx, fmt.Sprintf("Then, %s: in which color?", in.Name), tool.Key("step2"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Order %d: %s, for %s.", number, wish.Color, in.Name), nil
}
