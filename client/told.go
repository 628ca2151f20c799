package client

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// told takes a notification of the server.
func (s *session) told(m *jsonrpc.Message, about jsonrpc.ID) {
	params := m.Params
	r := s.find(about)
	switch m.Method {
	case mcp.Cancelled:
		if s.withdrawn(params) {
			return
		}
	case mcp.Progress:
		token, _ := envelope.ValueAt(params, []string{"progressToken"})
		if r = s.find(jsonrpc.ID(token)); r == nil {
			return // of a request that is over
		}
		params = withToken(params, r.token)
	}
	if r == nil {
		if id, _ := envelope.ValueAt(params, []string{"_meta", mcp.MetaSubscriptionID}); len(id) > 0 {
			r = s.find(jsonrpc.ID(id))
		}
	}
	ctx := s.c.ctx
	if r != nil {
		ctx = r.ctx
	}
	if hook := s.c.o().OnNotification; hook != nil && hook(ctx, m.Method, bytes.Clone(params)) {
		return
	}
	s.heed(ctx, r, m.Method, params)
}

// withdrawn takes back a question of the server, if that is what was cancelled.
func (s *session) withdrawn(params []byte) bool {
	id, _ := envelope.ValueAt(params, []string{"requestId"})
	s.mu.Lock()
	cancel := s.answers[jsonrpc.ID(id)]
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		return true
	}
	// A server without sessions ends a subscription so (2026-07-28, cancellation).
	if r := s.find(jsonrpc.ID(id)); r != nil && r.ctx.Value(listeningKey{}) != nil {
		s.link.Forget(r.id)
		r.settle(reply{result: json.RawMessage("{}")})
	}
	return false
}

// withToken puts the caller's own token into a progress notification.
func withToken(params, token []byte) []byte {
	if token == nil {
		return params
	}
	out := []byte{'{'}
	err := jsontext.Members(params, func(key, val []byte) error {
		if jsontext.Is(key, "progressToken") {
			val = token
		}
		if len(out) > len("{") {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), val...)
		return nil
	})
	if err != nil {
		return params
	}
	return append(out, '}')
}

// heed does what a notification is for.
func (s *session) heed(ctx context.Context, r *request, method string, params []byte) {
	c := s.c
	switch method {
	case mcp.Progress:
		var p Progress
		if r.progress != nil && json.Unmarshal(params, &p) == nil {
			r.progress(p)
		}
	case mcp.LogMessage:
		var m LogMessage
		if json.Unmarshal(params, &m) == nil {
			c.logged(ctx, &m)
		}
	case mcp.ToolsListChanged:
		c.heard.drop()
		c.schemas.drop()
		c.changed.note("tools")
	case mcp.PromptsListChanged:
		c.changed.note("prompts")
	case mcp.ResourcesListChanged:
		c.changed.note("resources")
	case mcp.ResourceUpdated:
		var p mcp.URIParams
		if json.Unmarshal(params, &p) == nil {
			c.subs.updated(p.URI)
		}
	case mcp.Acknowledged:
		c.subs.acknowledged(r, params)
	}
}

// logged hands on a log message.
func (c *Client) logged(ctx context.Context, m *LogMessage) {
	if c.o().OnLog != nil {
		c.o().OnLog(ctx, m)
		return
	}
	c.o().Logger.Log(ctx, slogLevel(m.Level), c.secrets.Redact(string(m.Data)), "server", c.target().name(), "logger", m.Logger)
}

// slogLevel is the level of package slog nearest to one of notifications/message.
func slogLevel(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug
	case "info", "notice":
		return slog.LevelInfo
	case "warning":
		return slog.LevelWarn
	}
	return slog.LevelError
}

// notifier calls a function for what was noted, once at a time, on one goroutine:
// what is noted again before its turn is one. A nil notifier notes nothing.
type notifier struct {
	fn   func(string)
	wake chan struct{} // holds a token while something is noted

	mu    sync.Mutex
	noted []string
}

func newNotifier(fn func(string)) *notifier {
	return &notifier{fn: fn, wake: make(chan struct{}, 1)}
}

func (n *notifier) note(what string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, known := range n.noted {
		if known == what {
			return
		}
	}
	n.noted = append(n.noted, what)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run calls the function until one of the channels is closed; the second may be
// nil.
func (n *notifier) run(end, done <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case <-done:
			return
		case <-n.wake:
		}
		n.mu.Lock()
		noted := n.noted
		n.noted = nil
		n.mu.Unlock()
		for _, what := range noted {
			n.fn(what)
		}
	}
}
