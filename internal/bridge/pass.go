package bridge

import (
	"bytes"
	"context"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// pass passes a request of a session on to its upstream.
func (s *session) pass(ctx context.Context, x *transport.Exchange) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	s.mu.Lock()
	up := s.up
	s.mu.Unlock()
	if up == nil {
		if m.Method == mcp.Ping {
			return []byte("{}"), nil
		}
		return nil, jsonrpc.Errorf(CodeUpstream, "%v", errEnded)
	}
	c, err := up.connection(ctx)
	if err != nil {
		return nil, up.failure(err)
	}
	if result, ok, err := s.keepState(ctx, up, c, m); ok {
		if err != nil {
			return nil, up.failure(err)
		}
		return result, nil
	}
	w := s.way(ctx, x)
	k := &call{method: m.Method, token: tokenOf(m.Params), ask: w.ask}
	k.hear = func(method string, params []byte) { w.out().put(method, s.forSession(params)) }
	result, err := up.do(ctx, c, k, s.b.inject(s.f, m.Method, m.Params))
	w.close()
	if err != nil {
		return nil, up.failure(err)
	}
	if c.Server().Stateless() {
		return s.downgrade(m, result), nil
	}
	s.note(up, m)
	return result, nil
}

// keepState does what the state of a session is about: a server that is started
// again has to be told, a shared one serves others too, and a stateless one has no
// such methods. ok says that nothing is left to do.
func (s *session) keepState(ctx context.Context, up *upstream, c conn, m *jsonrpc.Message) (result []byte, ok bool, err error) {
	empty := []byte("{}")
	stateless := c.Server().Stateless()
	if !stateless && !s.b.o.Shared {
		return nil, false, nil // it is passed on, and noted
	}
	switch m.Method {
	case mcp.Ping:
		return empty, stateless, nil
	case mcp.Discover, mcp.Listen:
		return nil, stateless, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known in a session", m.Method)
	case mcp.SetLevel:
		return empty, true, s.setLevel(ctx, up, c, jsontext.Text(get(m.Params, "level")))
	case mcp.Subscribe, mcp.Unsubscribe:
		uri := jsontext.Text(get(m.Params, "uri"))
		if uri == "" {
			return nil, true, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.uri is missing")
		}
		if m.Method == mcp.Subscribe {
			return empty, true, s.subscribe(ctx, up, c, uri)
		}
		return empty, true, s.unsubscribe(ctx, up, uri)
	}
	return nil, false, nil
}

// note keeps in mind what a server of one session has been told, for the case that
// it has to be started again.
func (s *session) note(up *upstream, m *jsonrpc.Message) {
	if s.b.o.Shared {
		return
	}
	switch m.Method {
	case mcp.SetLevel:
		level := jsontext.Text(get(m.Params, "level"))
		up.level.Lock()
		up.levelNow = level
		up.level.Unlock()
		s.mu.Lock()
		s.level = level
		s.mu.Unlock()
	case mcp.Subscribe, mcp.Unsubscribe:
		up.subs.Lock()
		defer up.subs.Unlock()
		uri := jsontext.Text(get(m.Params, "uri"))
		if m.Method == mcp.Unsubscribe {
			delete(up.watched, uri)
		} else if len(up.watched) < maxSubscriptions {
			if up.watched == nil {
				up.watched = make(map[string]*watched)
			}
			up.watched[uri] = &watched{users: 1}
		}
	}
}

// maxSubscriptions is how many resources one session may want to hear of.
const maxSubscriptions = 1000

func (s *session) subscribe(ctx context.Context, up *upstream, c conn, uri string) error {
	s.mu.Lock()
	known, n := s.uris[uri], len(s.uris)
	s.mu.Unlock()
	if known {
		return nil
	}
	if n >= maxSubscriptions {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "more than %d resources at once", maxSubscriptions)
	}
	if err := up.subscribe(ctx, c, uri); err != nil {
		return err
	}
	s.mu.Lock()
	known, gone := s.uris[uri], s.up == nil
	if !known && !gone {
		if s.uris == nil {
			s.uris = make(map[string]bool)
		}
		s.uris[uri] = true
	}
	s.mu.Unlock()
	if known || gone { // by another request at the same time
		up.forget(uri)
	}
	return nil
}

func (s *session) unsubscribe(ctx context.Context, up *upstream, uri string) error {
	s.mu.Lock()
	known := s.uris[uri]
	delete(s.uris, uri)
	s.mu.Unlock()
	if !known { // to end what never began is no error
		return nil
	}
	return up.unsubscribe(ctx, uri)
}

// setLevel sets the level of the session. A shared upstream is asked for what the
// session that wants most wants, and that is kept from the others.
func (s *session) setLevel(ctx context.Context, up *upstream, c conn, level string) error {
	if levelOf(level) == len(levels) {
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.level %q is not one of debug, info, notice, warning, error, critical, alert, emergency", clip(level))
	}
	s.mu.Lock()
	s.level = level
	s.mu.Unlock()
	if s.b.o.Shared {
		up.level.Lock()
		now := up.levelNow
		up.level.Unlock()
		if now != "" && levelOf(now) < levelOf(level) {
			return nil
		}
	}
	return up.setLevel(ctx, c, level)
}

// forSession returns the params of a notification without what only a stateless
// revision has.
func (s *session) forSession(params []byte) []byte {
	if !bytes.Contains(params, []byte(mcp.MetaPrefix)) {
		return params
	}
	return inMeta(params, &edit{change: func(key, val []byte) []byte {
		if jsontext.Is(key, mcp.MetaSubscriptionID) {
			return nil
		}
		return val
	}})
}
