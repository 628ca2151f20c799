package bridge

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// standAlone serves a request of a stateless revision.
func (s *session) standAlone(ctx context.Context, x *transport.Exchange, header http.Header) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	if len(m.Params) > 0 && m.Params[0] != '{' {
		x.Status = http.StatusBadRequest
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params must be an object")
	}
	var p envelope.Params
	e := p.Read(m.Params)
	if failure := e.Check(header, m.Method, &p); failure != nil {
		x.Status = http.StatusBadRequest
		return nil, failure
	}
	if m.Method == mcp.Listen && x.Mute { // and a subscription would say nothing, for ever
		x.Status = http.StatusNotAcceptable
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "Accept must allow text/event-stream")
	}
	up, err := s.b.ofRequest(s, &e)
	if err != nil {
		return nil, failure(err, s.f.hide)
	}
	defer s.b.drop(up)
	c, err := up.connection(ctx)
	if err != nil {
		return nil, up.failure(err)
	}
	switch {
	case !c.Server().Stateless():
		return s.emulate(ctx, x, up, c, &e)
	case m.Method == mcp.Listen:
		return s.forwardListen(ctx, x, up, c)
	}
	return s.forward(ctx, x, up, c)
}

// forward passes a request on to a server without sessions.
func (s *session) forward(ctx context.Context, x *transport.Exchange, up *upstream, c conn) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	w := s.way(ctx, x)
	k := &call{method: m.Method, token: tokenOf(m.Params), ask: w.ask}
	k.hear = func(method string, params []byte) { w.out().put(method, params) }
	options := []client.CallOption{client.SingleRound()}
	if s.overHTTP() {
		options = append(options, client.Header(paramHeaders(x.Header)))
	}
	result, err := up.do(ctx, c, k, s.b.inject(s.f, m.Method, m.Params), options...)
	w.close()
	switch {
	case err != nil:
		return nil, up.failure(err)
	case m.Method == mcp.Discover:
		e := edit{add: []member{{"supportedVersions", supported()}}}
		return e.apply(result), nil
	}
	return result, nil
}

// paramHeaders returns the headers that repeat arguments of a tool.
func paramHeaders(h http.Header) http.Header {
	found := make(http.Header)
	for name, values := range h {
		if strings.HasPrefix(name, mcp.HeaderParam) {
			found[name] = values
		}
	}
	return found
}

// emulate serves a request of a stateless revision by a server with sessions.
func (s *session) emulate(ctx context.Context, x *transport.Exchange, up *upstream, c conn, e *envelope.Envelope) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	switch m.Method {
	case mcp.Discover:
		return discoverResult(c.Server()), nil
	case mcp.Listen:
		return s.listen(ctx, x, up, c)
	case mcp.Initialize, mcp.Ping, mcp.SetLevel, mcp.Subscribe, mcp.Unsubscribe:
		return nil, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known here in revision %s", m.Method, jsontext.Text(e.Version))
	}
	if failure := s.setLevelOf(ctx, up, c, e); failure != nil {
		return nil, failure
	}
	result, failure := s.rounds(ctx, x, up, c, e)
	if failure != nil {
		return nil, upgradeError(m.Method, failure)
	}
	return upgrade(m.Method, result, c.Server()), nil
}

// setLevelOf sets the level that a request wants log messages from.
func (s *session) setLevelOf(ctx context.Context, up *upstream, c conn, e *envelope.Envelope) *jsonrpc.Error {
	if e.Level == nil {
		return nil
	}
	level := jsontext.Text(e.Level)
	if levelOf(level) == len(levels) {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params._meta[%q] %q is not one of debug, info, notice, warning, error, critical, alert, emergency", mcp.MetaLogLevel, clip(level))
	}
	if _, ok := c.Server().Capabilities["logging"]; !ok {
		return nil
	}
	up.level.Lock()
	now := up.levelNow
	up.level.Unlock()
	if now != "" && levelOf(now) <= levelOf(level) { // another request may want those, and this one is told what it wants
		return nil
	}
	if err := up.setLevel(ctx, c, level); err != nil {
		return up.failure(err)
	}
	return nil
}

// withoutRounds returns the params of a request without what only a stateless
// revision has in them.
func withoutRounds(params []byte) []byte {
	params = without(params, "inputResponses", "requestState")
	e := edit{change: func(key, val []byte) []byte {
		for _, own := range []string{mcp.MetaVersion, mcp.MetaClient, mcp.MetaCapabilities, mcp.MetaLogLevel} {
			if jsontext.Is(key, own) {
				return nil
			}
		}
		return val
	}}
	params = inMeta(params, &e)
	if bytes.Equal(get(params, "_meta"), []byte("{}")) {
		params = without(params, "_meta")
	}
	return params
}
