package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/jsontext"
	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// call is one request under way, and the [tool.Outlet] of the tool it calls.
type call struct {
	session  *session
	revision *revision // as it was when the request came; nil before initialize
	client   *tool.Client
	id       jsonrpc.ID
	params   []byte // an object, or nothing; the transport's bytes
	header   http.Header
	reply    transport.Sender
	ctx      context.Context
	cancel   context.CancelCauseFunc
	answered atomic.Bool // or never to be

	tool  string // the name, once known
	token []byte // of progress, as JSON; nil if the client did not ask
	mu    sync.Mutex
	done  float64 // the last progress sent
	began bool    // progress has been sent
}

// run serves the request and answers it, whatever the method does.
func (c *call) run(h method) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// A panic, or runtime.Goexit, for which recover returns nil.
		c.answer(c.appendPanic(nil, recover(), debug.Stack()), nil)
	}()
	buf := pool.Get()
	defer buf.Put()
	var err error
	buf.B, err = h.serve(c, buf.B)
	returned = true
	c.answer(buf.B, err)
}

// answer sends the response, unless there has been one or is to be none.
func (c *call) answer(result []byte, err error) {
	if c.answered.Swap(true) {
		return
	}
	c.session.release(c)
	m := jsonrpc.Message{ID: c.id, Result: result}
	if err != nil {
		m.Result, m.Error = nil, jsonrpc.AsError(err)
		if m.Error != err {
			c.session.log().Error("serving a request failed", "error", err.Error())
		}
	}
	// The connection's context, not the call's: a call that timed out is answered.
	// It fails only with the connection, which is logged where it ends.
	_ = c.reply.Send(c.session.peer.Context(), &m)
}

// callParams are those of tools/call, as slices of the message.
type callParams struct{ name, arguments, meta, token []byte }

func (p *callParams) read(params []byte) error {
	return members(params, func(key, val []byte) error {
		switch {
		case jsontext.Is(key, "name"):
			p.name = val
		case jsontext.Is(key, "arguments"):
			p.arguments = val
		case jsontext.Is(key, "_meta") && val[0] == '{':
			p.meta = val
			return members(val, func(key, val []byte) error {
				if jsontext.Is(key, "progressToken") {
					p.token = val
				}
				return nil
			})
		}
		return nil
	})
}

// members calls f with the raw key and value of each member of an object.
func members(object []byte, f func(key, val []byte) error) error {
	if len(object) == 0 {
		return nil
	}
	r := jsontext.Read(object)
	if err := r.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := r.Member(first)
		if !ok {
			return err
		}
		val, err := r.Value()
		if err != nil {
			return err
		}
		if err := f(key, val); err != nil {
			return err
		}
	}
}

// callTool serves tools/call. What goes wrong with the tool or its arguments is
// a result with isError, for the model to read: 2025-11-25 (tools, error
// handling) says so, and the earlier revisions allow it as "invalid input data".
func callTool(c *call, dst []byte) ([]byte, error) {
	var p callParams
	if err := p.read(c.params); err != nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params: %v", err)
	}
	if len(p.name) == 0 || p.name[0] != '"' {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "params.name must be the name of a tool")
	}
	t := c.session.server.tools.find(p.name)
	if t == nil {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidParams, "unknown tool %q: tools/list has the names", clip(jsontext.Text(p.name)))
	}
	c.tool = t.Name()
	if len(p.token) > 0 && (p.token[0] == '"' || p.token[0] == '-' || p.token[0] >= '0' && p.token[0] <= '9') {
		c.token = p.token
	}
	ctx, spec := c.ctx, t.Spec()
	if d := spec.Timeout; d > 0 {
		var stop func()
		ctx, stop = c.limit(d)
		defer stop()
	}
	result, err := t.Call(c.context(ctx, p.meta), p.arguments)
	if err != nil {
		return c.appendFailure(dst, ctx, err), nil
	}
	out, err := appendResult(dst, c.revision, &spec, result)
	if err != nil {
		return c.appendFailure(dst, ctx, err), nil
	}
	return out, nil
}

// context is what the tool sees.
func (c *call) context(ctx context.Context, meta []byte) *tool.Context {
	s := c.session
	return tool.NewContext(ctx, tool.Call{
		Tool:            c.tool,
		Args:            s.args,
		Bound:           s.bound,
		SessionID:       s.peer.ID,
		RequestID:       string(c.id),
		Client:          *c.client,
		ProtocolVersion: c.revision.date,
		Transport:       s.peer.Kind,
		Principal:       s.peer.Principal,
		Meta:            json.RawMessage(meta),
		ConnectHeader:   s.peer.Header,
		Header:          c.header,
		Values:          &s.values,
		Outlet:          c,
		Strict:          s.server.o.Strict,
	})
}

// errTimeout is the cause of a context that ended at the tool's timeout.
var errTimeout = tool.Errorf("the tool timed out")

// limit ends the context after d and answers then, whether or not the tool has
// returned.
func (c *call) limit(d time.Duration) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithTimeoutCause(c.ctx, d, errTimeout)
	said := make(chan struct{})
	early := context.AfterFunc(ctx, func() {
		defer close(said)
		if context.Cause(ctx) == errTimeout {
			c.answer(appendError(nil, fmt.Sprintf("the tool timed out after %v", d)), nil)
		}
	})
	return ctx, func() {
		if !early() { // it is being said, or has been: the call ends after that
			<-said
		}
		cancel()
	}
}

// appendFailure makes the result of a tool that failed.
func (c *call) appendFailure(dst []byte, ctx context.Context, err error) []byte {
	if text, ok := tool.UserText(err); ok {
		return appendError(dst, text)
	}
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		return appendError(dst, cause.Error())
	}
	log := c.session.log().With("tool", c.tool)
	if !c.session.server.o.MaskErrors {
		log.Info("tool failed", "error", err.Error())
		return appendError(dst, c.session.args.Redact(err.Error()))
	}
	ref := rand.Text()[:10]
	log.Error("tool failed", "ref", ref, "error", err.Error())
	return appendError(dst, maskedText(ref))
}

func maskedText(ref string) string { return "internal error (ref " + ref + ")" }

// appendPanic makes the result of a tool that panicked. Its text goes to the log
// alone.
func (c *call) appendPanic(dst []byte, value any, stack []byte) []byte {
	what := fmt.Sprint(value)
	if value == nil {
		what = "the tool ended its goroutine (runtime.Goexit)"
	}
	ref := rand.Text()[:10]
	c.session.log().Error("tool panicked", "tool", c.tool, "ref", ref, "panic", what, "stack", string(stack))
	return appendError(dst, maskedText(ref))
}
