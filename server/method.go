package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// method is how one request method is served.
type method struct {
	// serve appends the result to dst. An error that is a [*jsonrpc.Error] is
	// sent as it is.
	serve     func(c *call, dst []byte) ([]byte, error)
	quick     bool // served at once, in the order of arrival: it changes the session, or costs nothing
	early     bool // allowed before initialize
	session   bool // of revisions with sessions alone
	stateless bool // of revisions without sessions alone

	// needs reports whether the server has what the method is for; nil is always.
	needs func(s *Server) bool
}

// methods are what a client may ask. It is filled by init because the table and
// the functions in it refer to each other.
var methods map[string]*method

func init() {
	methods = map[string]*method{
		mcp.Initialize:        {serve: initialize, quick: true, early: true, session: true},
		mcp.Ping:              {serve: ping, quick: true, early: true, session: true},
		mcp.SetLevel:          {serve: setLevel, quick: true, session: true},
		mcp.Subscribe:         {serve: subscribe, quick: true, session: true, needs: hasResources},
		mcp.Unsubscribe:       {serve: unsubscribe, quick: true, session: true, needs: hasResources},
		mcp.Discover:          {serve: discover, stateless: true},
		mcp.Listen:            {serve: listen, stateless: true},
		mcp.ToolsList:         {serve: func(c *call, dst []byte) ([]byte, error) { return c.session.server.tools.serve(c, dst) }},
		mcp.ToolsCall:         {serve: callTool},
		mcp.ResourcesList:     {serve: func(c *call, dst []byte) ([]byte, error) { return c.session.server.resources.serve(c, dst) }, needs: hasResources},
		mcp.ResourceTemplates: {serve: func(c *call, dst []byte) ([]byte, error) { return c.session.server.templates.serve(c, dst) }, needs: hasResources},
		mcp.ResourcesRead:     {serve: readResource, needs: hasResources},
		mcp.PromptsList:       {serve: func(c *call, dst []byte) ([]byte, error) { return c.session.server.prompts.serve(c, dst) }, needs: hasPrompts},
		mcp.PromptsGet:        {serve: getPrompt, needs: hasPrompts},
		mcp.Complete:          {serve: complete, needs: hasCompletions},
	}
}

// A capability stays once the server has had something of the kind: clients know
// of it, and a list may be empty.

func hasPrompts(s *Server) bool { return s.o.DeclarePrompts || s.prompts.used() }
func hasResources(s *Server) bool {
	return s.o.DeclareResources || s.resources.used() || s.templates.used()
}
func hasCompletions(s *Server) bool { return hasPrompts(s) || hasResources(s) }

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

// maxCapabilities is how many of them a client may declare: each takes more than
// its text.
const maxCapabilities = 100

// errNoRoom is for what a session wants the server to keep when it keeps too much.
var errNoRoom = jsonrpc.Errorf(jsonrpc.CodeServerBusy, "the server keeps too much for the sessions it has: try again later")

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
	if len(p.Capabilities) > maxCapabilities {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.capabilities has more than %d members", maxCapabilities)
	}
	if !c.session.peer.Hold(len(c.params)) {
		return nil, &httpError{http.StatusServiceUnavailable, errNoRoom}
	}
	rev, err := c.session.initialize(&p)
	if err != nil {
		return nil, err
	}
	if err := c.session.peer.Keep(rev.Primes); err != nil {
		return nil, refused(err)
	}
	s := c.session.server
	return appendJSON(dst, mcp.InitializeResult{
		ProtocolVersion: rev.Date,
		Capabilities:    s.capabilities(rev, c.session.lasts()),
		ServerInfo:      s.implementation(rev),
		Instructions:    s.o.Instructions,
	})
}

// refused is the error of a request whose connection may not last.
func refused(err error) error {
	refusal, ok := errors.AsType[*transport.Refusal](err)
	if !ok {
		return err
	}
	return &httpError{refusal.Status, jsonrpc.Errorf(jsonrpc.CodeServerBusy, "%s", refusal.Reason)}
}

// initialize begins the session.
func (s *session) initialize(p *mcp.InitializeParams) (*revision, error) {
	rev := negotiate(p.ProtocolVersion)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "this session is initialized already")
	}
	s.revision, s.declared = rev, s.server.capabilities(rev, s.lasts())
	s.client = tool.Client{
		Name:         p.ClientInfo.Name,
		Title:        p.ClientInfo.Title,
		Version:      p.ClientInfo.Version,
		Capabilities: p.Capabilities,
	}
	return rev, nil
}

// lasts reports whether what is told later than in an answer reaches the client.
func (s *session) lasts() bool { return !s.overHTTP() || !s.server.o.Sessionless }

// capabilities are those of what the server has now. A list that is empty is not
// declared: clients ask for what is. changes says that the client can be told of
// them.
func (s *Server) capabilities(rev *revision, changes bool) mcp.Capabilities {
	caps := mcp.Capabilities{Tools: mcp.ListChanges{ListChanged: changes}}
	if changes { // or nobody remembers the level
		caps.Logging = &struct{}{}
	}
	if hasPrompts(s) {
		caps.Prompts = &mcp.ListChanges{ListChanged: changes}
	}
	if hasResources(s) {
		caps.Resources = &mcp.Resources{Subscribe: changes, ListChanged: changes}
	}
	if rev.completions && hasCompletions(s) {
		caps.Completions = &struct{}{}
	}
	return caps
}

// implementation describes the server.
func (s *Server) implementation(rev *revision) mcp.Implementation {
	info := s.briefly(rev)
	if rev.icons {
		info.Description, info.WebsiteURL = s.o.Description, s.o.WebsiteURL
		for _, icon := range s.o.Icons {
			info.Icons = append(info.Icons, mcp.Icon(icon))
		}
	}
	return info
}

// briefly names the server, as every stateless result does.
func (s *Server) briefly(rev *revision) mcp.Implementation {
	info := mcp.Implementation{Name: s.name, Version: s.version}
	if rev.titles {
		info.Title = s.o.Title
	}
	return info
}

// discover serves server/discover.
func discover(c *call, dst []byte) ([]byte, error) {
	s := c.session.server
	dst, err := appendJSON(dst, mcp.DiscoverResult{
		SupportedVersions: envelope.Supported(""),
		Capabilities:      s.capabilities(c.revision, true),
		Instructions:      s.o.Instructions,
	})
	if err != nil {
		return nil, err
	}
	return c.finish(dst[:len(dst)-1], map[string]any{mcp.MetaServer: s.implementation(c.revision)}, &s.o.ListCache)
}

func ping(_ *call, dst []byte) ([]byte, error) { return append(dst, "{}"...), nil }

// needsSession refuses what a server without sessions would forget at once.
func (c *call) needsSession() error {
	if !c.session.lasts() {
		return jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q needs a session, and this server has none", c.method)
	}
	return nil
}

func setLevel(c *call, dst []byte) ([]byte, error) {
	if err := c.needsSession(); err != nil {
		return nil, err
	}
	var p mcp.SetLevelParams
	if err := decodeParams(c, &p); err != nil {
		return nil, err
	}
	level, err := parseLevel("params.level", p.Level)
	if err != nil {
		return nil, err
	}
	c.session.setLevel(level)
	return append(dst, "{}"...), nil
}

func (s *session) setLevel(l slog.Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = l
}
