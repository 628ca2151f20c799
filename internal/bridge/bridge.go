// Package bridge puts any MCP server behind any transport: what a client sends
// goes to an upstream, a child process or a remote server, and what that sends
// comes back. By default each connection has an upstream of its own, made from the
// connection's arguments, so that a server that knows one user serves many.
//
// It passes messages on: methods it has never heard of, _meta, cursors, and what
// the upstream asks and tells by itself. Client and upstream may be of different
// eras of the protocol, with sessions or without (2026-07-28): what one says in a
// session the bridge says to the other in requests, and the reverse.
package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/transport"
)

// Options say what a bridge leads to. In the values of Env, Header, Query and in
// the URL, {name} stands for a connection argument and {name?default} for one that
// may be missing; {{ and }} are braces. A connection that lacks an argument is
// refused with 400, before anything is started. A value stays in its place: it is
// one environment value, one header value, one query value or path segment, and
// one that cannot be, for a line break or NUL in it, is refused with 400 too. No
// argument may stand in the host of a URL.
type Options struct {
	Name string // of the server, in logs and in Status; "" without named servers

	// Command is started for a connection, or URL connected to: one of the two. Env
	// of the command is the environment without templates.
	Command *client.Command
	URL     string

	Env    []string    // of the command, name=template
	Header http.Header // of the URL; values are templates
	Query  []string    // of the URL, name=template

	// ArgsToMeta puts these connection arguments into the _meta of every request, as
	// an object under the key "sessionmcp/args"; "*" is all of them.
	ArgsToMeta []string

	// InjectParams puts the connection's arguments into the arguments of each tool
	// call, as the object _session_params: a string, or an array of strings for an
	// argument that was given more than once. One that a client sent is removed in any
	// case.
	InjectParams bool

	// Shared has all connections use one upstream, which knows none of them: nobody
	// can be asked, but in a call that the upstream names. No template may name an
	// argument then, and nor may ArgsToMeta and InjectParams be used.
	Shared bool

	Transport  string       // of the URL: http or sse; "" is found out
	HTTPClient *http.Client // nil is the client's own

	Upstreams int           // at once: 100 if zero. One more connection is refused with 503
	Idle      time.Duration // without a message, until an upstream is ended and its connection with it: 1 h if zero, never if negative
	Start     time.Duration // for an upstream to start and to answer its first request: 60 s if zero
	Restarts  int           // of an upstream that ended by itself, in a row without a success, until it is left alone for a minute: 5 if zero, none ever if negative

	SecretArgs []string // beside those of tool.IsSecretName
	Logger     *slog.Logger
}

// Bridge is one upstream's front. It is safe for concurrent use.
type Bridge struct {
	o         Options
	plan      *plan
	connect   func(ctx context.Context, t client.Target, o client.Options) (conn, error)
	firstWait time.Duration // before what ended by itself is started again; it doubles

	// What servers speak, by what was tried first: one that speaks both eras is
	// spoken to in the client's.
	session, stateless client.Memory

	mu     sync.Mutex
	closed bool
	live   map[*upstream]struct{} // all that have a place among Options.Upstreams
	keyed  map[key]*upstream      // those of clients without a session
	rounds map[string]*round      // of calls that wait for their client, by requestState
	ends   int                    // of upstreams, under way
	gone   chan struct{}          // closed, and made anew, when one has ended

	telling sync.Mutex
	status  Status
}

// New returns a bridge. The error names the template, or the option, that cannot
// work.
func New(o Options) (*Bridge, error) {
	p, err := newPlan(&o)
	if err != nil {
		return nil, err
	}
	o.Upstreams = orDefault(o.Upstreams, 100)
	o.Idle = orDefault(o.Idle, time.Hour)
	o.Start = orDefault(o.Start, time.Minute)
	o.Restarts = orDefault(o.Restarts, 5)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	b := &Bridge{
		o:         o,
		plan:      p,
		firstWait: 250 * time.Millisecond,
		live:      make(map[*upstream]struct{}),
		keyed:     make(map[key]*upstream),
		rounds:    make(map[string]*round),
		gone:      make(chan struct{}),
		status:    Status{Name: o.Name, Target: p.name},
	}
	b.connect = func(ctx context.Context, t client.Target, o client.Options) (conn, error) {
		c, err := client.Connect(ctx, t, o)
		if err != nil { // a nil *Client would be no nil conn
			return nil, err
		}
		return c, nil
	}
	return b, nil
}

func orDefault[T int | time.Duration](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}

func (b *Bridge) restarts() int { return max(b.o.Restarts, 0) }

// Accept implements [transport.Accept]: it checks that the connection's arguments
// fill the templates. The upstream is started by the first message that needs it.
func (b *Bridge) Accept(p *transport.Peer) (transport.Receiver, error) {
	f, err := b.plan.fill(p.Args)
	if err != nil {
		return nil, err
	}
	if needsPlace(p) && b.full() {
		return nil, &transport.Refusal{
			Status: http.StatusServiceUnavailable,
			Reason: errFull.Message,
			Header: http.Header{"Retry-After": {"10"}},
		}
	}
	return newSession(b, p, f), nil
}

// needsPlace reports whether a connection is certain to have an upstream of its
// own.
func needsPlace(p *transport.Peer) bool {
	if p.Kind != "http" {
		return p.Kind == "sse"
	}
	r := mcp.ByDate(p.Header.Get(mcp.HeaderVersion))
	return p.Header.Get(mcp.HeaderVersion) == "" || r != nil && !r.Stateless
}

// Close ends all upstreams and waits for that, as long as ctx lasts.
func (b *Bridge) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	for u := range b.live {
		b.end(u, errEnded)
	}
	for _, r := range b.rounds {
		r.timer.Stop()
	}
	clear(b.rounds)
	b.mu.Unlock()
	for {
		b.mu.Lock()
		n, gone := max(len(b.live), b.ends), b.gone
		b.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("%d upstreams have not ended: %w", n, context.Cause(ctx))
		}
	}
}

// Status is how a bridge does. It holds nothing of a client's.
type Status struct {
	Name      string    `json:"name,omitempty"`
	Target    string    `json:"target"` // the program's name, or the URL without its query
	Upstreams int       `json:"upstreams"`
	Started   int       `json:"started"` // upstreams, ever
	Failed    int       `json:"failed"`  // that could not start, or ended by themselves
	Restarted int       `json:"restarted"`
	LastError string    `json:"lastError,omitempty"`
	LastAt    time.Time `json:"lastErrorAt,omitzero"`
}

// Status returns how the bridge does now.
func (b *Bridge) Status() Status {
	b.mu.Lock()
	n := len(b.live)
	b.mu.Unlock()
	b.telling.Lock()
	defer b.telling.Unlock()
	s := b.status
	s.Upstreams = n
	return s
}
