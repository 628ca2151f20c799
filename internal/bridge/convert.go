package bridge

import (
	"bytes"
	"encoding/json"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// Results in the words of the other era. What a revision does not know of a
// result's content stays: clients have to ignore it.

// cached are the methods whose results say how long they hold (2026-07-28,
// caching).
var cached = map[string]bool{
	mcp.Discover:          true,
	mcp.ToolsList:         true,
	mcp.PromptsList:       true,
	mcp.ResourcesList:     true,
	mcp.ResourceTemplates: true,
	mcp.ResourcesRead:     true,
}

// upgrade returns the result of a server with sessions for a client without.
func upgrade(method string, result []byte, server *client.ServerInfo) []byte {
	e := edit{missing: []member{{"resultType", []byte(`"complete"`)}}}
	if cached[method] {
		e.missing = append(e.missing, member{"ttlMs", []byte("0")}, member{"cacheScope", []byte(`"private"`)})
	}
	result = e.apply(result)
	if named := get(server.Result, "serverInfo"); named != nil {
		result = inMeta(result, &edit{missing: []member{{mcp.MetaServer, named}}})
	}
	return result
}

// upgradeError returns an error as stateless revisions have it.
func upgradeError(method string, failure *jsonrpc.Error) *jsonrpc.Error {
	if method == mcp.ResourcesRead && failure.Code == mcp.CodeResourceNotFound {
		return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: failure.Message, Data: failure.Data}
	}
	return failure
}

// discoverResult is what a server with sessions would say without.
func discoverResult(server *client.ServerInfo) []byte {
	e := edit{
		change: func(key, val []byte) []byte {
			if jsontext.Is(key, "protocolVersion") || jsontext.Is(key, "serverInfo") {
				return nil
			}
			return val
		},
		add:     []member{{"supportedVersions", supported()}},
		missing: []member{{"capabilities", []byte("{}")}},
	}
	return upgrade(mcp.Discover, e.apply(server.Result), server)
}

// supported are the revisions that clients may speak: through a bridge all, whatever
// the server speaks.
func supported() []byte {
	text, _ := json.Marshal(envelope.Supported("")) // strings
	return text
}

// initializeResult is what a server without sessions would say in a handshake.
func initializeResult(server *client.ServerInfo, revision string) []byte {
	named := get(get(server.Result, "_meta"), mcp.MetaServer)
	if named == nil {
		named, _ = json.Marshal(mcp.Implementation{Name: server.Name, Version: server.Version}) // strings
	}
	e := edit{
		change: func(key, val []byte) []byte {
			if jsontext.Is(key, "supportedVersions") {
				return nil
			}
			return val
		},
		add: []member{
			{"protocolVersion", quote(revision)},
			{"serverInfo", named},
		},
		missing: []member{{"capabilities", []byte("{}")}},
	}
	return withoutEnvelope(e.apply(server.Result))
}

// withoutEnvelope returns a result without what only stateless revisions say.
func withoutEnvelope(result []byte) []byte {
	result = without(result, "resultType", "ttlMs", "cacheScope")
	meta := get(result, "_meta")
	if meta == nil {
		return result
	}
	left := without(meta, mcp.MetaServer)
	if bytes.Equal(left, []byte("{}")) && !bytes.Equal(left, meta) {
		return without(result, "_meta")
	}
	return inMeta(result, &edit{change: func(key, val []byte) []byte {
		if jsontext.Is(key, mcp.MetaServer) {
			return nil
		}
		return val
	}})
}

// downgrade returns the result of a server without sessions for a session.
func (s *session) downgrade(m *jsonrpc.Message, result []byte) []byte {
	result = withoutEnvelope(result)
	switch m.Method {
	case mcp.ToolsCall:
		return s.wrapResult(jsontext.Text(get(m.Params, "name")), result)
	case mcp.ToolsList:
		return s.wrapSchemas(result)
	}
	return result
}

// wrapResult makes structured content an object, the only kind that revisions up
// to 2025-11-25 know.
func (s *session) wrapResult(tool string, result []byte) []byte {
	structured := get(result, "structuredContent")
	s.mu.Lock()
	wrapped := s.wrapped[tool]
	s.mu.Unlock()
	if structured == nil || structured[0] == '{' && !wrapped {
		return result
	}
	e := edit{change: func(key, val []byte) []byte {
		if jsontext.Is(key, "structuredContent") {
			return wrap(val)
		}
		return val
	}}
	return e.apply(result)
}

func wrap(value []byte) []byte {
	return append(append([]byte(`{"result":`), value...), '}')
}

// wrapSchemas does the same to the schemas of such content in a list of tools.
func (s *session) wrapSchemas(result []byte) []byte {
	var wrapped []string
	e := edit{change: func(key, val []byte) []byte {
		if !jsontext.Is(key, "tools") || val[0] != '[' {
			return val
		}
		var tools [][]byte
		r := jsontext.Read(val)
		if r.Enter('[') != nil {
			return val
		}
		for first := true; ; first = false {
			if ok, err := r.Element(first); !ok || err != nil {
				break
			}
			tool, err := r.Value()
			if err != nil {
				return val
			}
			schema := get(tool, "outputSchema")
			if schema != nil && jsontext.Text(get(schema, "type")) != "object" {
				wrapped = append(wrapped, jsontext.Text(get(tool, "name")))
				tool = wrapSchema(tool)
			}
			tools = append(tools, tool)
		}
		if wrapped == nil {
			return val
		}
		return list(tools)
	}}
	result = e.apply(result)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range wrapped {
		if s.wrapped == nil {
			s.wrapped = make(map[string]bool)
		}
		s.wrapped[name] = true
	}
	return result
}

// wrapSchema wraps the output schema of a tool. Definitions stay where references
// look for them.
func wrapSchema(tool []byte) []byte {
	e := edit{change: func(key, val []byte) []byte {
		if !jsontext.Is(key, "outputSchema") {
			return val
		}
		out := append([]byte(`{"type":"object","properties":{"result":`), without(val, "$schema", "$defs", "definitions")...)
		out = append(out, `},"required":["result"]`...)
		for _, name := range []string{"$schema", "$defs", "definitions"} {
			if kept := get(val, name); kept != nil {
				out = append(append(append(append(out, ',', '"'), name...), '"', ':'), kept...)
			}
		}
		return append(out, '}')
	}}
	return e.apply(tool)
}
