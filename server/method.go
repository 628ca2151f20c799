package server

import (
	"encoding/json"
	"log/slog"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
)

// method is how one request method is served.
type method struct {
	// serve appends the result to dst. An error that is a [*jsonrpc.Error] is
	// sent as it is.
	serve func(c *call, dst []byte) ([]byte, error)
	quick bool // served at once, in the order of arrival: it changes the session, or costs nothing
	early bool // allowed before initialize
}

// methods are what a client may ask. It is filled by init because the table and
// the functions in it refer to each other.
var methods map[string]method

func init() {
	methods = map[string]method{
		mcp.Initialize: {serve: initialize, quick: true, early: true},
		mcp.Ping:       {serve: ping, quick: true, early: true},
		mcp.SetLevel:   {serve: setLevel, quick: true},
		mcp.ToolsList:  {serve: listTools},
		mcp.ToolsCall:  {serve: callTool},
	}
}

// decodeParams decodes params whose fields have fixed types.
func decodeParams(c *call, dst any) error {
	if len(c.params) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.params, dst); err != nil {
		if bad, ok := asTypeError(err); ok {
			return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.%s has the wrong type: %s does not fit", bad.Field, bad.Value)
		}
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params do not have the form of this method")
	}
	return nil
}

// maxClient is how many bytes a client may say about itself: they are kept as
// long as the session, of which there may be many.
const maxClient = 64 << 10

func initialize(c *call, dst []byte) ([]byte, error) {
	if len(c.params) > maxClient {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params are larger than %d bytes", maxClient)
	}
	var p mcp.InitializeParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	if p.ProtocolVersion == "" {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.protocolVersion is missing")
	}
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "this session is initialized already")
	}
	s.revision = negotiate(p.ProtocolVersion)
	s.client = tool.Client{
		Name:         p.ClientInfo.Name,
		Title:        p.ClientInfo.Title,
		Version:      p.ClientInfo.Version,
		Capabilities: p.Capabilities,
	}
	info := mcp.Implementation{Name: s.server.name, Version: s.server.version}
	if s.revision.titles {
		info.Title = s.server.o.Title
	}
	return appendJSON(dst, mcp.InitializeResult{
		ProtocolVersion: s.revision.date,
		Capabilities:    mcp.Capabilities{Logging: &struct{}{}, Tools: mcp.ListChanges{ListChanged: true}},
		ServerInfo:      info,
		Instructions:    s.server.o.Instructions,
	})
}

func ping(_ *call, dst []byte) ([]byte, error) { return append(dst, "{}"...), nil }

func setLevel(c *call, dst []byte) ([]byte, error) {
	var p mcp.SetLevelParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	for _, known := range levels {
		if known.name == p.Level {
			c.session.setLevel(known.level)
			return append(dst, "{}"...), nil
		}
	}
	return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.level %q is not one of debug, info, notice, warning, error, critical, alert, emergency", clip(p.Level))
}

func (s *session) setLevel(l slog.Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = l
}

func listTools(c *call, dst []byte) ([]byte, error) {
	var p mcp.ListParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	return c.session.server.tools.appendPage(dst, c.revision, p.Cursor, c.session.server.o.PageSize)
}
