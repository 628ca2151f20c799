package bridge

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// What a server says and asks by itself, on its way to the client of a session.

// hear implements [audience].
func (s *session) hear(method string, params []byte) {
	if s.b.o.Shared && !s.wants(method, params) {
		return
	}
	s.out.put(method, s.forSession(params))
}

// wants reports whether what a shared upstream says is for this session, too.
func (s *session) wants(method string, params []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch method {
	case mcp.ResourceUpdated:
		return s.uris[jsontext.Text(get(params, "uri"))]
	case mcp.LogMessage:
		return s.level != "" && levelOf(jsontext.Text(get(params, "level"))) >= levelOf(s.level)
	}
	return s.ready
}

// levels are those of notifications/message (RFC 5424, section 6.2.1).
var levels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

func levelOf(name string) int {
	for i, known := range levels {
		if name == known {
			return i
		}
	}
	return len(levels)
}

// lost implements [audience].
func (s *session) lost(reason string) {
	s.mu.Lock()
	told := s.ready && s.level != "" && levelOf(s.level) <= levelOf("error")
	s.mu.Unlock()
	if told {
		params := append([]byte(`{"level":"error","logger":"sessionmcp","data":`), quote(reason)...)
		s.out.put(mcp.LogMessage, append(params, '}'))
	}
}

// renewed implements [audience]: the lists may be others now.
func (s *session) renewed(info *client.ServerInfo) {
	for _, l := range changing(info) {
		s.out.put(l, nil)
	}
}

// changing are the notifications about lists that a server may send.
func changing(info *client.ServerInfo) (methods []string) {
	for _, l := range []struct{ capability, method string }{
		{"tools", mcp.ToolsListChanged},
		{"prompts", mcp.PromptsListChanged},
		{"resources", mcp.ResourcesListChanged},
	} {
		if string(get(info.Capabilities[l.capability], "listChanged")) == "true" {
			methods = append(methods, l.method)
		}
	}
	return methods
}

// askUnprompted puts a question to the client that belongs to no request of its.
func (s *session) askUnprompted(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	return s.ask(ctx, &s.out, s.peer, method, params)
}

// ask puts a question to the client, behind what is in out, and waits for the
// answer.
func (s *session) ask(ctx context.Context, out *outbox, to transport.Sender, method string, params []byte) (result json.RawMessage, err error) {
	send := func(m *jsonrpc.Message) error {
		out.flush(ctx)
		return to.Send(ctx, m)
	}
	takeBack := func(id jsonrpc.ID) {
		params := append(append([]byte(`{"requestId":`), id...), '}')
		_ = to.Send(s.peer.Context(), &jsonrpc.Message{Method: mcp.Cancelled, Params: params}) // fails with the connection
	}
	result, err = s.asked.Do(ctx, send, takeBack, method, params)
	if err == nil {
		return result, nil
	}
	if answered, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return nil, answered
	}
	return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "the client cannot be asked: %v", err)
}
