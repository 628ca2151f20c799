package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Context is what a tool knows of the call it serves: who is calling, over which
// connection, with which arguments in its URL. It is a [context.Context] that
// ends when the caller cancels, when the connection closes, at the tool's
// timeout and at shutdown; [context.Cause] tells which.
//
// A Context belongs to one call. Its methods may be used concurrently, also by
// goroutines that outlive the call; what they then send is dropped.
//
// Printed, logged or encoded it shows the tool and the transport. Like those of
// [Args] its facts are held by a closure: some are credentials.
type Context struct {
	context.Context // call again: from a context, reflection finds the connection
	call            facts
}

// facts are what a Context is made of.
type facts func() *known

type known struct {
	Call
	ctx context.Context
}

func (f facts) Deadline() (time.Time, bool) { return f().ctx.Deadline() }
func (f facts) Done() <-chan struct{}       { return f().ctx.Done() }
func (f facts) Err() error                  { return f().ctx.Err() }
func (f facts) Value(key any) any           { return f().ctx.Value(key) }

// Call is the facts a [Context] is made of. Servers fill it in; the tests of a
// tool fill in what the tool looks at.
type Call struct {
	Tool            string // the tool's name
	Args            Args
	Bound           any // pointer to the struct that Args were bound to; nil for none
	SessionID       string
	RequestID       string // as JSON text: 7 or "x"
	Client          Client
	ProtocolVersion string // such as 2025-11-25
	Transport       string // stdio, sse, http, pipe
	Principal       any
	Meta            json.RawMessage // the request's _meta; copied
	ConnectHeader   http.Header     // of the request that opened the connection
	Header          http.Header     // of the request that brought this call
	Values          *Values         // nil for new ones
	Outlet          Outlet          // nil drops progress, logs to slog.Default, and cannot ask
	Strict          bool            // refuse near misses in the tool's arguments
}

// Client is what the client said of itself.
type Client struct {
	Name         string
	Title        string
	Version      string
	Capabilities map[string]json.RawMessage
}

// Supports reports whether the client declared the capability, such as
// "sampling", or a part of one behind a dot: "sampling.tools". A client whose
// elicitation names no mode has "elicitation.form" (2025-11-25, elicitation,
// capabilities).
func (c Client) Supports(capability string) bool {
	if declared(c.Capabilities, capability) {
		return true
	}
	return capability == "elicitation.form" && c.Supports("elicitation") && !c.Supports("elicitation.url")
}

// declared looks name up, and what stands before its first dot if there is no
// such key: names of extensions have dots.
func declared(capabilities map[string]json.RawMessage, name string) bool {
	if raw, ok := capabilities[name]; ok {
		return string(raw) != "null"
	}
	head, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		return false
	}
	var parts map[string]json.RawMessage
	return json.Unmarshal(capabilities[head], &parts) == nil && declared(parts, rest)
}

// Outlet is the way from a call to its caller before the call has returned.
type Outlet interface {
	// Logger returns the call's logger. It is called each time one is wanted.
	Logger() *slog.Logger
	// Progress reports done of total. See [Context.Progress].
	Progress(done, total float64, message string)
	// Ask puts a question to the client and returns nil when q.Read has taken the
	// answer. It fails with [ErrInputRequired], or a [*CapabilityError].
	Ask(q *Question) error
	// Once runs run unless it has run in this call before, under this name, and
	// returns what it returned, as JSON. See the function of the same name.
	Once(name string, run func() ([]byte, error)) ([]byte, error)
	// Suspend ends the response. See [Context.Suspend].
	Suspend(retry time.Duration) bool
}

// NewContext returns a Context of the call. Tests of tools use it:
//
//	ctx := tool.NewContext(t.Context(), tool.Call{
//		Args: tool.NewArgs(url.Values{"auth": {"KEY"}}),
//	})
func NewContext(ctx context.Context, call Call) *Context {
	if call.Values == nil {
		call.Values = new(Values)
	}
	call.Meta = bytes.Clone(call.Meta)
	k := &known{call, ctx}
	f := facts(func() *known { return k })
	return &Context{Context: f, call: f}
}

type contextKey struct{}

// FromContext returns the Context that ctx is or descends from, for code deep
// below a tool that was handed a plain context.Context.
func FromContext(ctx context.Context) (c *Context, ok bool) {
	c, ok = ctx.Value(contextKey{}).(*Context)
	return c, ok
}

// Value implements [context.Context].
func (c *Context) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Args returns the arguments of the connection.
func (c *Context) Args() Args { return c.call().Args }

// Arg returns the first value of a connection argument, or fallback if it was
// not given.
func (c *Context) Arg(name, fallback string) string {
	if value, ok := c.call().Args.Lookup(name); ok {
		return value
	}
	return fallback
}

