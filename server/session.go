package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// session is the protocol state of one connection. It is the receiver of its
// peer, so a message finds it by pointer: there is no map of sessions here, and
// nothing is looked up by request id outside its own session.
//
// A request of a stateless revision may come on any connection, and leaves
// nothing behind in its session.
type session struct {
	server *Server
	peer   *transport.Peer
	args   tool.Args
	bound  any // pointer to a filled Options.Args; nil without
	values tool.Values
	asked  jsonrpc.Calls // what the client was asked and has not answered

	mu              sync.Mutex
	revision        *revision        // nil until initialize
	declared        mcp.Capabilities // what initialize answered
	client          tool.Client
	level           slog.Level         // from which the client wants log messages
	calls           callSet            // not answered yet; the transport bounds those whose answer waits to be read
	subscribed      map[string]bool    // URIs of resources; nil for none
	subscribedBytes int                // of the URIs
	listening       map[*listener]bool // open subscriptions/listen requests; nil for none
}

// Receive implements [transport.Receiver].
func (s *session) Receive(ctx context.Context, x *transport.Exchange) (run func()) {
	m := &x.Message
	if m.IsRequest() {
		return s.request(ctx, x)
	}
	if s.overHTTP() {
		if err := s.checkUnasked(x); err != nil {
			x.Status = http.StatusBadRequest
			return func() { _ = x.Reply.Send(ctx, &jsonrpc.Message{Error: jsonrpc.AsError(err)}) } // fails with the connection
		}
	}
	if m.IsNotification() {
		s.notification(m)
	} else {
		s.asked.Answer(m)
	}
	return nil
}

// checkUnasked refuses a notification or a response that would find nobody: HTTP
// has a way to say so.
func (s *session) checkUnasked(x *transport.Exchange) error {
	if date := x.Header.Get(mcp.HeaderVersion); date != "" && byDate(date) == nil {
		return &httpError{http.StatusBadRequest, envelope.Unsupported(date)}
	}
	if rev, _ := s.state(); rev == nil && !s.server.o.Sessionless && !envelope.StandsAlone(x.Header, &x.Message) {
		return noSession(cmp.Or(x.Message.Method, "a response"))
	}
	return nil
}

func noSession(method string) error {
	return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "%s outside a session: a POST of a session has its id in the header Mcp-Session-Id", clip(method))
}

// request takes a request in its turn and returns what may wait: the work of a
// slow method, and the sending of every answer.
func (s *session) request(ctx context.Context, x *transport.Exchange) (run func()) {
	c, err := s.begin(ctx, x)
	if err != nil {
		return func() { c.answer(nil, err) }
	}
	if c.serving.quick {
		result, err := c.attempt()
		return func() {
			defer s.end(c)
			c.answer(result, err)
		}
	}
	x.Detach = c.mayDetach()
	return c.run
}

var errCancelled = errors.New("the client cancelled the request")

// begin checks that the request may be made now, and registers it. A call that
// is refused is good for answering only.
func (s *session) begin(ctx context.Context, x *transport.Exchange) (*call, error) {
	m := &x.Message
	c := &call{
		session:  s,
		id:       m.ID,
		method:   m.Method,
		params:   m.Params,
		header:   x.Header,
		exchange: x,
		serving:  methods[m.Method],
	}
	c.life.Init(ctx)
	c.ctx = &c.life
	if len(m.Params) > 0 && m.Params[0] != '{' {
		return c, badRequest(jsonrpc.CodeInvalidParams, "params must be an object")
	}
	e := c.in.Read(m.Params)
	if !e.StandsAlone(s.headerOf(x)) {
		return c, s.inSession(c)
	}
	if x.Batch {
		return c, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "batches are not part of this protocol revision: send each message by itself")
	}
	if err := s.standAlone(c, &e); err != nil {
		return c, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c, s.registerLocked(c)
}

// brief reports whether the connection was made for one message, and is no session
// yet.
func (s *session) brief() bool { return s.peer.ID == "" }

// TakesBatch implements [transport.Batcher].
func (s *session) TakesBatch(h http.Header) bool {
	rev, _ := s.state()
	if rev == nil {
		rev = s.assumed(h)
	}
	return rev != nil && rev.Batch
}

// assumed is the revision of a client that is served without the session which
// that has: the one its header names, or else unnamed. It is nil where there are
// sessions.
func (s *session) assumed(h http.Header) *revision {
	if s.lasts() {
		return nil
	}
	if date := h.Get(mcp.HeaderVersion); date != "" {
		return byDate(date)
	}
	return unnamed
}

// headerOf returns the header in which a message says again what it says, nil
// where there is none.
func (s *session) headerOf(x *transport.Exchange) http.Header {
	if s.overHTTP() {
		return x.Header
	}
	return nil
}

// inSession checks a request against the state of its session, and registers it.
func (s *session) inSession(c *call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, x := c.serving, c.exchange
	early := h != nil && h.early
	c.revision, c.client = s.revision, &s.client
	if c.revision == nil && !early {
		c.revision = s.assumed(x.Header)
	}
	switch {
	case x.Batch && (c.revision == nil || !c.revision.Batch):
		return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "batches are not part of this session's protocol revision: send each message by itself")
	case c.revision == nil && !early:
		return badRequest(jsonrpc.CodeInvalidRequest, "%s before initialize: a session begins with an initialize request, and over HTTP its id is in the header Mcp-Session-Id", clip(c.method))
	case h == nil, h.stateless, h.needs != nil && !h.needs(s.server):
		return jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "method %q is not known here", clip(c.method))
	}
	return s.registerLocked(c)
}

// registerLocked notes a call as under way.
func (s *session) registerLocked(c *call) error {
	switch {
	case s.brief() && !c.exchange.Batch: // nothing can be said of it by another message
		return nil
	case s.calls.get(c.id) != nil:
		return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "request id %s is in use by a request that has not been answered", clip(string(c.id)))
	case s.calls.len() >= s.server.limits.Calls:
		return jsonrpc.Errorf(jsonrpc.CodeServerBusy, "%d requests of this session are under way: wait for an answer", s.calls.len())
	}
	s.calls.add(c)
	return nil
}

// release frees the id of a call, and its place among those that the client may
// have under way. It comes before the answer: the client may use them again as
// soon as it has read that.
func (s *session) release(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls.remove(c)
}

// end comes when nothing of the call is left, whether or not it was answered.
func (s *session) end(c *call) {
	c.life.Cancel(nil)
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
	c := s.calls.get(jsonrpc.ID(p.RequestID))
	s.mu.Unlock()
	if c != nil {
		c.answered.Store(true) // a cancelled request is not answered
		c.life.Cancel(errCancelled)
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
	return slog.New(redacting{s.server.o.Logger.Handler(), s.args}).With(s.logID())
}

// logID is the attribute that names the session in a log.
func (s *session) logID() slog.Attr {
	if s.peer.ID == "" { // a connection for one message
		return slog.String("remote", s.peer.RemoteAddr)
	}
	return slog.String("session", s.peer.ID[:8])
}
