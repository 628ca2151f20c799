package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

var errClosed = errors.New("the connection has ended")

// Client is a connection to the server under test. It is safe for concurrent use.
type Client struct {
	t     testing.TB
	o     Options
	calls jsonrpc.Calls
	once  sync.Once
	stop  func() // ends the connection; nothing is received after it

	// send takes a text to the server. Over HTTP the end of ctx hangs up on a
	// request that has no session, and lost, which may be nil, is called with why
	// nothing more will be said to the text, unless it was answered.
	send func(ctx context.Context, text []byte, lost func(error)) error

	// SessionID is the id the server gave the connection; "" over stdio, and over
	// HTTP before initialize is answered.
	SessionID string
	// Endpoint is the URL that messages are POSTed to; for SSE and HTTP.
	Endpoint string

	tapping sync.Mutex

	mu        sync.Mutex
	closed    bool
	answering sync.WaitGroup
	notes     []Message
	arrived   chan struct{} // closed and replaced when notes grows
}

// Message is a notification, or a request, that the server sent.
type Message struct {
	Method string
	Params json.RawMessage
}

func (c *Client) initialize() error {
	_, err := c.Request(mcp.Initialize, map[string]any{
		"protocolVersion": c.o.Revision,
		"capabilities":    c.capabilities(),
		"clientInfo":      self,
	})
	if err != nil {
		return err
	}
	if err := c.Notify(mcp.Initialized, nil); err != nil || c.o.LogLevel == "" {
		return err
	}
	_, err = c.Request(mcp.SetLevel, mcp.SetLevelParams{Level: c.o.LogLevel})
	return err
}

// self is what the client says of itself.
var self = mcp.Implementation{Name: "servertest", Version: "1"}

// capabilities are never nil: on the wire they are an object.
func (c *Client) capabilities() map[string]any {
	if c.o.Capabilities == nil {
		return map[string]any{}
	}
	return c.o.Capabilities
}

// receive takes one text from the server.
func (c *Client) receive(text []byte) {
	c.tap(text)
	m, err := jsonrpc.Parse(text)
	if err != nil { // a batch, or what the tap is there to see
		return
	}
	if m.Method == "" {
		c.calls.Answer(&m)
		return
	}
	c.note(&m)
	if m.IsRequest() {
		c.answer(&m)
	}
}

func (c *Client) tap(text []byte) {
	if c.o.Tap != nil {
		c.tapping.Lock()
		defer c.tapping.Unlock()
		c.o.Tap(text)
	}
}

func (c *Client) note(m *jsonrpc.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, Message{Method: m.Method, Params: bytes.Clone(m.Params)})
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// SendText sends any text, well formed or not. Over HTTP it returns when the
// server has answered a text that holds no request, and when the text has been
// sent if it does: the answer is for Options.Tap.
func (c *Client) SendText(text string) error {
	return c.send(context.Background(), []byte(text), nil)
}

// Request sends a request and waits for its result. A JSON-RPC error is a
// [*jsonrpc.Error]; over HTTP, and with a status of an error, within a
// [*RefusedError].
func (c *Client) Request(method string, params any) (json.RawMessage, error) {
	return c.RequestContext(c.t.Context(), method, params)
}

// RequestContext is Request; when ctx ends it cancels the request. What the
// server asks instead of a result (2026-07-28, multi round-trip requests) is
// answered by Options.Answer, up to 20 times; without that it is the result.
func (c *Client) RequestContext(ctx context.Context, method string, params any) (json.RawMessage, error) {
	raw, err := encode(params)
	if err != nil {
		return nil, err
	}
	if !c.stateless() {
		return c.do(ctx, method, raw)
	}
	if raw, err = c.envelop(raw); err != nil {
		return nil, err
	}
	return c.rounds(ctx, method, raw)
}

// do sends one request and waits for the answer.
func (c *Client) do(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	answered, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	send := func(m *jsonrpc.Message) error { return c.send(ctx, m.Append(nil), fail) }
	cancelled := func(id jsonrpc.ID) {
		if ctx.Err() == nil || c.stateless() && c.o.Transport == HTTP { // it was lost, or is cancelled by hanging up
			return
		}
		_ = c.Notify(mcp.Cancelled, mcp.CancelledParams{RequestID: json.RawMessage(id)})
	}
	return c.calls.Do(answered, send, cancelled, method, params)
}

// Notify sends a notification. Over HTTP it waits until the server has taken it,
// and the error may be a [*RefusedError].
func (c *Client) Notify(method string, params any) error {
	raw, err := encode(params)
	if err != nil {
		return err
	}
	m := jsonrpc.Message{Method: method, Params: raw}
	return c.deliver(&m)
}

// deliver sends what is not answered, and reports a server that refuses it.
func (c *Client) deliver(m *jsonrpc.Message) error {
	var refused error
	if err := c.send(context.Background(), m.Append(nil), func(err error) { refused = err }); err != nil {
		return err
	}
	return refused
}

func encode(params any) ([]byte, error) {
	if params == nil {
		return nil, nil
	}
	return json.Marshal(params)
}

// Notifications returns those received so far of a method, in order; and the
// requests, if it is a method of requests.
func (c *Client) Notifications(method string) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	others := func(m Message) bool { return m.Method != method }
	return slices.DeleteFunc(slices.Clone(c.notes), others)
}

// Await waits until n notifications of a method have come, and returns them. It
// fails the test if the test's context ends first.
func (c *Client) Await(method string, n int) []Message {
	c.t.Helper()
	for {
		c.mu.Lock()
		arrived := c.arrived
		c.mu.Unlock()
		if got := c.Notifications(method); len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-c.t.Context().Done():
			c.t.Fatalf("waiting for %d of %s: %v", n, method, c.t.Context().Err())
		}
	}
}

// Close ends the connection as a client does that goes away: over HTTP it ends the
// session; over stdio it waits for what is under way, for 5 s, and then has the
// server shut down. It may be called more than once.
func (c *Client) Close() {
	c.once.Do(func() {
		c.stop()
		c.calls.Close(errClosed)
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		c.answering.Wait()
	})
}
