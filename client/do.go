package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// errSessionOver says that the server does not know the session any more: it has
// not looked at the request.
var errSessionOver = errors.New("the server has ended the session")

// maxRounds is how often a server may ask in one request. One that asks for ever
// would have its client's user answer for ever.
const maxRounds = 20

// maxQuestions is how much a server may ask in one result. In a session no more
// are answered, or wait, at once: see [transport.LinkOptions].
const maxQuestions = 256

// Do sends a request of any method with these params, an object or nil, and
// returns the result as it came. What the server asks meanwhile is answered by the
// handlers of Options, in every revision: where there is no session such a
// question is a result, and the request is sent again with the answer (2026-07-28,
// multi round-trip requests). An error that the server answered is a
// *jsonrpc.Error. When ctx ends the server is told to stop.
//
// It is what the other methods are made of, and for methods they do not know.
func (c *Client) Do(ctx context.Context, method string, params json.RawMessage, options ...CallOption) (json.RawMessage, error) {
	var o callOptions
	for _, option := range options {
		option(&o)
	}
	if c.o().Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.o().Timeout, fmt.Errorf("%s took longer than %v", method, c.o().Timeout))
		defer cancel()
	}
	for round := 0; ; round++ {
		s, result, err := c.try(ctx, method, params, &o)
		if err != nil {
			return nil, c.redact(err)
		}
		if o.single || !s.stateless() {
			return result, nil
		}
		asks, err := asksFor(result)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		if asks == nil {
			return result, nil
		}
		if round == maxRounds {
			return nil, fmt.Errorf("%s: the server asks on after %d rounds", method, maxRounds)
		}
		if params, err = c.again(ctx, params, asks); err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
	}
}

// try sends a request once, or a second time where the server has certainly not
// looked at the first: its session was over, or headers that repeat arguments are
// others than when the tools were listed.
func (c *Client) try(ctx context.Context, method string, params json.RawMessage, o *callOptions) (*session, json.RawMessage, error) {
	again := false
	for {
		s, err := c.session(ctx)
		if err != nil {
			return nil, nil, err
		}
		result, err := s.do(ctx, method, params, o)
		if errors.Is(err, errNotBegun) { // the session ended before the request began
			continue
		}
		if err == nil {
			c.observe(method, result)
		}
		if again || err == nil {
			return s, result, err
		}
		answered, ok := errors.AsType[*jsonrpc.Error](err)
		switch {
		case errors.Is(err, errSessionOver) && c.o().Reconnect.Attempts >= 0:
		case ok && answered.Code == mcp.CodeHeaderMismatch && method == mcp.ToolsCall && s.http != nil && !hasParams(o.header):
			c.heard.drop()
		default:
			return nil, nil, err
		}
		again = true
	}
}

// inputRequired is a result that asks for input.
type inputRequired struct {
	requests map[string]question
	state    json.RawMessage // nil for none
}

type question struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// asksFor returns what a result asks, nil for one that is complete. A result
// without a type is complete.
// One of a type that is not known is invalid (2026-07-28, basic, resultType).
func asksFor(result json.RawMessage) (*inputRequired, error) {
	var head struct {
		Type *string `json:"resultType"`
	}
	if err := json.Unmarshal(result, &head); err != nil {
		return nil, fmt.Errorf("the result: %w", err)
	}
	if head.Type == nil || *head.Type == "complete" {
		return nil, nil
	}
	if *head.Type != "input_required" {
		return nil, fmt.Errorf("the result is of the type %.40q, which this client does not know", *head.Type)
	}
	var wire struct {
		Requests map[string]question `json:"inputRequests"`
		State    json.RawMessage     `json:"requestState"`
	}
	if err := json.Unmarshal(result, &wire); err != nil {
		return nil, fmt.Errorf("the server asks for what is no request: %w", err)
	}
	if n := len(wire.Requests); n > maxQuestions {
		return nil, fmt.Errorf("the server asks %d questions at once, more than %d", n, maxQuestions)
	}
	return &inputRequired{wire.Requests, wire.State}, nil
}

// again returns the params of a request with the answers to what was asked, and
// with the state that came with the questions, or none.
func (c *Client) again(ctx context.Context, params json.RawMessage, asks *inputRequired) (json.RawMessage, error) {
	responses, err := c.answerAll(ctx, asks.requests)
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	err = jsontext.Members(params, func(key, val []byte) error {
		if jsontext.Is(key, "inputResponses") || jsontext.Is(key, "requestState") {
			return nil
		}
		out = append(append(append(append(out, key...), ':'), val...), ',')
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("params must be an object: %w", err)
	}
	if len(asks.requests) > 0 {
		out = append(append(append(out, `"inputResponses":`...), responses...), ',')
	}
	if asks.state != nil {
		out = append(append(append(out, `"requestState":`...), asks.state...), ',')
	}
	if out[len(out)-1] == ',' {
		out = out[:len(out)-1]
	}
	return append(out, '}'), nil
}

// answerAll answers questions at the same time: what is asked together may be put
// to the user together.
func (c *Client) answerAll(ctx context.Context, questions map[string]question) (json.RawMessage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type answered struct {
		key    string
		result json.RawMessage
		err    error
	}
	results := make(chan answered, len(questions))
	for key, q := range questions {
		if !c.spawnIn(&c.handlers, func() {
			result, err := c.answer(ctx, q.Method, q.Params)
			results <- answered{key, result, err}
		}) {
			return nil, ErrClosed
		}
	}
	all := make(map[string]json.RawMessage, len(questions))
	for range questions {
		select {
		case a := <-results:
			if a.err != nil {
				return nil, fmt.Errorf("the server asks for %s: %w", questions[a.key].Method, a.err)
			}
			all[a.key] = a.result
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return json.Marshal(all)
}

// spawn runs f on a goroutine that Close waits for, unless the client has ended.
func (c *Client) spawn(f func()) bool { return c.spawnIn(&c.tasks, f) }

func (c *Client) spawnIn(group *sync.WaitGroup, f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	group.Go(f)
	return true
}

// Notify sends a notification of any method.
func (c *Client) Notify(ctx context.Context, method string, params json.RawMessage) error {
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	return c.redact(s.notify(ctx, method, params))
}

func asStatus(err error) (*transport.StatusError, bool) {
	return errors.AsType[*transport.StatusError](err)
}

// asAnswer returns the JSON-RPC error that an HTTP response held.
func asAnswer(err error) (*jsonrpc.Error, bool) { return errors.AsType[*jsonrpc.Error](err) }