// ArgsOf returns the connection's arguments as the struct that the server's
// Options.Args named, bound when the connection opened. Where they were not
// bound to a T, in the test of a tool for one, they are bound now. It panics if
// they do not bind, or if ctx does not descend from a [Context].
func ArgsOf[T any](ctx context.Context) T {
	c, ok := FromContext(ctx)
	if !ok {
		panic("tool: ArgsOf needs the context of a tool's call")
	}
	if bound, ok := c.call().Bound.(*T); ok && bound != nil {
		return *bound
	}
	var args T
	if err := c.call().Args.Bind(&args); err != nil {
		panic(fmt.Sprintf("tool: ArgsOf[%s]: %v", reflect.TypeFor[T](), err))
	}
	return args
}

// SessionID returns the id of the connection. Over SSE it is what authorizes a
// POST: treat it as a secret.
func (c *Context) SessionID() string { return c.call().SessionID }

// RequestID returns the JSON-RPC id of the call as the caller wrote it, in JSON:
// 7, or "x" with its quotes. It is unique within the session, not beyond it.
func (c *Context) RequestID() string { return c.call().RequestID }

// Client returns what the client said of itself when it connected.
func (c *Context) Client() Client { return c.call().Client }

// ProtocolVersion returns the MCP revision of the session, or of a request that
// has none, such as 2025-11-25.
func (c *Context) ProtocolVersion() string { return c.call().ProtocolVersion }

// Transport returns how the client is connected: stdio, sse, http (streamable) or
// pipe.
func (c *Context) Transport() string { return c.call().Transport }

// Principal returns what the server's Options.Authenticate returned for this
// connection, nil without one.
func (c *Context) Principal() any { return c.call().Principal }

// Meta returns the _meta of the request, nil for none.
func (c *Context) Meta() map[string]json.RawMessage {
	var meta map[string]json.RawMessage
	if json.Unmarshal(c.call().Meta, &meta) != nil {
		return nil
	}
	return meta
}

// Header returns the header of the HTTP request that brought this call, nil on
// other transports. It holds credentials and is not to be modified.
func (c *Context) Header() http.Header { return c.call().Header }

// ConnectHeader returns the header of the HTTP request that opened the
// connection, nil on other transports. It holds credentials and is not to be
// modified.
func (c *Context) ConnectHeader() http.Header { return c.call().ConnectHeader }

// Log returns a logger that writes to the server's log, with the session and the
// tool, and to the client from the level up that the client asked for.
func (c *Context) Log() *slog.Logger {
	if c.call().Outlet == nil {
		return slog.Default().With("tool", c.call().Tool)
	}
	return c.call().Outlet.Logger()
}

// Progress tells the caller that done of total is done, in units of the tool's
// choice; a total of 0 is unknown. Nothing is sent to a caller that did not ask,
// nor when done is not more than it was.
func (c *Context) Progress(done, total float64, message string) {
	if c.call().Outlet != nil {
		c.call().Outlet.Progress(done, total, message)
	}
}

// Suspend ends the HTTP response of the call while its function goes on, so that
// work of many minutes holds no connection open: the client comes back for the
// result after retry, which is rounded to milliseconds (2025-11-25, transports,
// sending messages to the server). It is for tools that are [Detached].
//
// It reports whether the response was ended. Where the client could not come
// back, as on other transports and from 2026-07-28 on, nothing happens.
func (c *Context) Suspend(retry time.Duration) bool {
	return c.call().Outlet != nil && c.call().Outlet.Suspend(retry)
}

// Get returns a value that a tool has Set in this session.
func (c *Context) Get(key string) (value any, ok bool) { return c.call().Values.get(key) }

// Set keeps a value for the later calls of this session, until it ends. A nil
// value removes the key.
func (c *Context) Set(key string, value any) { c.call().Values.set(key, value) }

// Values are what the tools of one session keep in it. The zero value is ready;
// it is safe for concurrent use.
type Values struct {
	mu sync.Mutex
	m  map[string]any
}

func (v *Values) get(key string) (any, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := v.m[key]
	return value, ok
}

func (v *Values) set(key string, value any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value == nil {
		delete(v.m, key)
		return
	}
	if v.m == nil {
		v.m = make(map[string]any)
	}
	v.m[key] = value
}

// String names the call. It holds no session id and no argument.
func (c *Context) String() string {
	return fmt.Sprintf("tool.Context(%s over %s)", c.call().Tool, c.call().Transport)
}

// Format writes String for every verb, so that a printed Context shows no
// credential of a header.
func (c *Context) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue is what log/slog records: String.
func (c *Context) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON encodes String.
func (c *Context) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
