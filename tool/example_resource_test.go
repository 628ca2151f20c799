package tool_test

import (
	"context"
	"fmt"

	"github.com/sessionmcp/sessionmcp/tool"
)

type Page struct {
	Name string `json:"name"`
	Lang string `json:"lang,omitempty" jsonschema:"enum=en,enum=no,default=en"`
}

func Manual(ctx *tool.Context, in Page) (string, error) {
	if in.Name != "intro" {
		return "", tool.ErrNotFound
	}
	return "# Introduction (" + in.Lang + ")", nil
}

func ExampleNewResource() {
	r, err := tool.NewResource("manual://{name}{?lang}", Manual, tool.MIME("text/markdown"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := tool.NewContext(context.Background(), tool.Call{})
	for _, uri := range []string{"manual://intro", "manual://intro?lang=no", "manual://intro?lang=fr", "manual://..", "manual://outro"} {
		contents, err := r.Read(ctx, uri)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(contents[0].MIME, contents[0].Text)
	}
	found, _ := r.Complete(ctx, tool.Completion{Argument: "lang", Value: "e"})
	fmt.Println(found.Values)
	// Output:
	// text/markdown # Introduction (en)
	// text/markdown # Introduction (no)
	// resource not found: invalid arguments: lang: expected one of "en", "no", got "fr"
	// resource not found
	// resource not found
	// [en]
}

func CodeReview(code string, lines int) []tool.Message {
	return []tool.Message{
		tool.UserMessage(fmt.Sprintf("Review this code in %d lines:\n%s", lines, code)),
		tool.AssistantMessage("Here is what I would change."),
	}
}

func ExampleNewPrompt() {
	p, err := tool.NewPrompt(CodeReview, tool.Params("code", "lines"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range p.Spec().Arguments {
		fmt.Println(p.Name(), "takes", a.Name, a.Required)
	}
	ctx := tool.NewContext(context.Background(), tool.Call{})
	got, _ := p.Get(ctx, map[string]string{"code": "x := 1", "lines": "3"})
	for _, m := range got.Messages {
		fmt.Printf("%s: %q\n", m.Role, m.Content.(tool.Text).Text)
	}
	_, err = p.Get(ctx, map[string]string{"code": "x := 1"})
	fmt.Println(err)
	// Output:
	// code_review takes code true
	// code_review takes lines true
	// user: "Review this code in 3 lines:\nx := 1"
	// assistant: "Here is what I would change."
	// invalid arguments: lines: missing, expected an integer
}
