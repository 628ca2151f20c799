package main

import (
	"fmt"
	"sync/atomic"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/tool"
)

func addChanges(srv *server.Server) {
	c := &changes{srv: srv}
	srv.Tool(c.Tools, tool.Name("test_trigger_tool_change"), tool.Destructive(false))
	srv.Tool(c.Prompts, tool.Name("test_trigger_prompt_change"), tool.Destructive(false))
}

// changes changes what a server has while it serves. Clients that are connected
// are told, those of 2026-07-28 if they listen.
type changes struct {
	srv  *server.Server
	last atomic.Int64 // to make up names that nobody else has
}

// Tools adds a tool and takes it away again. Clients are told that the list of
// tools has changed, once for all that changes within a moment.
func (c *changes) Tools() (string, error) {
	name := c.name()
	// srv.Tool and srv.Prompt panic about a mistake, as befits the start of a
	// program. Later there are pairs that return errors.
	t, err := tool.New(SimpleText, tool.Name(name), tool.Description("Is gone before you can call it."))
	if err != nil {
		return "", err
	}
	if err := c.srv.Add(t); err != nil {
		return "", err
	}
	c.srv.Remove(name)
	return "There was a tool " + name + ", for a moment.", nil
}

// Prompts adds a prompt and takes it away again.
func (c *changes) Prompts() (string, error) {
	name := c.name()
	p, err := tool.NewPrompt(SimplePrompt, tool.Name(name), tool.Description("Is gone before you can get it."))
	if err != nil {
		return "", err
	}
	if err := c.srv.AddPrompt(p); err != nil {
		return "", err
	}
	c.srv.RemovePrompt(name)
	return "There was a prompt " + name + ", for a moment.", nil
}

func (c *changes) name() string { return fmt.Sprintf("temporary_%d", c.last.Add(1)) }
