package bridge

import (
	"context"
	"errors"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// relisten is a subscriptions/listen request that is passed on to a server without
// sessions, and again to the one that is started in its place: an [audience] that
// wants to hear of that alone.
type relisten struct {
	l     listener
	again bool          // what is acknowledged now has been before
	renew chan struct{} // holds a token when there is another server
}

// forwardListen serves subscriptions/listen by a server that has it.
func (s *session) forwardListen(ctx context.Context, x *transport.Exchange, up *upstream, c conn) ([]byte, *jsonrpc.Error) {
	m := &x.Message
	w := s.way(ctx, x)
	defer w.close()
	ctx, stop := s.untilClosing(ctx)
	defer stop()
	r := &relisten{l: listener{w: w, id: m.ID}, renew: make(chan struct{}, 1)}
	up.join(r)
	defer up.leave(r)
	k := &call{method: m.Method, token: tokenOf(m.Params), ask: w.ask, hear: r.tell}
	params := s.b.inject(s.f, m.Method, m.Params)
	for ; ; r.again = true {
		result, err := up.do(ctx, c, k, params, client.SingleRound())
		if err == nil {
			return r.l.own(result), nil
		}
		switch {
		case ctx.Err() != nil:
			return s.endListen(w, x, c.Server()), nil
		case !errors.Is(err, client.ErrLost):
			return nil, up.failure(err)
		}
		next, err := up.connection(ctx) // nobody else may want one
		switch {
		case ctx.Err() != nil, up.ctx.Err() != nil:
			return s.endListen(w, x, c.Server()), nil
		case err != nil:
			return nil, up.failure(err)
		}
		c = next
	}
}

// tell takes what the server says to the one who listens. A server that was started
// again may have other lists than the one before.
func (r *relisten) tell(method string, params []byte) {
	if method != mcp.Acknowledged || !r.again {
		r.l.tell(method, params)
		return
	}
	filter := get(params, "notifications")
	for _, list := range []struct{ name, method string }{
		{"toolsListChanged", mcp.ToolsListChanged},
		{"promptsListChanged", mcp.PromptsListChanged},
		{"resourcesListChanged", mcp.ResourcesListChanged},
	} {
		if string(get(filter, list.name)) == "true" {
			r.l.tell(list.method, nil)
		}
	}
}

// hear implements [audience].
func (r *relisten) hear(string, []byte) {}

// lost implements [audience].
func (r *relisten) lost(string) {}

// renewed implements [audience].
func (r *relisten) renewed(*client.ServerInfo) {
	select {
	case r.renew <- struct{}{}:
	default:
	}
}
