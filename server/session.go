package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// session is the protocol state of one connection. It is the receiver of its
// peer, so a message finds it by pointer: there is no map of sessions here, and
// nothing is looked up by request id outside its own session.
type session struct {
	server *Server
	peer   *transport.Peer
	args   tool.Args
	bound  any // pointer to a filled Options.Args; nil without
	values tool.Values

	mu       sync.Mutex
	revision *revision // nil until initialize
	client   tool.Client
	level    slog.Level           // from which the client wants log messages
	calls    map[jsonrpc.ID]*call // not answered yet; the transport bounds those whose answer waits to be read
}

// Receive implements [transport.Receiver].
func (s *session) Receive(ctx context.Context, x *transport.Exchange) (run func()) {
	switch m := &x.Message; {
	case m.IsRequest():
		return s.request(ctx, x)
	case m.IsNotification():
		s.notification(m)
	}
	return nil // a response: this server asks its clients nothing
}

// request takes a request in its turn and returns what may wait: the work of a
// slow method, and the sending of every answer.
func (s *session) request(ctx context.Context, x *transport.Exchange) (run func()) {
	c, h, err := s.begin(ctx, x)
	if err != nil {
		refused := &call{session: s, id: x.Message.ID, reply: x.Reply, ctx: ctx}
		return func() { refused.answer(nil, err) }
	}
	if h.quick {
		result, err := h.serve(c, nil)
		return func() {
			defer s.end(c)
			c.answer(result, err)
		}
	}
	return func() {
		defer s.end(c)
		c.run(h)
	}
}

var errCancelled = errors.New("the client cancelled the request")

// begin checks that the request may be made now, and registers it.
func (s *session) begin(ctx context.Context, x *transport.Exchange) (*call, method, error) {
	m := &x.Message
	h, known := methods[m.Method]
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case x.Batch && (s.revision == nil || !s.revision.batch):
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "batches are not part of this session's protocol revision: send each message by itself")
	case s.revision == nil && !h.early:
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "%s before initialize: this session begins with an initialize request", m.Method)
	case !known:
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known here", clip(m.Method))
	case s.calls[m.ID] != nil:
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "request id %s is in use by a request that has not been answered", clip(string(m.ID)))
	case len(s.calls) >= s.server.limits.Calls:
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeServerBusy, "%d requests of this session are under way: wait for an answer", len(s.calls))
	case len(m.Params) > 0 && m.Params[0] != '{':
		return nil, h, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params must be an object")
	}
	c := &call{
		session:  s,
		revision: s.revision,
		client:   &s.client,
		id:       m.ID,
		params:   m.Params,
		header:   x.Header,
		reply:    x.Reply,
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if s.calls == nil {
		s.calls = make(map[jsonrpc.ID]*call)
	}
	s.calls[m.ID] = c
	return c, h, nil
}

// release frees the id of a call, and its place among those that the client may
// have under way. It comes before the answer: the client may use them again as
// soon as it has read that.
func (s *session) release(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[c.id] == c {
		delete(s.calls, c.id)
	}
}

// end comes when nothing of the call is left, whether or not it was answered.
func (s *session) end(c *call) {
	c.cancel(nil)
	s.release(c)
}

// clip keeps what a client wrote from filling an answer.
func clip(text string) string {
	if len(text) > 100 {
		return text[:100] + "..."
	}
	return text
}

// notification takes a notification. One that is not known, or not understood,
// is nobody's to answer (JSON-RPC 2.0, section 4.1).
func (s *session) notification(m *jsonrpc.Message) {
	if m.Method != mcp.Cancelled {
		return
	}
	var p mcp.CancelledParams
	if json.Unmarshal(m.Params, &p) != nil {
		return
	}
	s.mu.Lock()
	c := s.calls[jsonrpc.ID(p.RequestID)]
	s.mu.Unlock()
	if c != nil {
		c.answered.Store(true) // a cancelled request is not answered
		c.cancel(errCancelled)
	}
}

// state returns what a session knows once it is initialized.
func (s *session) state() (*revision, slog.Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, s.level
}

// log returns a logger that names the session by the start of its id (the whole
// id is a credential) and writes no secret of its arguments.
func (s *session) log() *slog.Logger {
	return slog.New(redacting{s.server.o.Logger.Handler(), s.args}).With("session", s.peer.ID[:8])
}

// toolsChanged tells every session that the list is not what it was.
func (s *Server) toolsChanged() {
	for p := range s.table.All() {
		sess, ok := p.Receiver().(*session)
		if !ok {
			continue
		}
		if rev, _ := sess.state(); rev != nil {
			p.Notify(&jsonrpc.Message{Method: mcp.ToolsListChanged})
		}
	}
}
