package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// session is one connection to the server, from a dial to its end, and what is
// under way on it. It is the receiver of its link.
type session struct {
	c    *Client
	link transport.Link
	http *transport.HTTPLink // the link, if it is one of streamable HTTP
	info *ServerInfo         // set before anything but the handshake is sent
	self envelope.Envelope   // of a stateless revision; its level is the client's

	mu       sync.Mutex
	last     int64
	requests map[jsonrpc.ID]*request           // ours
	answers  map[jsonrpc.ID]context.CancelFunc // to requests of the server's
	lost     error                             // why nothing more can be sent
	idle     chan struct{}                     // closed when lost and nothing is under way

	alone atomic.Bool // the server has said that it is of a stateless revision
}

var errNotBegun = errors.New("the session ended before the request was sent")

// request is one request of ours.
type request struct {
	id       jsonrpc.ID
	ctx      context.Context
	token    []byte // that the caller gave for progress, as JSON; nil for none
	progress func(Progress)
	answer   chan reply // holds one
}

type reply struct {
	result json.RawMessage
	err    error
}

// stateless reports whether each request stands alone. During the handshake that
// is not known yet: then it does not.
func (s *session) stateless() bool { return s.info != nil && s.info.Stateless() }

// begin notes a request.
func (s *session) begin(ctx context.Context) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return nil, fmt.Errorf("%w: %w", errNotBegun, s.lost)
	}
	s.last++
	r := &request{id: jsonrpc.ID(strconv.FormatInt(s.last, 10)), ctx: ctx, answer: make(chan reply, 1)}
	if s.requests == nil {
		s.requests = make(map[jsonrpc.ID]*request)
	}
	s.requests[r.id] = r
	return r, nil
}

func (s *session) find(id jsonrpc.ID) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[id]
}

func (s *session) forget(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, r.id)
	s.noteIdle()
}

// take is find for an answer: what comes after it is about nothing any more.
func (s *session) take(id jsonrpc.ID) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	delete(s.requests, id)
	s.noteIdle()
	return r
}

// noteIdle is called under the lock.
func (s *session) noteIdle() {
	if s.lost == nil || len(s.requests) > 0 {
		return
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// drained returns when no request is under way on a lost session, or with end.
func (s *session) drained(end <-chan struct{}) {
	s.mu.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	s.noteIdle()
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
	case <-end:
	}
}

// gone says why nothing more can be sent; nil if something can.
func (s *session) gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// settle gives a request its outcome, the first of which counts.
func (r *request) settle(out reply) {
	select {
	case r.answer <- out:
	default:
	}
}

// do sends a request and waits for its answer.
func (s *session) do(ctx context.Context, method string, params json.RawMessage, o *callOptions) (json.RawMessage, error) {
	r, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer s.forget(r)
	out := &transport.Outbound{
		Message: &jsonrpc.Message{ID: r.id, Method: method},
		Alone:   s.stateless(),
		Lost:    func(err error) { r.settle(reply{err: s.cut(ctx, err)}) },
	}
	if out.Message.Params, err = s.params(r, params, o); err != nil {
		return nil, err
	}
	if s.http != nil {
		if out.Header, err = s.headers(ctx, out.Message, o); err != nil {
			return nil, err
		}
	}
	sent, err := s.send(ctx, out)
	if err != nil {
		return nil, s.failed(err)
	}
	for waiting := true; waiting; {
		select {
		case out := <-r.answer:
			return out.result, out.err
		case err := <-sent:
			if err != nil && ctx.Err() == nil {
				return nil, s.failed(err)
			}
			sent, waiting = nil, err == nil // broken off it may have arrived
		case <-ctx.Done():
			waiting = false
		}
	}
	if method != mcp.Initialize && method != mcp.Discover && !(out.Alone && s.http != nil) { // which has hung up
		s.cancelled(r.id, context.Cause(ctx), sent)
	}
	return nil, context.Cause(ctx)
}

// send sends a request. Where a server that does not take it would hold up the
// caller, whatever its context says, what came of it is told later.
func (s *session) send(ctx context.Context, out *transport.Outbound) (later <-chan error, err error) {
	if s.http != nil {
		return nil, s.link.Send(ctx, out)
	}
	sent := make(chan error, 1)
	if !s.c.spawn(func() {
		err := s.link.Send(ctx, out)
		if ctx.Err() != nil {
			s.link.Forget(out.Message.ID)
		}
		sent <- err
	}) {
		return nil, ErrClosed
	}
	return sent, nil
}

// cut says what it means that a request was sent and has no answer.
func (s *session) cut(ctx context.Context, err error) error {
	err = s.failed(err)
	if _, ok := asStatus(err); ok || ctx.Err() != nil || errors.Is(err, ErrLost) || errors.Is(err, ErrClosed) || errors.Is(err, errSessionOver) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// params returns the params of a request with what has to be in their _meta.
func (s *session) params(r *request, params json.RawMessage, o *callOptions) (json.RawMessage, error) {
	var members []envelope.Member
	if given, _ := envelope.ValueAt(params, []string{"_meta", "progressToken"}); len(given) > 0 || o.progress != nil {
		r.token, r.progress = bytes.Clone(given), o.progress
		members = append(members, envelope.Member{Key: "progressToken", Value: []byte(r.id)})
	}
	for key, value := range o.meta {
		members = append(members, envelope.Member{Key: key, Value: value})
	}
	if s.self.Version == nil {
		return envelope.SetMeta(params, members...)
	}
	self := s.self
	if level := s.c.logLevel(); level != "" {
		self.Level = jsontext.AppendString(nil, level)
	}
	params, err := envelope.SetMeta(params, members...)
	if err != nil {
		return nil, err
	}
	return self.Add(params)
}

func (c *Client) logLevel() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.level
}

// cancelled tells the server that nobody waits for the answer any more, and not
// before the request has left: sent is told when that is over, nil that it is.
func (s *session) cancelled(id jsonrpc.ID, cause error, sent <-chan error) {
	params, err := json.Marshal(mcp.CancelledParams{RequestID: json.RawMessage(id), Reason: s.c.redact(cause).Error()})
	if err != nil {
		return
	}
	out, err := s.notification(mcp.Cancelled, params)
	if err != nil {
		return
	}
	s.c.spawnIn(&s.c.goodbyes, func() { // the caller is not to wait for a slow server, but Close is
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.c.ctx), goodbye)
		defer cancel()
		defer s.link.Forget(id)
		if sent != nil {
			timer := time.NewTimer(goodbye / 2)
			defer timer.Stop()
			select {
			case <-sent: // or not: a POST that was broken off may have arrived
			case <-timer.C: // so may one that the server is slow to take
			}
		}
		_ = s.link.Send(ctx, out) // a server that is not told works for nothing
	})
}

