package bridge

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// session is one connection of a client's: it is the receiver of its peer. Over
// HTTP a request that stands alone has one of its own.
type session struct {
	b     *Bridge
	peer  *transport.Peer
	f     *filled
	out   outbox        // what belongs to no request; where there is one stream, all but answers
	asked jsonrpc.Calls // what the client was asked and has not answered

	mu       sync.Mutex
	up       *upstream // nil before initialize
	began    bool      // initialize is under way, or done
	ready    bool      // it is done
	closed   bool
	revision string // that the client asked for
	calls    map[jsonrpc.ID]context.CancelCauseFunc
	uris     map[string]bool // that it has subscribed to
	level    string          // that it has set; "" for none
	wrapped  map[string]bool // tools whose structured results are wrapped: see convert.go
	passed   chan struct{}   // closed when the last notification has been passed on; nil for none
}

func newSession(b *Bridge, p *transport.Peer, f *filled) *session {
	s := &session{b: b, peer: p, f: f}
	s.out.send = p.Send
	return s
}

// name is the session's in logs: the start of its id, for the whole is a
// credential.
func (s *session) name() string {
	if s.peer.ID == "" {
		return s.peer.RemoteAddr
	}
	return s.peer.ID[:8]
}

func (s *session) overHTTP() bool { return s.peer.Kind == "http" }

// Opened implements [transport.Observer].
func (s *session) Opened() {}

// Closed implements [transport.Observer].
func (s *session) Closed(cause error) {
	s.asked.Close(cause)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.leave(cause)
	s.b.endOf(s.peer)
	s.out.close()
}

// InputEnded implements [transport.Waiter].
func (s *session) InputEnded() {
	s.asked.Close(errors.New("the client has closed its end, and answers no more"))
}

// leave ends the session's part in its upstream.
func (s *session) leave(cause error) {
	s.mu.Lock()
	up, uris := s.up, s.uris
	s.up, s.uris = nil, nil
	s.mu.Unlock()
	if up == nil {
		return
	}
	up.leave(s)
	if !s.b.o.Shared {
		s.b.mu.Lock()
		defer s.b.mu.Unlock()
		s.b.end(up, cause)
		return
	}
	unsubscribed := up.task(func() {
		defer s.b.drop(up)
		for uri := range uris {
			up.forget(uri)
		}
	})
	if !unsubscribed {
		s.b.drop(up)
	}
}

// Receive implements [transport.Receiver].
func (s *session) Receive(ctx context.Context, x *transport.Exchange) (run func()) {
	m := &x.Message
	if m.IsRequest() {
		return s.request(ctx, x)
	}
	if s.overHTTP() && s.peer.ID == "" && !envelope.StandsAlone(x.Header, m) {
		x.Status = http.StatusBadRequest
		failure := jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "a message outside a session: a POST of a session has its id in the header Mcp-Session-Id")
		return func() { _ = x.Reply.Send(ctx, &jsonrpc.Message{Error: failure}) } // fails with the connection
	}
	if m.IsNotification() {
		return s.notification(ctx, m)
	}
	s.asked.Answer(m)
	return nil
}

// TakesBatch implements [transport.Batcher].
func (s *session) TakesBatch(http.Header) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := mcp.ByDate(s.revision)
	return r != nil && r.Batch
}

var errCancelled = errors.New("the client cancelled the request")

// notification takes a notification of the client, and returns what passes it on.
func (s *session) notification(ctx context.Context, m *jsonrpc.Message) (run func()) {
	if m.Method == mcp.Cancelled {
		id := get(m.Params, "requestId")
		s.mu.Lock()
		cancel := s.calls[jsonrpc.ID(id)]
		s.mu.Unlock()
		if cancel != nil {
			cancel(errCancelled)
		}
		return nil
	}
	s.mu.Lock()
	up := s.up
	s.mu.Unlock()
	if up == nil || s.b.o.Shared { // in one upstream one client's words would be everybody's
		return nil
	}
	before, passed := s.follow()
	return func() {
		defer close(passed)
		wait(ctx, before)
		up.mu.Lock()
		up.seen = time.Now()
		c, greets := up.now, m.Method == mcp.Initialized && !up.greeted
		up.greeted = up.greeted || greets
		up.mu.Unlock()
		if c == nil || c.Server().Stateless() || m.Method == mcp.Initialized && !greets {
			return
		}
		if err := c.Notify(ctx, m.Method, m.Params); err != nil {
			up.options.Logger.Info("a notification did not reach the server behind the bridge", "method", m.Method, "error", err)
		}
	}
}

// follow has what comes later wait for a notification, which itself waits for the
// one before: a server may refuse what comes before notifications/initialized.
func (s *session) follow() (before, passed chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, passed = s.passed, make(chan struct{})
	s.passed = passed
	return before, passed
}

