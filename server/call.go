package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/envelope"
	"github.com/sessionmcp/sessionmcp/internal/lazyctx"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

// call is one request under way, and the [tool.Outlet] of the function it calls.
type call struct {
	session  *session
	revision *revision    // of the request, or of its session; nil before initialize
	client   *tool.Client // as it was when the request came
	level    slog.Level   // from which the client wants log messages; of a stateless request alone
	id       jsonrpc.ID
	method   string
	params   []byte          // an object, or nothing; the transport's bytes
	in       envelope.Params // what params hold
	serving  *method
	header   http.Header
	exchange *transport.Exchange
	ctx      context.Context
	life     lazyctx.Context // which ctx is, or descends from
	answered atomic.Bool     // or never to be

	name   string                          // of the tool, prompt or resource, once known
	fixed  []byte                          // part of the result, which no one copies; see splice
	at     int                             // where it stands in the text
	token  []byte                          // of progress, as JSON; nil if the client did not ask
	values tool.Values                     // of a stateless request alone
	own    atomic.Pointer[json.RawMessage] // what the method returned to middleware, if that is there

	telling sync.RWMutex // read while something is told, written while answered is set

	mu    sync.Mutex
	open  map[jsonrpc.ID]bool // questions that wait for an answer
	done  float64             // the last progress sent
	began bool                // progress has been sent
	asks  *rounds             // nil until the function asks, or runs something once
}

// run serves the request and answers it, whatever the method does.
func (c *call) run() {
	defer c.session.end(c)
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		if value == nil { // runtime.Goexit ends the handler as well, before net/http sends the answer
			c.autoFlush()
		}
		c.answer(c.panicked(value, debug.Stack()))
	}()
	buf := pool.Get()
	defer buf.Put()
	buf.B = jsonrpc.BeginResponse(buf.B, c.id)
	head := len(buf.B)
	text, err := c.serve(buf.B)
	returned = true
	switch {
	case err != nil:
		c.answer(nil, err)
	case c.claim():
		m := jsonrpc.EndResponse(c.id, text, head)
		buf.B = m.Text()
		if c.fixed != nil {
			m.Splice(c.at, c.fixed)
		}
		c.send(&m)
	}
}

// attempt serves a request that is not left to run. A panic is its answer.
func (c *call) attempt() (result []byte, err error) {
	returned := false
	defer func() {
		if !returned {
			result, err = c.panicked(recover(), debug.Stack())
		}
	}()
	result, err = c.serve(nil)
	returned = true
	return result, err
}

// serve serves the request through the server's middleware. Its error is one to
// answer with.
func (c *call) serve(dst []byte) ([]byte, error) {
	handle := c.session.server.handle.now.Load()
	if handle == nil {
		dst, err := c.serving.serve(c, dst)
		return dst, c.told(err)
	}
	result, err := (*handle)(c.ctx, c.request())
	if err == nil && len(result) > 0 && !c.isOwn(result) {
		if err = checkJSON(result); err != nil { // the client could not tell what it is an answer to
			err = fmt.Errorf("middleware returned no result: %w", err)
		}
	}
	if err != nil {
		return dst, c.told(err)
	}
	if len(result) == 0 {
		return append(dst, "null"...), nil
	}
	return append(dst, result...), nil
}

// isOwn reports whether what middleware returned is what it was given.
func (c *call) isOwn(result []byte) bool {
	own := c.own.Load()
	return own != nil && len(*own) == len(result) && &(*own)[0] == &result[0]
}

// told makes of an error what the client is told. The error may be the user's, and
// so its methods: it is called where a panic is answered for.
func (c *call) told(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := errors.AsType[*httpError](err); ok {
		return status
	}
	told := jsonrpc.AsError(err)
	if told != err && !c.answered.Load() {
		c.session.log().Error("serving a request failed", "method", c.method, "error", err.Error())
	}
	if len(told.Data) > 0 && checkJSON(told.Data) != nil {
		c.session.log().Error("the data of an error is not valid JSON: left out", "method", c.method)
		told = &jsonrpc.Error{Code: told.Code, Message: told.Message}
	}
	return told
}

// splice puts text that never changes, and has no line breaks, at the end of dst:
// into the message where it is sent, unless somebody is to have the result before,
// which middleware is and who serves a quick method.
func (c *call) splice(dst, text []byte) []byte {
	if len(text) < minSpliced || c.serving.quick || c.session.server.handle.now.Load() != nil {
		return append(dst, text...)
	}
	c.fixed, c.at = text, len(dst)
	return dst
}

// minSpliced is how long a text is that is worth being written by itself.
const minSpliced = 4 << 10

// answer sends the response, unless there has been one or is to be none. err is
// one to answer with.
func (c *call) answer(result []byte, err error) {
	if !c.claim() {
		return
	}
	m := jsonrpc.Message{ID: c.id, Result: result}
	if err != nil {
		m.Result, m.Error = nil, jsonrpc.AsError(err)
		if status, ok := errors.AsType[*httpError](err); ok {
			c.exchange.Status = status.status
		}
	}
	c.send(&m)
}

// claim reports whether the call is to be answered, by whoever asks first.
func (c *call) claim() bool {
	c.telling.Lock() // what is being told goes before the answer, and nothing behind it
	defer c.telling.Unlock()
	return !c.answered.Swap(true)
}

// send sends the response. It takes the connection's context, not the call's: a
// call that timed out is answered.
func (c *call) send(m *jsonrpc.Message) {
	c.session.release(c)
	_ = c.exchange.Reply.Send(c.session.peer.Context(), m) // fails only with the connection, which is logged where it ends
}

