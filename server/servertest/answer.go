package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

var errNoAnswer = jsonrpc.Errorf(jsonrpc.CodeMethodNotFound, "this client has no servertest.Options.Answer")

// answer answers a request of the server, on a goroutine: reading goes on.
func (c *Client) answer(m *jsonrpc.Message) {
	if c.o.Answer == nil && c.o.Raw {
		return // the test does
	}
	method, params, reply := m.Method, bytes.Clone(m.Params), jsonrpc.Message{ID: m.ID}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.answering.Go(func() {
		result, err := c.ask(method, params)
		reply.Result = result
		if err != nil {
			reply.Error = jsonrpc.AsError(err)
		}
		_ = c.deliver(&reply) // fails with the connection, or finds nobody who waits any more
	})
}

// ask has the test answer a question.
func (c *Client) ask(method string, params json.RawMessage) (json.RawMessage, error) {
	if c.o.Answer == nil {
		return nil, errNoAnswer
	}
	result, err := c.o.Answer(method, params)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// maxRounds is how often a server may ask in one request.
const maxRounds = 20

// inputRequired is the result of a request that the server asks something
// (2026-07-28, multi round-trip requests).
type inputRequired struct {
	Type     string `json:"resultType"`
	Requests map[string]struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	} `json:"inputRequests"`
	State json.RawMessage `json:"requestState"`
}

// asks returns what a result asks, nil for one that is complete.
func asks(result json.RawMessage) *inputRequired {
	var q inputRequired
	if json.Unmarshal(result, &q) != nil || q.Type != "input_required" {
		return nil
	}
	return &q
}

// rounds sends a request, and again with the answers to what the server asks,
// until the result is complete.
func (c *Client) rounds(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	for round := 0; ; round++ {
		result, err := c.do(ctx, method, params)
		if err != nil {
			return nil, err
		}
		q := asks(result)
		if q == nil || c.o.Answer == nil {
			return result, nil
		}
		if round == maxRounds {
			return nil, fmt.Errorf("%s asks on after %d rounds", method, maxRounds)
		}
		if params, err = c.again(params, q); err != nil {
			return nil, err
		}
	}
}

// again returns the params of a request with the answers to what the server
// asked, and the state that it gave.
func (c *Client) again(params []byte, q *inputRequired) ([]byte, error) {
	responses := make(map[string]json.RawMessage, len(q.Requests))
	for key, r := range q.Requests {
		answer, err := c.ask(r.Method, r.Params)
		if err != nil {
			return nil, fmt.Errorf("answering %s: %w", r.Method, err)
		}
		responses[key] = answer
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(params, &members); err != nil {
		return nil, err
	}
	delete(members, "inputResponses")
	delete(members, "requestState")
	if len(responses) > 0 {
		raw, err := json.Marshal(responses)
		if err != nil {
			return nil, err
		}
		members["inputResponses"] = raw
	}
	if q.State != nil {
		members["requestState"] = q.State
	}
	return json.Marshal(members)
}

// complete decodes a result that is to be complete.
func complete(result json.RawMessage, dst any) error {
	if asks(result) != nil {
		return errors.New("the server asks for input: give the client a servertest.Options.Answer")
	}
	return json.Unmarshal(result, dst)
}