func wait(ctx context.Context, passed <-chan struct{}) {
	if passed == nil {
		return
	}
	select {
	case <-passed:
	case <-ctx.Done():
	}
}

// request takes a request in its turn and returns what may wait.
func (s *session) request(ctx context.Context, x *transport.Exchange) (run func()) {
	m := &x.Message
	var header http.Header
	if s.overHTTP() {
		header = x.Header
	}
	alone := envelope.StandsAlone(header, m)
	ctx, cancel, err := s.register(ctx, m.ID)
	if err == nil {
		if err = s.mayBegin(x, alone); err != nil {
			s.release(m.ID)
			cancel(nil)
		}
	}
	if err != nil {
		return func() { s.fail(ctx, x, err) }
	}
	s.mu.Lock()
	passed := s.passed
	s.mu.Unlock()
	return func() {
		defer cancel(nil)
		wait(ctx, passed)
		var result []byte
		var refused *jsonrpc.Error
		switch {
		case alone:
			result, refused = s.standAlone(ctx, x, header)
		case m.Method == mcp.Initialize:
			s.out.hold() // what the server says behind its answer
			defer s.out.letGo()
			result, refused = s.initialize(ctx, m.Params)
		default:
			result, refused = s.pass(ctx, x)
		}
		s.release(m.ID)
		if ctx.Err() != nil && context.Cause(ctx) == errCancelled {
			s.b.abandon(result)
			return // a cancelled request is not answered
		}
		s.answer(ctx, x, result, refused)
	}
}

// answer sends what comes in the end, behind all that came before.
func (s *session) answer(ctx context.Context, x *transport.Exchange, result []byte, failure *jsonrpc.Error) {
	if failure != nil {
		s.fail(ctx, x, failure)
		return
	}
	s.behind(ctx, x)
	_ = x.Reply.Send(s.peer.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: result}) // fails with the connection
}

// behind waits until what was said before the answer to a request is sent. Before
// that to initialize nothing is said.
func (s *session) behind(ctx context.Context, x *transport.Exchange) {
	if !s.overHTTP() && x.Message.Method != mcp.Initialize {
		s.out.flush(ctx)
	}
}

// fail answers with an error, and over HTTP with the status that says as much.
func (s *session) fail(ctx context.Context, x *transport.Exchange, err error) {
	failure := jsonrpc.AsError(err)
	switch {
	case x.Status != 0:
	case failure == errFull:
		x.Status = http.StatusServiceUnavailable
	case !envelope.StandsAlone(x.Header, &x.Message):
	case failure.Code == jsonrpc.CodeMethodNotFound:
		x.Status = http.StatusNotFound
	case failure.Code == mcp.CodeHeaderMismatch, failure.Code == mcp.CodeMissingCapability, failure.Code == mcp.CodeUnsupportedVersion:
		x.Status = http.StatusBadRequest
	}
	s.behind(ctx, x)
	_ = x.Reply.Send(s.peer.Context(), &jsonrpc.Message{ID: x.Message.ID, Error: failure}) // fails with the connection
}

// mayBegin checks a request against the state of the session.
func (s *session) mayBegin(x *transport.Exchange, alone bool) error {
	m := &x.Message
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(format string, args ...any) error {
		x.Status = http.StatusBadRequest
		return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, format, args...)
	}
	switch {
	case len(m.Params) > 0 && m.Params[0] != '{':
		x.Status = http.StatusBadRequest
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params must be an object")
	case m.Method == mcp.ToolsCall && !objectArguments(m.Params):
		x.Status = http.StatusBadRequest
		return jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.arguments must be an object")
	case alone && x.Batch:
		return refuse("batches are not part of this protocol revision: send each message by itself")
	case alone:
		return nil
	case m.Method == mcp.Initialize && s.began:
		return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "this session is initialized already")
	case m.Method == mcp.Initialize:
		s.began = true
	case m.Method == mcp.Ping && !s.began:
	case !s.ready:
		return refuse("%s before initialize: a session begins with an initialize request, and over HTTP its id is in the header Mcp-Session-Id", clip(m.Method))
	}
	return nil
}

// register notes a request as under way, until release.
func (s *session) register(ctx context.Context, id jsonrpc.ID) (context.Context, context.CancelCauseFunc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[id] != nil {
		return ctx, nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "request id %s is in use by a request that has not been answered", clip(string(id)))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	if s.calls == nil {
		s.calls = make(map[jsonrpc.ID]context.CancelCauseFunc)
	}
	s.calls[id] = cancel
	return ctx, cancel, nil
}

// release frees the id of a request. It comes before the answer: the client may use
// it again as soon as it has read that.
func (s *session) release(id jsonrpc.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, id)
}

// clip keeps what a client wrote from filling an answer.
func clip(text string) string {
	if len(text) > 100 {
		return text[:100] + "..."
	}
	return text
}
