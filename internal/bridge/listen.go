package bridge

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// listener is one subscriptions/listen request to a server with sessions: an
// [audience] that hears what it asked for.
type listener struct {
	w     *way
	id    jsonrpc.ID
	lists []string // the notifications that it wants
	uris  map[string]bool
	gone  chan struct{} // holds a token when the server has ended by itself
}

// listen serves subscriptions/listen until the client goes away or the bridge
// does.
func (s *session) listen(ctx context.Context, x *transport.Exchange, up *upstream, c conn) ([]byte, *jsonrpc.Error) {
	var p mcp.ListenParams
	if json.Unmarshal(x.Message.Params, &p) != nil || get(x.Message.Params, "notifications") == nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.notifications must be an object: it says what to listen to")
	}
	if len(p.Notifications.URIs) > maxSubscriptions {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "more than %d resources at once", maxSubscriptions)
	}
	w := s.way(ctx, x)
	defer w.close()
	ctx, stop := s.untilClosing(ctx)
	defer stop()
	l := &listener{w: w, id: x.Message.ID, gone: make(chan struct{}, 1)}
	filter := l.choose(&p.Notifications, c.Server())
	defer func() {
		for uri := range l.uris {
			up.forget(uri)
		}
	}()
	for _, uri := range p.Notifications.URIs {
		if !l.uris[uri] && up.subscribe(ctx, c, uri) == nil {
			l.uris[uri] = true
			filter.URIs = append(filter.URIs, uri)
		}
	}
	honoured, err := json.Marshal(filter)
	if err != nil {
		return nil, jsonrpc.AsError(err)
	}
	acknowledgement := edit{add: []member{{"notifications", honoured}}}
	up.mu.Lock() // what is said from now on comes behind the acknowledgement
	l.tell(mcp.Acknowledged, acknowledgement.apply(nil))
	up.audience = append(up.audience, l)
	up.mu.Unlock()
	defer up.leave(l)
	for {
		select {
		case <-l.gone: // nobody else may want another
			if _, err := up.connection(ctx); err != nil && ctx.Err() == nil && up.ctx.Err() == nil {
				return nil, up.failure(err)
			}
			continue
		case <-ctx.Done():
		case <-up.ctx.Done():
		}
		return s.endListen(w, x, c.Server()), nil
	}
}

// choose takes what the server has of what is wanted.
func (l *listener) choose(want *mcp.Filter, info *client.ServerInfo) (honoured mcp.Filter) {
	l.uris = make(map[string]bool)
	changing := changing(info)
	for _, list := range []struct {
		want     bool
		honoured *bool
		method   string
	}{
		{want.Tools, &honoured.Tools, mcp.ToolsListChanged},
		{want.Prompts, &honoured.Prompts, mcp.PromptsListChanged},
		{want.Resources, &honoured.Resources, mcp.ResourcesListChanged},
	} {
		if list.want && slices.Contains(changing, list.method) {
			*list.honoured = true
			l.lists = append(l.lists, list.method)
		}
	}
	return honoured
}

// untilClosing returns a context that ends with the connection's last requests:
// what lasts as long as the connection does would hold up its end.
func (s *session) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.peer.Closing():
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-done }
}

// endListen takes the server's leave of one who listens. The specification has two
// pages on how; both are met.
func (s *session) endListen(w *way, x *transport.Exchange, info *client.ServerInfo) []byte {
	l := &listener{w: w, id: x.Message.ID}
	l.tell(mcp.Cancelled, append(append([]byte(`{"requestId":`), x.Message.ID...), '}'))
	return upgrade(mcp.Listen, l.own(nil), info)
}

// own returns an object with the subscription's id in its _meta.
func (l *listener) own(object []byte) []byte {
	return inMeta(object, &edit{add: []member{{mcp.MetaSubscriptionID, []byte(l.id)}}})
}

func (l *listener) tell(method string, params []byte) { l.w.out().put(method, l.own(params)) }

// hear implements [audience].
func (l *listener) hear(method string, params []byte) {
	if slices.Contains(l.lists, method) || method == mcp.ResourceUpdated && l.uris[jsontext.Text(get(params, "uri"))] {
		l.tell(method, params)
	}
}

// lost implements [audience].
func (l *listener) lost(string) {
	select {
	case l.gone <- struct{}{}:
	default:
	}
}

// renewed implements [audience].
func (l *listener) renewed(*client.ServerInfo) {
	for _, method := range l.lists {
		l.tell(method, nil)
	}
}