func (s *session) notification(method string, params json.RawMessage) (*transport.Outbound, error) {
	out := &transport.Outbound{Message: &jsonrpc.Message{Method: method, Params: params}, Alone: s.stateless()}
	if s.self.Version == nil {
		return out, nil
	}
	var err error
	if out.Message.Params, err = s.self.Add(params); err == nil && s.http != nil {
		out.Header = s.mirrored(out.Message)
	}
	return out, err
}

func (s *session) notify(ctx context.Context, method string, params json.RawMessage) error {
	out, err := s.notification(method, params)
	if err != nil {
		return err
	}
	if err := s.link.Send(ctx, out); err != nil {
		return s.failed(err)
	}
	if method == mcp.Initialized && s.http != nil {
		return s.listenHTTP(ctx)
	}
	return nil
}

// failed says what a failure of the link means for the one whom it hit, and for
// the session.
func (s *session) failed(err error) error {
	if status, ok := asStatus(err); ok {
		if status.Ended {
			s.c.lose(s, err)
			if errors.Is(err, transport.ErrCut) { // the server had taken the request
				return fmt.Errorf("%w: %w", ErrLost, err)
			}
			return fmt.Errorf("%w: %w", errSessionOver, err)
		}
		return err // a JSON-RPC error that the response held is in its chain
	}
	select {
	case <-s.link.Done():
		s.c.lose(s, err)
		if s.c.ctx.Err() != nil {
			return context.Cause(s.c.ctx)
		}
		return fmt.Errorf("%w: %w", ErrLost, err)
	default:
		return err
	}
}

// Receive implements [transport.Receiver].
func (s *session) Receive(ctx context.Context, x *transport.Exchange) (run func()) {
	m := &x.Message
	switch {
	case m.IsRequest():
		return s.asked(ctx, x)
	case m.IsNotification():
		s.told(m, x.About)
	default:
		if r := s.take(m.ID); r != nil {
			r.settle(answerOf(m))
		}
	}
	return nil
}

// answerOf copies an answer: the message is the transport's.
func answerOf(m *jsonrpc.Message) reply {
	if m.Error != nil {
		return reply{err: &jsonrpc.Error{Code: m.Error.Code, Message: m.Error.Message, Data: bytes.Clone(m.Error.Data)}}
	}
	return reply{result: bytes.Clone(m.Result)}
}
