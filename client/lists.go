package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
)

// maxPages is how many pages of a list are read: a server that goes on behind
// that is not to be believed.
const maxPages = 10_000

// pages returns the items of a list, page by page. An item that is not what it
// should be ends the sequence with an error.
func pages[T any](ctx context.Context, c *Client, method, member string) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		var cursor *string
		for range maxPages {
			items, next, err := page[T](ctx, c, method, member, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range items {
				if !yield(&items[i], nil) {
					return
				}
			}
			if next == nil {
				return
			}
			if cursor != nil && *next == *cursor {
				yield(nil, fmt.Errorf("%s: the server's next page is the one that it has just sent", method))
				return
			}
			cursor = next
		}
		yield(nil, fmt.Errorf("%s: the server has more than %d pages", method, maxPages))
	}
}

func page[T any](ctx context.Context, c *Client, method, member string, cursor *string) (items []T, next *string, err error) {
	var params json.RawMessage
	if cursor != nil { // "" is one, too
		if params, err = json.Marshal(mcp.ListParams{Cursor: *cursor}); err != nil {
			return nil, nil, err
		}
	}
	result, err := c.Do(ctx, method, params)
	if err != nil {
		return nil, nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(result, &members); err != nil {
		return nil, nil, fmt.Errorf("%s: the result: %w", method, err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(members[member], &raw); err != nil {
		return nil, nil, fmt.Errorf("%s: the result's %s: %w", method, member, err)
	}
	for i, text := range raw { // one that is not right does not hide the others
		var item T
		if err := json.Unmarshal(text, &item); err != nil {
			c.o().Logger.Warn("an item of a list of the server cannot be used", "server", c.target().name(), "list", member, "index", i, "error", c.redact(err))
			continue
		}
		items = append(items, item)
	}
	if raw := members["nextCursor"]; raw != nil {
		if err := json.Unmarshal(raw, &next); err != nil {
			return nil, nil, fmt.Errorf("%s: the result's nextCursor: %w", method, err)
		}
	}
	return items, next, nil
}

// Tools returns the server's tools, page by page. A tool whose header parameters
// break a rule could not be called as the server wants it: it is left out and
// logged (2026-07-28, custom headers from tool parameters). An error ends the
// sequence.
func (c *Client) Tools(ctx context.Context) iter.Seq2[*Tool, error] {
	return func(yield func(*Tool, error) bool) {
		for t, err := range pages[Tool](ctx, c, mcp.ToolsList, "tools") {
			if err == nil {
				if bad := t.misheaded(); bad != nil {
					c.o().Logger.Warn("a tool of the server cannot be used", "server", c.target().name(), "tool", t.Name, "error", bad)
					continue
				}
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// Resources returns the server's resources, page by page. An error ends the
// sequence.
func (c *Client) Resources(ctx context.Context) iter.Seq2[*Resource, error] {
	return pages[Resource](ctx, c, mcp.ResourcesList, "resources")
}

// Templates returns the templates of the server's resources, page by page. An
// error ends the sequence.
func (c *Client) Templates(ctx context.Context) iter.Seq2[*Template, error] {
	return pages[Template](ctx, c, mcp.ResourceTemplates, "resourceTemplates")
}

// Prompts returns the server's prompts, page by page. An error ends the sequence.
func (c *Client) Prompts(ctx context.Context) iter.Seq2[*Prompt, error] {
	return pages[Prompt](ctx, c, mcp.PromptsList, "prompts")
}
