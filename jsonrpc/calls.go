package jsonrpc

import (
	"bytes"
	"context"
	"strconv"
	"sync"
)

// Calls are the requests that one side of one connection has sent and not had
// answered yet. Its ids are its own: another connection's answers cannot reach
// it. The zero value is ready; its methods may be called concurrently.
type Calls struct {
	mu      sync.Mutex
	last    int64
	waiting map[ID]chan Message
	closed  error
}

// Do sends a request and waits for its answer, whose result is a copy that the
// caller owns. It fails with ctx's cause, with send's error, with the peer's
// [*Error], or with the error that Close was given. ended is called with the id
// if ctx ends first, so that the caller can tell the peer; it may be nil.
func (c *Calls) Do(ctx context.Context, send func(*Message) error, ended func(ID), method string, params []byte) ([]byte, error) {
	id, answer, err := c.begin()
	if err != nil {
		return nil, err
	}
	defer c.end(id)
	if err := send(&Message{ID: id, Method: method, Params: params}); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return nil, c.closed // set before the channels are closed
		}
		if m.Error != nil {
			return nil, m.Error
		}
		return m.Result, nil
	case <-ctx.Done():
		if ended != nil {
			ended(id)
		}
		return nil, context.Cause(ctx)
	}
}

func (c *Calls) begin() (ID, chan Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return "", nil, c.closed
	}
	c.last++
	id := ID(strconv.FormatInt(c.last, 10))
	answer := make(chan Message, 1)
	if c.waiting == nil {
		c.waiting = make(map[ID]chan Message)
	}
	c.waiting[id] = answer
	return id, answer, nil
}

func (c *Calls) end(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// Answer hands a response to the call it belongs to and reports whether there
// was one. A response that nobody waits for, late or invented, changes nothing.
func (c *Calls) Answer(m *Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, ok := c.waiting[m.ID]
	if !ok {
		return false
	}
	delete(c.waiting, m.ID)
	own := Message{ID: m.ID, Result: bytes.Clone(m.Result)}
	if m.Error != nil {
		own.Error = &Error{Code: m.Error.Code, Message: m.Error.Message, Data: bytes.Clone(m.Error.Data)}
	}
	answer <- own
	return true
}

// Close ends all waiting calls, and every later one, with err, which is not nil.
// The first Close decides.
func (c *Calls) Close(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return
	}
	c.closed = err
	for _, answer := range c.waiting {
		close(answer)
	}
	c.waiting = nil
}