// autoFlush has the answer leave although run does not return.
func (c *call) autoFlush() {
	if f, ok := c.exchange.Reply.(transport.Flusher); ok {
		f.AutoFlush()
	}
}

// finish closes the object of a result, with what every result of the revision
// has; cache is nil for a result that has nothing to say about it.
func (c *call) finish(dst []byte, meta map[string]any, cache *tool.Cache) ([]byte, error) {
	if c.revision == nil || !c.revision.Stateless {
		dst, err := appendMeta(dst, meta)
		return append(dst, '}'), err
	}
	dst = append(comma(dst), `"resultType":"complete"`...)
	if cache != nil {
		dst = appendCache(dst, *cache)
	}
	dst, err := c.appendServerMeta(dst, meta)
	return append(dst, '}'), err
}

// appendServerMeta appends the _meta of a stateless result, in which the server
// names itself.
func (c *call) appendServerMeta(dst []byte, meta map[string]any) ([]byte, error) {
	dst = append(dst, `,"_meta":{`...)
	if _, taken := meta[mcp.MetaServer]; !taken {
		dst = append(dst, c.session.server.named...)
	}
	if len(meta) == 0 {
		return append(dst, '}'), nil
	}
	object, err := appendJSON(nil, meta)
	if err != nil {
		return dst, fmt.Errorf("_meta: %w", err)
	}
	return append(comma(dst), object[1:]...), nil
}

func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

// takeToken lets the function that is about to be called tell of its progress.
func (c *call) takeToken() {
	if t := c.in.Token; len(t) > 0 && (t[0] == '"' || t[0] == '-' || t[0] >= '0' && t[0] <= '9') {
		c.token = bytes.Clone(t) // what the function left behind may still look at it
	}
}

// context is what the function sees.
func (c *call) context(ctx context.Context) *tool.Context {
	s := c.session
	id, values := s.peer.ID, &s.values
	if c.revision.Stateless { // whatever connection it came by
		id, values = "", &c.values
	}
	return tool.NewContext(ctx, tool.Call{
		Tool:            c.name,
		Args:            s.args,
		Bound:           s.bound,
		SessionID:       id,
		RequestID:       string(c.id),
		Client:          *c.client,
		ProtocolVersion: c.revision.Date,
		Transport:       s.peer.Kind,
		Principal:       s.peer.Principal,
		Meta:            json.RawMessage(c.in.Meta),
		ConnectHeader:   s.peer.Header,
		Header:          c.header,
		Values:          values,
		Outlet:          c,
		Strict:          s.server.o.Strict,
	})
}

// errTimeout is the cause of a context that ended at the function's timeout.
var errTimeout = tool.Errorf("the tool timed out")

// limit ends the context after d, if there is a d, and answers then, whether or
// not the function has returned.
func (c *call) limit(d time.Duration) (ctx context.Context, stop func()) {
	if d <= 0 {
		return c.ctx, func() {}
	}
	return c.limited(d)
}

func (c *call) limited(d time.Duration) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithTimeoutCause(c.ctx, d, errTimeout)
	c.ctx = ctx // or a question would be waited for longer
	said := make(chan struct{})
	early := context.AfterFunc(ctx, func() {
		defer close(said)
		if context.Cause(ctx) == errTimeout {
			c.takeBack("") // before the answer, which ends the way to the client
			c.autoFlush()
			c.answer(c.failure(fmt.Sprintf("the %s timed out after %v", c.noun(), d)))
		}
	})
	return ctx, func() {
		if !early() { // it is being said, or has been: the call ends after that
			<-said
		}
		cancel()
	}
}

// noun names the kind of function that is called.
func (c *call) noun() string {
	switch c.method {
	case mcp.PromptsGet:
		return "prompt"
	case mcp.ResourcesRead:
		return "resource"
	}
	return "tool"
}

// failure is how the method says that the function failed: a tool in its result,
// for the model to read, the others with an error.
func (c *call) failure(text string) ([]byte, error) {
	if c.method == mcp.ToolsCall && c.revision != nil {
		return c.toolError(nil, text)
	}
	return nil, jsonrpc.Errorf(jsonrpc.CodeInternalError, "%s", text)
}

// failureText is what the caller gets to read of an error.
func (c *call) failureText(ctx context.Context, err error) string {
	if text, ok := tool.UserText(err); ok {
		return text
	}
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		return cause.Error()
	}
	log := c.session.log().With(c.noun(), c.name)
	if !c.session.server.o.MaskErrors {
		log.Info(c.noun()+" failed", "error", err.Error())
		return c.session.args.Redact(err.Error())
	}
	ref := rand.Text()[:10]
	log.Error(c.noun()+" failed", "ref", ref, "error", err.Error())
	return maskedText(ref)
}

func maskedText(ref string) string { return "internal error (ref " + ref + ")" }

// panicked answers for a function that panicked. Its text goes to the log alone.
func (c *call) panicked(value any, stack []byte) ([]byte, error) {
	what := fmt.Sprint(value)
	if value == nil {
		what = "the " + c.noun() + " ended its goroutine (runtime.Goexit)"
	}
	ref := rand.Text()[:10]
	c.session.log().Error(c.noun()+" panicked", "method", c.method, c.noun(), c.name, "ref", ref, "panic", what, "stack", string(stack))
	return c.failure(maskedText(ref))
}
